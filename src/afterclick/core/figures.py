"""Numbers, money, rates, spans and dates as each language writes them."""

from __future__ import annotations

import datetime as dt
import operator
from decimal import ROUND_HALF_EVEN, Decimal, localcontext
from typing import Final
from zoneinfo import ZoneInfo

from afterclick.core import clock, texts
from afterclick.core import money as money_units
from afterclick.core.spans import DAY, HOUR, MINUTE, SECOND

NOTHING: Final = "–"
"""What stands where a figure cannot be computed."""

MINUS: Final = "−"
COMPACT_FROM: Final = 10_000

# ISO 4217: currencies whose minor unit is not a hundredth.
_NO_DECIMALS: Final = frozenset(
    (
        "BIF",
        "CLP",
        "DJF",
        "GNF",
        "ISK",
        "JPY",
        "KMF",
        "KRW",
        "PYG",
        "RWF",
        "UGX",
        "VND",
        "VUV",
        "XAF",
        "XOF",
        "XPF",
    )
)
_THREE_DECIMALS: Final = frozenset(("BHD", "IQD", "JOD", "KWD", "LYD", "OMR", "TND"))

_MILLISECOND: Final = 1_000
_LONG_SPAN: Final = 30 * DAY

Figure = int | float | Decimal


def number(value: Figure | None, lang: str = "en", compact: bool = False, digits: int = 2) -> str:
    """`1,204`, `3.25` (at most `digits` decimals); compact from 10,000 on: `412.8M`, `4.1억`."""
    exact = _exact(value)
    if exact is None:
        return NOTHING
    if compact and abs(exact) >= COMPACT_FROM:
        return _compact(exact, lang)
    return _signed(exact, _grouped(_rounded(exact, digits), trim=True))


def money(amount: int | Decimal | None, currency: str = "", lang: str = "en", compact: bool = False) -> str:
    """`₩107,800`, `$12.50`, `107,800원`; an unknown currency stands as its code before the number.

    An int is minor units (`money.SCALE`), a Decimal is major units.
    """
    if amount is None:
        return NOTHING
    exact = amount if isinstance(amount, Decimal) else Decimal(int(amount)).scaleb(-money_units.DECIMALS)
    if not exact.is_finite():
        return NOTHING
    if compact and abs(exact) >= COMPACT_FROM:
        body = _compact(abs(exact), lang)
    else:
        exact = _rounded(exact, decimals(currency))
        body = _grouped(exact, trim=not currency)
    pattern = _find(lang, f"currency.{currency}") if currency else "{n}"
    return _signed(exact, pattern.replace("{n}", body) if pattern else f"{currency} {body}")


def decimals(currency: str) -> int:
    """Decimals of a currency's smallest coin (ISO 4217), 2 where it is not known."""
    return 0 if currency in _NO_DECIMALS else 3 if currency in _THREE_DECIMALS else 2


def rate(value: Figure | None, lang: str = "en") -> str:
    """A rate of 0..1 in percent: one decimal, two under 10 %; `–` where there is none."""
    exact = _exact(value)
    if exact is None:
        return NOTHING
    percent = _percent(exact)
    return _signed(percent, _say(lang, "unit.percent", n=_grouped(percent)))


def points(diff: Figure | None, lang: str = "en") -> str:
    """The difference of two rates: `+0.50 pt`, `+0.50%p`."""
    exact = _exact(diff)
    if exact is None:
        return NOTHING
    percent = _percent(exact)
    return _signed(percent, _say(lang, "unit.points", n=_grouped(percent)), plus=True)


def percent_change(change: Figure | None, lang: str = "en") -> str:
    """A relative change of an amount, .084 being `+8.4%`; `–` where the base was zero."""
    exact = _exact(change)
    if exact is None:
        return NOTHING
    percent = _rounded(exact * 100, 1)
    return _signed(percent, _say(lang, "unit.percent", n=_grouped(percent)), plus=True)


