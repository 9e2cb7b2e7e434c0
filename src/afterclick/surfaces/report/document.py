"""A report as one HTML file: its styles inside under their hash, no script, nothing asked of the network."""

from __future__ import annotations

from collections.abc import Mapping
from importlib import metadata, resources
from typing import Any

import msgspec

from afterclick.core.errors import AfterclickError
from afterclick.core.result import Result
from afterclick.surfaces import presenting
from afterclick.surfaces.report import tables
from afterclick.surfaces.report.behind import Definitions, Lists
from afterclick.surfaces.report.markdown import markdown
from afterclick.surfaces.report.outline import Outline, Piece, Section, title_of
from afterclick.surfaces.viz.markup import Child, Html, el, join
from afterclick.surfaces.viz.notebook import bare, policy
from afterclick.surfaces.viz.styles import stylesheet, used
from afterclick.surfaces.viz.voice import Voice
from afterclick.surfaces.web import exports, slim
from afterclick.surfaces.web.page import Draw

Answers = Mapping[str, Result | AfterclickError]


def document(outline: Outline, answers: Answers, info: Mapping[str, Any], lang: str) -> str:
    """The whole file. `answers` hold a Result, or why there is none, by the key of each question."""
    voice = Voice(lang=lang, currency=str(info.get("currency") or ""), zone=str(info.get("timezone") or "UTC"))
    made = _Document(outline, answers, info, voice)
    # Boxes that scroll are landmarks on a page; in a long file with a hundred tables they are groups.
    body = Html(made.body().replace(' role="region"', ' role="group"'))
    style = slim.css(used(stylesheet() + _own(), f'{body} class="report"'))
    head = [
        el("meta", {"charset": "utf-8"}),
        el("meta", {"http-equiv": "Content-Security-Policy", "content": policy([style])}),
        el("meta", {"name": "viewport", "content": "width=device-width, initial-scale=1"}),
        el("meta", {"name": "color-scheme", "content": "light dark"}),
        el("meta", {"name": "referrer", "content": "no-referrer"}),
        el("title", None, made.title),
        el("style", None, Html(style)),
    ]
    page = el("html", {"lang": lang, "class": "ac"}, el("head", None, head), el("body", {"class": "report"}, body))
    return f"<!doctype html>\n{page}\n"


def _own() -> str:
    return (resources.files("afterclick.surfaces.report") / "report.css").read_text("utf-8")


