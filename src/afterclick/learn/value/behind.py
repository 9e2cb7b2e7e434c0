"""The buyers behind every number of the answer about value."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np

from afterclick.analyse.describe import people_of
from afterclick.analyse.scope import Scope, currency_of
from afterclick.core.result import People, Text, channel_term
from afterclick.learn.value import acquired, holdout, tables
from afterclick.learn.value.foreseen import Foreseen
from afterclick.learn.value.outlook import Outlook

_Lists = dict[str, tuple[Text, Callable[[], np.ndarray]]]


def cells(made: Foreseen, shown: list[str]) -> dict[str, Callable[[], People]]:
    """By cell, the buyers behind every number of the answer; `shown` are the rows of its table."""
    purchases, outlook = made.purchases, made.outlook
    buyers = purchases.buyers
    repeats = np.diff(purchases.offsets) - 1
    by = made.question.by
    found: _Lists = {
        "customers": (Text("people.buyers_ever"), lambda: buyers),
        "repeaters": (Text("people.value_repeaters"), lambda: buyers[repeats > 0]),
    }
    for cell, labels in acquired.cells(made.groups, shown).items():
        name, _, part = cell.partition(";part=")
        words = {"by": by, "value": channel_term(name.removeprefix(f"{by}="))}
        found[cell] = (Text(f"people.value_by{'_' + part if part else ''}", words), labels)
    found["won"] = (Text("people.attributed_new_buyers"), lambda: made.groups.won(None))
    if outlook is not None:
        found |= _expected(outlook, buyers, currency_of(made.scope.context))
        for number in range(holdout.MOST + 1):
            found |= _held(made, number)
        for number in range(11):
            which = made.counted.repeats == number if number < 10 else made.counted.repeats >= 10
            text = Text("people.value_repeats" if number < 10 else "people.value_repeats_more", {"repeats": number})
            found[f"repeats={number}"] = (text, lambda which=which: buyers[which])  # type: ignore[misc]
    return {cell: _cell(made.scope, text, labels) for cell, (text, labels) in found.items()}


def _cell(scope: Scope, text: Text, labels: Callable[[], np.ndarray]) -> Callable[[], People]:
    return lambda: people_of(scope, labels(), text)


def _held(made: Foreseen, number: int) -> _Lists:
    held = made.held
    if held is None or not held.group(number).any():
        return {}
    text = Text("people.value_held_more" if number == holdout.MOST else "people.value_held", {"repeats": number})
    return {f"held={number}": (text, lambda: held.buyers[held.group(number)])}


def _expected(outlook: Outlook, buyers: np.ndarray, currency: str) -> _Lists:
    """The lists behind what is expected, those worth most first."""
    rank = outlook.alive if outlook.clv is None else outlook.clv

    def ranked(which: np.ndarray) -> np.ndarray:
        places = np.flatnonzero(which)
        result: np.ndarray = buyers[places[np.lexsort((places, -rank[places]))]]
        return result

    found: _Lists = {
        "likely": (Text("people.value_likely"), lambda: ranked(outlook.likely))
    }
    _, of = tables.aliveness(outlook.alive)
    for number in range(10):
        words = {"low": number / 10, "high": (number + 1) / 10}
        found[f"alive={number}"] = (Text("people.value_alive", words), lambda number=number: ranked(of == number))  # type: ignore[misc]
    if outlook.clv is None:
        return found
    rows, bins = tables.distribution(outlook.clv)
    for row in rows:
        text = Text("people.value_clv" if row["high"] is not None else "people.value_clv_more", {
            "low": row["low"], "high": row["high"], "currency": currency,
        })  # fmt: skip
        found[f"clv={row['bin']}"] = (text, lambda number=row["bin"]: ranked(bins == number))  # type: ignore[misc]
    best = tables.top_share(outlook.clv)[0]
    found["top"] = (Text("people.value_top"), lambda: buyers[best])
    return found
