"""What a report holds, before anything is asked: sections of text and cards, each card with its question."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import Final

import msgspec

from afterclick.app import questions
from afterclick.core import i18n
from afterclick.core import spec as specs
from afterclick.core.errors import SpecError, nearest, nearest_or_known
from afterclick.core.said import Said
from afterclick.core.spec import Spec
from afterclick.surfaces import presenting
from afterclick.surfaces.web import address, answers
from afterclick.surfaces.web.page import Draw, Page
from afterclick.surfaces.web.pages import PAGES, named

Pairs = Sequence[tuple[str, str]]

USUAL: Final = ("map", "overview", "funnels", "channels")
"""Pages of a report that names none, where they exist and can be opened without further fields."""
PERSONAL: Final = frozenset({"visitors", "visitor"})
"""Pages that show people one by one: only where people were asked for."""


class Piece(msgspec.Struct, frozen=True, kw_only=True):
    """One card: its question and what draws the answer; without any `draws` it is the finding and the main table."""

    spec: Spec
    draws: tuple[Draw, ...] = ()
    looks: dict[str, str] = {}
    view: str = "chart"
    half: bool = False
    problem: str = ""


class Section(msgspec.Struct, frozen=True, kw_only=True):
    """A heading (empty = none), text in Markdown, and the cards under it."""

    title: str = ""
    text: str = ""
    pieces: tuple[Piece, ...] = ()


class Outline(msgspec.Struct, frozen=True, kw_only=True):
    """A whole report: title (empty = the shop's name says it), text before everything, sections."""

    title: str = ""
    text: str = ""
    lang: str = ""
    people: bool = False
    sections: tuple[Section, ...] = ()

    def specs(self) -> dict[str, Spec]:
        """Every question once, by its key."""
        found = [piece.spec for section in self.sections for piece in section.pieces if not piece.problem]
        return {spec.key: spec for spec in found}


def of_pages(
    names: Iterable[str], pairs: Pairs = (), *, title: str = "", lang: str = "", people: bool = False
) -> Outline:
    """A report of pages of the dashboard, each in the scope that `pairs` give; a page takes the fields it knows.

    Raises SpecError for a page or question that is not there, for a bad value, and for a field no page takes.
    """
    wanted = list(names) or list(usual())
    checked = [(name, check_page(name, people)) for name in wanted]
    kinds = [page.kind if page else specs.kind(name) for name, page in checked]
    known = {field.name for kind in kinds for field in kind.fields()} | {
        look for _, page in checked if page for look in page.looks
    }
    for name, _ in pairs:
        if name not in known:
            raise SpecError(
                Said("refusals.report_takes_no", name=name),
                hint=nearest(name, known) or Said("refusals.it_takes", names=", ".join(sorted(known))),
                path=name,
            )
    sections = tuple(
        of_page(page, pairs, lang) if page else of_question(specs.kind(name), pairs, lang) for name, page in checked
    )
    return Outline(title=title, lang=lang, people=people, sections=sections)


def usual() -> tuple[str, ...]:
    """The pages of a report that names none."""
    return tuple(name for name in USUAL if (page := named(name)) and (page.start or not _needs(page.kind)))


def check_page(name: str, people: bool) -> Page | None:
    """The page of that name; None for a question without a page. Raises SpecError where there is neither."""
    page = named(name)
    words = {kind.key_word for kind in questions.ALL}
    if page is None and name not in words:
        known = sorted({each.name for each in PAGES} | words)
        raise SpecError(
            Said("refusals.no_page", name=name[:80]),
            hint=nearest_or_known(name, known, "refusals.known_pages"),
            path="pages",
        )
    refuse_personal(name, people)
    return page


def refuse_personal(name: str, people: bool) -> None:
    """Raise SpecError for a page or question that lists people where they were not asked for."""
    if name in PERSONAL and not people:
        raise SpecError(
            Said("refusals.one_by_one", name=name), hint=Said("refusals.add_people"), path="pages"
        )


def of_page(page: Page, pairs: Pairs, lang: str = "", *, card: str = "", view: str = "chart") -> Section:
    """The cards of a page as the dashboard plans them; required fields not given are those the page starts with."""
    spec = _asked(page.kind, pairs, page.start)
    looks = {name: text for name, text in pairs if name in page.looks}
    for name, text in looks.items():
        if text not in page.looks[name]:
            raise SpecError(
                Said("refusals.look_cannot", name=name, text=text[:80]),
                hint=Said("refusals.one_of", names=", ".join(page.looks[name])),
                path=name,
            )
    here = address.Address(path=page.path, spec=spec, inner=page.inner, looks=looks, own=page.looks, card=card)
    if card and card not in page.cards:
        hint = nearest_or_known(card, page.cards, "refusals.known_cards")
        raise SpecError(Said("refusals.page_no_card", name=page.name, card=card[:80]), hint=hint, path="card")
    pieces = tuple(
        Piece(
            spec=asked.spec, draws=(asked.card.draw,), view=view, half=asked.card.half,
            problem=asked.problem.say(lang or "en") if asked.problem else "",
        )
        for asked in answers.plan(page, here)
    )  # fmt: skip
    return Section(title=i18n.find(lang or "en", page.title) or page.name, pieces=pieces)


def of_question(kind: type[Spec], pairs: Pairs, lang: str = "", *, view: str = "chart") -> Section:
    """A question by itself, drawn as the dashboard draws it anywhere."""
    spec = _asked(kind, pairs, None)
    draws, looks = presenting.draws(kind)
    piece = Piece(spec=spec, draws=draws, looks=dict(looks), view=view)
    return Section(title=title_of(spec, lang), pieces=(piece,))


def title_of(spec: Spec, lang: str) -> str:
    """What a question is called: its name in the catalogue, else its own first line."""
    return i18n.find(lang or "en", f"question.{spec.key_word}") or type(spec).title()


def _asked(kind: type[Spec], pairs: Pairs, start: Spec | None) -> Spec:
    names = {field.name for field in kind.fields()}
    given = [(name, text) for name, text in pairs if name in names]
    lacking = _needs(kind) - {name for name, _ in given}
    if start is not None and lacking:
        given += [(name, text) for name in lacking for text in _texts(getattr(start, name))]
    return kind.from_texts(given)


def _needs(kind: type[Spec]) -> frozenset[str]:
    return frozenset(field.name for field in kind.fields() if field.required)


def _texts(value: object) -> list[str]:
    return [str(item) for item in value] if isinstance(value, tuple) else [str(value)]