class _Document:
    def __init__(self, outline: Outline, answers: Answers, info: Mapping[str, Any], voice: Voice) -> None:
        self._outline = outline
        self._answers = answers
        self._info = info
        self._voice = voice
        self._definitions = Definitions()
        self._tabled: set[str] = set()
        self._lists = Lists() if outline.people else None
        name = str(info.get("name") or "")
        usual = voice.text("report.title", name=name) if name else voice.text("report.untitled")
        self.title = outline.title or usual

    def body(self) -> Html:
        """Head, contents, sections, appendices; the appendices hold what the sections gathered while being drawn."""
        text = self._voice.text
        sections = [(f"s{i}", section) for i, section in enumerate(self._outline.sections, 1)]
        behind = self._tables(sections)
        drawn = [self._section(anchor, section) for anchor, section in sections]
        appendices = [
            (anchor, title, made)
            for anchor, title, made in (
                ("tables", text("report.tables"), behind),
                ("people", text("report.people"), self._people()),
                ("definitions", text("report.definitions"), self._defined()),
                ("asked", text("report.asked"), self._asked()),
            )
            if made
        ]
        entries = [(anchor, section.title) for anchor, section in sections if section.title]
        entries += [(anchor, title) for anchor, title, _ in appendices]
        return join(
            [
                self._head(entries),
                el("main", None, drawn, [_appendix(*each) for each in appendices]),
                el(
                    "footer", {"class": "end caption"}, text("report.made_with", version=metadata.version("afterclick"))
                ),
            ]
        )

    def _head(self, entries: list[tuple[str, str]]) -> Html:
        text = self._voice.text
        last = self._info.get("last_at")
        about = text("report.made_of", name=str(self._info.get("name") or "–"), at=self._voice.instant(last))
        contents = el("ol", None, [el("li", None, el("a", {"href": f"#{anchor}"}, title)) for anchor, title in entries])
        return el(
            "header",
            {"class": "title"},
            el("h1", None, self.title),
            el("p", {"class": "caption"}, about),
            el("p", {"class": "tag"}, text("report.example")) if self._info.get("example") else None,
            el("div", {"class": "prose"}, markdown(self._outline.text, 2)) if self._outline.text else None,
            el("nav", {"aria-label": text("report.contents")}, el("h2", None, text("report.contents")), contents),
        )

    def _section(self, anchor: str, section: Section) -> Html:
        cards = [
            el("div", {"class": "half" if piece.half else None}, made)
            for i, piece in enumerate(section.pieces)
            if (made := self._card(piece, f"{anchor}-{i}"))
        ]
        return el(
            "section",
            {"class": "sheet" if cards else "prose sheet", "id": anchor},
            el("h2", None, section.title) if section.title else None,
            el("div", {"class": "prose"}, markdown(section.text)) if section.text else None,
            el("div", {"class": "cards"}, cards) if cards else None,
            el(
                "p",
                {"class": "caption leads"},
                el("a", {"href": f"#tables-{anchor}"}, self._voice.text("report.to_tables")),
            )
            if anchor in self._tabled
            else None,
        )

    def _card(self, piece: Piece, prefix: str) -> Html | None:
        found = self._answers.get(piece.spec.key)
        if piece.problem or not isinstance(found, Result):
            return self._lacking(piece, found)
        people = self._lists.of(found) if self._lists else None
        voice = msgspec.structs.replace(
            self._voice_of(found, prefix), explain=self._definitions, people=people, looks=piece.looks
        )
        if not piece.draws:
            return el(
                "div", {"class": "panel card"}, bare(found, voice, presenting.columns(piece.spec)[0], tables.ROWS)
            )
        drawn = [made for draw in piece.draws if (made := draw(found, voice, piece.view))]
        return join(drawn) if drawn else None

    def _lacking(self, piece: Piece, found: object) -> Html:
        said = piece.problem or (found.say(self._voice.lang) if isinstance(found, AfterclickError) else "")
        return el(
            "div",
            {"class": "panel card"},
            el("h3", None, self._voice.text("report.no_answer")),
            el("p", {"class": "caption"}, said),
        )

    def _tables(self, sections: list[tuple[str, Section]]) -> list[Child]:
        """The tables behind the cards, under the heading of their section; an answer drawn twice has them once."""
        parts: list[Child] = []
        seen: set[tuple[str, tuple[Draw, ...]]] = set()
        told = {
            piece.spec.key
            for _, section in sections
            for piece in section.pieces
            if isinstance(result := self._answers.get(piece.spec.key), Result)
            and tables.of_its_own(piece, result, self._voice_of(result, "t"))
        }
        for anchor, section in sections:
            found = []
            for piece in section.pieces:
                result = self._answers.get(piece.spec.key)
                if isinstance(result, Result) and (piece.spec.key, piece.draws) not in seen:
                    seen.add((piece.spec.key, piece.draws))
                    found += tables.tables(
                        piece, result, self._voice_of(result, f"t{anchor}"), self._name(section), told
                    )
            if found:
                self._tabled.add(anchor)
                back = el("a", {"href": f"#{anchor}"}, self._voice.text("report.to_card"))
                title = self._voice.text("report.tables_of", title=self._name(section))
                parts.append(el("h3", {"id": f"tables-{anchor}"}, title, " ", el("small", None, back)))
                parts.append(el("div", {"class": "cards"}, found))
        return (
            [el("p", {"class": "caption"}, self._voice.text("report.tables_caption", n=tables.ROWS)), *parts]
            if parts
            else []
        )

    def _name(self, section: Section) -> str:
        return section.title or title_of(section.pieces[0].spec, self._voice.lang)

    def _voice_of(self, result: Result, prefix: str) -> Voice:
        return msgspec.structs.replace(self._voice, currency=str(result.about.get("currency") or ""), prefix=prefix)

    def _people(self) -> list[Child]:
        if self._lists is None:
            return []
        lists: list[Child] = list(self._lists.shown(self._voice))
        if not lists:
            return []
        limit = el("p", {"class": "caption"}, self._voice.text("report.people_limit", n=len(lists)))
        caption = el("p", {"class": "caption"}, self._voice.text("report.people_caption", n=tables.ROWS))
        return [caption, limit if self._lists.full else None, *lists]

    def _defined(self) -> list[Child]:
        shown = self._definitions.shown()
        return [el("p", {"class": "caption"}, self._voice.text("report.definitions_caption")), shown] if shown else []

    def _asked(self) -> list[Child]:
        specs = self._outline.specs()
        if not specs:
            return []
        marks = sorted(
            {str(found.about.get("fingerprint")) for found in self._answers.values() if isinstance(found, Result)}
        )
        return [
            el("p", {"class": "caption"}, self._voice.text("report.asked_caption")),
            [
                el("pre", {"tabindex": 0}, el("code", None, f"{exports.command(spec)}\n\n{exports.python_call(spec)}"))
                for spec in specs.values()
            ],
            [el("p", {"class": "caption"}, self._voice.text("report.fingerprint", fingerprint=mark)) for mark in marks],
        ]


def _appendix(anchor: str, title: str, made: list[Child]) -> Html:
    return el("section", {"class": "sheet", "id": anchor}, el("h2", None, title), made)
