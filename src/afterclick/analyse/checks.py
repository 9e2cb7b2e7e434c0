"""What looks wrong in the data, each as a count with examples: what `doctor` says and the Data page shows."""

from __future__ import annotations

from collections.abc import Callable
from contextlib import closing
from typing import NamedTuple

import msgspec
import numpy as np
import pyarrow as pa

from afterclick.analyse.context import Context
from afterclick.analyse.orders import orders_of
from afterclick.analyse.question import Question, whole
from afterclick.analyse.scope import Scope, scope_of
from afterclick.analyse.sessions import behaviour
from afterclick.core.names import OF_NOBODY
from afterclick.core.result import Result, Text
from afterclick.store import traffic
from afterclick.store.columns import NO_AMOUNT, Flag
from afterclick.store.live.reader import TailReader

EXAMPLES = 3


class Finding(NamedTuple):
    """One check: its code, how many rows or visitors it is about, and examples. A count of 0 is ok."""

    check: str
    severity: str
    rows: int
    examples: tuple[str, ...] = ()


class Doctor(Question, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """What looks wrong in the data, and what to do about it."""

    key_word = "doctor"

    def answer(self, context: Context) -> Result:
        """Run every check over the whole store."""
        scope = scope_of(context, whole(self))
        frame = checks(scope)
        wrong = sum(severity != "ok" for severity in frame["severity"].to_pylist())
        sentence = Text("sentence.doctor", {"count": wrong}) if wrong else Text("sentence.doctor_ok")
        return Result(
            self,
            frame,
            sentence=sentence,
            figures={"checks": frame.num_rows, "wrong": wrong},
            about=scope.about("events"),
        )


def checks(scope: Scope) -> pa.Table:
    """Every check, those with something to say first."""
    found = [finding for check in _CHECKS for finding in check(scope)]
    weight = {"warning": 0, "notice": 1, "ok": 2}
    rows = [
        {
            "check": one.check, "severity": one.severity if one.rows else "ok", "count": one.rows,
            "text_id": f"checks.{one.check}", "params": msgspec.json.encode({"count": one.rows}).decode(),
            "examples": " · ".join(one.examples[:EXAMPLES]),
        }
        for one in found
    ]  # fmt: skip
    rows.sort(key=lambda row: (weight[str(row["severity"])], -int(str(row["count"]))))
    texts = ("check", "severity", "count", "text_id", "params", "examples")
    return pa.Table.from_pylist(
        rows, schema=pa.schema([(name, pa.int64() if name == "count" else pa.string()) for name in texts])
    )


def _orders(scope: Scope) -> list[Finding]:
    context, orders = scope.context, orders_of(scope)
    texts, code = context.texts("order"), context.column("order")
    ids = context.snapshot.event_ids

    def shown(rows: np.ndarray) -> tuple[str, ...]:
        return tuple(
            texts[code[row]] if code[row] >= 0 else ids(np.array([row]))[0] for row in rows[:EXAMPLES].tolist()
        )

    pairs = np.array([stays for stays, _ in orders.conflicts], np.int64)
    sold = orders.row[~orders.refund]
    amount = context.column("amount")
    every = np.concatenate([sold, orders.replaced, np.array([other for _, other in orders.conflicts], np.int64)])
    zero, none = every[amount[every] == 0], every[amount[every] == NO_AMOUNT]
    used = sorted(
        {
            context.texts("currency")[c]
            for c in np.unique(context.column("currency")[np.append(every, orders.row)]).tolist()
            if c >= 0
        }
    )
    return [
        Finding("order_conflicts", "warning", len(orders.conflicts), shown(pairs)),
        Finding("orders_replaced", "notice", len(orders.replaced), shown(orders.replaced)),
        Finding("zero_revenue", "notice", len(zero), shown(zero)),
        Finding("no_revenue", "warning", len(none), shown(none)),
        Finding("refund_over_order", "notice", len(orders.over), shown(orders.over)),
        Finding("mixed_currencies", "warning", len(used) if orders.mixed else 0, tuple(used) if orders.mixed else ()),
    ]


def _behaviour(scope: Scope) -> list[Finding]:
    """Visitors whose first basket event has no page view at or before it."""
    rows = behaviour(scope.context, scope.question.identity, scope.question.bots, scope.as_of)
    adds = np.isin(scope.context.column("name")[rows.rows], scope.context.name_codes("Product Added"))
    pages = (rows.key & int(Flag.PAGE)) != 0
    owner = rows.owners()
    place = np.arange(len(owner))
    far = len(owner)
    first_add, first_page = np.full(rows.visitors, far), np.full(rows.visitors, far)
    np.minimum.at(first_add, owner[adds], place[adds])
    np.minimum.at(first_page, owner[pages], place[pages])
    there = first_add < far
    # At the same instant the order is unknown, so only a strictly earlier add stands without a view.
    at = np.append(rows.at, np.iinfo(np.int64).max)
    without = np.flatnonzero(there & ((first_page == far) | (at[first_page] > at[first_add])))
    return [Finding("adds_without_view", "notice", len(without))]


def _rows(scope: Scope) -> list[Finding]:
    context = scope.context
    flags = context.column("flags")
    # Costs and products are of nobody by their nature.
    codes = [code for name in sorted(OF_NOBODY) for code in context.name_codes(name).tolist()]
    lacking = (context.column("device") < 0) & ~np.isin(context.column("name"), codes)
    nobody = int(lacking.sum())
    bots = int((flags & int(Flag.BOT) != 0).sum())
    future = int((flags & int(Flag.FUTURE) != 0).sum())
    return [
        Finding("nobody", "notice", nobody),
        Finding("bots", "notice", bots),
        Finding("future", "warning", future),
    ]


def _identity(scope: Scope) -> list[Finding]:
    refused = scope.labels.refused
    codes = {reason: [b for _, b, why in refused if why == reason] for reason in ("shared", "two_users")}
    book = scope.context.snapshot.book("id")

    def shown(found: list[int]) -> tuple[str, ...]:
        return tuple(book.values(np.array(found[:EXAMPLES], np.int64)).to_pylist())

    return [
        Finding("shared_ids", "warning", len(codes["shared"]), shown(codes["shared"])),
        Finding("two_users", "notice", len(codes["two_users"]), shown(codes["two_users"])),
    ]


def _log(scope: Scope) -> list[Finding]:
    snapshot = scope.context.snapshot
    replayed = snapshot.replayed
    waiting = [one for one in snapshot.rejects() if one.id not in replayed]
    unbalanced = [
        entry.id
        for entry in (*snapshot.imports, *snapshot.live)
        if entry.counts.get("read", 0)
        != sum(entry.counts.get(part, 0) for part in ("stored", "duplicates", "rejected"))
    ]
    with closing(TailReader(snapshot.folder)) as reader:
        damaged = tuple(dict.fromkeys((*snapshot.tail.damaged, *reader.damaged())))
    refused = tuple(f"{one.file or one.source}:{one.row} {one.code}" for one in waiting[:EXAMPLES])
    return [
        Finding("rejected", "notice", len(waiting), refused),
        Finding("balance", "warning", len(unbalanced), tuple(unbalanced)),
        Finding("segments", "warning", len(snapshot.damaged), tuple(snapshot.damaged)),
        Finding("tail", "warning", len(damaged), damaged),
        Finding("live_balance", "warning", traffic.unaccounted(snapshot)),
    ]


_CHECKS: tuple[Callable[[Scope], list[Finding]], ...] = (_orders, _behaviour, _rows, _identity, _log)
