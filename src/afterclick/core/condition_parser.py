"""Condition text read into the closed tree; a complaint names the character and what was expected there."""

from __future__ import annotations

from collections.abc import Callable, Collection
from typing import Final

from afterclick.core import condition_tree as tree
from afterclick.core.condition_lexer import Place, Token
from afterclick.core.condition_literals import Literals
from afterclick.core.condition_tree import Flag, Node, Value
from afterclick.core.condition_values import find_pattern
from afterclick.core.errors import nearest
from afterclick.core.pattern_faults import pattern_fault
from afterclick.core.said import Said

LENGTH_LIMIT: Final = 2_000
DEPTH_LIMIT: Final = 20
PATTERN_LIMIT: Final = 200

_FLIPPED: Final[dict[str, tree.Op]] = {"==": "==", "!=": "!=", "<": ">", "<=": ">=", ">": "<", ">=": "<="}
_INSTEAD: Final = {
    "and": Said("refusals.and_is"),
    "or": Said("refusals.or_is"),
    "is": Said("refusals.compare_or_has"),
    "not": Said("refusals.not_is"),
    "like": Said("refusals.contains_is"),
}


def read(text: str, place: Place, fields: Collection[str] | None) -> Node:
    """The tree of a condition. Raises SpecError for everything that is not one."""
    if len(text) > LENGTH_LIMIT:
        raise place.error(Said("refusals.condition_too_long", n=len(text)), LENGTH_LIMIT, _shorter())
    node = Reader(text, place, fields).whole()
    # What afterclick writes back is a little longer than what may be typed, and must be readable as well.
    if len(tree.node_text(node)) > LENGTH_LIMIT:
        raise place.error(Said("refusals.condition_too_long_kept"), len(text), _shorter())
    return node


def _shorter() -> Said:
    return Said("refusals.want_shorter_condition", length_limit=LENGTH_LIMIT)


