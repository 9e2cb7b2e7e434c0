"""The API described for programs: OpenAPI 3.1, made from the questions, the pages and the error tree."""

from __future__ import annotations

import contextlib
import functools
from collections.abc import Iterator
from importlib import metadata
from typing import Any, Final

import msgspec

from afterclick.app import questions
from afterclick.core import errors, i18n
from afterclick.core.errors import AfterclickError, SpecError
from afterclick.core.spec import Field, Spec
from afterclick.surfaces.web import exports
from afterclick.surfaces.web.pages import PAGES

_REF: Final = "#/components/schemas/"
_TEXT: Final = {"type": "string"}
_CSV: Final = {"text/csv": {"schema": {"type": "string"}}}
_DOCUMENT: Final = {"application/json": {"schema": {"type": "object"}}}


@functools.cache
def document() -> dict[str, Any]:
    """The whole description; equal for every store."""
    return {
        "openapi": "3.1.0",
        "info": {
            "title": "afterclick",
            "version": metadata.version("afterclick"),
            "summary": "What happens after the click, as JSON.",
            "description": "Every question of the dashboard by its own address: the same fields as in Python and on the "
            "command line, the same figures. An address is read-only and may be asked again at any time.",
            "license": {"name": "Apache-2.0", "identifier": "Apache-2.0"},
        },
        "servers": [{"url": "/"}],
        "security": [{}, {"token": []}],
        "tags": [{"name": name, "description": about} for name, about in _TAGS.items()],
        "paths": dict(_paths()),
        "components": {
            "schemas": _schemas(),
            "parameters": {"lang": _LANG, **_shared()},
            "responses": _refusals(),
            "securitySchemes": {"token": {"type": "http", "scheme": "bearer"}},
        },
    }


_TAGS: Final = {
    "questions": "One address per question; a bad value is refused, never replaced.",
    "pages": "What a page of the dashboard shows, as data.",
    "people": "The visitors behind a number: as many as it says.",
    "house": "The API about itself.",
}

_LANG: Final = {
    "name": "lang",
    "in": "query",
    "description": "language of sentences and notes",
    "schema": {"type": "string", "enum": list(i18n.languages()), "default": i18n.languages()[0]},
}


def kinds() -> tuple[type[Spec], ...]:
    """Every question that can be asked, in the order of the registry."""
    return questions.ALL


@functools.cache
def example(kind: type[Spec]) -> Spec:
    """A question of this kind as a newcomer asks it: defaults, and as few of a required field's examples as will do."""
    required = [field for field in kind.fields() if field.required]
    longest = max((len(field.examples) for field in required if field.many), default=1)
    for count in range(1, longest):
        with contextlib.suppress(SpecError):
            return _of_examples(kind, required, count)
    return _of_examples(kind, required, longest)


def _of_examples(kind: type[Spec], required: list[Field], count: int) -> Spec:
    return kind.from_texts((field.name, text) for field in required for text in _examples(field, count))


def _examples(field: Field, count: int | None = None) -> tuple[str, ...]:
    return field.examples[:count] if field.many else field.examples[:1]


def address(spec: Spec) -> str:
    """Where a question is asked."""
    query = spec.to_url()
    return f"/api/{spec.key_word}.json" + (f"?{query}" if query else "")


