"""What a page is: a question, the controls that change it, and cards that each draw the answer to a question."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any, TypeVar

import msgspec

from afterclick.core.result import Result
from afterclick.core.spec import Spec
from afterclick.surfaces.viz.markup import Html
from afterclick.surfaces.viz.voice import Voice

Draw = Callable[[Result, Voice, str], Html | None]
"""(result, voice, view) -> the card's markup; view is "chart" or "table"; None leaves the card out."""
Ask = Callable[[Any], Spec | None]
"""The page's question -> the card's own; None where the page as asked has no such card."""

Choose = Callable[[Any, Mapping[str, str]], Spec | None]
"""(the page's question, its looks) -> the card's own."""
K = TypeVar("K", bound=Spec)

SCOPE = frozenset({"range", "compare", "where", "bots", "identity"})
"""The controls of a page whose question has the whole scope."""


class Card(msgspec.Struct, frozen=True):
    """One card: asked on its own, drawn when its answer is there.

    `ask` None means the page's own question; `choose` is asked instead where the page's own looks decide which
    question it is (`ask` then is the question of their defaults). `table` names the part of the Result that the card is
    drawn from (CSV of the card; "" = the frame), `title` the text that lists the card under CSV ("" = it is not
    listed). A `half` card may stand beside another one. A card that is not `bare` gives way to "none in this range"
    when its Result counts no visitor (`about["visitors"] == 0`).
    """

    draw: Draw
    ask: Ask | None = None
    choose: Choose | None = None
    table: str = ""
    title: str = ""
    half: bool = False
    bare: bool = False

    def question(self, spec: Spec, looks: Mapping[str, str]) -> Spec | None:
        """The card's question on a page that asks `spec`; None where the page as asked has no such card."""
        if self.choose is not None:
            return self.choose(spec, looks)
        return self.ask(spec) if self.ask is not None else spec


class Page(msgspec.Struct, frozen=True, kw_only=True):
    """A page: its name in `/name.json`, its address, its group in the navigation ("" = not listed), its question, the
    fields of scope it offers, its cards in order.

    `exports` lists further tables of the page's own Result for CSV (name -> id of a text). `inner` names a field that
    stands in the path: `/touchpoint/%2Fcart`. `under` is the page the navigation marks instead of an unlisted one.
    `start` fills the required fields of a question that was not asked yet; `opening` are the cards shown until then.
    `asks` shows the form that is made from the question's own fields. `looks` are parameters of view of this page alone
    (name -> values, the first is the default): they change what is shown and no figure; `voice.looks` has them.
    `marks` names fields of the question that the menu of a mark sets to what it stands for (see `marks.settings`).
    `sheets` are the sections of viz.css it needs beyond those of every page.
    """

    name: str
    path: str
    group: str
    kind: type[Spec]
    controls: frozenset[str]
    cards: Mapping[str, Card]
    exports: Mapping[str, str] = {}
    inner: str = ""
    under: str = ""
    start: Spec | None = None
    opening: Mapping[str, Card] = {}
    asks: bool = False
    looks: Mapping[str, tuple[str, ...]] = {}
    marks: tuple[str, ...] = ()
    sheets: tuple[str, ...] = ()

    @property
    def title(self) -> str:
        """The id of its title in the catalogue."""
        return f"{self.name}.title"

    def looked(self, given: Mapping[str, str]) -> dict[str, str]:
        """The page's own looks: those given, the defaults for the rest."""
        return {name: given.get(name, values[0]) for name, values in self.looks.items()}


def scoped(kind: type[K], spec: Spec, **fields: Any) -> K:
    """A question of `kind` in the scope of another: every field of scope both have is carried over, `fields` on top."""
    both = {field.name for field in kind.fields() if field.scope} & {
        field.name for field in type(spec).fields() if field.scope
    }
    return kind(**{name: getattr(spec, name) for name in both} | fields)


def plain(card: Callable[[Result, Voice], Html | None]) -> Draw:
    """A drawing that looks the same in both views."""
    return lambda result, voice, _view: card(result, voice)
