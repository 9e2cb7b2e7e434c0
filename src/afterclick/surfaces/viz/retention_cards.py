"""The cards below the cohorts: retention by group, and what cohorts spend later of what they spent first."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from afterclick.core.result import Result
from afterclick.surfaces.viz.markup import Child, Html, el, said
from afterclick.surfaces.viz.retention import card, formula, limits, period, value_of
from afterclick.surfaces.viz.tables import Column, table
from afterclick.surfaces.viz.voice import Voice

Row = Mapping[str, Any]


def groups(result: Result, voice: Voice) -> Html | None:
    """The headline periods of each group side by side."""
    rows = result.parts["breakdown"].to_pylist() if "breakdown" in result.parts else []
    shown = [str(row["period"]) for row in result.frame.to_pylist() if row["headline"]][:4]
    by_group: dict[str, dict[str, Row]] = {}
    for row in rows:
        by_group.setdefault(str(row["group"]), {})[str(row["period"])] = row
    if not by_group or not shown:
        return None
    field = str(getattr(result.spec, "by", ""))
    head = voice.known(f"field.{field}") or field

    def filled(name: str) -> Any:
        def fill(group: str) -> Child:
            row = by_group[group].get(name)
            value = value_of(row) if row is not None else None
            if row is None or value is None:
                return "–"
            cell = f"group={group};period={name}" if row["returned"] else None
            return [
                voice.mark(voice.rate(value), cell, tip=formula(row, voice)),
                el("small", None, limits(row, voice)),
            ]

        return fill

    columns = [
        Column(head[:1].upper() + head[1:], lambda group: said(voice.name(field, group))),
        Column(
            voice.text("retention.began"),
            lambda group: voice.number(next(iter(by_group[group].values()))["size"]),
            True,
        ),
        *(Column(period(name, result, voice), filled(name), True) for name in shown),
    ]
    title = voice.text("retention.groups")
    return card(title, voice.text("retention.groups_caption"), table(columns, by_group, label=title))


def revenue(result: Result, voice: Voice, view: str) -> Html | None:
    """What the cohorts spend later, of what they spent in their first period; nothing where nobody ordered."""
    rows = [row for row in result.frame.to_pylist() if row["revenue_ratio"] is not None and row["low_offset"]]
    title = voice.text("retention.revenue")
    if not rows:
        reasons = {row["reason"] for row in result.frame.to_pylist()} - {"", "not_over"}
        if not reasons:
            return None
        said_why = voice.known(f"reason.{sorted(reasons)[0]}") or ""
        return card(title, "", el("p", {"class": "caption"}, voice.text("retention.revenue_missing", reason=said_why)))
    columns = [
        Column(voice.text("retention.period"), lambda row: period(str(row["period"]), result, voice)),
        Column(
            voice.text("column.revenue"),
            lambda row: voice.mark(
                voice.money(row["revenue"]), f"period={row['period']}" if row["returned"] else None,
                tip=voice.money_full(row["revenue"]),
            ),
            True,
        ),
        Column(voice.text("retention.of_first"), lambda row: voice.rate(row["revenue_ratio"]), True),
        Column(voice.text("retention.interval"), lambda row: limits(row, voice), True),
    ]  # fmt: skip
    shown = rows if view == "table" else [row for row in rows if row["headline"]] or rows[:3]
    return card(title, result.sentence(voice.lang), table(columns, shown, label=title))