class Reader(Literals):
    """Recursive descent: or > and > not > leaf."""

    def __init__(self, text: str, place: Place, fields: Collection[str] | None) -> None:
        super().__init__(text, place)
        self._fields = fields
        self._depth = 0

    def whole(self) -> Node:
        """Everything up to the end."""
        if self.peek().kind == "end":
            raise self.error(Said("refusals.no_condition"), self.peek(), Said("refusals.want_condition"))
        node = self._or()
        token = self.peek()
        if token.kind != "end":
            before = self.before()
            hint = _INSTEAD.get(token.text.lower()) or _INSTEAD.get(before.text.lower())
            raise self.unexpected(token, hint or self._after_leaf(token, before))
        return node

    def _after_leaf(self, token: Token, before: Token) -> Said:
        if token.text in tree.OPS:
            return Said("refusals.one_comparison")
        if token.text == "," and before.kind == "number":
            return Said("refusals.plain_numbers")
        return Said("refusals.want_and_or")

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
            self.need(")", Said("refusals.want_close"))
            return node
        return self._leaf()

    def _deeper(self, token: Token, part: Callable[[], Node]) -> Node:
        self._depth += 1
        if self._depth > DEPTH_LIMIT:
            raise self.error(Said("refusals.too_deep"), token, Said("refusals.want_less_deep", depth_limit=DEPTH_LIMIT))
        node = part()
        self._depth -= 1
        return node

    # -- leaves

    def _leaf(self, alone: bool = False) -> Node:
        """A leaf; `alone` behind a `!`, which in CEL binds tighter than a comparison."""
        token = self.peek()
        if token.kind == "name" and token.text == "has":
            self.take()
            self.need("(", Said("refusals.want_has"))
            field = self._field()
            self.need(")", Said("refusals.want_has_close"))
            return tree.Has(field)
        if token.kind in ("number", "text") or token.text in ("true", "false", "null", "-"):
            return self._value_first(token, alone)
        return self._field_first(alone)

    def _took_op(self, alone: bool) -> Token | None:
        token = self.peek()
        if token.kind not in ("sign", "name") or token.text not in (*tree.OPS, "in"):
            return None
        if alone:
            raise self.error(Said("refusals.comparison_behind_not"), token, Said("refusals.bracket_it"))
        self.take()
        return token

    def _value_first(self, token: Token, alone: bool) -> Node:
        value = self._value()
        sign = self._took_op(alone)
        if sign is None and isinstance(value, Flag):
            return tree.Always(value.value)
        if sign is None:
            raise self.unexpected(self.peek(), Said("refusals.want_comparison"))
        if sign.text == "in":
            raise self.error(
                Said("refusals.value_left_of_in"), token, Said("refusals.want_field_in")
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
                    Said("refusals.op_with_null", op=op),
                    sign,
                    Said("refusals.want_has_of", field=tree.field_text(field)),
                )
            if op == "!=":
                return tree.Has(field)
            return self._deeper(sign, lambda: tree.negated(tree.Has(field)))
        if isinstance(value, Flag) and op not in ("==", "!="):
            raise self.error(Said("refusals.op_with", op=op, value=value.text()), sign, Said("refusals.want_equals"))
        return tree.Compare(field, op, value)

    # -- fields

    def _field(self) -> str:
        start = self.peek()
        return self._known(self._path(), start)

    def _path(self) -> str:
        token = self.take()
        if token.kind != "name" or token.text in tree.RESERVED:
            raise self.unexpected(token, Said("refusals.want_field"))
        parts = [token.text]
        while True:
            if self.took("."):
                part = self.take()
                if part.kind != "name":
                    raise self.unexpected(part, Said("refusals.want_name_after_dot"))
                parts.append(part.text)
            elif self.peek().text == "[" and self.peek().kind == "sign":
                parts.append(self._index())
            else:
                return ".".join(parts)

    def _index(self) -> str:
        self.take()
        part = self.take()
        if part.kind != "text" or not part.text:
            raise self.unexpected(part, Said("refusals.want_property"))
        self.need("]", Said("refusals.want_close_square"))
        return part.text

    def _known(self, field: str, token: Token) -> str:
        if self._fields is None or field in self._fields:
            return field
        root = field.partition(".")[0]
        if root != field and f"{root}.*" in self._fields:
            return field
        listed = ", ".join(sorted(self._fields)[:12])
        raise self.error(
            Said("refusals.unknown_field", field=field[:80]),
            token,
            nearest(field, self._fields) or Said("refusals.want_one_listed", listed=listed),
        )

    def _search(self, start: Token, path: str) -> Node:
        field, _, name = path.rpartition(".")
        method = tree.METHODS.get(name)
        if not field and name in tree.METHODS:
            raise self.error(
                Said("refusals.method_without_field", name=name),
                start,
                Said("refusals.write_behind_field", name=name),
            )
        if method is None:
            hint = nearest(name, tree.METHODS) or Said("refusals.want_methods", names="".join(
                f", x.{m}(..)" for m in tree.METHODS
            ))
            raise self.error(Said("refusals.unknown_function", name=name[:80]), start, hint)
        field = self._known(field, start)
        self._searched(field, start)
        self.need("(", Said("refusals.want_open"))
        token = self.take()
        if token.kind != "text":
            raise self.unexpected(token, Said("refusals.want_text_in", name=name))
        self.need(")", Said("refusals.want_close_text"))
        if method == "matches":
            self._check_pattern(token)
        return tree.Search(field, method, token.text)

    def _check_pattern(self, token: Token) -> None:
        if len(token.text) > PATTERN_LIMIT:
            raise self.error(
                Said("refusals.pattern_too_long"),
                token,
                Said("refusals.most_characters", pattern_limit=PATTERN_LIMIT),
            )
        try:
            find_pattern(token.text, [""])
        except ValueError as error:
            hint = Said("refusals.want_re2", error=pattern_fault(error))
            raise self.error(Said("refusals.pattern_unreadable"), token, hint) from None