def _paths() -> Iterator[tuple[str, dict[str, Any]]]:
    for kind in kinds():
        yield f"/api/{kind.key_word}.json", {"get": _question(kind)}
    for page in PAGES:
        fields = _parameters(page.kind)
        card = _parameter("card", "one card of the page", {"type": "string", "enum": list(page.cards)})
        shown = {"application/json": {"schema": _answer(page.kind)}}
        for form, content, about in (("json", shown, "with its cards"), ("csv", _CSV, "as CSV")):
            made = _get(f"The page {page.name} {about}", "pages", [*fields, card], content, f"{form}_{page.name}")
            yield f"/{page.name}.{form}", {"get": made}
    behind = [
        _parameter("question", "whose cell", {"type": "string", "enum": [kind.key_word for kind in kinds()], "default": "map"}),
        _parameter("people", "the cell", _TEXT, required=True, example="visitors"),
    ]
    number = _parameter("page", "fifty visitors each", {"type": "integer", "minimum": 1, "default": 1})
    shown = {"application/json": {"schema": {"$ref": _REF + "People"}}}
    more = "Beside these, the fields of that question."
    yield "/people.json", {"get": _get("The visitors behind a cell", "people", [*behind, number], shown, "people", more)}
    yield "/people.csv", {"get": _get("All of them as CSV", "people", behind, _CSV, "people_csv", more)}
    for name, about in _HOUSE.items():
        yield f"/{name}", {"get": _get(about, "house", [], _DOCUMENT, name.partition(".")[0])}


_HOUSE: Final = {
    "live.json": "What arrives now: the last 30 minutes, who is active, the newest events, the balance",
    "openapi.json": "This description",
    "schema.json": "JSON Schema of every question",
    "healthz": "Whether the server answers, and up to when it has data",
}


def _question(kind: type[Spec]) -> dict[str, Any]:
    shown = {"application/json": {"schema": _answer(kind)}}
    made = _get(kind.title(), "questions", _parameters(kind), shown, f"ask_{kind.key_word}")
    spec = example(kind)
    made["x-example"] = address(spec)
    made["x-codeSamples"] = [
        {"lang": "Python", "source": exports.python_call(spec)},
        {"lang": "Shell", "source": exports.command(spec)},
    ]
    return made


def _get(
    about: str, tag: str, parameters: list[dict[str, Any]], content: dict[str, Any], name: str, more: str = ""
) -> dict[str, Any]:
    made: dict[str, Any] = {"operationId": name, "tags": [tag], "summary": about}
    if more:
        made["description"] = more
    if tag != "house":
        made["parameters"] = [*parameters, {"$ref": "#/components/parameters/lang"}]
    answered = {"description": "The answer", "content": content}
    return made | {"responses": {"200": answered, **_refused(tag)}}


def _refused(tag: str) -> dict[str, Any]:
    """Answers beside 200: unchanged, or one of the error tree."""
    if tag == "house":
        return {}
    statuses = sorted({kind.status for kind in tree()})
    kept = {"304": {"description": "Unchanged since the ETag given in If-None-Match"}} if tag != "people" else {}
    return kept | {str(status): {"$ref": f"#/components/responses/status_{status}"} for status in statuses}


def tree() -> list[type[AfterclickError]]:
    """Every kind of error, the base first."""
    found = [kind for kind in vars(errors).values() if isinstance(kind, type) and issubclass(kind, AfterclickError)]
    return sorted(found, key=lambda kind: (kind.status, kind.code))


def _refusals() -> dict[str, Any]:
    body = {"application/json": {"schema": {"$ref": _REF + "Error"}}}
    by_status: dict[int, list[str]] = {}
    for kind in tree():
        line = (kind.__doc__ or "").splitlines()[0]
        by_status.setdefault(kind.status, []).append(f"{kind.code}: {line}")
    return {f"status_{status}": {"description": " ".join(lines), "content": body} for status, lines in by_status.items()}


def _parameters(kind: type[Spec]) -> list[dict[str, Any]]:
    """The fields of a question; those of the shared scope stand in one place and are referred to."""
    shared = _shared()
    made = [_of_field(kind, field) for field in kind.fields()]
    return [
        {"$ref": f"#/components/parameters/{each['name']}"} if shared.get(each["name"]) == each else each for each in made
    ]


@functools.cache
def _shared() -> dict[str, dict[str, Any]]:
    """Fields of scope by name, as the first question that has them declares them."""
    found: dict[str, dict[str, Any]] = {}
    for kind in kinds():
        for field in kind.fields():
            if field.scope and field.name not in found:
                found[field.name] = _of_field(kind, field)
    return found


