"""How a Result shows itself in Python: registered by name, so that no lower layer imports a surface."""

from __future__ import annotations

import functools
from typing import TYPE_CHECKING, Any

from afterclick.core import i18n, settings
from afterclick.core.result import Result, present

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    from afterclick.core.spec import Spec
    from afterclick.surfaces.viz.notebook import Draw
    from afterclick.surfaces.viz.voice import Voice
    from afterclick.surfaces.web.page import Card, Page

# Everything below is imported when something is shown: to open a store must not wait for pictures.
# ruff: noqa: PLC0415


def register() -> None:
    """Let every Result show itself, and every open store write reports."""
    forms: dict[str, Callable[..., Any]] = {
        "html": _html,
        "text": _text,
        "svg": _svg,
        "url": _url,
        "plotly": _plotly,
        "html file": _document,
        "svg file": lambda result, lang: '<?xml version="1.0" encoding="UTF-8"?>\n' + _svg(result, lang),
        "csv file": lambda result, _lang: _csv(result),
        "json file": lambda result, lang: result.to_json(language(lang)),
        "report": _report,
    }
    for form, how in forms.items():
        present(form, how)


def language(lang: str) -> str:
    """The language asked for, else that of $AFTERCLICK_LANG, else English."""
    given = lang or settings.text("lang")
    return given if given in i18n.languages() else i18n.languages()[0]


@functools.cache
def draws(kind: type[Spec]) -> tuple[tuple[Draw, ...], Mapping[str, str]]:
    """What the dashboard draws of the answers to a kind of question: the cards of its own page, else of any page.

    With them the looks of that page, at their defaults.
    """
    from afterclick.surfaces.web.pages import PAGES

    own = [page for page in PAGES if page.kind is kind]
    for page in [*own, *(page for page in PAGES if page.kind is not kind)]:
        looks = page.looked({})
        found = [card.draw for card in page.cards.values() if _asks(page, card, looks) is kind]
        if found:
            return tuple(found), looks
    return (), {}


def _asks(page: Page, card: Card, looks: Mapping[str, str]) -> type[Spec] | None:
    """The kind of question a card asks on a page that was just opened; None where it asks none then."""
    needy = any(field.required for field in page.kind.fields())
    if page.start is None and needy:
        return page.kind if card.ask is None and card.choose is None else None
    spec = card.question(page.start if page.start is not None else page.kind(), looks)
    return None if spec is None else type(spec)


def columns(spec: Spec) -> tuple[tuple[str, ...], str]:
    """The columns worth showing of an answer, and the one that is drawn as bars."""
    from afterclick.surfaces.cli import views

    view = views.view_of(spec)
    return view.columns, view.bar


def _voice(result: Result, lang: str, prefix: str = "") -> Voice:
    from afterclick.surfaces.viz import notebook

    return notebook.voice_of(result, language(lang), prefix)


def _html(result: Result, lang: str = "", prefix: str = "") -> str:
    import msgspec

    from afterclick.surfaces.viz import notebook

    cards, looks = draws(type(result.spec))
    voice = msgspec.structs.replace(_voice(result, lang, prefix), looks=looks)
    return notebook.card(result, voice, cards, columns(result.spec)[0])


def _text(result: Result, lang: str = "") -> str:
    from afterclick.surfaces.viz import plain

    return plain.text(result, _voice(result, lang), columns(result.spec)[0])


def _svg(result: Result, lang: str = "") -> str:
    from afterclick.surfaces.viz.picture import picture

    shown, bar = columns(result.spec)
    return picture(result, _voice(result, lang), bar, shown)


def _plotly(result: Result, lang: str = "") -> Any:
    from afterclick.surfaces.viz.plotly_figure import figure

    shown, bar = columns(result.spec)
    return figure(result, _voice(result, lang), bar, shown)


def _url(result: Result, lang: str = "") -> str:
    from afterclick.surfaces.cli.addresses import address

    return address(result.spec, language(lang))


def _document(result: Result, lang: str = "") -> str:
    from afterclick.surfaces.viz import notebook

    return notebook.document(_html(result, lang), result.sentence(language(lang)), language(lang))


def _csv(result: Result) -> str:
    from afterclick.surfaces.web.forms import csv_lines

    return "".join(csv_lines([result.frame]))


def _report(*given: Any, **options: Any) -> Any:
    from afterclick.surfaces.report.writing import write

    return write(*given, **options)
