"""The saved segments side by side: how many are in each, what they bring, and which rule cannot be read any more."""

from __future__ import annotations

from collections.abc import Callable
from functools import partial
from typing import Any

import numpy as np
import pyarrow as pa

from afterclick.analyse.context import Context
from afterclick.analyse.describe import people_of
from afterclick.analyse.measures import Measures, measures
from afterclick.analyse.money_notes import money_notes
from afterclick.analyse.question import SessionQuestion
from afterclick.analyse.scope import Scope, scope_of
from afterclick.analyse.segments.group import Group
from afterclick.analyse.segments.members import members_of
from afterclick.analyse.segments.names import rule_of
from afterclick.core import i18n
from afterclick.core.errors import SpecError
from afterclick.core.event import INSTANT
from afterclick.core.moments import Share
from afterclick.core.result import Note, People, Result, Text
from afterclick.core.said import Said, say
from afterclick.store import segment_lists

_SCHEMA = pa.schema(
    [
        ("name", pa.string()), ("kind", pa.string()), ("rule", pa.string()), ("taken_at", INSTANT),
        ("members", pa.int64()), ("share_rate", pa.float64()), ("active", pa.int64()), ("buyers", pa.int64()),
        ("buyer_rate", pa.float64()), ("low", pa.float64()), ("high", pa.float64()), ("orders", pa.int64()),
        ("revenue", pa.decimal128(28, 4)), ("revenue_rate", pa.float64()), ("problem", pa.string()),
    ]
)  # fmt: skip
_PROBLEMS = pa.schema([("segment", pa.string()), ("lang", pa.string()), ("problem", pa.string())])


class Segments(SessionQuestion, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """The saved segments and lists: how many visitors are in each, and what they bring."""

    key_word = "segments"

    def answer(self, context: Context) -> Result:
        """One row per saved segment (`kind` rule), then per list that was taken of one (`kind` list)."""
        scope = scope_of(context, self)
        m = measures(scope, scope.period)
        saved = [(name, "rule", None) for name in context.snapshot.definitions.segments]
        kept = [(one.name, "list", one) for one in segment_lists.known(context.snapshot.folder)]
        rows, people = [], {}
        for name, kind, one in [*saved, *kept]:
            row, inside = _row(scope, m, name)
            taken = one.taken_at if one else None
            rows.append({"name": name, "kind": kind, "taken_at": taken, **row})
            people[f"segment={name}"] = partial(_people, scope, name, inside)
        figures = {"segments": len(saved), "lists": len(kept), "visitors": len(m.visitors)}
        wrong = [
            {"segment": row["name"], "lang": lang, "problem": say(row["problem"], lang)}
            for row in rows
            if row["problem"]
            for lang in i18n.languages()
        ]
        shown = [{**row, "problem": say(row["problem"])} for row in rows]
        return Result(
            self, pa.Table.from_pylist(shown, schema=_SCHEMA), sentence=_sentence(rows, figures), figures=figures,
            parts={"problems": pa.Table.from_pylist(wrong, schema=_PROBLEMS)} if wrong else {},
            notes=(Note("segment_as_of"), *money_notes(m)), people=people,
            about=scope.about("visitors", events=m.events, visitors=len(m.visitors), compare=None),
        )  # fmt: skip


def _row(scope: Scope, m: Measures, name: str) -> tuple[dict[str, Any], np.ndarray]:
    """The figures of one segment; a rule that cannot be asked of this store says why instead."""
    rule_text = scope.context.snapshot.definitions.segments.get(name, "")
    try:
        rule = rule_of(scope.context, name, "rule")
        members = members_of(scope, rule)
        inside = members.at(scope.as_of)
    except SpecError as error:
        problem = Said("refusals.with_hint", message=error.said, hint=error.advice) if error.advice else error.said
        return {"rule": rule_text, "problem": problem}, np.zeros(0, np.int64)
    everyone, group = members.everyone(scope.as_of), Group(m, inside)
    buyers = Share(min(group.bag["buyers"], len(group.visitors)), len(group.visitors))
    revenue, all_of_it = group.bag["revenue"], m.revenue
    row = {
        "rule": rule.text, "members": int(inside.sum()), "share_rate": Share(int(inside.sum()), int(everyone.sum())).rate,
        "active": len(group.visitors), "buyers": group.bag["buyers"], "buyer_rate": group.values["buyer_rate"],
        "low": buyers.interval and buyers.interval.low, "high": buyers.interval and buyers.interval.high,
        "orders": group.bag["orders"], "revenue": revenue,
        "revenue_rate": float(revenue / all_of_it) if revenue is not None and all_of_it else None, "problem": "",
    }  # fmt: skip
    return row, np.flatnonzero(inside)


def _people(scope: Scope, name: str, inside: np.ndarray) -> People:
    return people_of(scope, inside, Text("people.segment_members", {"who": Text("segments.named", {"name": name})}))


def _sentence(rows: list[dict[str, Any]], figures: dict[str, Any]) -> Text:
    worth: Callable[[dict[str, Any]], float] = lambda row: row.get("revenue_rate") or -1.0  # noqa: E731
    best = max(rows, key=worth, default=None)
    if best is None:
        return Text("sentence.segments_none")
    if best.get("revenue_rate") is None:
        return Text("sentence.segments", {"n": figures["segments"] + figures["lists"]})
    params = {"n": figures["segments"] + figures["lists"], "name": best["name"], "rate": best["revenue_rate"]}
    return Text("sentence.segments_best", params)