def duration(micros: Figure | None, lang: str = "en") -> str:
    """A span of microseconds in at most two units: `2.4 s`, `12 min`, `2 h 15 min`, `19 h`, `3 d 7 h`."""
    exact = _exact(micros)
    if exact is None:
        return NOTHING
    span = abs(exact)
    # (below this, to the nearest, larger unit, smaller unit); what rounds up to the limit takes the next row.
    rows = (
        (SECOND, _MILLISECOND, "", "ms"),
        (10 * SECOND, SECOND // 10, "", "s"),
        (MINUTE, SECOND, "", "s"),
        (10 * MINUTE, SECOND, "min", "s"),
        (HOUR, MINUTE, "", "min"),
        (10 * HOUR, MINUTE, "h", "min"),
        (DAY, HOUR, "", "h"),
        (_LONG_SPAN, HOUR, "d", "h"),
    )
    for limit, step, larger, smaller in rows:
        steps = int((span / step).to_integral_value(ROUND_HALF_EVEN)) * step
        if steps < limit:
            return _signed(
                Decimal(steps) if exact > 0 else Decimal(-steps), _span_words(steps, larger, smaller, lang)
            )
    return _signed(exact, _units(_rounded(span / DAY, 0), "d", lang))


_UNIT: Final = {"ms": _MILLISECOND, "s": SECOND, "min": MINUTE, "h": HOUR, "d": DAY}


def _span_words(span: int, larger: str, smaller: str, lang: str) -> str:
    if not span:
        return _units(Decimal(0), "s", lang)
    whole, rest = divmod(span, _UNIT[larger]) if larger else (0, span)
    words = [_units(Decimal(whole), larger, lang)] if whole else []
    if rest:
        words.append(_units(Decimal(rest) / _UNIT[smaller], smaller, lang))
    return " ".join(words)


def _units(count: Decimal, unit: str, lang: str) -> str:
    return _say(lang, f"unit.{unit}", n=_grouped(count, trim=True))


def date(
    day: dt.date | int | str | None, lang: str = "en", with_year: bool = False, zone: ZoneInfo | str = "UTC"
) -> str:
    """`1 Sep`, `9월 1일`; with the year `1 Sep 2026`. An int is an instant, a text an ISO day."""
    found = _day(day, zone)
    if found is None:
        return NOTHING
    month = _find(lang, f"date.month.{found.month}")
    return _say(lang, "date.full" if with_year else "date.day", day=found.day, month=month, year=found.year)


def days(
    first: dt.date | int | str | None,
    last: dt.date | int | str | None,
    lang: str = "en",
    with_year: bool = False,
    zone: ZoneInfo | str = "UTC",
) -> str:
    """The days from first to last, both included: `1–30 Sep`, `9월 1~30일`; with years where they differ."""
    start, end = _day(first, zone), _day(last, zone)
    if start is None or end is None:
        return NOTHING
    if start == end:
        return date(start, lang, with_year)
    if not with_year and (start.year, start.month) == (end.year, end.month):
        month = _find(lang, f"date.month.{start.month}")
        return _say(lang, "date.within_month", first=start.day, last=end.day, month=month)
    years = with_year or start.year != end.year
    return _say(lang, "date.span", first=date(start, lang, years), last=date(end, lang, years))


def instant(at: int | dt.datetime | None, lang: str = "en", zone: ZoneInfo | str = "UTC") -> str:
    """Microseconds UTC as the zone's clock shows them: `1 Sep 2026, 14:03`, `2026년 9월 1일 14:03`."""
    if at is None:
        return NOTHING
    moment = (at if isinstance(at, dt.datetime) else clock.to_datetime(at)).astimezone(_zone(zone))
    return _say(lang, "date.instant", date=date(moment.date(), lang, True), time=f"{moment:%H:%M}")


def _day(day: dt.date | int | str | None, zone: ZoneInfo | str) -> dt.date | None:
    if isinstance(day, str):
        return dt.date.fromisoformat(day)
    if isinstance(day, dt.datetime):
        return day.astimezone(_zone(zone)).date()
    if day is None or isinstance(day, dt.date):
        return day
    return clock.to_datetime(day).astimezone(_zone(zone)).date()


def _zone(zone: ZoneInfo | str) -> ZoneInfo:
    return zone if isinstance(zone, ZoneInfo) else ZoneInfo(zone)


def _exact(value: Figure | None) -> Decimal | None:
    """The value without loss; None for None, NaN and infinity."""
    if value is None:
        return None
    if isinstance(value, float):
        exact = Decimal(repr(float(value)))
    else:
        exact = value if isinstance(value, Decimal) else Decimal(operator.index(value))
    return exact if exact.is_finite() else None


def _rounded(value: Decimal, digits: int) -> Decimal:
    with localcontext(prec=max(value.adjusted(), 0) + digits + 30):
        return value.quantize(Decimal(1).scaleb(-digits), ROUND_HALF_EVEN)


def _percent(value: Decimal) -> Decimal:
    fine = _rounded(value * 100, 2)
    return fine if abs(fine) < 10 else _rounded(value * 100, 1)


def _grouped(value: Decimal, trim: bool = False) -> str:
    """Digits without sign, in groups of three."""
    text = f"{abs(value):,f}"
    return text.rstrip("0").rstrip(".") if trim and "." in text else text


def _signed(value: Decimal, body: str, plus: bool = False) -> str:
    """The body with a sign, unless nothing but zeros is left of it."""
    if not any(char in "123456789" for char in body):
        return body
    return MINUS + body if value < 0 else "+" + body if plus and value > 0 else body


def _compact(value: Decimal, lang: str) -> str:
    units = [part.partition(":") for part in _find(lang, "compact.units").split()]
    for i, (power, _, word) in enumerate(units):
        short = value.scaleb(-int(power))
        short = _rounded(short, 1 if abs(short) < 1000 else 0)
        last = i == len(units) - 1
        # 999,950 would round to 1,000K: that is 1M.
        if last or abs(short) < Decimal(10) ** (int(units[i + 1][0]) - int(power)):
            return _signed(value, _grouped(short, trim=True) + word)
    raise AssertionError("a language has at least one unit")


def _find(lang: str, text_id: str) -> str:
    """A text as it stands in the file, in English where the language has none, empty where neither has."""
    found = texts.load(lang).get(text_id) if lang in texts.LANGUAGES else None
    return found if found is not None else texts.load(texts.LANGUAGES[0]).get(text_id, "")


def _say(lang: str, text_id: str, **parts: object) -> str:
    return _find(lang, text_id).format(**parts)


def is_one(value: object) -> bool:
    """Whether English says it in the singular: 1 and −1 as whole numbers."""
    return isinstance(value, int) and not isinstance(value, bool) and value in (1, -1)
