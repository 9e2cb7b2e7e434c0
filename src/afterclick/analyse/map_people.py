"""The visitors behind each cell of the map: the same masks that its figures are the sums of."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np

from afterclick.analyse.describe import people_of
from afterclick.analyse.kernels.journey import LOOP
from afterclick.analyse.map_cells import cell_fields, no_cell
from afterclick.analyse.map_reading import Map
from afterclick.core.result import People, Term, Text, channel_term, stage_term


class MapPeople:
    """Reads cells of one map."""

    def __init__(self, map: Map) -> None:  # noqa: A002 - it is the map
        self.map = map

    def of(self, cell: str) -> People:
        """The visitors behind a cell of the map."""
        found = self._cell(cell_fields(cell))
        if found is None:
            raise no_cell(cell, self.map.names)
        visitors, text = found
        return people_of(self.map.scope, visitors, text)

    def _cell(self, fields: dict[str, str]) -> tuple[np.ndarray, Text] | None:
        readers: dict[frozenset[str], Callable[[dict[str, str]], tuple[np.ndarray, Text] | None]] = {
            frozenset({"visitors"}): lambda _: (self.map.now.visitors, Text("people.visitors")),
            frozenset({"buyers"}): lambda _: (self.map.now.buyers, Text("people.buyers")),
            frozenset({"loop"}): lambda _: (np.flatnonzero(self.map.journey.loop & LOOP), Text("people.loop")),
            frozenset({"stage"}): self._cell_none,
            frozenset({"stage", "part"}): self._cell_part,
            frozenset({"stage", "channel"}): self._cell_share,
            frozenset({"stage", "device_type"}): self._cell_share,
            frozenset({"stage", "touchpoint"}): self._cell_touchpoint,
            frozenset({"flow"}): self._cell_flow,
            frozenset({"crossing", "from", "to"}): self._cell_crossing,
            frozenset({"several"}): self._cell_changed,
            frozenset({"changed"}): self._cell_changed,
        }
        read = readers.get(frozenset(fields))
        stage = fields.get("stage")
        if read is None or (stage is not None and stage not in (*self.map.names, "none")):
            return None
        return read(fields)

    def _cell_none(self, fields: dict[str, str]) -> tuple[np.ndarray, Text] | None:
        if fields["stage"] != "none":
            return self._cell_part({**fields, "part": "entered"})
        return self.map.now.visitors[self.map.river == -1], Text("people.no_stage")

    def _cell_part(self, fields: dict[str, str]) -> tuple[np.ndarray, Text] | None:
        number, part = self.map.names.index(fields["stage"]), fields["part"]
        text = Text(f"people.stage_{part}", {"stage": stage_term(fields["stage"]), "within": self.map.within})
        masks = self.map.masks(number, self.map.scope.period)
        if part in masks:
            return np.flatnonzero(masks[part]), text
        if part == "returned":
            return np.flatnonzero(self.map.journey.returned >> number & 1), text
        if part == "highest":
            return self.map.now.visitors[self.map.river == number], text
        return None

    def _cell_share(self, fields: dict[str, str]) -> tuple[np.ndarray, Text] | None:
        by = "channel" if "channel" in fields else "device_type"
        visitors = self.map.crossings.visitors(
            by, self.map.names.index(fields["stage"]), fields[by], self.map.scope.period
        )
        return visitors, Text(
            f"people.stage_{by}", {"stage": stage_term(fields["stage"]), "value": _value_term(by, fields[by])}
        )

    def _cell_touchpoint(self, fields: dict[str, str]) -> tuple[np.ndarray, Text] | None:
        name = fields["touchpoint"]
        visitors = self.map.touchpoints.visitors(self.map.names.index(fields["stage"]), name, self.map.scope.period)
        return visitors, Text("people.touchpoint", {"stage": stage_term(fields["stage"]), "value": name})

    def _cell_flow(self, fields: dict[str, str]) -> tuple[np.ndarray, Text] | None:
        start, _, end = fields["flow"].partition(">")
        if start not in self.map.names or end not in self.map.names:
            return None
        rows, period = self.map.journey.rows, self.map.scope.period
        stage = self.map.journey.event_stage()
        place = np.flatnonzero(stage >= 0)
        owner = rows.owners()[place]
        moved = np.zeros(len(place), bool)
        moved[1:] = (owner[1:] == owner[:-1]) & (stage[place][:-1] == self.map.names.index(start))
        moved &= (
            (stage[place] == self.map.names.index(end))
            & (rows.at[place] >= period.start)
            & (rows.at[place] < period.end)
        )
        return np.unique(owner[moved]), Text("people.flow", {"start": stage_term(start), "end": stage_term(end)})

    def _cell_changed(self, fields: dict[str, str]) -> tuple[np.ndarray, Text] | None:
        part, by = next(iter(fields.items()))
        if by not in ("channel", "device_type"):
            return None
        several, changed = self.map.crossings.changed(by, self.map.scope.period)
        return changed if part == "changed" else several, Text(f"people.{part}_{by}")

    def _cell_crossing(self, fields: dict[str, str]) -> tuple[np.ndarray, Text] | None:
        start, _, start_value = fields["from"].partition(":")
        end, _, end_value = fields["to"].partition(":")
        if (
            start not in self.map.names
            or end not in self.map.names
            or fields["crossing"] not in ("channel", "device_type")
        ):
            return None
        visitors = self.map.crossings.crossed(
            fields["crossing"], start, start_value, end, end_value, self.map.scope.period
        )
        values = {
            "from": _value_term(fields["crossing"], start_value),
            "to": _value_term(fields["crossing"], end_value),
        }
        return visitors, Text("people.crossing", {"start": stage_term(start), "end": stage_term(end), **values})


def _value_term(by: str, value: str) -> Term:
    return channel_term(value) if by == "channel" else Term(f"device.{value}", value)
