"""The API as a page: every question with its fields, an address to try, and the same call in a shell and in Python."""

from __future__ import annotations

import shlex
from typing import Any

from afterclick.core import i18n
from afterclick.core.spec import Field, Spec
from afterclick.surfaces.viz.markup import Child, Html, el, join
from afterclick.surfaces.viz.tables import Column, table
from afterclick.surfaces.viz.voice import Voice
from afterclick.surfaces.web import exports, openapi
from afterclick.surfaces.web.pages import PAGES


def drawn(voice: Voice, base: str) -> Html:
    """The cards of the page; `base` is the address of this server, without a slash at its end."""
    kinds = openapi.kinds()
    shared = {field.name: field for kind in kinds for field in kind.fields() if field.scope}
    return join(
        [
            _lead(voice, kinds),
            [_question(kind, voice, base) for kind in kinds],
            el(
                "section",
                {"class": "panel card", "id": "scope"},
                el("h2", None, voice.text("api.scope")),
                _fields(list(shared.values()), voice, voice.text("api.scope")),
            ),
            _answer(voice),
            _errors(voice),
            _others(voice),
        ]
    )


def _lead(voice: Voice, kinds: tuple[type[Spec], ...]) -> Html:
    links = {
        "openapi": el("a", {"href": "/openapi.json"}, "/openapi.json"),
        "schema": el("a", {"href": "/schema.json"}, "/schema.json"),
    }
    before, _, rest = voice.text("api.machine", openapi="\0", schema="\1").partition("\0")
    between, _, after = rest.partition("\1")
    listed = [el("li", None, el("a", {"href": f"#{kind.key_word}"}, title(kind, voice))) for kind in kinds]
    return el(
        "section",
        {"class": "panel card"},
        el("p", None, voice.text("api.lead")),
        el("p", {"class": "caption"}, before, links["openapi"], between, links["schema"], after),
        el("h2", None, voice.text("api.questions")),
        el("ul", {"class": "items flow"}, listed),
    )


def title(kind: type[Spec], voice: Voice) -> str:
    """What a question is called in the page's language."""
    return i18n.find(voice.lang, f"question.{kind.key_word}") or kind.title()


def _question(kind: type[Spec], voice: Voice, base: str) -> Html:
    spec = openapi.example(kind)
    address = openapi.address(spec)
    own = [field for field in kind.fields() if not field.scope]
    scope = [field.name for field in kind.fields() if field.scope]
    pages = [page for page in PAGES if page.kind is kind and page.group]
    return el(
        "section",
        {"class": "panel card", "id": kind.key_word},
        el("h2", None, title(kind, voice), " ", el("code", None, f"GET /api/{kind.key_word}.json")),
        el("p", {"class": "caption", "lang": "en"}, kind.title()),
        _fields(own, voice, f"{kind.key_word}: {voice.text('api.parameters')}") if own else None,
        el("p", {"class": "caption"}, voice.text("api.scope_of", names=", ".join(scope))) if scope else None,
        el("p", None, voice.text("api.example"), ": ", el("a", {"href": address}, el("code", None, address))),
        _code("curl", f"curl {shlex.quote(base + address)}"),
        _code(voice.text("api.cli"), exports.command(spec)),
        _code(voice.text("api.python"), exports.python_call(spec)),
        [
            el("p", {"class": "caption"}, voice.text("api.page"), ": ", el("a", {"href": page.path}, voice.text(page.title)))
            for page in pages
        ],
    )


def _code(name: str, text: str) -> Html:
    return join([el("p", {"class": "group"}, name), el("pre", {"data-copy": True, "tabindex": 0}, el("code", None, text))])


def _fields(fields: list[Field], voice: Voice, label: str) -> Html:
    columns = [
        Column(voice.text("api.name"), lambda field: el("code", None, field.name)),
        Column(voice.text("api.type"), lambda field: _type(field, voice)),
        Column(voice.text("api.default"), lambda field: _default(field, voice)),
        Column(voice.text("api.meaning"), _meaning),
    ]
    return table(columns, fields, label=label)


def _type(field: Field, voice: Voice) -> Child:
    more = f" ({voice.text('api.repeats')})" if field.many else ""
    if field.choices:
        return [", ".join(field.choices), more]
    return voice.text(f"api.type_{ {int: 'int', float: 'float', bool: 'bool'}.get(field.type, 'text')}") + more


def _default(field: Field, voice: Voice) -> Child:
    if field.required:
        return el("strong", None, voice.text("api.required"))
    if field.default in ("", (), None):
        return el("span", {"class": "quiet"}, voice.text("api.empty"))
    return el("code", None, str(field.default))


def _meaning(field: Field) -> Html:
    # The words of a field are written once, in the question itself, and in English.
    examples = [el("code", None, text) for text in field.examples] if not field.choices else []
    spaced: list[Child] = [part for example in examples for part in (" ", example)]
    return el("span", {"lang": "en"}, field.description, el("small", None, spaced) if spaced else None)


def _answer(voice: Voice) -> Html:
    shapes: dict[str, Any] = openapi.document()["components"]["schemas"]["Result"]["properties"]
    columns = [
        Column(voice.text("api.name"), lambda pair: el("code", None, pair[0])),
        Column(voice.text("api.meaning"), lambda pair: el("span", {"lang": "en"}, pair[1].get("description", ""))),
    ]
    return el(
        "section",
        {"class": "panel card", "id": "answer-shape"},
        el("h2", None, voice.text("api.answer")),
        el("p", {"class": "caption"}, voice.text("api.answer_what")),
        table(columns, shapes.items(), label=voice.text("api.answer")),
    )


def _errors(voice: Voice) -> Html:
    columns = [
        Column(voice.text("api.status"), lambda kind: str(kind.status)),
        Column(voice.text("api.code"), lambda kind: el("code", None, kind.code)),
        Column(voice.text("api.meaning"), lambda kind: el("span", {"lang": "en"}, (kind.__doc__ or "").splitlines()[0])),
    ]
    return el(
        "section",
        {"class": "panel card", "id": "errors"},
        el("h2", None, voice.text("api.errors")),
        el("p", {"class": "caption"}, voice.text("api.errors_what")),
        table(columns, openapi.tree(), label=voice.text("api.errors")),
    )


def _others(voice: Voice) -> Html:
    paths = openapi.document()["paths"]
    rows = [(path, how["get"]["summary"]) for path, how in paths.items() if "questions" not in how["get"]["tags"]]
    columns = [
        Column(voice.text("api.name"), lambda row: el("code", None, f"GET {row[0]}")),
        Column(voice.text("api.meaning"), lambda row: el("span", {"lang": "en"}, row[1])),
    ]
    return el(
        "section",
        {"class": "panel card", "id": "others"},
        el("h2", None, voice.text("api.others")),
        table(columns, rows, label=voice.text("api.others")),
    )
