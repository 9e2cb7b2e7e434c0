"""The form of a question, made from the fields of its Spec: nothing here knows the name of a field."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, Final

from afterclick.core.spec import Field
from afterclick.surfaces.viz.voice import Voice
from afterclick.surfaces.web.address import Address
from afterclick.surfaces.web.controls import capital

FRONT: Final = 4
"""Fields that stand open; the others are behind "More"."""
SPARE: Final = 1
"""Empty lines at the end of a list, to be filled."""

Item = dict[str, Any]


def form(address: Address, events: Sequence[str], voice: Voice) -> Item:
    """The fields of the question that are its own: lists in order first, a few of the others, the rest behind "More"."""
    own = [field for field in type(address.spec).fields() if not field.scope]
    lists = [field for field in own if field.required and field.many]
    rest = [_control(field, address, voice) for field in own if field not in lists]
    scope = {field.name for field in type(address.spec).fields() if field.scope}
    return {
        "lists": [_list(field, address, voice) for field in lists],
        "front": rest[:FRONT],
        "more": rest[FRONT:],
        "changed": any(control["changed"] for control in rest[FRONT:]),
        "hidden": [(name, value) for name, value in address.pairs() if name in {*scope, *address.own, "lang", "theme"}],
        "path": address.path,
        "events": list(events)[:500],
    }


def label(field: Field, question: str, voice: Voice) -> str:
    """What a field is called in the page's language; its own name in words where the catalogue has none."""
    return capital(_known(field.name, question, voice) or field.name.replace("_", " "))


def _known(name: str, question: str, voice: Voice) -> str | None:
    """The catalogue's word for a field, or a value of it: the question's own (`ask.paths_start`), else that of all."""
    return voice.known(f"ask.{question}_{name}") or voice.known(f"ask.{name}")


def _help(field: Field, question: str, voice: Voice) -> str:
    known = _known(f"{field.name}_help", question, voice)
    return known or (field.description if voice.lang == "en" else "")


def _list(field: Field, address: Address, voice: Voice) -> Item:
    values: tuple[str, ...] = () if field.name in address.missing else getattr(address.spec, field.name)
    rows = [
        {
            "value": value,
            "label": voice.text("ask.place", n=i + 1),
            "up": f"{field.name}:up:{i}" if i else "",
            "down": f"{field.name}:down:{i}" if i + 1 < len(values) else "",
            "drop": f"{field.name}:drop:{i}",
        }
        for i, value in enumerate(values)
    ]
    spare = max(SPARE, 2 - len(rows))
    empty = {"value": "", "up": "", "down": "", "drop": ""}
    rows += [{**empty, "label": voice.text("ask.place", n=len(values) + 1 + i)} for i in range(spare)]
    question = address.spec.key_word
    return {"name": field.name, "label": label(field, question, voice), "help": _help(field, question, voice), "rows": rows}


def _control(field: Field, address: Address, voice: Voice) -> Item:
    value, question = getattr(address.spec, field.name), address.spec.key_word
    texts = [str(each).lower() if isinstance(each, bool) else str(each) for each in (value if field.many else [value])]
    choices = field.choices or (("true", "false") if field.type is bool else ())
    kind = "select" if choices else "number" if field.type in (int, float) else "text"
    return {
        "name": field.name,
        "label": label(field, question, voice),
        "help": _help(field, question, voice),
        "kind": kind,
        "values": [*texts, ""] if field.many else texts,
        "step": "1" if field.type is int else "any",
        "choices": [(each, capital(_known(f"{field.name}_{each}", question, voice) or each)) for each in choices],
        "example": field.examples[0] if field.examples and not choices else "",
        "pattern": field.pattern.removeprefix("^").removesuffix("$"),
        "changed": value != field.default,
    }

