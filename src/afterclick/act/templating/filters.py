"""The filters of message templates: those that people use, each bounded in what it takes and makes."""

from __future__ import annotations

import datetime as dt
import html
import math
from collections.abc import Callable, Mapping
from decimal import ROUND_CEILING, ROUND_FLOOR, ROUND_HALF_EVEN, Decimal, DecimalException
from typing import Any, Final
from urllib.parse import quote
from zoneinfo import ZoneInfo, ZoneInfoNotFoundError

from liquid import Undefined
from liquid.exceptions import FilterArgumentError
from liquid.filter import with_context
from markupsafe import Markup

from afterclick.core import clock, figures, i18n
from afterclick.core.particles import PARTICLES, with_particle

LONGEST: Final = 64 * 1024
"""Characters that a filter may make."""
_LARGEST: Final = Decimal(10) ** 18
_MOST: Final = 1000
_SHOWN: Final = 40

Filter = Callable[..., Any]


class BadValue(FilterArgumentError):
    """A filter that can make nothing of what it got: `why` no_number, too_large, too_long, no_date, no_particle, by_zero."""

    def __init__(self, why: str, value: object = "") -> None:
        super().__init__(why, token=None)
        self.why = why
        self.value = _text(value)[:_SHOWN]


def _text(value: Any) -> str:
    if value is None or isinstance(value, Undefined):
        return ""
    if isinstance(value, bool):
        return "true" if value else "false"
    if isinstance(value, list):
        return "".join(_text(one) for one in value)
    return str.__str__(value) if isinstance(value, str) else str(value)


def _number(value: Any) -> Decimal:
    """The exact number behind a value; 0 for nothing."""
    if value is None or isinstance(value, Undefined) or value == "":
        return Decimal(0)
    try:
        found = Decimal(repr(value)) if isinstance(value, float) else Decimal(str(value)[:40].replace(",", ""))
    except DecimalException:
        raise BadValue("no_number", value) from None
    if not found.is_finite() or abs(found) > _LARGEST:
        raise BadValue("too_large")
    return found


def _plain(value: Decimal) -> int | Decimal:
    if abs(value) > _LARGEST:
        raise BadValue("too_large")
    if value == value.to_integral_value():
        return int(value)
    return value.quantize(Decimal("1e-6")).normalize()


def _list(value: Any) -> list[Any]:
    if isinstance(value, list | tuple):
        return list(value[:_MOST])
    if isinstance(value, range):
        return list(value[:_MOST])
    return [] if value is None or isinstance(value, Undefined) else [value]


def _within(size: int) -> None:
    if size > LONGEST:
        raise BadValue("too_long")


def _replace(value: Any, old: Any, new: Any = "") -> str:
    text, before, after = _text(value), _text(old), _text(new)
    # Counted before it is made: replacing nothing by much, a few times over, is how a small template makes gigabytes.
    _within(len(text) + text.count(before) * max(len(after) - len(before), 0))
    return text.replace(before, after)


def _join(value: Any, by: Any = " ") -> str:
    parts, between = [_text(one) for one in _list(value)], _text(by)
    _within(sum(map(len, parts)) + len(between) * len(parts))
    return between.join(parts)


def _append(value: Any, more: Any) -> str:
    text, other = _text(value), _text(more)
    _within(len(text) + len(other))
    return text + other


def _truncate(value: Any, most: Any = 50, end: Any = "…") -> str:
    text, tail, size = _text(value), _text(end), max(int(_number(most)), 0)
    return text if len(text) <= size else text[: max(size - len(tail), 0)] + tail


def _default(value: Any, other: Any = "") -> Any:
    empty = value is None or value is False or isinstance(value, Undefined) or value in ("", [], {})
    return other if empty else value


def _size(value: Any) -> int:
    return len(value) if isinstance(value, str | list | dict | range) else 0


def _round(value: Any, digits: Any = 0) -> int | Decimal:
    places = min(max(int(_number(digits)), 0), 6)
    return _plain(_number(value).quantize(Decimal(1).scaleb(-places), ROUND_HALF_EVEN))


def _divided_by(value: Any, by: Any) -> int | Decimal:
    divisor = _number(by)
    if not divisor:
        raise BadValue("by_zero")
    return _plain(_number(value) / divisor)


def _map(value: Any, key: Any) -> list[Any]:
    return [one.get(_text(key)) for one in _list(value) if isinstance(one, Mapping)]


def _where(value: Any, key: Any, wanted: Any = True) -> list[Any]:
    return [one for one in _list(value) if isinstance(one, Mapping) and one.get(_text(key)) == wanted]


