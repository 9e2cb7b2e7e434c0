"""One event as rules see it, live: the same names, fields and flags as the batch reads from its columns later."""

from __future__ import annotations

from bisect import bisect_right
from collections.abc import Iterable, Mapping
from datetime import date
from decimal import Decimal
from functools import lru_cache
from typing import Any, Final, NamedTuple

from afterclick.analyse.context import NO_BEHAVIOUR, TOUCH_FIELDS
from afterclick.analyse.fields import AMOUNTS, BOOKS, FLAGS
from afterclick.analyse.segments.happening import Happening
from afterclick.analyse.segments.state_machines import Setting
from afterclick.collect.wire import single_worth
from afterclick.collect.wire.canonical import Canonical
from afterclick.collect.wire.single_worth import NOTHING, NoAmount, SingleWorth
from afterclick.collect.wire.snowplow_words import LINE
from afterclick.core import names, spans
from afterclick.core.event import SYSTEM_TYPES
from afterclick.core.money import to_decimal
from afterclick.core.step import ANY_EVENT, Step
from afterclick.decide.event_fields import EventFields
from afterclick.decide.places import Agent, Place, Places, Recent
from afterclick.stitch.derive import YES
from afterclick.stitch.properties import as_double, scalars, text_of
from afterclick.stitch.stages import stages_of
from afterclick.store.columns import Flag
from afterclick.store.definitions import Definitions

FUTURE: Final = 5 * spans.MINUTE
"""What occurred by so much after it arrived has a clock that is wrong."""
OWN: Final = frozenset({"event", "raw_event", "order_id", *BOOKS, *FLAGS, *AMOUNTS, *TOUCH_FIELDS})
"""Names that a property cannot take: conditions mean the field."""

_HALF_DAY: Final = spans.DAY // 2
# Plain numbers: an enum's operators cost as much as all the rest of reading an event.
_BOT, _SYSTEM, _PAGE, _QUALIFYING, _CONTACT, _FUTURE, _KNOWN, _ORDER, _REFUND, _CONTEXT = (
    int(bit)
    for bit in (Flag.BOT, Flag.SYSTEM, Flag.PAGE, Flag.QUALIFYING, Flag.CONTACT, Flag.FUTURE, Flag.KNOWN, Flag.ORDER,
                Flag.REFUND, Flag.CONTEXT)
)  # fmt: skip
_SHORT: Final = 1_000
_FLAGS: Final = tuple((name, int(bit)) for name, bit in FLAGS.items())


class Stored(NamedTuple):
    """What only the log knows of an event that was imported: amounts, lines and properties of columns of their own."""

    worth: SingleWorth
    properties: Mapping[str, Any]
    flags: int
    name: str


class _Head(NamedTuple):
    """What the name of an event says: its flags `alone` and where something says where it was (`placed`); how long `before`
    its instant it may have begun; the stages it enters whatever else it says."""

    name: str
    names: frozenset[str]
    fields: dict[str, Any]
    unworthy: bool
    alone: int
    placed: int
    message: bool
    before: int
    stages: tuple[int, ...] | None


