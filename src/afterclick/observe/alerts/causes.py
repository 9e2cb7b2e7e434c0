"""Which channel, device or campaign carried a change: the same number asked again for each of them."""

from __future__ import annotations

from typing import Any, Final, NamedTuple

import msgspec

from afterclick.analyse.channels import Channels
from afterclick.analyse.contributors import OTHER
from afterclick.analyse.groups import NONE
from afterclick.analyse.kpi import Kpi
from afterclick.analyse.top import Top
from afterclick.core.condition_tree import Text
from afterclick.core.errors import AfterclickError
from afterclick.core.spec import Spec
from afterclick.observe.alerts.asking import Ask, figure_of, question_of
from afterclick.observe.alerts.check import Check

SHOWN: Final = 3
_TRIED: Final = 6
_EXACT: Final = {"revenue": ("revenue", "previous_revenue"), "orders": ("orders", "previous_orders")}
"""Figures that `contributors` splits exactly, with its columns."""


class Cause(NamedTuple):
    """A value of a field with the alert's number in it now and before."""

    alert: str
    field: str
    value: str
    now: float
    before: float

    @property
    def effect(self) -> float:
        """What it added to the change."""
        return self.now - self.before


def causes(found: Check, ask: Ask) -> list[Cause]:
    """The largest parts of the change, field by field; none where the number cannot be split."""
    if not found.days or not found.before:
        return []
    spec, figure = question_of(found.alert.question), found.alert.figure
    exact = isinstance(spec, Kpi) and figure in _EXACT
    out: list[Cause] = []
    for field in found.alert.explain:
        try:
            parts = _contributed(spec, figure, field, found, ask) if exact else _asked(spec, field, found, ask)
        except AfterclickError:
            # A field that this store does not have explains nothing.
            continue
        moved = [part for part in parts if part.effect]
        out += sorted(moved, key=lambda part: (-abs(part.effect), part.value))[:SHOWN]
    return out


def _contributed(spec: Spec, figure: str, field: str, found: Check, ask: Ask) -> list[Cause]:
    result = ask(_in(spec, found.days, found.before))
    now, before = _EXACT[figure]
    return [
        Cause(found.alert.name, field, row["value"], float(row[now]), float(row[before]))
        for row in result.parts["contributors"].to_pylist()
        if row["dimension"] == field and row["value"] != OTHER
    ]


def _asked(spec: Spec, field: str, found: Check, ask: Ask) -> list[Cause]:
    figure = figure_of(found.alert.figure)
    out = []
    for value in _values(spec, field, found, ask):
        condition = f"{field} == {Text(value).text()}"
        narrowed = msgspec.structs.replace(spec, where=(*getattr(spec, "where", ()), condition))
        now, before = (figure.read(ask(_in(narrowed, days, "none")))[0] for days in (found.days, found.before))
        out.append(Cause(found.alert.name, field, value, now or 0.0, before or 0.0))
    return out


def _values(spec: Spec, field: str, found: Check, ask: Ask) -> list[str]:
    """The values with the most sessions, now or before."""
    scope = {name: getattr(spec, name) for name in ("where", "bots", "identity") if hasattr(spec, name)}
    by, of = (_choices(kind, name) for kind, name in ((Channels, "by"), (Top, "of")))
    if field not in by | of:
        return []
    out: list[str] = []
    for days in (found.days, found.before):
        kind: Any = Channels(by=field, range=days, compare="none", **scope) if field in by else None  # type: ignore[arg-type]
        result = ask(kind or Top(of=field, range=days, compare="none", **scope))  # type: ignore[arg-type]
        out += result.frame[field if field in by else "value"].to_pylist()[:_TRIED]
    return [value for value in dict.fromkeys(out) if value not in (NONE, OTHER, "")]


def _choices(kind: type[Spec], name: str) -> set[str]:
    return {choice for field in kind.fields() if field.name == name for choice in field.choices}


def _in(spec: Spec, days: str, before: str) -> Spec:
    return msgspec.structs.replace(spec, range=days, compare=before)
