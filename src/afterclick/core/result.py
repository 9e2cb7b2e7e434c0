"""What was computed: a frame of figures with the question, its notes, its sentence and the people behind each cell."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import TYPE_CHECKING, Any

import msgspec
import numpy as np
import pyarrow as pa

from afterclick.core import i18n
from afterclick.core.errors import AfterclickError, SpecError, nearest
from afterclick.core.spec import Spec

if TYPE_CHECKING:
    import pandas as pd

_JSON = msgspec.json.Encoder(decimal_format="number")
_PRESENTERS: dict[str, Callable[[Result], str]] = {}


class Term(msgspec.Struct, frozen=True):
    """A word of the glossary inside a sentence: its id in the catalogue, and its text where there is no such id."""

    id: str
    text: str


class Text(msgspec.Struct, frozen=True):
    """A sentence as its id in the catalogue and the figures in it, so that every language can say it."""

    id: str
    params: dict[str, Any] = msgspec.field(default_factory=dict)

    def say(self, lang: str = "en") -> str:
        """The sentence in a language of the catalogue."""
        return i18n.text(lang, self.id, **_said(self.params, lang))


class Note(msgspec.Struct, frozen=True):
    """A caveat a reader must know: `code` is stable, the text stands in the catalogue as `notes.<code>`."""

    code: str
    params: dict[str, Any] = msgspec.field(default_factory=dict)

    def say(self, lang: str = "en") -> str:
        """The caveat in a language of the catalogue."""
        return i18n.text(lang, f"notes.{self.code}", **_said(self.params, lang))


class People:
    """The visitors behind one cell of a Result: dense labels now, ids when they are asked for."""

    def __init__(self, labels: np.ndarray, describe: Callable[[np.ndarray], pa.Table], text: Text) -> None:
        self.labels = labels
        self._describe = describe
        self.text = text

    def __len__(self) -> int:
        return len(self.labels)

    def table(self, offset: int = 0, limit: int | None = None) -> pa.Table:
        """One row per visitor: visitor, known_as, ids, first_seen_at, last_seen_at, sessions, channel, orders, amount."""
        stop = None if limit is None else offset + limit
        return self._describe(self.labels[offset:stop])


class Result:
    """The answer to one Spec.

    `frame` is the main table (Arrow), `parts` further tables by name, `figures` single numbers by name (None where a
    figure cannot be computed, with a note saying why), `about` what every result states: unit, range, time zone, n,
    bots, as of, the fingerprint of data and definitions.
    """

    def __init__(
        self,
        spec: Spec,
        frame: pa.Table,
        *,
        sentence: Text,
        figures: Mapping[str, Any] | None = None,
        parts: Mapping[str, pa.Table] | None = None,
        notes: tuple[Note, ...] = (),
        about: Mapping[str, Any] | None = None,
        people: Mapping[str, Callable[[], People]] | Callable[[str], People] | None = None,
    ) -> None:
        self.spec = spec
        self.frame = frame
        self.figures = dict(figures or {})
        self.parts = dict(parts or {})
        self.notes = notes
        self.about = dict(about or {})
        self._sentence = sentence
        self._people = people

    def sentence(self, lang: str = "en") -> str:
        """The finding in one sentence."""
        return self._sentence.say(lang)

    def people(self, cell: str) -> People:
        """The visitors behind a cell such as `stage=Attract;part=lost`. Raises SpecError for a cell that is not there."""
        if self._people is None:
            raise SpecError(f"{self.spec.key_word} has no people behind its cells", path="people")
        if callable(self._people):
            return self._people(cell)
        if cell not in self._people:
            raise SpecError(
                f"there is no cell {cell!r}",
                hint=nearest(cell, self._people) or "cells: " + ", ".join(list(self._people)[:12]),
                path="people",
            )
        return self._people[cell]()

    def cells(self) -> tuple[str, ...]:
        """The cells whose people can be asked for, where they can be listed."""
        return tuple(self._people) if isinstance(self._people, Mapping) else ()

    def to_dict(self, lang: str = "en") -> dict[str, Any]:
        """Plain values: exactly what `--format json` prints and the JSON API answers."""
        return {
            "spec": self.spec.to_dict(),
            "sentence": self.sentence(lang),
            "figures": self.figures,
            "data": self.frame.to_pylist(),
            "parts": {name: table.to_pylist() for name, table in self.parts.items()},
            "notes": [{"code": note.code, "text": note.say(lang), **_extra(note, lang)} for note in self.notes],
            "about": self.about,
        }

    def to_json(self, lang: str = "en") -> str:
        """`to_dict` as JSON text; amounts are exact decimal numbers, instants ISO 8601."""
        return _JSON.encode(self.to_dict(lang)).decode()

    def to_pandas(self) -> pd.DataFrame:
        """The main table as a pandas data frame (pandas is imported here, and nowhere else)."""
        try:
            return self.frame.to_pandas()
        except ImportError as error:
            raise AfterclickError("pandas is not installed", hint="pip install 'afterclick[pandas]'") from error

    def _repr_html_(self) -> str:
        show = _PRESENTERS.get("html")
        return show(self) if show else f"<p>{self.sentence()}</p>"

    def __repr__(self) -> str:
        return f"<Result {self.spec.key_word}: {self.sentence()}>"


def _said(params: Mapping[str, Any], lang: str) -> dict[str, Any]:
    return {
        name: ", ".join(map(str, (_word(item, lang) for item in value))) if isinstance(value, list) else _word(value, lang)
        for name, value in params.items()
    }


def _word(value: Any, lang: str) -> Any:
    return (i18n.find(lang, value.id) or value.text) if isinstance(value, Term) else value


def stage_term(stage: str) -> Term:
    """A stage's name as a word of the glossary; a site's own stage is said as it is written."""
    return Term(f"stage.{stage.lower()}", stage)


def channel_term(channel: str) -> Term:
    """A channel's name as a word of the glossary."""
    return Term(f"channel.{channel}", channel)


def _extra(note: Note, lang: str) -> dict[str, Any]:
    return {"params": _said(note.params, lang)} if note.params else {}


def present(form: str, presenter: Callable[[Result], str]) -> None:
    """Register how a Result shows itself (`html`), so that no lower layer imports a surface."""
    _PRESENTERS[form] = presenter