def _of_field(kind: type[Spec], field: Field) -> dict[str, Any]:
    schema = _properties(kind)[field.name]
    plain = {name: value for name, value in schema.items() if name not in ("description", "examples")}
    return _parameter(
        field.name,
        field.description,
        {"type": "string", **plain} if "enum" in plain else plain,
        required=field.required,
        example=(list(field.examples) if field.many else field.examples[0]) if field.examples else None,
    )


def _parameter(
    name: str, about: str, schema: dict[str, Any], *, required: bool = False, example: Any = None
) -> dict[str, Any]:
    made: dict[str, Any] = {"name": name, "in": "query", "description": about, "schema": schema}
    if required:
        made["required"] = True
    if schema.get("type") == "array":
        made |= {"style": "form", "explode": True}
    if example is not None:
        made["example"] = example
    return made


def _properties(kind: type[Spec]) -> dict[str, dict[str, Any]]:
    found: dict[str, dict[str, Any]] = kind.schema()["$defs"][kind.__name__]["properties"]
    return found


def _answer(kind: type[Spec]) -> dict[str, Any]:
    """The shape of every answer, with this question in it."""
    return {
        "allOf": [
            {"$ref": _REF + "Result"},
            {"type": "object", "properties": {"spec": {"$ref": _REF + kind.__name__}}},
        ]
    }


def _schemas() -> dict[str, Any]:
    return {kind.__name__: _spec_schema(kind) for kind in kinds()} | _SHAPES


def _spec_schema(kind: type[Spec]) -> dict[str, Any]:
    """A question as an answer repeats it: its name and all its fields."""
    properties = {"question": {"const": kind.key_word}, **_properties(kind)}
    return {
        "title": kind.__name__,
        "description": kind.title(),
        "type": "object",
        "properties": properties,
        "required": list(properties),
        "additionalProperties": False,
    }


def _object(properties: dict[str, Any], *, optional: tuple[str, ...] = ()) -> dict[str, Any]:
    required = [name for name in properties if name not in optional]
    return {"type": "object", "properties": properties, "required": required}


_ROWS: Final = {"type": "array", "items": {"type": "object"}}
_NOTE: Final = _object({"code": _TEXT, "text": _TEXT, "params": {"type": "object"}}, optional=("params",))
_SHAPES: Final = {
    "Result": _object(
        {
            "spec": {"type": "object", "description": "the question as it was understood, every field of it"},
            "sentence": {"type": "string", "description": "the finding in one sentence"},
            "figures": {"type": "object", "description": "single numbers by name; null where one cannot be computed"},
            "data": _ROWS | {"description": "the main table, one object per row; amounts are exact decimals"},
            "parts": {"type": "object", "description": "further tables by name", "additionalProperties": _ROWS},
            "notes": {"type": "array", "items": _NOTE, "description": "caveats a reader must know"},
            "about": {"type": "object", "description": "range, time zone, unit, as of, fingerprint: how it was computed"},
            "cards": {"type": "object", "description": "of a page: the answers to the questions of its other cards"},
        },
        optional=("cards",),
    ),
    "People": _object(
        {
            "spec": {"type": "object"}, "cell": _TEXT, "sentence": _TEXT,
            "count": {"type": "integer", "minimum": 0, "description": "the number the cell shows"},
            "page": {"type": "integer"}, "page_size": {"type": "integer"},
            "next_page": {"type": ["integer", "null"]}, "data": _ROWS,
        }
    ),
    "Error": _object(
        {
            "error": _object(
                {
                    "code": {"type": "string", "description": "stable, one of the error tree"},
                    "message": {"type": "string", "description": "what is wrong"},
                    "hint": {"type": "string", "description": "what would do"},
                    "path": {"type": "string", "description": "the field it is about"},
                },
                optional=("hint", "path"),
            )
        }
    ),
}  # fmt: skip


def encoded() -> bytes:
    """The description as JSON, indented for whoever opens it in a browser."""
    return msgspec.json.format(msgspec.json.encode(document()), indent=1)
