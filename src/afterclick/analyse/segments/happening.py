"""One event as a rule sees it when it happens: what the batch reads from columns, for one visitor, in order."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Final, NamedTuple

from afterclick.analyse.context import NO_BEHAVIOUR
from afterclick.core.step import ANY_EVENT, Step
from afterclick.store.columns import Flag

_SYSTEM: Final = int(Flag.SYSTEM)
_SALE: Final = int(Flag.ORDER | Flag.REFUND)
_CONTEXT: Final = int(Flag.CONTEXT)


class Happening(NamedTuple):
    """An event of one visitor; happenings come in (instant, event id) order.

    `names` are its canonical and raw name, `fields` what conditions may ask (`event`, `path`, `properties.price`, amounts
    as Decimal), `flags` those of `store.columns.Flag`, `touch` the fields of the touch it came with (None without page
    context; empty = from inside), `campaign` the hash of its campaign parameters, `amount` minor units in the store's
    currency, `stages` the numbers of the stages it enters.
    """

    at: int
    names: frozenset[str]
    fields: Mapping[str, Any]
    flags: int = 0
    touch: Mapping[str, Any] | None = None
    campaign: int = 0
    amount: int | None = None
    order: str = ""
    stages: tuple[int, ...] = ()

    @property
    def system(self) -> bool:
        """Whether it is no behaviour."""
        return bool(self.flags & _SYSTEM)

    @property
    def server_sale(self) -> bool:
        """Whether it is an order or a refund that no page view came with."""
        return bool(self.flags & _SALE) and not self.flags & _CONTEXT

    def serves(self, step: Step) -> bool:
        """Whether it is such an event."""
        named = step.event in self.names or (step.event == ANY_EVENT and not self.names & NO_BEHAVIOUR)
        return named and (step.condition is None or step.condition.matches(self.fields))

    def value(self, field: str) -> Any:
        """A field by its name, with or without `properties.`; None where it is missing."""
        if field in self.fields:
            return self.fields[field]
        return self.fields.get(f"properties.{field.removeprefix('properties.')}")
