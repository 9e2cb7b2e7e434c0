"""The first rows of the files of an import, looked at column by column."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Final

import pyarrow as pa

from afterclick.collect import binding, cells, evidence, flat, synonyms
from afterclick.collect.chunks import Reader
from afterclick.collect.columnmap import ColumnMap
from afterclick.collect.engine import Engine
from afterclick.collect.profile import Profile

_LOOKED_INTO: Final = 24
"""How many files, spread over all, are asked for the way they write the time."""


class Samples:
    """Profiles of columns: `first` tells in which file (by place) each column name first occurs, `doubts` what is unsure."""

    def __init__(self, engine: Engine, readers: Sequence[Reader]) -> None:
        self._engine = engine
        self._readers = readers
        self._profiles: dict[tuple[int, str], Profile] = {}
        self._tables: dict[int, pa.Table] = {}
        self.first = {name: place for place, reader in reversed(list(enumerate(readers))) for name in reader.columns}
        self.doubts: list[str] = []

    def column(self, name: str) -> Profile:
        """A column as it is in the first file that has it."""
        return self._profile(self.first[name], name)

    def time_unit(self, paths: Sequence[str]) -> str:
        """The one way all files write the time, else auto."""
        units = set()
        step = max(1, len(self._readers) // _LOOKED_INTO)
        for place in range(0, len(self._readers), step):
            hit = next((path for path in paths if path in self._readers[place].columns), None)
            if hit is None:
                return "auto"
            unit, share, doubt = self._profile(place, hit).time
            if share > 0:
                units.add(unit)
            if doubt and doubt not in self.doubts:
                self.doubts.append(doubt)
        return units.pop() if len(units) == 1 else "auto"

    def numbers(self, given: ColumnMap) -> tuple[str, ...]:
        """Raw names of the columns kept as properties that hold numbers, not labels made of digits."""
        found: list[str] = []
        for place, reader in enumerate(self._readers):
            bound = binding.bind(given, reader.columns)
            mapped = [
                hits[0].column for field, hits in bound.cells.items() if field.startswith("p.") and not hits[0].keys
            ]
            for name in (*bound.flat, *mapped):
                if name not in found and self.first[name] == place and _is_number(self._profile(place, name)):
                    found.append(name)
        return tuple(found)

    def example(self, raw: Sequence[str]) -> str:
        """A value of the first of these columns or paths that is anywhere."""
        hit = next((hit for hit in (binding.cell(spec, self.first) for spec in raw) if hit is not None), None)
        if hit is None:
            return ""
        profile = self.column(hit.column)
        if not hit.keys:
            return profile.example
        inner = (evidence.inside(value, hit.keys) for value in profile.objects)
        return next((str(value) for value in inner if value is not None), "")

    def _profile(self, place: int, name: str) -> Profile:
        key = (place, name)
        if key not in self._profiles:
            if place not in self._tables:
                # Only the last sample is kept: a folder may hold thousands of files.
                self._tables = {place: self._readers[place].sample()}
            self._profiles[key] = Profile(self._engine, name, cells.whole(self._tables[place].column(name)))
        return self._profiles[key]


def _is_number(profile: Profile) -> bool:
    if pa.types.is_boolean(profile.raw.type):
        return True
    if synonyms.is_id_like(profile.name) or profile.leading_zeros:
        return False
    return flat.is_number(profile.raw.type) or (len(profile.filled) > 0 and profile.numeric == 1.0)
