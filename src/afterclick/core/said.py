"""A sentence that is not said yet: its id in the catalogue and what stands in it, for a reader of any language."""

from __future__ import annotations

from typing import Any, Final, TypeAlias

_FIRST: Final = "en"


class Said:
    """A text of the catalogue with its parameters. A parameter may be a Said itself, or a list of which some are.

    Two are equal when they say the same. Said in an unknown language it is English; `say` raises KeyError for an id
    that is not in the catalogue.
    """

    __slots__ = ("id", "params")

    def __init__(self, text_id: str, /, **params: Any) -> None:
        self.id = text_id
        self.params = params

    def say(self, lang: str = _FIRST) -> str:
        """The sentence in a language of the catalogue."""
        # The catalogue stands on modules that raise errors, and errors are said.
        from afterclick.core import i18n  # noqa: PLC0415

        return i18n.text(lang, self.id, **self.params)

    def __str__(self) -> str:
        return self.say()

    def __repr__(self) -> str:
        inner = "".join(f", {name}={value!r}" for name, value in self.params.items())
        return f"Said({self.id!r}{inner})"

    def __eq__(self, other: object) -> bool:
        return isinstance(other, Said) and (self.id, self.params) == (other.id, other.params)

    def __hash__(self) -> int:
        return hash((self.id, *self.params))


Spoken: TypeAlias = str | Said
"""What is said: a text in English alone, or one of the catalogue."""


def say(words: Spoken, lang: str = _FIRST) -> str:
    """The words in a language; a text that is English alone stays as it is."""
    return words.say(lang) if isinstance(words, Said) else words