class EventReader:
    """Reads events under the definitions of a store; equal to `analyse.segments.replay`, but for the fields of the touch.

    A condition on the channel means that of the visit, which the visitor's state knows. What a property is (text in one
    event, then text in all) is learnt in the order of the log; `learnt` is that knowledge. One thread at a time.
    """

    def __init__(self, definitions: Definitions, learnt: Mapping[str, Iterable[str]] | None = None) -> None:
        self._definitions = definitions
        self._places = Places(definitions)
        self._passive = names.PASSIVE_EVENTS | set(definitions.passive)
        self._stages = _Stages(definitions)
        self._rates = {
            code: sorted((date.fromisoformat(str(on)), Decimal(str(rate))) for on, rate in rates)
            for code, rates in definitions.rates.items()
        }
        self._heads = Recent(self._head)
        self._flagged = Recent(_flagged)
        given = learnt or {}
        self._texts = set(given.get("texts", ()))
        self._own = frozenset(given.get("own", ()))

    @property
    def direct(self) -> Mapping[str, Any]:
        """The touch of a direct arrival, always this one object."""
        return self._places.direct

    @property
    def learnt(self) -> dict[str, list[str]]:
        """Properties that are text (`texts`) and those that bear the name of a field (`own`)."""
        return {"texts": sorted(self._texts), "own": sorted(self._own)}

    def happening(self, event: Canonical, source: str = "", stored: Stored | None = None) -> Happening | None:  # noqa: ARG002
        """The event as it happened; None for one that the log sets aside. `at` is when it occurred."""
        word = event.raw_event or (event.event if event.type == "track" else None)
        word = (word.strip() or None) if word else None
        if stored is None:
            if word is None and event.type == "track":
                return None
            head = self._heads[event.type, word, None]
            try:
                worth = NOTHING if head.unworthy else single_worth.read(head.name, event.properties)
            except NoAmount:
                return None
            said = self._properties(event.properties)
            for name, value in (("price", worth.price), ("quantity", worth.quantity)):
                said.pop(name, None)
                if value is not None:
                    said[name] = value
        else:
            head = self._heads[event.type, word, stored.name]
            worth = stored.worth
            said = self._properties(stored.properties)
        place, agent = self._places.place(event.url or None, event.referrer or None, event.user_agent or None)
        flags = self._flags(event, head, said, place, agent) if stored is None else stored.flags
        known = place.fields, agent.fields, self._flagged[flags], head.fields
        return self._made(event, head, known, said, worth, flags, place)

    def _made(
        self,
        event: Canonical,
        head: _Head,
        known: tuple[Mapping[str, Any], ...],
        said: dict[str, Any],
        worth: SingleWorth,
        flags: int,
        place: Place,
    ) -> Happening:
        amount = None
        if worth is not NOTHING:
            currency = worth.currency.strip().upper() if worth.currency else ""
            if worth.amount is not None:
                amount = self._valued(worth.amount, currency, event.occurred_at)
            known = (*known, _worth(worth, currency))
        fields = EventFields(known, said, self._own)
        stages = head.stages
        if stages is None:
            stages = self._stages.entered(head.names, fields)
        return Happening(
            event.occurred_at, head.names, fields, flags, place.touch, place.campaign, amount, worth.order_id or "", stages
        )

    def _properties(self, given: Mapping[str, Any]) -> dict[str, Any]:
        """The properties as columns would hold them."""
        found: dict[str, Any] = {}
        texts = self._texts
        new: list[str] = []
        for name, value in given.items():
            kind = value.__class__
            if kind is dict or kind is list:
                # What lies deeper may bear the name of something else, and then counts instead of it.
                texts.difference_update(new)
                return self._properties(scalars(dict(given)))
            if name in OWN:
                if name not in self._own:
                    self._own |= {name}
            elif value is None:
                continue
            elif kind is str:
                if name not in texts:
                    texts.add(name)
                    new.append(name)
                found[name] = value if len(value) <= _SHORT else text_of(value)
            elif name in texts:
                found[name] = text_of(value)
            else:
                held = value if kind is float else as_double(value)
                if held == held:  # noqa: PLR0124 - NaN is no value
                    found[name] = held
        return found

    def _head(self, key: tuple[str, str | None, str | None]) -> _Head:
        kind, word, told = key
        name = told or (names.ORDER_LINE if word == LINE else names.canonical(word or "", kind))
        system = kind in SYSTEM_TYPES or name in names.SYSTEM_EVENTS
        sold, back = name == names.ORDER_COMPLETED, name == names.ORDER_REFUNDED
        flags = (_ORDER if sold else 0) | (_REFUND if back else 0) | (_SYSTEM if system else 0)
        if not system and name in names.PAGE_EVENTS:
            flags |= _PAGE
        passive = system or name in self._passive
        called = frozenset((name, word or name))
        return _Head(
            name, called, {"event": name, "raw_event": word or name}, kind in SYSTEM_TYPES,
            flags if passive or sold or back else flags | _QUALIFYING, flags if passive else flags | _QUALIFYING,
            name in names.MESSAGE_EVENTS, _HALF_DAY if name == names.AD_COST_REPORTED else 0, self._stages.always(called),
        )  # fmt: skip

    def _flags(self, event: Canonical, head: _Head, said: Mapping[str, Any], place: Place, agent: Agent) -> int:
        flags = place.flags | agent.flags | (head.placed if place.flags & _CONTEXT else head.alone)
        if head.message and _machine(said.get(names.MACHINE), otherwise=agent.machine):
            flags |= _BOT
        if event.email or event.phone:
            flags |= _CONTACT
        if event.user_id:
            flags |= _KNOWN
        return flags | _FUTURE if event.occurred_at - head.before > event.received_at + FUTURE else flags

    def _valued(self, amount: int, currency: str, at: int) -> int:
        """In the store's currency by the rate of the day, as it is where there is none."""
        definitions = self._definitions
        if not currency or currency == definitions.currency or not (definitions.rates and definitions.currency):
            return amount
        rates = self._rates.get(currency, [])
        dated = bisect_right([on for on, _ in rates], spans.local_day(at, definitions.zone)) - 1
        return amount if dated < 0 else int((Decimal(amount) * rates[dated][1]).to_integral_value())


