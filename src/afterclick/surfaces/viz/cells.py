"""How a value of a Result reads in any table: what it is shows in the name of its column."""

from __future__ import annotations

import datetime as dt
from decimal import Decimal
from typing import Any, Final

from afterclick.core import figures, i18n

_SECOND: Final = 1_000_000


def read(name: str, value: Any, lang: str, currency: str = "", unit: str = "", zone: str = "UTC") -> str:
    """The text of a cell; `unit` (count, rate, money, number, seconds) wins over the column's name, instants are of `zone`."""
    if isinstance(value, bool):
        return i18n.text(lang, "cli.yes" if value else "cli.no")
    if isinstance(value, int | float | Decimal):
        return _figure(unit or unit_of(name, value), value, lang, currency)
    if isinstance(value, str) and name.endswith("_at"):
        value = dt.datetime.fromisoformat(value)
    if isinstance(value, dt.datetime):
        return figures.instant(value, lang, zone)
    if isinstance(value, dt.date):
        return figures.date(value, lang, with_year=True)
    if isinstance(value, list | tuple):
        return " ".join(read("", item, lang, zone=zone) for item in value)
    return figures.NOTHING if value is None else str(value)


def unit_of(name: str, value: Any) -> str:
    """`rate`, `seconds`, `money` or `count` by the house rules of names and types."""
    stem = name.removeprefix("previous_")
    if stem == "rate" or stem.endswith("_rate"):
        return "rate"
    if "seconds" in stem:
        return "seconds"
    return "money" if isinstance(value, Decimal) else "count"


def _figure(unit: str, value: Any, lang: str, currency: str) -> str:
    if unit == "rate":
        return figures.rate(value, lang)
    if unit == "seconds":
        return figures.duration(value * _SECOND, lang)
    if unit == "money":
        amount = value if isinstance(value, Decimal) else Decimal(repr(value))
        return figures.money(amount, currency, lang)
    return figures.number(value, lang)


def change(unit: str, value: Any, lang: str) -> str:
    """A change against the period before: points of a rate, else a relative change."""
    return figures.points(value, lang) if unit == "rate" else figures.percent_change(value, lang)


def stands_left(values: list[Any]) -> bool:
    """Whether a column holds words rather than figures."""
    known = [value for value in values if value is not None]
    return bool(known) and not all(
        isinstance(value, int | float | Decimal) and not isinstance(value, bool) for value in known
    )
