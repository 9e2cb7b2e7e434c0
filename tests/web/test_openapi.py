"""The API described: the description follows from the questions, and what it says is what the server does."""

from __future__ import annotations

import json
import re
from collections.abc import Callable, Iterator
from typing import Any
from urllib.parse import urlencode

import pytest
from drawn import FakeShop
from starlette.testclient import TestClient

import afterclick
from afterclick.app import questions
from afterclick.core import texts
from afterclick.core.spec import Spec
from afterclick.surfaces.web import create_app, openapi
from afterclick.surfaces.web.pages import PAGES
from support import demo_store
from support.browsing import violations

Serve = Callable[[FakeShop], str]
Open = Callable[..., Any]
DOCUMENT = json.loads(openapi.encoded())
KINDS = pytest.mark.parametrize("kind", questions.ALL, ids=lambda kind: kind.key_word)


@pytest.fixture(scope="module")
def api() -> Iterator[TestClient]:
    """The server over the example shop."""
    with afterclick.open(demo_store.folder()) as shop, TestClient(create_app(shop, hosts=("testserver",))) as made:
        yield made


def resolved(node: Any) -> Any:
    while isinstance(node, dict) and "$ref" in node:
        found: Any = DOCUMENT
        for step in node["$ref"].removeprefix("#/").split("/"):
            found = found[step]
        node = found
    return node


def faults(value: Any, schema: Any, place: str = "$") -> list[str]:
    """What of `value` the schema does not allow: the part of JSON Schema that the description uses, naively."""
    schema = resolved(schema)
    found = [fault for each in schema.get("allOf", []) for fault in faults(value, each, place)]
    if "anyOf" in schema and not any(faults(value, each, place) == [] for each in schema["anyOf"]):
        found.append(f"{place}: none of anyOf")
    if "const" in schema and value != schema["const"]:
        found.append(f"{place}: {value!r} is not {schema['const']!r}")
    if "enum" in schema and value not in schema["enum"]:
        found.append(f"{place}: {value!r} is none of {schema['enum']}")
    kinds = schema.get("type", [])
    names = {dict: "object", list: "array", str: "string", bool: "boolean", int: "integer", float: "number"}
    own = "null" if value is None else names[type(value)]
    allowed = [kinds] if isinstance(kinds, str) else kinds
    if allowed and own not in allowed and not (own == "integer" and "number" in allowed):
        return [*found, f"{place}: {own}, not {kinds}"]
    if isinstance(value, str) and "pattern" in schema and not re.search(schema["pattern"], value):
        found.append(f"{place}: {value!r} does not fit {schema['pattern']}")
    if isinstance(value, int) and not isinstance(value, bool) and value < schema.get("minimum", value):
        found.append(f"{place}: {value} is too small")
    if isinstance(value, list):
        found += [
            fault for i, item in enumerate(value) for fault in faults(item, schema.get("items", {}), f"{place}[{i}]")
        ]
    if isinstance(value, dict):
        properties = schema.get("properties", {})
        found += [f"{place}: lacks {name}" for name in schema.get("required", []) if name not in value]
        other = schema.get("additionalProperties", True)
        for name, item in value.items():
            if name in properties or other is not True:
                if name not in properties and other is False:
                    found.append(f"{place}: {name} is not known")
                else:
                    found += faults(item, properties.get(name, other), f"{place}.{name}")
    return found


def test_the_little_validator_finds_what_is_wrong() -> None:
    schema = {
        "type": "object",
        "properties": {"a": {"type": "integer", "minimum": 1}},
        "required": ["a"],
        "additionalProperties": False,
    }
    assert faults({"a": 1}, schema) == []
    for wrong in ({}, {"a": "1"}, {"a": 0}, {"a": 1, "b": 2}, {"a": True}, []):
        assert faults(wrong, schema)
    assert faults("x", {"anyOf": [{"type": "null"}, {"enum": ["y"]}]})
    assert faults([None], {"type": "array", "items": {"type": "string", "pattern": "^a"}})


def walk(node: Any) -> Iterator[dict[str, Any]]:
    if isinstance(node, dict):
        yield node
        for each in node.values():
            yield from walk(each)
    elif isinstance(node, list):
        for each in node:
            yield from walk(each)


