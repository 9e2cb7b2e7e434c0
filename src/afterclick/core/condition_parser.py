"""Condition text read into the closed tree; a complaint names the character and what was expected there."""

from __future__ import annotations

import math
from collections.abc import Callable, Collection
from decimal import Decimal
from typing import Final

from afterclick.core import condition_tree as tree
from afterclick.core.condition_lexer import Cursor, Place, Token
from afterclick.core.condition_tree import Flag, Node, Number, Text, Value
from afterclick.core.condition_values import find_pattern
from afterclick.core.errors import nearest

LENGTH_LIMIT: Final = 2_000
DEPTH_LIMIT: Final = 20
LIST_LIMIT: Final = 500
PATTERN_LIMIT: Final = 200
DIGITS_LIMIT: Final = 40
_EXPONENT_LIMIT: Final = 300

_FLIPPED: Final[dict[str, tree.Op]] = {"==": "==", "!=": "!=", "<": ">", "<=": ">=", ">": "<", ">=": "<="}
_INSTEAD: Final = {
    "and": "write && for and",
    "or": "write || for or",
    "is": "write == to compare, has(x) to ask whether x is there",
    "not": "write ! before the part in brackets: !(x in [...])",
    "like": 'write x.contains("...")',
}


def read(text: str, place: Place, fields: Collection[str] | None) -> Node:
    """The tree of a condition. Raises SpecError for everything that is not one."""
    if len(text) > LENGTH_LIMIT:
        raise place.error(f"a condition of {len(text):,} characters ends too late,", LENGTH_LIMIT, _shorter())
    node = Reader(text, place, fields).whole()
    # What afterclick writes back is a little longer than what may be typed, and must be readable as well.
    if len(tree.node_text(node)) > LENGTH_LIMIT:
        raise place.error("a condition too long to be written back ends", len(text), _shorter())
    return node


def _shorter() -> str:
    return f"expected at most {LENGTH_LIMIT:,} characters; shorten the list, or save it as a segment"


