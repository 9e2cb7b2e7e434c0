"""A page's answers taken elsewhere: CSV of each card, JSON, and each question as a Python call and a command."""

from __future__ import annotations

import shlex
from collections.abc import Sequence
from typing import Any

import afterclick
from afterclick.core.spec import Spec
from afterclick.surfaces.viz.voice import Voice
from afterclick.surfaces.web import report_route
from afterclick.surfaces.web.address import Address
from afterclick.surfaces.web.answers import Asked
from afterclick.surfaces.web.page import Page


def export(page: Page, address: Address, asked: Sequence[Asked], voice: Voice) -> dict[str, Any] | None:
    """What the Export menu offers: the page's own question first, then those of its other cards."""
    if address.missing:
        return _opening(asked, voice)
    parts = {name: card.title for name, card in page.cards.items() if card.title} | dict(page.exports)
    specs = {each.spec.key: each.spec for each in asked if each.problem is None}
    own = address.spec
    others = [spec for spec in specs.values() if spec != own]
    return {
        "csv": [
            {"text": voice.text(said), "href": address.href({"card": part, "view": None}, path=f"/{page.name}.csv")}
            for part, said in parts.items()
        ],
        "json": address.href({"view": None}, path=f"/{page.name}.json"),
        "report": report_route.href(address, page.name, voice.lang),
        "calls": [(spec.key_word, python_call(spec), command(spec)) for spec in (own, *others)],
    }


def _opening(asked: Sequence[Asked], voice: Voice) -> dict[str, Any] | None:
    """Before the page's question is asked: what the cards shown until then ask."""
    known = [each for each in asked if each.problem is None]
    if not known:
        return None
    places = {each.name: f"/api/{each.spec.key_word}" for each in known}
    queries = {each.name: f"?{query}" if (query := each.spec.to_url()) else "" for each in known}
    return {
        "csv": [
            {"text": voice.text(each.card.title), "href": f"{places[each.name]}.csv{queries[each.name]}"}
            for each in known
            if each.card.title
        ],
        "json": f"{places[known[0].name]}.json{queries[known[0].name]}",
        "report": "",
        "calls": [(each.spec.key_word, python_call(each.spec), command(each.spec)) for each in known],
    }


def python_call(spec: Spec) -> str:
    """The same question in Python."""
    kind = type(spec)
    given = ", ".join(f"{name}={value!r}" for name, value in spec.changed().items())
    public = kind.__qualname__ in afterclick.__all__
    lines = ["import afterclick"] + ([] if public else [f"from {kind.__module__} import {kind.__qualname__}"])
    call = f"{'afterclick.' if public else ''}{kind.__qualname__}({given})"
    return "\n".join([*lines, "", 'shop = afterclick.open("DIR")', f"result = shop.ask({call})"])


def command(spec: Spec) -> str:
    """The same question on the command line."""
    flags = {field.name: field.flag for field in type(spec).fields()}
    words = ["afterclick", spec.key_word, "--store", "DIR"]
    for name, value in spec.changed().items():
        for item in value if isinstance(value, tuple) else (value,):
            words += [flags[name], shlex.quote(str(item).lower() if isinstance(item, bool) else str(item))]
    return " ".join(words)
