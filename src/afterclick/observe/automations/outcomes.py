"""What rules and journeys sent, held back and brought, counted from the life of their messages in the log."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Final, NamedTuple

import msgspec
import numpy as np
import pyarrow.compute as pc

from afterclick.act.gate.verdict import HOLDOUT
from afterclick.analyse.context import Context
from afterclick.analyse.feedback.answers import texts_of
from afterclick.analyse.orders import orders_of
from afterclick.analyse.question import Question
from afterclick.analyse.scope import Scope, scope_of
from afterclick.core.event import OURS
from afterclick.core.moments import Interval, Moments, Share
from afterclick.core.names import (
    EXPERIMENT_VIEWED,
    MESSAGE_BOUNCED,
    MESSAGE_CLICKED,
    MESSAGE_DELIVERED,
    MESSAGE_FAILED,
    MESSAGE_SENT,
    MESSAGE_SUPPRESSED,
    MESSAGE_UNCERTAIN,
)
from afterclick.core.noise import apart, difference
from afterclick.core.spans import DAY

WINDOW: Final = 7 * DAY
"""How long after the first message an order counts as one that followed."""
_LIFE: Final = (
    MESSAGE_SENT, MESSAGE_DELIVERED, MESSAGE_CLICKED, MESSAGE_SUPPRESSED, MESSAGE_FAILED, MESSAGE_BOUNCED,
    MESSAGE_UNCERTAIN, EXPERIMENT_VIEWED,
)  # fmt: skip
_KEYS: Final = {"rule": "rule", "journey": "journey"}
_NO_ARM, _TREATED, _HELD, _TREATED_OF_ALL, _HELD_OF_ALL = range(5)
"""Arms of the automation's own hold-out, and of that of all."""
_Group = tuple[np.ndarray, np.ndarray]
"""Visitors, ascending, and the instant from which their orders count."""


class Trouble(NamedTuple):
    """The last that was heard of a channel: it failed, with this answer, at this instant (µs UTC)."""

    channel: str
    answer: str
    at: int


class Outcome(msgspec.Struct, frozen=True, kw_only=True):
    """What came of one rule or journey so far.

    `sent` counts messages (or displays), each action once, `visitors` who got one; `clicked`, `failed` and `uncertain`
    are messages; `held_back` counts refusals by reason, the hold-out's own among them. `converted` are those who ordered
    within 7 days of their first message, `held_converted` those of the hold-out after theirs was held back; only
    visitors whose 7 days are over are in either. From where the log tells of the arms of a hold-out on, both count from the
    moment at which the arm was told instead, which is the same for both: a message that left later, or that was not sent any
    more because its visitor bought meanwhile, moves nobody out of a group. What was sent while nobody was held back is in no
    group then. Of two hold-outs, its own and that of all, its own is read: the other one thins both groups alike. `lift` is
    the 95 % interval of the difference of the two rates (Newcombe), `gain` that of the revenue per visitor (minor units;
    Student's limits of both means), None where one group has nobody, and `worth` the difference itself.
    """

    sent: int = 0
    visitors: int = 0
    clicked: int = 0
    failed: int = 0
    uncertain: int = 0
    held_back: Mapping[str, int] = {}
    converted: Share = Share(0, 0)
    held_converted: Share = Share(0, 0)
    lift: Interval | None = None
    worth: float | None = None
    gain: Interval | None = None

    @property
    def held_out(self) -> int:
        """How many refusals were the hold-out's."""
        return self.held_back.get(HOLDOUT, 0)


class Outcomes(NamedTuple):
    """By (kind, name) of the automation: `("rule", "Sign-up offer")`; and the channels whose last word was a failure."""

    found: Mapping[tuple[str, str], Outcome]
    troubles: tuple[Trouble, ...]


class _Rows(NamedTuple):
    name: np.ndarray
    at: np.ndarray
    visitor: np.ndarray
    action: np.ndarray
    arm: np.ndarray


def outcomes_of(context: Context) -> Outcomes:
    """What came of every automation that the log knows, kept while the store stands still."""
    return context.keep(("automation outcomes",), lambda: _read(context))


