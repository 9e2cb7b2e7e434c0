"""The lists of an overview: which sources, campaigns, devices and products bring the most visitors and money."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from dataclasses import dataclass
from decimal import Decimal
from typing import Annotated, Any, Final, Literal

import numpy as np
import pyarrow as pa
from msgspec import Meta

from afterclick.analyse.context import Context
from afterclick.analyse.describe import people_of
from afterclick.analyse.fields import touch_field
from afterclick.analyse.measures import Measures, measures
from afterclick.analyse.money_notes import money_notes
from afterclick.analyse.orders import total
from afterclick.analyse.product_lines import PRODUCT_ID, PRODUCT_NAME, lines_of, product_codes
from afterclick.analyse.question import SessionQuestion
from afterclick.analyse.scope import Scope, scope_of
from afterclick.core.condition_tree import quoted
from afterclick.core.moments import Share
from afterclick.core.money import to_decimal
from afterclick.core.result import Note, People, Result, Term, Text

NONE: Final = "(none)"
PRODUCT: Final = "product"
_DEVICES: Final = ("device_type", "browser", "os")


class Top(SessionQuestion, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """Top lists: the sources, campaigns, devices or products that bring the most."""

    key_word = "top"

    of: Annotated[
        Literal["source", "medium", "campaign", "term", "content", "device_type", "browser", "os", "product"],
        Meta(description="what a row of the list is"),
    ] = "source"
    top: Annotated[int, Meta(description="rows of the list", ge=1, le=1000)] = 100

    def answer(self, context: Context) -> Result:
        """The values with the most visitors, each with what it brought.

        Source, campaign and device are those of a session, so the sessions of all values add up to all sessions; a
        product counts for everyone who met it, and its revenue is price × quantity of its order lines, before refunds.
        """
        scope = scope_of(context, self)
        now = measures(scope, scope.period)
        group = _groups(self.of, now)
        old = (
            {each.value: each for each in _groups(self.of, measures(scope, scope.previous))} if scope.previous else None
        )
        ranked = sorted(group, key=lambda each: (-len(each.visitors), -each.sessions, each.value))
        everyone = len(now.visitors)
        rows = [_row(self.of, each, everyone, old) for each in ranked[: self.top]]
        named = [row for row in rows if row["value"] != NONE]
        sentence = (
            Text("sentence.top", {"value": named[0]["name"] or named[0]["value"], "visitors": named[0]["visitors"]})
            if named
            else Text("sentence.top_empty")
        )
        notes = (
            *money_notes(now),
            *([Note("top_more", {"count": len(group) - self.top})] if len(group) > self.top else []),
        )
        return Result(
            self, pa.Table.from_pylist(rows, schema=_SCHEMA), sentence=sentence,
            figures={"values": len(group), "visitors": everyone, "sessions": len(now.session_ids)}, notes=notes,
            about=scope.about("visitors", events=now.events, of=self.of, visitors=everyone),
            people=_people(scope, self.of, ranked),
        )  # fmt: skip


@dataclass(frozen=True)
class _Group:
    """One value: `visitors` distinct labels, money in major units (None where currencies mix); `named` says that events
    carry the value, so that a condition can ask for it."""

    value: str
    name: str
    visitors: np.ndarray
    sessions: int
    orders: int
    units: int | None
    revenue: Decimal | None
    named: bool = True


def _groups(of: str, m: Measures) -> list[_Group]:
    return list(_products(m) if of == PRODUCT else _visits(of, m))


def _visits(of: str, m: Measures) -> Iterable[_Group]:
    """Groups of sessions; an order belongs to the session that holds it, to `(none)` where no session does."""
    codes, values = _session_values(of, m)
    sold = np.flatnonzero(m.order_mask)
    session = order_sessions(m, sold)
    group_of_order = np.where(session >= 0, codes[np.maximum(session, 0)], len(values)) if len(codes) else None
    for number, value in enumerate([*values, NONE]):
        inside = m.session_ids[codes == number]
        money = sold[group_of_order == number] if group_of_order is not None else sold[: len(sold) * (value == NONE)]
        if len(inside) or len(money):
            yield _Group(
                value, "", m.visitors_of(inside), len(inside), int((~m.orders.refund[money]).sum()), None,
                None if m.orders.mixed else to_decimal(total(m.orders.amount[money])),
            )  # fmt: skip


def _session_values(of: str, m: Measures) -> tuple[np.ndarray, list[str]]:
    """Per session of the period the code of its value, one beyond the last where it has none."""
    context = m.scope.context
    if of in _DEVICES:
        values = context.texts(of)
        first = m.sessions.rows.rows[m.sessions.first[m.session_ids]]
        found = context.column(of)[first].astype(np.int64)
    else:
        lookup, values = touch_field(context, of)
        touch = m.sessions.touch[m.session_ids]
        found = np.where(touch >= 0, lookup[np.maximum(touch, 0)], -1) if len(lookup) else np.full(len(touch), -1)
    return np.where(found < 0, len(values), found), values


def order_sessions(m: Measures, sold: np.ndarray) -> np.ndarray:
    """Per order (row of `m.orders`) the place in `m.session_ids` of the session that holds it; -1 where none does."""
    rows = m.sessions.rows
    if not len(sold) or not len(m.session_ids):
        return np.full(len(sold), -1, np.int64)
    where = np.full(m.scope.context.snapshot.rows, -1, np.int64)
    where[rows.rows] = np.arange(len(rows.at))
    gathered = where[m.orders.home[sold]]
    session = np.where(gathered >= 0, m.sessions.of_row(np.maximum(gathered, 0)), -1)
    place = np.minimum(np.searchsorted(m.session_ids, session), len(m.session_ids) - 1)
    return np.where((session >= 0) & (m.session_ids[place] == session), place, -1)


def _products(m: Measures) -> Iterable[_Group]:
    """Products by id: who met them in an event of the period or bought them, and the lines that were sold."""
    context, rows = m.scope.context, m.sessions.rows
    codes, ids = product_codes(context)
    inside = np.flatnonzero(m.row_mask)
    code = codes[rows.rows[inside]]
    met = inside[code >= 0]
    code = code[code >= 0]
    owner, session = rows.owners()[met], m.sessions.of_row(met)
    lines = lines_of(context, m.orders, np.flatnonzero(m.order_mask & ~m.orders.refund))
    order = np.argsort(code, kind="stable")
    cuts = np.searchsorted(code[order], np.arange(len(ids) + 1))
    known = {text: number for number, text in enumerate(ids)}
    bought = {text: np.flatnonzero(lines.product == number) for number, text in enumerate(lines.ids)}
    names = _names(context, met, rows.rows, code, ids) | lines.names
    for text in sorted({*bought, *(ids[number] for number in np.unique(code).tolist())}):
        number = known.get(text, -1)
        seen = order[cuts[number] : cuts[number + 1]] if number >= 0 else np.zeros(0, np.int64)
        sold = bought.get(text, np.zeros(0, np.int64))
        buyers = m.orders.visitor[lines.place[sold]]
        visitors = np.union1d(owner[seen], buyers[buyers >= 0])
        yield _Group(
            text, names.get(text, ""), visitors, len(np.unique(session[seen])), len(np.unique(lines.place[sold])),
            int(lines.units[sold].sum()), None if m.orders.mixed else to_decimal(total(lines.amount[sold])), number >= 0,
        )  # fmt: skip


def _names(context: Context, met: np.ndarray, rows: np.ndarray, code: np.ndarray, ids: list[str]) -> dict[str, str]:
    """The names that events themselves give their products, the latest of each."""
    column = f"p.{PRODUCT_NAME}"
    if PRODUCT_NAME not in context.snapshot.property_names or context.snapshot.column_kind(column) != "coded":
        return {}
    texts = context.texts(column)
    said = context.column(column)[rows[met]]
    pairs = np.unique(np.stack([code[said >= 0], said[said >= 0]]), axis=1)
    return {ids[product]: texts[name] for product, name in pairs.T.tolist()}


def _row(of: str, each: _Group, everyone: int, old: dict[str, _Group] | None) -> dict[str, Any]:
    before = None if old is None else old.get(each.value)
    zero = None if old is None else 0
    return {
        "value": each.value, "name": each.name, "visitors": len(each.visitors), "sessions": each.sessions,
        "share_rate": Share(len(each.visitors), everyone).rate if len(each.visitors) <= everyone else None,
        "orders": each.orders, "units": each.units, "revenue": each.revenue,
        "conversion_rate": each.orders / len(each.visitors) if len(each.visitors) else None,
        "previous_visitors": len(before.visitors) if before else zero,
        "previous_sessions": before.sessions if before else zero,
        "previous_revenue": before.revenue if before else None if zero is None else Decimal(0),
        "where": _where(of, each),
    }  # fmt: skip


def _where(of: str, each: _Group) -> str:
    """The condition that keeps to this value; empty where no event carries it."""
    if each.value == NONE or not each.named:
        return ""
    return f"{PRODUCT_ID if of == PRODUCT else of} == {quoted(each.value)}"


_MONEY = pa.decimal128(28, 4)
_SCHEMA = pa.schema(
    [
        ("value", pa.string()), ("name", pa.string()), ("visitors", pa.int64()), ("sessions", pa.int64()),
        ("share_rate", pa.float64()), ("orders", pa.int64()), ("units", pa.int64()), ("revenue", _MONEY),
        ("conversion_rate", pa.float64()), ("previous_visitors", pa.int64()), ("previous_sessions", pa.int64()),
        ("previous_revenue", _MONEY), ("where", pa.string()),
    ]
)  # fmt: skip


def _term(of: str, each: _Group) -> Term | str:
    if each.value == NONE:
        return Term("map.none_given", NONE)
    return Term(f"device.{each.value}", each.value) if of == "device_type" else each.name or each.value


def _people(scope: Scope, of: str, groups: Iterable[_Group]) -> dict[str, Callable[[], People]]:
    def cell(each: _Group) -> Callable[[], People]:
        said = Text(f"people.top_{of}", {"value": _term(of, each)})
        return lambda: people_of(scope, each.visitors, said)

    return {f"{of}={each.value}": cell(each) for each in groups}