class Reader(Cursor):
    """Recursive descent: or > and > not > leaf."""

    def __init__(self, text: str, place: Place, fields: Collection[str] | None) -> None:
        super().__init__(text, place)
        self._fields = fields
        self._depth = 0

    def whole(self) -> Node:
        """Everything up to the end."""
        if self.peek().kind == "end":
            raise self.error("no condition", self.peek(), "expected one such as revenue >= 20000")
        node = self._or()
        token = self.peek()
        if token.kind != "end":
            before = self.before()
            hint = _INSTEAD.get(token.text.lower()) or _INSTEAD.get(before.text.lower())
            raise self.unexpected(token, hint or self._after_leaf(token, before))
        return node

    def _after_leaf(self, token: Token, before: Token) -> str:
        if token.text in tree.OPS:
            return "comparisons stand between one field and one value: write x > 1 && x < 5, !(x == 1)"
        if token.text == "," and before.kind == "number":
            return "write numbers without separators: 20000"
        return "expected &&, || or the end"

    # -- and, or, not

    def _or(self) -> Node:
        parts = [self._and()]
        while self.took("||"):
            parts.append(self._and())
        return tree.joined(tree.AnyOf, parts)

    def _and(self) -> Node:
        parts = [self._unary()]
        while self.took("&&"):
            parts.append(self._unary())
        return tree.joined(tree.AllOf, parts)

    def _unary(self) -> Node:
        token = self.peek()
        if self.took("!"):
            alone = self.peek().text not in ("!", "(") or self.peek().kind != "sign"
            return tree.negated(
                self._deeper(token, (lambda: self._leaf(alone=True)) if alone else self._unary)
            )
        if self.took("("):
            node = self._deeper(token, self._or)
            self.need(")", "expected )")
            return node
        return self._leaf()

    def _deeper(self, token: Token, part: Callable[[], Node]) -> Node:
        self._depth += 1
        if self._depth > DEPTH_LIMIT:
            raise self.error("brackets too deep", token, f"expected at most {DEPTH_LIMIT} inside each other")
        node = part()
        self._depth -= 1
        return node

    # -- leaves

    def _leaf(self, alone: bool = False) -> Node:
        """A leaf; `alone` behind a `!`, which in CEL binds tighter than a comparison."""
        token = self.peek()
        if token.kind == "name" and token.text == "has":
            self.take()
            self.need("(", "expected has(field)")
            field = self._field()
            self.need(")", "expected ) after the field of has(...)")
            return tree.Has(field)
        if token.kind in ("number", "text") or token.text in ("true", "false", "null", "-"):
            return self._value_first(token, alone)
        return self._field_first(alone)

    def _took_op(self, alone: bool) -> Token | None:
        token = self.peek()
        if token.kind not in ("sign", "name") or token.text not in (*tree.OPS, "in"):
            return None
        if alone:
            raise self.error("a comparison behind !", token, "write the part in brackets: !(x == 1)")
        self.take()
        return token

    def _value_first(self, token: Token, alone: bool) -> Node:
        value = self._value()
        sign = self._took_op(alone)
        if sign is None and isinstance(value, Flag):
            return tree.Always(value.value)
        if sign is None:
            raise self.unexpected(self.peek(), "expected a comparison with a field")
        if sign.text == "in":
            raise self.error(
                "a value on the left of in", token, 'expected a field there: channel in ["email", "sms"]'
            )
        return self._compared(self._field(), _FLIPPED[sign.text], value, sign)

    def _field_first(self, alone: bool) -> Node:
        start = self.peek()
        path = self._path()
        if self.peek().kind == "sign" and self.peek().text == "(":
            return self._search(start, path)
        field = self._known(path, start)
        sign = self._took_op(alone)
        if sign is None:
            return self._bare(field, start)
        if sign.text == "in":
            return tree.In(field, self._list_of(field))
        return self._compared(field, tree.OPS[sign.text], self._value(), sign)

    def _bare(self, field: str, _token: Token) -> Node:
        """A field that stands alone."""
        return tree.Compare(field, "==", Flag(True))

    def _list_of(self, _field: str) -> tuple[Value, ...]:
        """The values behind `field in`."""
        return self._list()

    def _searched(self, _field: str, _token: Token) -> None:
        """Raise SpecError for a field that cannot be searched."""

    def _compared(self, field: str, op: tree.Op, value: Value | None, sign: Token) -> Node:
        if value is None:
            if op not in ("==", "!="):
                raise self.error(
                    f"{op} with null", sign, f"expected has({tree.field_text(field)}), or == null"
                )
            if op == "!=":
                return tree.Has(field)
            return self._deeper(sign, lambda: tree.negated(tree.Has(field)))
        if isinstance(value, Flag) and op not in ("==", "!="):
            raise self.error(f"{op} with {value.text()}", sign, "expected == or != beside true and false")
        return tree.Compare(field, op, value)

    # -- fields

    def _field(self) -> str:
        start = self.peek()
        return self._known(self._path(), start)

    def _path(self) -> str:
        token = self.take()
        if token.kind != "name" or token.text in tree.RESERVED:
            raise self.unexpected(token, "expected a field such as revenue or properties.coupon")
        parts = [token.text]
        while True:
            if self.took("."):
                part = self.take()
                if part.kind != "name":
                    raise self.unexpected(part, "expected a name after the dot")
                parts.append(part.text)
            elif self.peek().text == "[" and self.peek().kind == "sign":
                parts.append(self._index())
            else:
                return ".".join(parts)

    def _index(self) -> str:
        self.take()
        part = self.take()
        if part.kind != "text" or not part.text:
            raise self.unexpected(part, 'expected a property name in quotes: properties["coupon code"]')
        self.need("]", "expected ]")
        return part.text

    def _known(self, field: str, token: Token) -> str:
        if self._fields is None or field in self._fields:
            return field
        root = field.partition(".")[0]
        if root != field and f"{root}.*" in self._fields:
            return field
        listed = ", ".join(sorted(self._fields)[:12])
        raise self.error(
            f"unknown field {field[:80]!r}",
            token,
            nearest(field, self._fields) or f"expected one of {listed}",
        )

    def _search(self, start: Token, path: str) -> Node:
        field, _, name = path.rpartition(".")
        method = tree.METHODS.get(name)
        if not field and name in tree.METHODS:
            raise self.error(f"{name} without a field", start, f'write it behind one: path.{name}("...")')
        if method is None:
            hint = nearest(name, tree.METHODS) or "expected has(x)" + "".join(
                f", x.{m}(..)" for m in tree.METHODS
            )
            raise self.error(f"unknown function {name[:80]!r}", start, hint)
        field = self._known(field, start)
        self._searched(field, start)
        self.need("(", "expected (")
        token = self.take()
        if token.kind != "text":
            raise self.unexpected(token, f'expected a text in quotes: {name}("...")')
        self.need(")", "expected ) after the text")
        if method == "matches":
            self._check_pattern(token)
        return tree.Search(field, method, token.text)

    def _check_pattern(self, token: Token) -> None:
        if len(token.text) > PATTERN_LIMIT:
            raise self.error("a pattern too long", token, f"expected at most {PATTERN_LIMIT} characters")
        try:
            find_pattern(token.text, [""])
        except ValueError as error:
            raise self.error(
                "a pattern that cannot be read", token, f"expected RE2 syntax: {error}"
            ) from None

    # -- values

    def _list(self) -> tuple[Value, ...]:
        opening = self.peek()
        self.need("[", 'expected a list: channel in ["email", "sms"]')
        values: dict[Value, None] = {}
        while True:
            token = self.peek()
            value = self._value()
            if value is None:
                raise self.error("null in a list", token, "expected values only; write !has(x) || x in [...]")
            values[value] = None
            if len(values) > LIST_LIMIT:
                raise self.error("a list too long", opening, f"expected at most {LIST_LIMIT} values")
            if self.took("]"):
                return tuple(values)
            self.need(",", "expected , or ]")

    def _value(self) -> Value | None:
        """A literal; None stands for `null`."""
        token = self.take()
        if token.kind == "text":
            return Text(token.text)
        if token.kind == "number":
            return self._number(token, token.text)
        if token.text == "-" and self.peek().kind == "number":
            return self._number(token, "-" + self.take().text)
        if token.kind == "name" and token.text in ("true", "false", "null"):
            return None if token.text == "null" else Flag(token.text == "true")
        if token.kind == "name":
            raise self.unexpected(token, f'expected a value; put a text in quotes: "{token.text[:40]}"')
        raise self.unexpected(token, 'expected a value: a number, "text", true, false or null')

    def _number(self, token: Token, text: str) -> Number:
        mantissa, _, exponent = text.lower().partition("e")
        digits = sum(char.isdigit() for char in mantissa)
        if digits > DIGITS_LIMIT or len(exponent) > 5 or abs(int(exponent or 0)) > _EXPONENT_LIMIT:
            raise self.error(
                "a number too long or too large",
                token,
                f"expected at most {DIGITS_LIMIT} digits; put an id in quotes",
            )
        value = tree.normal(Decimal(text))
        if not math.isfinite(float(value)) or (value and abs(value.adjusted()) > _EXPONENT_LIMIT):
            raise self.error("a number too large or too small", token, "expected at most 1e300")
        return Number(value)
