"""A report as a person keeps it under version control: `report.toml`, text and questions, no code."""

from __future__ import annotations

import tomllib
from collections.abc import Mapping
from pathlib import Path
from typing import Any, Final

import msgspec

from afterclick.app import questions
from afterclick.core import i18n
from afterclick.core import spec as specs
from afterclick.core.errors import InputError, SpecError, nearest
from afterclick.core.said import Said
from afterclick.core.spec import Spec
from afterclick.surfaces.report import outline
from afterclick.surfaces.report.outline import Outline, Pairs, Section
from afterclick.surfaces.web.pages import named

_OWN: Final = ("title", "text", "lang", "people", "cards")
_CARD: Final = ("question", "page", "card", "title", "text", "view")


def read(path: Path, pairs: Pairs = (), *, title: str = "", lang: str = "", people: bool = False) -> Outline:
    """The report that a file describes; what is given here wins over the file's head.

    Raises InputError for a file that cannot be read, SpecError with a path such as `cards[2].range` for what is in it.
    """
    try:
        values = tomllib.loads(path.read_text("utf-8"))
    except FileNotFoundError:
        raise InputError(Said("refusals.no_file", path=str(path)), hint=Said("refusals.see_report_help")) from None
    except (tomllib.TOMLDecodeError, UnicodeDecodeError) as error:
        raise InputError(Said("refusals.no_toml", path=str(path), error=error)) from None
    return of_values(values, pairs, title=title, lang=lang, people=people)


def of_values(
    values: Mapping[str, Any], pairs: Pairs = (), *, title: str = "", lang: str = "", people: bool = False
) -> Outline:
    """The report of a decoded file."""
    shared = {name: value for name, value in values.items() if name not in _OWN}
    known = {field.name for kind in questions.ALL for field in kind.fields()}
    for name in shared:
        if name not in known:
            raise SpecError(Said("refusals.report_has_no", name=name), hint=nearest(name, {*_OWN, *known}), path=name)
    said = lang or _text(values, "lang", "")
    if said and said not in i18n.languages():
        raise SpecError(
            Said("refusals.lang_cannot", said=said[:40]),
            hint=Said("refusals.one_of", names=", ".join(i18n.languages())),
            path="lang",
        )
    cards = values.get("cards", [])
    if not isinstance(cards, list) or not all(isinstance(card, dict) for card in cards):
        raise SpecError(Said("refusals.cards_are_tables"), path="cards")
    asked = people or values.get("people") is True
    common = _texts(shared, "") + list(pairs)
    sections = tuple(_section(card, i, common, said, asked) for i, card in enumerate(cards))
    return Outline(
        title=title or _text(values, "title", ""),
        text=_text(values, "text", ""),
        lang=said,
        people=asked,
        sections=sections,
    )


def _section(card: Mapping[str, Any], number: int, common: Pairs, lang: str, people: bool) -> Section:
    place = f"cards[{number}]"
    own = {name: value for name, value in card.items() if name not in _CARD}
    title, text = _text(card, "title", place), _text(card, "text", place)
    question, page = _text(card, "question", place), _text(card, "page", place)
    view = _text(card, "view", place) or "chart"
    if view not in ("chart", "table"):
        raise SpecError(
            Said("refusals.view_cannot", view=view[:40]),
            hint=Said("refusals.chart_or_table"),
            path=f"{place}.view",
        )
    if question and page:
        raise SpecError(Said("refusals.question_or_page"), hint=Said("refusals.two_cards"), path=place)
    if not question and not page:
        if own or not (title or text):
            raise SpecError(Said("refusals.card_has"), hint='question = "map"', path=place)
        return Section(title=title, text=text)
    try:
        made = _made(question, page, _text(card, "card", place), view, (common, _texts(own, place)), lang, people)
    except SpecError as error:
        path = error.path if error.path.startswith(place) else f"{place}.{error.path or 'question'}"
        raise SpecError(error.said, hint=error.advice, path=path) from None
    return msgspec.structs.replace(made, title=title or made.title, text=text)


def _made(
    question: str, page: str, card: str, view: str, pairs: tuple[Pairs, Pairs], lang: str, people: bool
) -> Section:
    common, own = pairs
    given = {name for name, _ in own}
    if question:
        kind = specs.kind(question)
        outline.refuse_personal(question, people)
        merged = _merged(kind, common, own, given)
        return outline.of_question(kind, merged, lang, view=view)
    outline.check_page(page, people)
    found = named(page)
    if found is None:
        raise SpecError(Said("refusals.question_no_page", page=page), hint=f'question = "{page}"', path="page")
    return outline.of_page(found, _merged(found.kind, common, own, given), lang, card=card, view=view)


def _merged(kind: type[Spec], common: Pairs, own: Pairs, given: set[str]) -> Pairs:
    """The card's own fields over the shared ones; an own field that the question lacks is an error."""
    known = {field.name for field in kind.fields()}
    for name in given - known:
        raise SpecError(
            Said("refusals.no_such_field", key_word=kind.key_word, name=name),
            hint=nearest(name, known) or ", ".join(sorted(known)),
            path=name,
        )
    return [pair for pair in common if pair[0] not in given] + list(own)


def _texts(values: Mapping[str, Any], place: str) -> list[tuple[str, str]]:
    """Fields of a TOML table as the texts of an address."""
    pairs = []
    for name, value in values.items():
        for item in value if isinstance(value, list) else [value]:
            if isinstance(item, dict | list):
                path = f"{place}.{name}" if place else name
                raise SpecError(Said("refusals.text_number_list", name=name), path=str(path))
            pairs.append((name, str(item).lower() if isinstance(item, bool) else str(item)))
    return pairs


def _text(values: Mapping[str, Any], name: str, place: str) -> str:
    value = values.get(name, "")
    if not isinstance(value, str):
        raise SpecError(Said("refusals.is_a_text", name=name), path=f"{place}.{name}" if place else name)
    return value
