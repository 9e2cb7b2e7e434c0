"""Everything that is kept of one visitor between two events: bounded, and small once it is packed."""

from __future__ import annotations

from typing import Any, Final, NamedTuple

from afterclick.analyse.segments.machines import NEVER, Machine
from afterclick.analyse.segments.state_machines import Setting, VisitorState
from afterclick.decide import packing
from afterclick.decide.backlog import Backlog
from afterclick.decide.rules.asked import Asked
from afterclick.decide.rules.book import RuleBook
from afterclick.decide.rules.conditions import Values

MOST_OFFERS: Final = 8
MOST_FOREIGN: Final = 256
"""Guards of rules that are not on now: they count again when the rule is switched on again."""

_ID_BYTES: Final = 12


class Open(NamedTuple):
    """Something that may be shown until it is acknowledged: `rule` is the key of its rule, instants in µs."""

    action_id: str
    rule: bytes
    at: int
    expires_at: int
    arm: str
    generation: int


class Memory:
    """One visitor's live state under a book.

    `key` is the first id of the visitor, `at` the instant of the last event or turn that was taken (µs UTC), `live`
    whether the last event came by the wire, `generation` how many rules stood behind it. `guards` are the instant and the
    session of each rule's last firing. `values`, `holding`, `turns` and the `soonest` of these follow from the rest and are
    not packed.
    """

    __slots__ = (
        "at", "backlogs", "book", "generation", "guards", "holding", "kept", "key", "live", "offers", "soonest", "state",
        "turns", "values", "warm",
    )  # fmt: skip

    def __init__(self, key: str, book: RuleBook, setting: Setting) -> None:
        self.key = key
        self.book = book
        self.at = 0
        self.live = False
        self.generation = 0
        self.state = VisitorState(setting, book.bounds)
        self.kept: dict[int, Machine] = {}
        self.backlogs: dict[str, Backlog] = {}
        """By the event that windows count."""
        self.guards: dict[bytes, tuple[int, int]] = {}
        self.offers: list[Open] = []
        self.cool()
        self.warm = True

    @property
    def machines(self) -> dict[int, Machine]:
        """Those of all terms that have met an event, every window up to date."""
        self._catch_up()
        return self.kept

    def passes(self, event: str, at: int) -> bool:
        """Whether an event may wait to be counted, since no window of it would show any rule anything."""
        backlog = self.backlogs.get(event)
        if backlog is None:
            backlog = self.backlogs[event] = Backlog(self.book.windows[event], self.kept)
        if len(backlog) >= backlog.room:
            backlog.hand_over(self.book.windows[event], self.kept)
            if not backlog.room:
                return False
        backlog.append(at)
        return True

    def _catch_up(self) -> None:
        for event, backlog in self.backlogs.items():
            if backlog:
                backlog.hand_over(self.book.windows[event], self.kept)

    def cool(self) -> None:
        """Forget what follows from the rest; the next reading works it out anew."""
        self._catch_up()
        # How much room they have depends on what the machines hold.
        self.backlogs = {}
        self.values = Values(self.book.conditions.blank)
        self.holding = set(self.book.conditions.at_first)
        self.turns: dict[int, int] = {}
        self.soonest = NEVER
        self.warm = False

    def warmed(self) -> None:
        """Work out what follows from the rest, as it was at `at`."""
        if self.warm:
            return
        self.warm = True
        book, moved = self.book, self.book.moved_machines
        changed = {number: machine.value(self.at) for number, machine in self.machines.items() if number in moved}
        for number, read, _ in (*book.visit, *book.touch, *book.basket, *book.traits):
            changed[number] = read(self.state, self.at)
        book.conditions.update(self.holding, self.values, changed)
        for number in book.timed:
            self.wind(number, self.at)
        self.soonest = min(self.turns.values(), default=NEVER)

    def wind(self, number: int, at: int) -> None:
        """Note when time alone changes a term next."""
        machine = self.machines.get(number)
        if machine is not None:
            turn = machine.turn(at)
        else:
            of_state = self.book.asked[number].turn
            turn = NEVER if of_state is None else of_state(self.state, at)
        self.turns[number] = turn

    @property
    def here(self) -> bool:
        """Whether there was any behaviour; a visitor without is in no segment."""
        return self.state.visits.sessions > 0

    @property
    def session(self) -> int:
        """The number of the visit so far."""
        return self.state.visits.sessions

    def value(self, one: Asked, at: int) -> Any:
        """A term at an instant that is not before `at`; nothing changes."""
        if not one.steps:
            return one.read(self.state, at)
        machine = self.kept.get(one.number)
        found = self.book.conditions.blank[one.number] if machine is None else machine.value(at)
        if not one.window:
            return found
        backlog = self.backlogs.get(one.steps[0].event)
        return found + backlog.since(at - one.window) if backlog else found

    def offer(self, one: Open) -> None:
        """Hold it ready; of too many the oldest goes."""
        self.offers = [*self.offers, one][-MOST_OFFERS:]

    def expire(self, at: int) -> None:
        """Let go of offers whose time is over."""
        if self.offers:
            self.offers = [one for one in self.offers if one.expires_at > at]

    def pack(self) -> bytes:
        """The state as bytes, which `unpacked` reads under this or another book."""
        self.expire(self.at)
        keys = b"".join(self.book.asked[number].key for number in self.machines)
        guards = [(key, *self.guards[key]) for key in self._kept_guards()]
        return packing.encode(
            [
                packing.FORMAT, self.key, self.at, self.live, self.generation, packing.state_out(self.state, self.at),
                keys, [packing.plain(machine.packed(), self.at) for machine in self.machines.values()],
                b"".join(key for key, _, _ in guards), packing.whole_out([at for _, at, _ in guards], self.at),
                packing.whole_out([session for _, _, session in guards], 0), _offers_out(self.offers, self.at),
            ]
        )  # fmt: skip

    def _kept_guards(self) -> list[bytes]:
        """Those that still hold anything back."""
        foreign = [key for key in self.guards if key not in self.book.by_rule]
        over = set(sorted(foreign, key=lambda key: (self.guards[key], key))[:-MOST_FOREIGN])
        return [key for key in self.guards if key not in over]

    @classmethod
    def unpacked(cls, packed: bytes, book: RuleBook, setting: Setting) -> Memory:
        """What `pack` wrote. States of terms this book does not ask for are left out; new ones begin at nothing.

        Raises StoreFormat for bytes of another format.
        """
        parts = packing.decode(packed)
        found = cls(parts[1], book, setting)
        found.at, found.live, found.generation = parts[2], parts[3], parts[4]
        packing.state_in(found.state, parts[5], found.at)
        for key, state in zip(packing.keys(parts[6]), parts[7], strict=True):
            one = book.by_key.get(key)
            if one is not None:
                machine = found.kept[one.number] = one.machine()
                machine.restore(packing.back(state, found.at))
        fired, sessions = packing.whole_in(parts[9], found.at), packing.whole_in(parts[10], 0)
        for key, at, session in zip(packing.keys(parts[8]), fired, sessions, strict=True):
            found.guards[key] = (at or 0, session or 0)
        found.offers = _offers_in(parts[11], found.at)
        found.cool()
        return found


def _offers_out(offers: list[Open], at: int) -> list[Any]:
    """Column by column."""
    return [
        b"".join(bytes.fromhex(one.action_id) for one in offers), b"".join(one.rule for one in offers),
        packing.whole_out([one.at for one in offers], at), packing.whole_out([one.expires_at - one.at for one in offers], 0),
        [one.arm for one in offers], packing.whole_out([one.generation for one in offers], 0),
    ]  # fmt: skip


def _offers_in(parts: list[Any], at: int) -> list[Open]:
    ids, rules, starts, spans, arms, generations = parts
    columns = zip(packing.keys(rules), packing.whole_in(starts, at), packing.whole_in(spans, 0), arms,
                  packing.whole_in(generations, 0), strict=True)  # fmt: skip
    return [
        Open(ids[_ID_BYTES * i : _ID_BYTES * (i + 1)].hex(), rule, start or 0, (start or 0) + (span or 0), arm, generation or 0)
        for i, (rule, start, span, arm, generation) in enumerate(columns)
    ]