def _gap(value: Any, threshold: Any) -> int | Decimal:
    """What is missing until the threshold, 0 from there on."""
    return _plain(max(_number(threshold) - _number(value), Decimal(0)))


@with_context
def _escape(value: Any, *, context: Any) -> str:
    safe = html.escape(_text(value))
    return Markup(safe) if context.autoescape else safe  # noqa: S704 - escaped the line before


@with_context
def _money(value: Any, currency: Any = None, *, context: Any) -> str:
    code = _text(currency) or _of(context, "currency")
    return figures.money(_number(value), code[:3].upper(), _language(context))


@with_context
def _figure(value: Any, digits: Any = 2, *, context: Any) -> str:
    return figures.number(_number(value), _language(context), digits=min(max(int(_number(digits)), 0), 6))


@with_context
def _percent(value: Any, *, context: Any) -> str:
    return figures.rate(_number(value), _language(context))


@with_context
def _date(value: Any, how: Any = "", *, context: Any) -> str:
    """`1 Sep`, with "year" `1 Sep 2026`, with "time" `1 Sep 2026, 14:03`, in the visitor's zone."""
    if value in (None, "") or isinstance(value, Undefined):
        return ""
    try:
        zone = ZoneInfo(_of(context, "zone") or "UTC")
        moment = clock.to_datetime(value) if isinstance(value, int) else dt.datetime.fromisoformat(_text(value))
        local = (moment if moment.tzinfo else moment.replace(tzinfo=zone)).astimezone(zone)
    except (ValueError, OverflowError, OSError, ZoneInfoNotFoundError):
        raise BadValue("no_date", value) from None
    lang = _language(context)
    return figures.instant(local, lang, zone) if how == "time" else figures.date(local.date(), lang, how == "year")


def _particle(value: Any, form: Any) -> str:
    if form not in PARTICLES:
        raise BadValue("no_particle", form)
    return with_particle(_text(value), _text(form))


def _of(context: Any, name: str) -> str:
    return _text(context.globals.get(name))


def _language(context: Any) -> str:
    lang = _of(context, "lang")
    return lang if lang in i18n.languages() else i18n.languages()[0]


FILTERS: Final[Mapping[str, Filter]] = {
    "abs": lambda value: _plain(abs(_number(value))),
    "append": _append,
    "at_least": lambda value, least: _plain(max(_number(value), _number(least))),
    "at_most": lambda value, most: _plain(min(_number(value), _number(most))),
    "capitalize": lambda value: _text(value)[:1].upper() + _text(value)[1:].lower(),
    "ceil": lambda value: int(_number(value).to_integral_value(ROUND_CEILING)),
    "date": _date,
    "default": _default,
    "divided_by": _divided_by,
    "downcase": lambda value: _text(value).lower(),
    "escape": _escape,
    "first": lambda value: next(iter(_list(value)), None),
    "floor": lambda value: int(_number(value).to_integral_value(ROUND_FLOOR)),
    "gap": _gap,
    "join": _join,
    "last": lambda value: next(iter(reversed(_list(value))), None),
    "map": _map,
    "minus": lambda value, other: _plain(_number(value) - _number(other)),
    "money": _money,
    "number": _figure,
    "particle": _particle,
    "percent": _percent,
    "plus": lambda value, other: _plain(_number(value) + _number(other)),
    "prepend": lambda value, more: _append(more, value),
    "remove": _replace,
    "replace": _replace,
    "round": _round,
    "size": _size,
    "slice": lambda value, start, length=1: _text(value)[int(_number(start)) :][: max(int(_number(length)), 0)],
    "split": lambda value, by: _text(value).split(_text(by) or None, _MOST),
    "strip": lambda value: _text(value).strip(),
    "sum": lambda value: _plain(sum((_number(one) for one in _list(value)), Decimal(0))),
    "times": lambda value, other: _plain(_number(value) * _number(other)),
    "truncate": _truncate,
    "upcase": lambda value: _text(value).upper(),
    "url_encode": lambda value: quote(_text(value), safe=""),
    "where": _where,
}
"""By name. Texts are at most LONGEST characters, numbers at most 10^18, lists at most 1000 entries long."""


def bounded(made: Any) -> Any:
    """What a filter made, refused where it is too long to go on with."""
    if isinstance(made, str):
        _within(len(made))
    elif isinstance(made, float) and not math.isfinite(made):
        raise BadValue("too_large")
    return made
