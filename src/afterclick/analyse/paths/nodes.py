"""What the steps of a path are called: touchpoints, pages or events, after the rules that group and leave out."""

from __future__ import annotations

from collections.abc import Sequence
from itertools import pairwise
from typing import Annotated, Any, Final, Literal, NamedTuple

import numpy as np
from msgspec import Meta

from afterclick.analyse.context import NO_BEHAVIOUR, Context
from afterclick.analyse.friction import goals
from afterclick.analyse.gathered import Gathered
from afterclick.analyse.kernels import touchpoints as touch_kernels
from afterclick.analyse.kernels.compiled import pool
from afterclick.analyse.kernels.gather import PRESENT
from afterclick.analyse.paths.rule import Rule
from afterclick.analyse.points import points_of
from afterclick.analyse.scope import Scope
from afterclick.analyse.sessions import behaviour
from afterclick.core.arrays import frozen
from afterclick.core.errors import nearest_or_known
from afterclick.core.names import ORDER_COMPLETED
from afterclick.core.said import Spoken
from afterclick.store.columns import Flag

Of = Annotated[
    Literal["touchpoints", "pages", "events"],
    Meta(
        description="what a step is: a page or an action, as the journey map names them; page views only; or every event "
        "by its name, scrolls and impressions too"
    ),
]
Group = Annotated[
    tuple[str, ...],
    Meta(
        description="touchpoints under one name, the first rule that fits counts: a wildcard, or ~ and an RE2 pattern",
        examples=["/products/*", "Help = /help/*", r"Products = ~^/p/\d+"],
        max_length=50,
    ),
]
Exclude = Annotated[
    tuple[str, ...],
    Meta(
        description="touchpoints left out of the way: names, wildcards, or ~ and an RE2 pattern",
        examples=["/login", "/admin/*", "~(?i)cookie"],
        max_length=50,
    ),
]

PAGE, EVENT, GROUP = "page", "event", "group"
_EXAMPLES: Final = 5
_NOWHERE: Final = -1
_ACT: Final = int(Flag.PAGE | Flag.QUALIFYING | Flag.ORDER)
"""An order that a server sent counts against no bounce, yet it is a step: often the last."""