def test_the_document_is_openapi() -> None:
    assert DOCUMENT["openapi"] == "3.1.0"
    assert {"title", "version"} <= set(DOCUMENT["info"])
    tags = {tag["name"] for tag in DOCUMENT["tags"]}
    names = []
    for path, item in DOCUMENT["paths"].items():
        assert path.startswith("/")
        assert set(item) == {"get"}
        names.append(item["get"]["operationId"])
        assert set(item["get"]["tags"]) <= tags
        assert "200" in item["get"]["responses"]
        parameters = [resolved(each) for each in item["get"].get("parameters", [])]
        assert len({each["name"] for each in parameters}) == len(parameters)
        for each in parameters:
            assert each["in"] == "query"
            assert each["description"]
            assert each["schema"]
    assert len(set(names)) == len(names)
    assert all(re.fullmatch(r"[a-z_0-9]+", name) for name in names)
    for node in walk(DOCUMENT):
        if "$ref" in node:
            assert resolved(node)


@KINDS
def test_parameters_are_the_fields_of_the_question(kind: type[Spec]) -> None:
    asked = DOCUMENT["paths"][f"/api/{kind.key_word}.json"]["get"]
    found = {each["name"]: each for each in map(resolved, asked["parameters"])}
    assert list(found) == [*(field.name for field in kind.fields()), "lang"]
    for field in kind.fields():
        said = found[field.name]
        assert said["description"] == field.description
        assert said.get("required", False) is field.required
        schema = said["schema"]
        inner = schema["items"] if field.many else schema
        assert inner.get("enum", []) == sorted(field.choices)
        assert inner.get("pattern", "") == field.pattern
        assert (schema["type"] == "array") is field.many
        if field.many:
            assert (said["style"], said["explode"]) == ("form", True)
        if not field.required:
            assert schema["default"] == (list(field.default) if field.many else field.default)


@KINDS
def test_the_answer_to_the_example_has_the_shape_that_is_described(api: TestClient, kind: type[Spec]) -> None:
    asked = DOCUMENT["paths"][f"/api/{kind.key_word}.json"]["get"]
    answer = api.get(asked["x-example"])
    needs = [field.name for field in kind.fields() if field.required]
    if needs == ["id"]:
        # One visitor of one store: no description of all stores can name one, so one of this store is taken.
        assert answer.json()["error"]["path"] == "id"
        known = api.get("/people.json?people=visitors").json()["data"][0]["visitor"]
        answer = api.get(f"/api/{kind.key_word}.json?{urlencode({'id': known})}")
    assert answer.status_code == 200, answer.text
    schema = asked["responses"]["200"]["content"]["application/json"]["schema"]
    assert faults(answer.json(), schema) == []
    assert answer.json()["spec"]["question"] == kind.key_word
    assert {each["lang"] for each in asked["x-codeSamples"]} == {"Python", "Shell"}


def examples_of_fields() -> list[str]:
    """Every example of every question's own fields as an address, one at a time; those of the scope once."""
    found = []
    for kind in questions.ALL:
        spec = openapi.example(kind)
        own = openapi.address(spec)
        for field in kind.fields():
            if field.required or (field.scope and kind is not afterclick.JourneyMap):
                continue
            start = own + ("&" if "?" in own else "?")
            found += [start + urlencode({field.name: text}) for text in field.examples or field.choices]
    return found


@pytest.mark.parametrize("url", examples_of_fields())
def test_no_example_of_a_field_is_a_fault(api: TestClient, url: str) -> None:
    """Each is answered, or refused for what this store or question lacks: as its field, in the shape of an error."""
    answer = api.get(url)
    assert answer.status_code in (200, 422, 404), (url, answer.text)
    if answer.status_code != 200:
        assert faults(answer.json(), {"$ref": "#/components/schemas/Error"}) == []
        assert answer.json()["error"]["hint"]


