"""A condition said in words, from the same tree its text comes from."""

from __future__ import annotations

import re
from collections.abc import Callable
from typing import Final

from afterclick.core import i18n
from afterclick.core.condition_tree import (
    AllOf,
    Always,
    AnyOf,
    Compare,
    Flag,
    Has,
    In,
    Leaf,
    Node,
    Not,
    Number,
    Search,
    Value,
)

_NAMED: Final = 5
_TRANSLATED: Final = frozenset({"channel", "media"})
_PLAIN: Final = re.compile(r"[\w./+-]+")
_OPS: Final = {"==": "is", "!=": "is_not", "<": "under", "<=": "at_most", ">": "over", ">=": "at_least"}
_METHODS: Final = {"startsWith": "starts", "endsWith": "ends", "contains": "contains", "matches": "matches"}


def node_words(node: Node, lang: str, said: Callable[[Leaf], str] | None = None) -> str:
    """The node as a sentence part of a language; `said` says a leaf, `leaf_words` by default."""
    match node:
        case AllOf(parts):
            return i18n.text(lang, "condition.and").join(_inner(part, lang, AnyOf, said) for part in parts)
        case AnyOf(parts):
            return i18n.text(lang, "condition.or").join(_inner(part, lang, AllOf, said) for part in parts)
        case Not(Has(field)) if said is None:
            return i18n.text(lang, "condition.missing", field=_field(field, lang))
        case Not(part):
            return i18n.text(lang, "condition.not", what=node_words(part, lang, said))
        case Always(value):
            return i18n.text(lang, "condition.all" if value else "condition.none")
        case _:
            return said(node) if said else leaf_words(node, _field(node.field, lang), lang)


def leaf_words(leaf: Leaf, field: str, lang: str) -> str:
    """A leaf as a person says it, its field said in these words."""
    key, params = _leaf_words(leaf, lang)
    return i18n.text(lang, f"condition.{key}", field=field, **params)


def _leaf_words(leaf: Leaf, lang: str) -> tuple[str, dict[str, object]]:
    match leaf:
        case Has():
            return "has", {}
        case Search(method=method, text=text):
            return _METHODS[method], {"value": _quoted(text, lang)}
        case In(field=field, values=values):
            named = [_value(field, value, lang) for value in values[:_NAMED]]
            if len(values) > _NAMED:
                return "in_many", {"values": ", ".join(named), "more": len(values) - _NAMED}
            return "in", {"values": i18n.listing(named, lang, "or")}
        case Compare(op=op, value=Flag(flag)):
            return ("yes" if flag == (op == "==") else "no"), {}
        case Compare(field=field, op=op, value=value):
            return _OPS[op], {"value": _value(field, value, lang)}


def _inner(
    part: Node, lang: str, bracketed: type[AllOf] | type[AnyOf], said: Callable[[Leaf], str] | None
) -> str:
    words = node_words(part, lang, said)
    return f"({words})" if isinstance(part, bracketed) else words


def _field(field: str, lang: str) -> str:
    return i18n.find(lang, f"field.{field}") or field.removeprefix("properties.")


def _value(field: str, value: Value, lang: str) -> str:
    match value:
        case Number(number):
            return i18n.number(number, lang, digits=400)
        case Flag(flag):
            return i18n.text(lang, "condition.true" if flag else "condition.false")
        case _:
            said = i18n.find(lang, f"{field}.{value.value}") if field in _TRANSLATED else None
            return said or _quoted(value.value, lang)


def _quoted(text: str, lang: str) -> str:
    return text if _PLAIN.fullmatch(text) else i18n.text(lang, "condition.quoted", text=text)