class Nodes:
    """The steps there can be, by code in the order of their names, so that ties by name are ties by code.

    `names` and `types` (page, event, group) per node, `goal` bool; `along` int32 per gathered row is its own code,
    `lookup` int32 the node of an own code (-1 none), `wanted` the bits of a row's symbol of which it must have one.
    """

    def __init__(self, scope: Scope, of: str, group: Sequence[Rule] = (), exclude: Sequence[Rule] = ()) -> None:
        self.scope = scope
        self._of = of
        known = _known(scope, of)
        own, named, kinds = [one.name for one in known], [one.name for one in known], [one.kind for one in known]
        self._met_as = [one.met_as for one in known]
        self._ruled = [-1] * len(own)
        for number, rule in enumerate(group):
            for place in np.flatnonzero(rule.met(own)).tolist():
                if self._ruled[place] < 0:
                    self._ruled[place], named[place], kinds[place] = number, rule.name, GROUP
        out = np.zeros(len(own), bool)
        for rule in exclude:
            out |= rule.met(own) | rule.met(named)
        self._own, self._rules = own, tuple(group)
        steps = [place for place, met in enumerate(self._met_as) if met == place and not out[place]]
        kept = sorted({(named[place], kinds[place]) for place in steps})
        place_of = {pair: place for place, pair in enumerate(kept)}
        self._node_of = [_NOWHERE] * len(own)
        for place in steps:
            self._node_of[place] = place_of[named[place], kinds[place]]
        self.names = [name for name, _ in kept]
        self.types = [kind for _, kind in kept]
        self.goal = self._all_goals()
        self.wanted = {"pages": int(Flag.PAGE), "events": PRESENT}.get(of, _ACT)
        self.lookup = self._lookup()

    @property
    def size(self) -> int:
        """How many nodes there are."""
        return len(self.names)

    @property
    def along(self) -> np.ndarray:
        """The own code of each gathered row, int32."""
        scope = self.scope
        if self._of == "events":
            return _names_along(scope.context, scope.question.identity, scope.question.bots, scope.as_of)
        return points_of(scope).along

    @property
    def rows(self) -> Gathered:
        """The rows that `along` runs along: all behaviour of the scope's visitors."""
        scope = self.scope
        return behaviour(scope.context, scope.question.identity, scope.question.bots, scope.as_of)

    def _lookup(self) -> np.ndarray:
        """The node of each own code; an event that is its page's twin is no step of its own."""
        found = self._node_of
        if self._of == "events":
            canonical = self.scope.context.names()[0]
            place = {name: number for number, name in enumerate(self._own)}
            found = [self._node_of[place[name]] for name in canonical]
        return frozen(np.array(found or [_NOWHERE], np.int32))

    def _all_goals(self) -> np.ndarray:
        """Which nodes hold nothing but goals, bool."""
        if self._of == "events":
            own = np.array([name == ORDER_COMPLETED for name in self._own], bool)
        else:
            own = goals(self.scope, points_of(self.scope))
        node = np.array(self._node_of, np.int64)
        every, reached = (np.bincount(node[which], minlength=self.size) for which in (node >= 0, (node >= 0) & own))
        result: np.ndarray = (every > 0) & (every == reached)
        return result

    @property
    def order(self) -> int:
        """The node at which an order is made, -1 where rules have left it out or put other touchpoints beside it."""
        node = self.find(ORDER_COMPLETED)
        return node if node >= 0 and self._node_of.count(node) == 1 else _NOWHERE

    def find(self, name: str) -> int:
        """The node of that name, or of the touchpoint of that name, -1 where it is left out or there is none."""
        if name in self.names:
            return self.names.index(name)
        met = self._met_as[self._own.index(name)] if name in self._own else _NOWHERE
        return self._node_of[met] if met >= 0 else _NOWHERE

    def near(self, name: str) -> Spoken:
        """The names there are that come near one that is none."""
        return nearest_or_known(name, self.names, "refusals.known_steps", 12)

    def preview(self) -> list[dict[str, Any]]:
        """Per rule how many touchpoints it brings under its name, with the first of them."""
        rows = []
        for number, rule in enumerate(self._rules):
            held = [
                self._own[place]
                for place, ruled in enumerate(self._ruled)
                if ruled == number and self._node_of[place] >= 0
            ]
            rows.append(
                {
                    "rule": rule.text, "name": rule.name, "merged": len(held),
                    "examples": ", ".join(name[:80] for name in sorted(held)[:_EXAMPLES]),
                }
            )  # fmt: skip
        return rows


class _Known(NamedTuple):
    """What an own code is called, its type, and the own code it is met as: its page's for a twin, -1 for no step."""

    name: str
    kind: str
    met_as: int


def _known(scope: Scope, of: str) -> list[_Known]:
    """By own code: events, or touchpoints."""
    if of == "events":
        events = sorted(set(scope.context.names()[0]))
        return [_Known(name, EVENT, -1 if name in NO_BEHAVIOUR else place) for place, name in enumerate(events)]
    points = points_of(scope)
    found = []
    for code in range(points.size):
        name, kind = points.name(code)
        met = int(points.merged[code])
        none = name in NO_BEHAVIOUR and kind == EVENT or (of == "pages" and met >= len(points.groups))
        found.append(_Known(name, kind, -1 if none else met))
    return found


def _names_along(context: Context, identity: str, bots: str, as_of: int) -> np.ndarray:
    """The name code of each row of `behaviour`, in its order; int32."""

    def make() -> np.ndarray:
        rows, name = behaviour(context, identity, bots, as_of), context.column("name")
        out = np.empty(len(rows.at), np.int32)
        cuts = np.linspace(0, len(out), touch_kernels.lay_along.parts(len(out)) + 1).astype(int).tolist()
        list(pool().map(lambda span: touch_kernels.lay_along(rows.key, name, *span, out, rows=len(out)), pairwise(cuts)))
        return frozen(out)

    return context.keep(("names along", identity, bots, as_of), make)
