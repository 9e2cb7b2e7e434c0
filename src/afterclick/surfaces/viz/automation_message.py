"""The fields of a message and of what a page shows, one group for each language, and how the message will read."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Final

from afterclick.store.automations import Show, Words
from afterclick.surfaces.viz.entries import choice, field, fields
from afterclick.surfaces.viz.markup import Html, el, said
from afterclick.surfaces.viz.voice import Voice

PARTS: Final = ("title", "body", "button", "url", "image", "code")
"""The fields of `Words` beside its language, in the order of the form."""
LANGUAGES: Final = ("", "en", "ko")


def languages(voice: Voice) -> list[tuple[str, str]]:
    """The languages a message may be in, with their names."""
    return [("", voice.text("automations.any_language")), ("en", "English"), ("ko", "한국어")]


def message(words: Sequence[Words], voice: Voice, prefix: str = "") -> Html:
    """A group of fields for each language the message is in, and an empty one; a group emptied of all text goes."""
    groups = [_words(each, i, voice, prefix) for i, each in enumerate(words)]
    fresh = el(
        "details",
        {"class": "more", "open": not words},
        el("summary", None, voice.text("automations.add_language")),
        _words(Words(), len(words), voice, prefix, titled=False),
    )
    return el("div", {"class": "message"}, groups, fresh)


def _words(words: Words, i: int, voice: Voice, prefix: str, *, titled: bool = True) -> Html:
    at = f"{prefix}w{i}_"
    names = dict(languages(voice))
    legend = names.get(words.lang, words.lang) if titled else None
    hint = voice.text("automations.words_body_said")
    body = field(voice.text("automations.words_body"), f"{at}body", words.body, lines=3, said=hint)
    rest = [
        field(voice.text(f"automations.words_{part}"), f"{at}{part}", str(getattr(words, part)),
              said=voice.known(f"automations.words_{part}_said") or "")
        for part in PARTS
        if part not in ("body", "title")
    ]  # fmt: skip
    title = field(voice.text("automations.words_title"), f"{at}title", words.title, long=True)
    lang = choice(voice.text("automations.words_lang"), f"{at}lang", words.lang, languages(voice))
    return fields(lang, title, body, rest, legend=legend)


def look(show: Show, voice: Voice, prefix: str = "") -> Html:
    """How and where a page shows it, and for how long."""
    kinds = [(kind, voice.text(f"automations.kind_{kind}")) for kind in ("banner", "popup", "slot", "toast")]
    themes = [("auto", voice.text("automations.theme_auto"))]
    themes += [(theme, voice.text(f"frame.theme_{theme}")) for theme in ("light", "dark")]
    return fields(
        choice(voice.text("automations.show_kind"), f"{prefix}show_kind", show.kind, kinds),
        field(voice.text("automations.show_placement"), f"{prefix}placement", show.placement,
              said=voice.text("automations.show_placement_said")),
        field(voice.text("automations.show_ttl"), f"{prefix}ttl", show.ttl, said=voice.text("automations.show_ttl_said")),
        choice(voice.text("frame.theme"), f"{prefix}theme", show.theme, themes),
        field(voice.text("automations.show_colour"), f"{prefix}colour", show.colour, more={"placeholder": "#0b62d6"}),
    )  # fmt: skip


def preview(words: Sequence[tuple[Words, str]], voice: Voice, heading: str) -> Html | None:
    """How each language reads with its values filled in; a text that cannot be filled in says why instead."""
    if not words:
        return None
    names = dict(languages(voice))
    items = [
        el(
            "li",
            {"class": "panel bubble", "lang": each.lang or None},
            el("small", {"lang": voice.lang}, names.get(each.lang, each.lang)),
            el("p", {"class": "wrong", "lang": voice.lang}, problem) if problem else None,
            el("p", {"class": "heading"}, said(each.title)) if each.title else None,
            el("p", None, said(each.body)) if each.body else None,
            el("p", None, el("code", None, said(each.code))) if each.code else None,
            el("p", None, el("span", {"class": "fake"}, said(each.button))) if each.button else None,
        )
        for each, problem in words
    ]
    return el("div", {"class": "previews"}, el("h3", None, heading), el("ul", None, items))
