"""Values as a condition writes them: texts, numbers, flags, null, and lists of these, each within its limits."""

from __future__ import annotations

import math
from decimal import Decimal
from typing import Final

from afterclick.core import condition_tree as tree
from afterclick.core.condition_lexer import Cursor, Token
from afterclick.core.condition_tree import Flag, Number, Text, Value
from afterclick.core.said import Said

LIST_LIMIT: Final = 500
DIGITS_LIMIT: Final = 40
_EXPONENT_LIMIT: Final = 300


class Literals(Cursor):
    """Reads values where a condition stands; a complaint names the character and what was expected there."""

    def _list(self) -> tuple[Value, ...]:
        opening = self.peek()
        self.need("[", Said("refusals.want_list"))
        values: dict[Value, None] = {}
        while True:
            token = self.peek()
            value = self._value()
            if value is None:
                raise self.error(Said("refusals.null_in_list"), token, Said("refusals.want_values"))
            values[value] = None
            if len(values) > LIST_LIMIT:
                raise self.error(
                    Said("refusals.list_too_long"),
                    opening,
                    Said("refusals.most_values", list_limit=LIST_LIMIT),
                )
            if self.took("]"):
                return tuple(values)
            self.need(",", Said("refusals.want_comma"))

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
            raise self.unexpected(token, Said("refusals.want_value_quoted", text=token.text[:40]))
        raise self.unexpected(token, Said("refusals.want_value"))

    def _number(self, token: Token, text: str) -> Number:
        mantissa, _, exponent = text.lower().partition("e")
        digits = sum(char.isdigit() for char in mantissa)
        if digits > DIGITS_LIMIT or len(exponent) > 5 or abs(int(exponent or 0)) > _EXPONENT_LIMIT:
            raise self.error(
                Said("refusals.number_too_long"),
                token,
                Said("refusals.most_digits", digits_limit=DIGITS_LIMIT),
            )
        value = tree.normal(Decimal(text))
        if not math.isfinite(float(value)) or (value and abs(value.adjusted()) > _EXPONENT_LIMIT):
            raise self.error(Said("refusals.number_too_large"), token, Said("refusals.most_number"))
        return Number(value)
