"""Which columns a condition may name, and where each one's values come from."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from typing import Any

import numpy as np

from afterclick.analyse.context import TOUCH_FIELDS, Context
from afterclick.analyse.question import SEGMENT
from afterclick.core.condition import Amounts, Coded, Column, Condition, Flags, Numbers
from afterclick.core.errors import SpecError, nearest_or_known
from afterclick.core.said import Said
from afterclick.store.columns import Flag

BOOKS = ("path", "page_group", "host", "device_type", "browser", "os", "currency")
FLAGS = {"known": Flag.KNOWN, "bot": Flag.BOT, "contact": Flag.CONTACT, "page": Flag.PAGE, "future": Flag.FUTURE}
AMOUNTS = ("revenue", "amount", "value")

Take = Callable[[str], np.ndarray]


def known_fields(context: Context) -> tuple[str, ...]:
    """Every field a condition may name in this store."""
    return ("event", "raw_event", *BOOKS, "order_id", *FLAGS, *AMOUNTS, *TOUCH_FIELDS, *context.snapshot.property_names)


def check_fields(context: Context, condition: Condition, path: str) -> None:
    """Raise SpecError for a field this store does not have."""
    known = known_fields(context)
    for name in condition.fields:
        if name.removeprefix("properties.") not in known:
            raise SpecError(
                Said("refusals.no_field_here", name=name),
                hint=nearest_or_known(name, known, "refusals.fields_here"),
                path=path,
            )


def touch_field(context: Context, field: str) -> tuple[np.ndarray, list[str]]:
    """Per touch code the code of its value of `field`, with those values; an absent value is -1."""

    def make() -> tuple[np.ndarray, list[str]]:
        texts = [_text(value) for value in context.touches()[field]]
        values = sorted({text for text in texts if text})
        place = {text: number for number, text in enumerate(values)}
        return np.array([place.get(text, -1) for text in texts], np.int32), values

    return context.keep(("touch field", field), make)


def column(context: Context, field: str, take: Take) -> Column:
    """The values of a field for the rows that `take(column)` selects."""
    name = field.removeprefix("properties.")
    if name.startswith(SEGMENT):
        return Flags(take(name))
    if name in ("event", "raw_event"):
        return Coded(take("name"), context.names()[0 if name == "event" else 1])
    if name in BOOKS:
        return Coded(take(name), context.texts(name))
    if name == "order_id":
        return Coded(take("order"), context.texts("order"))
    if name in FLAGS:
        return Flags((take("flags") & int(FLAGS[name])) != 0)
    if name in AMOUNTS:
        return Amounts(take("amount"))
    if name in TOUCH_FIELDS:
        codes, values = touch_field(context, name)
        touch = take("visit")
        found = np.where(touch >= 0, codes[np.maximum(touch, 0)], -1) if len(codes) else np.full(len(touch), -1)
        return Coded(found.astype(np.int32), values)
    stored = f"p.{name}"
    if context.snapshot.column_kind(stored) == "coded":
        return Coded(take(stored), context.texts(stored))
    return Numbers(take(stored))


def columns(context: Context, fields: Iterable[str], take: Take) -> Mapping[str, Column]:
    """`column` for several fields."""
    return {field: column(context, field, take) for field in fields}


def codes_of(context: Context, field: str, take: Take) -> tuple[np.ndarray, list[str]]:
    """A field as codes (-1 none) with their texts, for breaking down; numbers are coded by their value."""
    found = column(context, field, take)
    if isinstance(found, Coded):
        return found.codes, list(found.values)
    if isinstance(found, Flags):
        return found.values.astype(np.int32), ["no", "yes"]
    if isinstance(found, Amounts):
        raise SpecError(Said("refusals.amount_not_by", field=field), path="by")
    values, codes = np.unique(found.values, return_inverse=True)
    texts = [f"{value:g}" for value in values.tolist()]
    return np.where(np.isnan(found.values), -1, codes).astype(np.int32), texts


def _text(value: Any) -> str:
    return {True: "true", False: "false"}[value] if isinstance(value, bool) else str(value)
