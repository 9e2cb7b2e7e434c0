"""Every sentence of the product in every language: texts by id, the figures written as the language does it.

A text holds placeholders `{name}` or `{name:format}`; a literal brace is doubled. Formats:

    number number(compact) number(3)    1,204 · 412.8M · at most three decimals
    money money(compact)                needs the parameter `currency`
    rate points change duration         29.1% · +0.50 pt · +8.4% · 3 d 7 h
    date date(year) instant             read in the parameter `zone` (UTC without it)
    plural(visitor|visitors)            one of the two words, by the number
    quoted                              what somebody wrote, in quotes, with its unseen characters shown
    and or                              a list of texts: a, b and c
    을 를 이 가 은 는 과 와 으로 로       the text with its Korean particle
"""

from __future__ import annotations

import functools
import re
from collections.abc import Callable, Iterable, Mapping, Sequence
from typing import Any, Final, NamedTuple

from afterclick.core import figures, texts
from afterclick.core.figures import (
    NOTHING,
    date,
    days,
    duration,
    instant,
    money,
    number,
    percent_change,
    points,
    rate,
)
from afterclick.core.particles import PARTICLES, with_particle
from afterclick.core.said import Said

__all__ = [
    "NOTHING",
    "Catalogue",
    "catalogue",
    "date",
    "days",
    "duration",
    "find",
    "instant",
    "languages",
    "listing",
    "money",
    "number",
    "percent_change",
    "points",
    "rate",
    "text",
    "with_particle",
]


class _Slot(NamedTuple):
    name: str
    form: str
    argument: str


_PIECE: Final = re.compile(
    r"\{\{|\}\}|\{([a-z_][a-z0-9_]*)(?::([^{}():]+)(?:\(([^{}()]*)\))?)?\}|[{}]|[^{}]+"
)


class Catalogue:
    """The texts of all languages, read and checked once. `strict` refuses what would fall back to English."""

    def __init__(self, sources: Mapping[str, Mapping[str, str]], *, strict: bool = False) -> None:
        """`sources` is language -> id -> text. Raises ValueError for a placeholder that cannot be read."""
        self._texts = {
            lang: {text_id: _compiled(text_id, source) for text_id, source in found.items()}
            for lang, found in sources.items()
        }
        self._strict = strict

    @classmethod
    def load(cls, *, strict: bool = False) -> Catalogue:
        """The catalogue that comes with the package."""
        return cls({lang: texts.load(lang) for lang in texts.LANGUAGES}, strict=strict)

    def ids(self, lang: str) -> frozenset[str]:
        """The ids a language has."""
        return frozenset(self._texts[lang])

    def placeholders(self, lang: str, text_id: str) -> frozenset[str]:
        """The names of the parameters a text takes."""
        return frozenset(piece.name for piece in self._texts[lang][text_id] if isinstance(piece, _Slot))

    def find(self, lang: str, text_id: str) -> str | None:
        """The text of an id without parameters, in the language or in English; None where there is none."""
        try:
            return self.text(lang, text_id)
        except KeyError:
            return None

    def text(self, lang: str, text_id: str, /, **params: Any) -> str:
        """The text in a language, else in English. Raises KeyError for an unknown id or missing parameter."""
        pieces = self._texts.get(lang, {}).get(text_id)
        if pieces is None:
            if self._strict:
                raise KeyError(f"{lang}: {text_id}")
            lang = texts.LANGUAGES[0]
            pieces = self._texts[lang][text_id]
        return "".join(piece if isinstance(piece, str) else _filled(piece, lang, params) for piece in pieces)


def _compiled(text_id: str, source: str) -> tuple[str | _Slot, ...]:
    pieces: list[str | _Slot] = []
    for found in _PIECE.finditer(source):
        whole, name = found[0], found[1]
        if name is None:
            if whole in "{}":
                raise ValueError(f"{text_id}: a lone {whole} in {source!r}")
            pieces.append(whole[0] if whole in ("{{", "}}") else whole)
            continue
        slot = _Slot(name, found[2] or "", found[3] or "")
        if slot.form and slot.form not in _FORMS and slot.form not in PARTICLES:
            raise ValueError(f"{text_id}: unknown format {slot.form!r} of {name}")
        pieces.append(slot)
    return tuple(pieces)


def _filled(slot: _Slot, lang: str, params: Mapping[str, Any]) -> str:
    value = _spoken(params[slot.name], lang)
    if slot.form in PARTICLES:
        return with_particle(_plain(value), slot.form)
    if not slot.form:
        return _plain(value)
    return _FORMS[slot.form](value, lang, slot.argument, params)


def _spoken(value: Any, lang: str) -> Any:
    """A parameter that is itself a text of the catalogue, in the language of the text around it."""
    if isinstance(value, Said):
        return value.say(lang)
    if isinstance(value, list | tuple):
        return [_spoken(item, lang) for item in value]
    return value


def _plain(value: Any) -> str:
    if value is None:
        return NOTHING
    if isinstance(value, list | tuple):
        return ", ".join(_plain(item) for item in value)
    return str(value)


def _number(value: Any, lang: str, argument: str, _: Mapping[str, Any]) -> str:
    if argument.isdigit():
        return number(value, lang, digits=int(argument))
    return number(value, lang, compact=argument == "compact")


def _money(value: Any, lang: str, argument: str, params: Mapping[str, Any]) -> str:
    return money(value, params["currency"], lang, compact=argument == "compact")


def _date(value: Any, lang: str, argument: str, params: Mapping[str, Any]) -> str:
    return date(value, lang, argument == "year", params.get("zone", "UTC"))


def _plural(value: Any, _lang: str, argument: str, _: Mapping[str, Any]) -> str:
    one, _bar, other = argument.partition("|")
    return one if figures.is_one(value) else other


_FORMS: Final[dict[str, Callable[[Any, str, str, Mapping[str, Any]], str]]] = {
    "number": _number,
    "money": _money,
    "rate": lambda value, lang, _argument, _params: rate(value, lang),
    "points": lambda value, lang, _argument, _params: points(value, lang),
    "change": lambda value, lang, _argument, _params: percent_change(value, lang),
    "duration": lambda value, lang, _argument, _params: duration(value, lang),
    "date": _date,
    "instant": lambda value, lang, _argument, params: instant(value, lang, params.get("zone", "UTC")),
    "plural": _plural,
    "quoted": lambda value, _lang, _argument, _params: repr(value),
    "and": lambda value, lang, _argument, _params: listing(value, lang, "and"),
    "or": lambda value, lang, _argument, _params: listing(value, lang, "or"),
}


@functools.cache
def catalogue() -> Catalogue:
    """The catalogue of the package, read once."""
    return Catalogue.load()


def languages() -> tuple[str, ...]:
    """The languages there are, English first."""
    return texts.LANGUAGES


def text(lang: str, text_id: str, /, **params: Any) -> str:
    """A text of the package's catalogue; see `Catalogue.text`."""
    return catalogue().text(lang, text_id, **params)


def find(lang: str, text_id: str) -> str | None:
    """A text of the package's catalogue, or None; see `Catalogue.find`."""
    return catalogue().find(lang, text_id)


def listing(items: Iterable[object], lang: str = "en", word: str = "and") -> str:
    """`a, b and c`, or with `or`; empty for none."""
    parts: Sequence[str] = [str(item) for item in items]
    if len(parts) < 2:
        return "".join(parts)
    return text(lang, f"list.{word}", rest=", ".join(parts[:-1]), last=parts[-1])
