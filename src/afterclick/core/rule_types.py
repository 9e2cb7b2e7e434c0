"""Which values may stand beside which term of a rule, and how that is said."""

from __future__ import annotations

from typing import Final, get_args

from afterclick.core import spans
from afterclick.core.condition_tree import Flag, Number, Text, Value
from afterclick.core.rule_terms import Kind
from afterclick.core.said import Said

KINDS: Final[dict[Kind, Said]] = {
    kind: Said(f"refusals.kind_{kind}") for kind in get_args(Kind)
}
"""What a term is, in a sentence."""

EXAMPLES: Final[dict[Kind, str]] = {
    "number": ">= 3", "money": ">= 20000", "span": "> 30d", "text": '== "..."', "flag": "== true", "instant": "!= null",
    "any": '== "..."',
}  # fmt: skip
"""A comparison with such a term."""


class Span(Number, frozen=True):
    """A span literal, µs."""

    def text(self) -> str:
        """`30d`."""
        return spans.duration_text(int(self.value))


def fits(kind: Kind, value: Value, op: str) -> bool:
    """Whether a value may stand beside a term of this kind, behind this operator."""
    match kind:
        case "span":
            return isinstance(value, Span)
        case "number" | "money":
            return isinstance(value, Number) and not isinstance(value, Span)
        case "text":
            return isinstance(value, Text) and op in ("==", "!=")
        case "flag":
            return isinstance(value, Flag)
        case "instant":
            return False
        case "any":
            return not isinstance(value, Span)


def example(kind: Kind, field: str) -> Said:
    """How the comparison would be written."""
    if kind == "instant":
        return Said("refusals.want_has_or_since", field=field)
    return Said("refusals.want_such_as", field=field, examples=EXAMPLES[kind])
