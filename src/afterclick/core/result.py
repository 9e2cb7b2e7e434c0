"""What was computed: a frame of figures with the question, its notes, its sentence and the people behind each cell."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from copy import copy
from html import escape
from pathlib import Path
from typing import TYPE_CHECKING, Any

import msgspec
import numpy as np
import pyarrow as pa

from afterclick.core import i18n
from afterclick.core.errors import AfterclickError, SpecError, UsageError, nearest_or_known
from afterclick.core.said import Said
from afterclick.core.spec import Spec

if TYPE_CHECKING:
    import pandas as pd
    import polars as pl

_JSON = msgspec.json.Encoder(decimal_format="number")
_PRESENTERS: dict[str, Callable[..., Any]] = {}


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
            raise SpecError(Said("refusals.no_people", key_word=self.spec.key_word), path="people")
        if callable(self._people):
            return self._people(cell)
        if cell not in self._people:
            raise SpecError(
                Said("refusals.no_cell", cell=cell),
                hint=nearest_or_known(cell, self._people, "refusals.known_cells", 12),
                path="people",
            )
        return self._people[cell]()

    def with_sentence(self, sentence: Text) -> Result:
        """This result with another finding."""
        other = copy(self)
        other._sentence = sentence
        return other

    def with_people(self, first: Callable[[str], People | None]) -> Result:
        """This result, whose cells `first` answers where it knows them."""
        rest = self.people

        def either(cell: str) -> People:
            known = first(cell)
            return rest(cell) if known is None else known

        other = copy(self)
        other._people = either
        return other

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
            raise AfterclickError(Said("refusals.no_pandas"), hint="pip install 'afterclick[pandas]'") from error

    def to_polars(self) -> pl.DataFrame:
        """The main table as a polars data frame (polars is imported here, and nowhere else)."""
        try:
            import polars  # noqa: PLC0415 - an output, no dependency
        except ImportError as error:
            raise AfterclickError(Said("refusals.no_polars"), hint="pip install 'afterclick[polars]'") from error
        found: pl.DataFrame = polars.from_arrow(self.frame)
        return found

    def to_plotly(self, lang: str = "") -> Any:
        """The main table as a `plotly.graph_objects.Figure`. Raises AfterclickError where plotly is not installed."""
        return presenter("plotly")(self, lang)

    def html(self, lang: str = "", prefix: str = "") -> str:
        """The card of the dashboard as one element without script, under 60 kB; ids in it begin with `prefix`.

        `lang` is `en` or `ko`; empty = $AFTERCLICK_LANG, else English. So it is for every method below.
        """
        return str(presenter("html")(self, lang, prefix))

    def text(self, lang: str = "") -> str:
        """The finding and the main table as plain text."""
        return str(presenter("text")(self, lang))

    def svg(self, lang: str = "") -> str:
        """The finding and its drawing as one SVG file that stands alone."""
        return str(presenter("svg")(self, lang))

    def url(self, lang: str = "") -> str:
        """The address of the same question on the dashboard that `afterclick serve` runs."""
        return str(presenter("url")(self, lang))

    def save(self, path: str | Path, lang: str = "") -> Path:
        """Write the answer as the ending of `path` says: html, svg, csv (the main table) or json.

        Raises UsageError for another ending.
        """
        target = Path(path)
        form = target.suffix.lower().removeprefix(".")
        if form not in SAVED:
            raise UsageError(
                Said("refusals.no_ending", name=target.name),
                hint=Said("refusals.name_ending", names=", ".join(f".{known}" for known in SAVED)),
                path="path",
            )
        with target.open("w", encoding="utf-8", newline="") as file:
            file.write(presenter(f"{form} file")(self, lang))
        return target

    def _repr_html_(self) -> str:
        return self.html() if "html" in _PRESENTERS else f"<p>{escape(self.sentence())}</p>"

    def _repr_mimebundle_(self, include: Any = None, exclude: Any = None) -> dict[str, str]:
        """The card and, for places that show no HTML, the same as text."""
        forms = {"text/html": self._repr_html_, "text/plain": self.text if "text" in _PRESENTERS else self.__repr__}
        return {
            kind: form()
            for kind, form in forms.items()
            if (not include or kind in include) and kind not in (exclude or ())
        }

    def __repr__(self) -> str:
        return f"<Result {self.spec.key_word}: {self.sentence()}>"


def _said(params: Mapping[str, Any], lang: str) -> dict[str, Any]:
    return {
        name: ", ".join(map(str, (_word(item, lang) for item in value))) if isinstance(value, list) else _word(value, lang)
        for name, value in params.items()
    }


def _word(value: Any, lang: str) -> Any:
    if isinstance(value, Text):
        return value.say(lang)
    return (i18n.find(lang, value.id) or value.text) if isinstance(value, Term) else value


def stage_term(stage: str) -> Term:
    """A stage's name as a word of the glossary; a site's own stage is said as it is written."""
    return Term(f"stage.{stage.lower()}", stage)


def channel_term(channel: str) -> Term:
    """A channel's name as a word of the glossary."""
    return Term(f"channel.{channel}", channel)


def _extra(note: Note, lang: str) -> dict[str, Any]:
    return {"params": _said(note.params, lang)} if note.params else {}


SAVED = ("html", "svg", "csv", "json")
"""Endings of the files a Result writes itself into."""


def present(form: str, how: Callable[..., Any]) -> None:
    """Register how a Result shows itself (`html`, `svg`, …), so that no lower layer imports a surface."""
    _PRESENTERS[form] = how


def presenter(form: str) -> Callable[..., Any]:
    """What was registered for a form. Raises AfterclickError where nothing was."""
    if form not in _PRESENTERS:
        raise AfterclickError(Said("refusals.no_presenter", form=form), hint=Said("refusals.open_store"))
    return _PRESENTERS[form]
