"""The closed tree behind a condition: all that may be said about a row, and the one way to write it down."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator
from decimal import Context, Decimal
from typing import Final, Literal

import msgspec

Op = Literal["==", "!=", "<", "<=", ">", ">="]
Method = Literal["startsWith", "endsWith", "contains", "matches"]

OPS: Final[dict[str, Op]] = {"==": "==", "!=": "!=", "<": "<", "<=": "<=", ">": ">", ">=": ">="}
METHODS: Final[dict[str, Method]] = {
    "startsWith": "startsWith",
    "endsWith": "endsWith",
    "contains": "contains",
    "matches": "matches",
}
RESERVED: Final = frozenset({"true", "false", "null", "in", "has"})
NAME: Final = re.compile(r"[^\W\d]\w*")

EXACT: Final = Context(prec=100)
"""Wide enough for every number the parser lets through, so that no literal is rounded on its way."""


class Number(msgspec.Struct, frozen=True):
    """A number literal, exact."""

    value: Decimal

    def text(self) -> str:
        """`20000`, `0.5`, `1e+30`."""
        return number_text(self.value)


class Text(msgspec.Struct, frozen=True):
    """A text literal."""

    value: str

    def text(self) -> str:
        """The text in double quotes, with what cannot be seen escaped."""
        return quoted(self.value)


class Flag(msgspec.Struct, frozen=True):
    """`true` or `false`."""

    value: bool

    def text(self) -> str:
        """`true` or `false`."""
        return "true" if self.value else "false"


Value = Number | Text | Flag
"""Three types of their own, because Python holds 1, 1.0 and True for equal and a cache key must not."""


class Compare(msgspec.Struct, frozen=True):
    """A field beside one literal. A missing field never matches, `!=` included."""

    field: str
    op: Op
    value: Value


class In(msgspec.Struct, frozen=True):
    """A field that equals one of several literals."""

    field: str
    values: tuple[Value, ...]


class Search(msgspec.Struct, frozen=True):
    """A field searched for a text; `matches` takes an RE2 pattern found anywhere in the field."""

    field: str
    method: Method
    text: str


class Has(msgspec.Struct, frozen=True):
    """A field that is there; `x != null` means the same."""

    field: str


class Not(msgspec.Struct, frozen=True):
    """What the part does not match, rows that lack its field among them."""

    part: Node


class AllOf(msgspec.Struct, frozen=True):
    """Every part matches."""

    parts: tuple[Node, ...]


class AnyOf(msgspec.Struct, frozen=True):
    """At least one part matches."""

    parts: tuple[Node, ...]


class Always(msgspec.Struct, frozen=True):
    """`true` for every row, or `false` for every row."""

    value: bool


Leaf = Compare | In | Search | Has
Node = Leaf | Not | AllOf | AnyOf | Always


def negated(node: Node) -> Node:
    """The opposite; two negations cancel, since every node is either true or false of a row."""
    if isinstance(node, Not):
        return node.part
    return Always(not node.value) if isinstance(node, Always) else Not(node)


def joined(kind: type[AllOf] | type[AnyOf], parts: list[Node]) -> Node:
    """Parts under one `&&` or `||`; nested ones of the same kind are pulled up: brackets leave no trace."""
    if len(parts) == 1:
        return parts[0]
    return kind(
        tuple(inner for part in parts for inner in (part.parts if isinstance(part, kind) else (part,)))
    )


def leaves(node: Node) -> Iterator[Leaf]:
    """Every leaf, from left to right."""
    match node:
        case AllOf(parts) | AnyOf(parts):
            for part in parts:
                yield from leaves(part)
        case Not(part):
            yield from leaves(part)
        case Always():
            return
        case _:
            yield node


def node_text(node: Node, field: Callable[[str], str] | None = None) -> str:
    """The canonical text; reading it back gives the same tree. `field` writes a field, `field_text` by default."""
    match node:
        case AnyOf(parts):
            return " || ".join(node_text(part, field) for part in parts)
        case AllOf(parts):
            texts = (
                f"({node_text(part, field)})" if isinstance(part, AnyOf) else node_text(part, field) for part in parts
            )
            return " && ".join(texts)
        case Not(part):
            inner = node_text(part, field)
            return "!" + (inner if _binds_tighter_than_not(part) else f"({inner})")
        case Always(value):
            return Flag(value).text()
        case _:
            return _leaf_text(node, (field or field_text)(node.field))


def _leaf_text(leaf: Leaf, field: str) -> str:
    match leaf:
        case Has():
            return f"has({field})"
        case Search(method=method, text=text):
            return f"{field}.{method}({quoted(text)})"
        case In(values=values):
            return f"{field} in [{', '.join(value.text() for value in values)}]"
        case Compare(op=op, value=value):
            return field if is_plain_flag(leaf) else f"{field} {op} {value.text()}"


def is_plain_flag(node: Node) -> bool:
    """Whether the node is a field standing alone, as in `session.paid`."""
    return isinstance(node, Compare) and node.op == "==" and node.value == Flag(True)


def _binds_tighter_than_not(node: Node) -> bool:
    return isinstance(node, Has | Search) or is_plain_flag(node)


def field_text(field: str) -> str:
    """A field as it is written: dotted, or `properties["coupon code"]` for a name that is no identifier."""
    root, _, rest = field.partition(".")
    if not rest or all(NAME.fullmatch(part) for part in rest.split(".")):
        return field
    return f"{root}[{quoted(rest)}]"


def quoted(text: str) -> str:
    """A text literal in double quotes; what cannot be seen is escaped, so that two texts never look alike."""
    return '"' + "".join(_escaped(char) for char in text) + '"'


def _escaped(char: str) -> str:
    if char in '"\\':
        return "\\" + char
    if char.isprintable():
        return char
    short = {"\n": "\\n", "\t": "\\t", "\r": "\\r"}.get(char)
    return short or (f"\\u{ord(char):04x}" if ord(char) < 0x10000 else f"\\U{ord(char):08x}")


def normal(value: Decimal) -> Decimal:
    """The same number without trailing zeros and without minus zero."""
    return EXACT.normalize(value) if value else Decimal(0)


def number_text(value: Decimal) -> str:
    """A number in plain digits, or with an exponent where that takes more than twenty of them."""
    short = normal(value)
    return f"{short:f}" if -7 <= short.adjusted() <= 20 else f"{short:e}"