def setting_of(reader: EventReader, definitions: Definitions) -> Setting:
    """What a visitor's state depends on, with the defaults of sessions."""
    return Setting(stages=tuple(stage.name for stage in stages_of(definitions)), direct=reader.direct)


class _Stages:
    """Which stages an event may enter, by its name."""

    def __init__(self, definitions: Definitions) -> None:
        self._named: dict[str, list[tuple[int, Step]]] = {}
        self._any: list[tuple[int, Step]] = []
        for place, stage in enumerate(stages_of(definitions)):
            for step in stage.enter:
                (self._any if step.event == ANY_EVENT else self._named.setdefault(step.event, [])).append((place, step))

    def always(self, called: frozenset[str]) -> tuple[int, ...] | None:
        """The numbers of the stages that every event of these names enters; None where it depends on more."""
        possible = self._possible(called)
        if any(step.condition is not None for _, step in possible):
            return None
        return tuple(sorted({place for place, _ in possible}))

    def entered(self, called: frozenset[str], fields: Mapping[str, Any]) -> tuple[int, ...]:
        """The numbers of the stages that an event of these names enters, ascending."""
        possible = self._possible(called)
        found = {place for place, step in possible if step.condition is None or step.condition.matches(fields)}
        return tuple(sorted(found))

    def _possible(self, called: frozenset[str]) -> list[tuple[int, Step]]:
        found = [one for name in called for one in self._named.get(name, ())]
        return found + self._any if self._any and not called & NO_BEHAVIOUR else found


@lru_cache(1 << 13)
def _worth(worth: SingleWorth, currency: str) -> Mapping[str, Any]:
    """What an event is worth as fields."""
    found: dict[str, Any] = {}
    if worth.amount is not None:
        found["revenue"] = found["amount"] = found["value"] = to_decimal(worth.amount)
    if currency:
        found["currency"] = currency
    if worth.order_id:
        found["order_id"] = worth.order_id
    return found


def _flagged(flags: int) -> dict[str, bool]:
    return {name: bool(flags & bit) for name, bit in _FLAGS}


def _machine(said: Any, *, otherwise: bool) -> bool:
    """Did a program open or click: by what the sender says, else by what the program calls itself."""
    if said.__class__ is str:
        return said in YES
    if said is None or said < 0:
        return otherwise
    return bool(said > 0)