def _read(context: Context) -> Outcomes:
    if not context.snapshot.rows:
        return Outcomes({}, ())
    scope = scope_of(context, Question(range="all", compare="none", bots="in"))
    row = _rows(context)
    if not len(row):
        return Outcomes({}, ())
    at, device = context.snapshot.take("at", row), context.snapshot.take("device", row)
    visitor = np.full(len(row), -1, np.int64)
    known = device >= 0
    visitor[known] = scope.labels.of(device[known], at[known])
    name = _kinds(context, context.snapshot.take("name", row))
    action, _ = texts_of(context, ("action_id",), row)
    arm = _arms(context, row, name == _LIFE.index(EXPERIMENT_VIEWED))
    rows = _Rows(name, at, visitor, np.where(action >= 0, action, -1 - np.arange(len(row))), arm)
    reasons, reason_texts = texts_of(context, ("reason",), row)
    found: dict[tuple[str, str], Outcome] = {}
    for kind, field in _KEYS.items():
        code, texts = texts_of(context, (field,), row)
        for one in range(len(texts)):
            there = np.flatnonzero(code == one)
            found[kind, texts[one]] = _outcome(scope, _Rows(*(part[there] for part in rows)), reasons[there], reason_texts)
    return Outcomes(found, _troubles(context, row, rows))


def _rows(context: Context) -> np.ndarray:
    """Rows of the life of messages, in order of time."""
    wanted = np.zeros(max(1, len(context.names()[0])), bool)
    for name in _LIFE:
        wanted[context.name_codes(name)] = True
    if not wanted.any():
        return np.zeros(0, np.int64)
    found = [
        chunk.start + np.flatnonzero(wanted[chunk.columns["name"]])
        for chunk in context.snapshot.chunks(("name",), None)
    ]
    row = np.concatenate(found) if found else np.zeros(0, np.int64)
    ordered: np.ndarray = row[np.lexsort((context.snapshot.take("tie", row), context.snapshot.take("at", row)))]
    return ordered


def _kinds(context: Context, codes: np.ndarray) -> np.ndarray:
    """The place of each row's event in `_LIFE`."""
    canonical, raw = context.names()
    places = [
        next((i for i, event in enumerate(_LIFE) if event in pair), -1) for pair in zip(canonical, raw, strict=True)
    ]
    kinds: np.ndarray = np.array(places, np.int8)[codes]
    return kinds


def _arms(context: Context, row: np.ndarray, viewed: np.ndarray) -> np.ndarray:
    """Which arm of a hold-out each row tells of, where afterclick itself says so; int8."""
    experiment, names = texts_of(context, ("experiment",), row)
    variant, arms = texts_of(context, ("variant",), row)
    own = np.array([*(one.startswith(f"{HOLDOUT}:") for one in names), False])[experiment]
    of_all = np.array([*(one == HOLDOUT for one in names), False])[experiment]
    held = np.array([*(one == HOLDOUT for one in arms), False])[variant]
    found = np.where(own, np.where(held, _HELD, _TREATED), np.where(held, _HELD_OF_ALL, _TREATED_OF_ALL))
    told = np.flatnonzero((own | of_all) & (variant >= 0) & viewed)
    # Whoever has the key of a page can send any event.
    by = context.snapshot.log_rows(row[told], ("source",))["source"]
    ours = told[np.asarray(pc.fill_null(pc.equal(by, OURS), fill_value=False))]
    arm = np.full(len(row), _NO_ARM, np.int8)
    arm[ours] = found[ours]
    return arm


def _is(rows: _Rows, *events: str) -> np.ndarray:
    mask: np.ndarray = np.isin(rows.name, [_LIFE.index(event) for event in events])
    return mask


def _actions(rows: _Rows, mask: np.ndarray) -> int:
    return len(np.unique(rows.action[mask]))