@pytest.mark.parametrize("name", ["range", "where", "bots", "identity", "as_of", "timeout"])
def test_examples_of_the_scope_are_answered(api: TestClient, name: str) -> None:
    examples = next(field for field in afterclick.JourneyMap.fields() if field.name == name)
    for text in examples.examples or examples.choices:
        assert api.get("/api/map.json", params={name: text}).status_code == 200


def test_refusals_are_those_described(api: TestClient) -> None:
    described = DOCUMENT["paths"]["/api/map.json"]["get"]["responses"]
    for url, status in (("/api/map.json?range=nope", 422), ("/api/map.json?nope=1", 422), ("/api/nope.json", 422)):
        answer = api.get(url)
        assert answer.status_code == status
        body = resolved(described[str(status)])["content"]["application/json"]["schema"]
        assert faults(answer.json(), body) == []
        assert answer.json()["error"]["code"] in resolved(described[str(status)])["description"]


def test_every_other_address_is_there(api: TestClient) -> None:
    for path, item in DOCUMENT["paths"].items():
        if path.startswith("/api/"):
            continue
        required = {
            each["name"]: each["example"]
            for each in map(resolved, item["get"].get("parameters", []))
            if each.get("required")
        }
        if "id" in required:
            required["id"] = api.get("/people.json?people=visitors").json()["data"][0]["visitor"]
        pairs = [
            (name, text) for name, value in required.items() for text in (value if isinstance(value, list) else [value])
        ]
        pairs = [pair for pair in pairs if not pair[1].endswith("?")]
        answer = api.get(path, params=pairs)
        assert answer.status_code == 200, (path, answer.text[:300])
        assert next(iter(item["get"]["responses"]["200"]["content"])) in answer.headers["content-type"]
        if "application/json" in answer.headers["content-type"]:
            schema = item["get"]["responses"]["200"]["content"]["application/json"]["schema"]
            assert faults(answer.json(), schema) == []


def test_it_is_served_and_kept(api: TestClient) -> None:
    answer = api.get("/openapi.json")
    assert answer.json() == DOCUMENT
    assert api.get("/openapi.json", headers={"if-none-match": answer.headers["etag"]}).status_code == 304
    page = api.get("/api?lang=ko")
    assert api.get("/api?lang=ko", headers={"if-none-match": page.headers["etag"]}).status_code == 304
    assert api.get("/api?lang=en", headers={"if-none-match": page.headers["etag"]}).status_code == 200


@KINDS
def test_every_question_has_a_name_in_every_language(kind: type[Spec]) -> None:
    for lang in texts.LANGUAGES:
        assert texts.load(lang).get(f"question.{kind.key_word}"), f"[question] {kind.key_word} in {lang}.toml"


@pytest.mark.parametrize("lang", ["en", "ko"])
def test_the_page_says_all_of_it(client: TestClient, lang: str) -> None:
    answer = client.get("/api", params={"lang": lang})
    body = answer.text
    assert f'<html lang="{lang}"' in body
    assert not re.search(r"<style|\sstyle=|\son[a-z]+=|javascript:", body)
    for kind in questions.ALL:
        assert f'id="{kind.key_word}"' in body
        assert texts.load(lang)[f"question.{kind.key_word}"] in body
        for field in kind.fields():
            assert f"<code>{field.name}</code>" in body
    assert "curl http://testserver/api/map.json" in body
    assert "afterclick map --store DIR" in body
    assert "result = shop.ask(afterclick.JourneyMap())" in body
    for page in PAGES:
        assert f"GET /{page.name}.json" in body
    titles = {"en": "Shared scope", "ko": "공통 범위"}
    assert titles[lang] in body


@pytest.mark.browser
@pytest.mark.parametrize("width", [1440, 390])
def test_the_page_is_clean(serve: Serve, page: Open, axe: str, width: int) -> None:
    root = serve(FakeShop())
    for lang, theme in (("en", "light"), ("ko", "dark")):
        tab = page(viewport={"width": width, "height": 900}, bypass_csp=True)
        tab.goto(f"{root}/api?lang={lang}&theme={theme}")
        assert violations(tab, axe) == []
        assert tab.faults == []
        assert all(url.startswith((root, "data:")) for url in tab.requested)
        assert tab.evaluate("document.documentElement.scrollWidth <= innerWidth")