def _outcome(scope: Scope, rows: _Rows, reasons: np.ndarray, texts: tuple[str, ...]) -> Outcome:
    out, held = _is(rows, MESSAGE_SENT, MESSAGE_DELIVERED), _is(rows, MESSAGE_SUPPRESSED)
    held_back: dict[str, int] = {}
    for code in np.unique(reasons[held]).tolist():
        held_back[texts[code] if code >= 0 else ""] = _actions(rows, held & (reasons == code))
    holdout = texts.index(HOLDOUT) if HOLDOUT in texts else -2
    reached, (treated, control) = _first(rows, out)[0], _groups(rows, out, held & (reasons == holdout))
    both = np.intersect1d(treated[0], control[0])
    got, spent = _followed(scope, *(part[~np.isin(treated[0], both)] for part in treated))
    lost, kept = _followed(scope, *(part[~np.isin(control[0], both)] for part in control))
    converted, held_converted = Share(int(got.sum()), len(got)), Share(int(lost.sum()), len(lost))
    first, second = Moments.of(spent), Moments.of(kept)
    gain = worth = None
    if first.mean is not None and second.mean is not None:
        worth = first.mean - second.mean
        if first.interval is not None and second.interval is not None:
            gain = apart(first.mean, first.interval, second.mean, second.interval)
    uncertain = _actions(rows, _is(rows, MESSAGE_UNCERTAIN))
    return Outcome(
        sent=_actions(rows, out), visitors=len(reached), clicked=_actions(rows, _is(rows, MESSAGE_CLICKED)),
        failed=_actions(rows, _is(rows, MESSAGE_FAILED, MESSAGE_BOUNCED)), uncertain=uncertain,
        held_back=held_back, converted=converted, held_converted=held_converted,
        lift=difference(converted, held_converted), worth=worth, gain=gain,
    )  # fmt: skip


def _groups(rows: _Rows, out: np.ndarray, held: np.ndarray) -> tuple[_Group, _Group]:
    """Who got something and who was held back for the comparison, by the arms that were told, else by the messages."""
    own, of_all = np.isin(rows.arm, (_TREATED, _HELD)), rows.arm >= _TREATED_OF_ALL
    if not own.any() and not of_all.any():
        return _first(rows, out), _first(rows, held)
    # Rows are in order of time: the hold-out that was told of last is the one that runs.
    mine = own.any() and (not of_all.any() or rows.at[own][-1] >= rows.at[of_all][-1])
    told = own if mine else of_all
    control = told & np.isin(rows.arm, (_HELD, _HELD_OF_ALL))
    treated = told & ~control
    before = rows.at < rows.at[told][0]
    if (held & before).any():
        treated, control = treated | (out & before), control | (held & before)
    return _first(rows, treated), _first(rows, control)


def _first(rows: _Rows, mask: np.ndarray) -> _Group:
    """Visitors of the chosen rows, ascending, with the instant of the first of each; rows are in order of time."""
    there = np.flatnonzero(mask & (rows.visitor >= 0))
    visitors, place = np.unique(rows.visitor[there], return_index=True)
    return visitors, rows.at[there][place]


def _followed(scope: Scope, visitor: np.ndarray, at: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """For visitors whose window is over: whether they ordered within it (bool), and what for (int64 minor units, net).

    An order at the very instant of the message came before it.
    """
    over = at + WINDOW <= scope.as_of
    visitor, at = visitor[over], at[over]
    orders = orders_of(scope)
    there = orders.visitor >= 0
    n, m = int(there.sum()), len(visitor)
    who = np.concatenate([orders.visitor[there].astype(np.int64), visitor, visitor])
    when = np.concatenate([orders.at[there], at, at + WINDOW])
    mark = np.repeat(np.array([0, 1, 1], np.int8), [n, m, m])
    order = np.lexsort((mark, when, who))
    place = np.empty(len(order), np.int64)
    place[order] = np.arange(len(order))
    start, end = place[n : n + m], place[n + m :]

    def between(values: np.ndarray) -> np.ndarray:
        sums = np.cumsum(np.concatenate([values, np.zeros(2 * m, np.int64)])[order])
        found: np.ndarray = sums[end] - sums[start]
        return found

    bought = between((~orders.refund[there]).astype(np.int64)) > 0
    amounts = np.zeros(n, np.int64) if orders.mixed else orders.amount[there].astype(np.int64)
    return bought, between(amounts)


def _troubles(context: Context, row: np.ndarray, rows: _Rows) -> tuple[Trouble, ...]:
    """Channels whose last message that left or did not leave was one that failed."""
    code, channels = texts_of(context, ("channel",), row)
    told, answers = texts_of(context, ("detail", "answer", "error"), row)
    heard = _is(rows, MESSAGE_SENT, MESSAGE_DELIVERED, MESSAGE_FAILED)
    found: list[Trouble] = []
    for one, channel in enumerate(channels):
        there = np.flatnonzero(heard & (code == one))
        if len(there) and rows.name[there[-1]] == _LIFE.index(MESSAGE_FAILED):
            last: Any = there[-1]
            found.append(Trouble(channel, answers[told[last]] if told[last] >= 0 else "", int(rows.at[last])))
    return tuple(found)
