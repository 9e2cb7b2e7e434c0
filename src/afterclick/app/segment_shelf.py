"""The saved segments of a store and the lists taken of them: saved, renamed, deleted, and the last change undone."""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import TYPE_CHECKING, Final

import msgspec
import numpy as np
import pyarrow as pa

from afterclick.analyse.question import Question
from afterclick.analyse.scope import Scope, scope_of
from afterclick.analyse.segments.audience import audience
from afterclick.analyse.segments.lists import ids_by_visitor
from afterclick.analyse.segments.members import members_of
from afterclick.analyse.segments.names import rule_of
from afterclick.core import clock, spans
from afterclick.core import rule as rules
from afterclick.core.errors import SpecError, nearest_or_known
from afterclick.core.rule import Rule
from afterclick.core.said import Said
from afterclick.core.spec import Spec
from afterclick.store import disk, segment_lists
from afterclick.store.segment_lists import SegmentList

if TYPE_CHECKING:
    from afterclick.app.workspace import Workspace

NAME_LIMIT: Final = 80
_BEFORE: Final = "before.json"
_SPACES: Final = re.compile(r"\s+")


class SegmentShelf:
    """`shop.segments`: what is saved stands in afterclick.toml, lists are files under segments/."""

    def __init__(self, shop: Workspace) -> None:
        self._shop = shop
        self._folder = shop.store.path

    def saved(self) -> dict[str, str]:
        """Rules by name, oldest first."""
        return dict(self._shop.store.definitions.segments)

    def save(self, name: str, rule: str) -> str:
        """Save a rule under a name, which it takes over if there is one; returns its canonical text.

        Raises SpecError for a rule that cannot be read, and for a name that is empty, long or that of a list.
        """
        name, text = self._named(name), rules.parse(rule).text
        self._change({**self.saved(), name: text})
        return text

    def rename(self, name: str, to: str) -> None:
        """Give a saved segment another name. Raises SpecError for one that is not there, or a name that is taken."""
        saved, to = self._known(name), self._named(to)
        if to in saved:
            raise SpecError(Said("refusals.segment_taken", to=to), hint=Said("refusals.other_name"), path="to")
        self._change({to if one == name else one: rule for one, rule in saved.items()})

    def delete(self, name: str) -> None:
        """Delete a saved segment; lists taken of it stay. Raises SpecError for one that is not there."""
        self._change({one: rule for one, rule in self._known(name).items() if one != name})

    def undo(self) -> dict[str, str]:
        """Take the last change back; doing so twice brings it again. Raises SpecError where nothing was changed."""
        path = self._folder / segment_lists.FOLDER / _BEFORE
        if not path.exists():
            raise SpecError(Said("refusals.no_segment_changed"), hint=Said("refusals.save_one_first"), path="segments")
        with disk.explained(path):
            before = msgspec.json.decode(path.read_bytes(), type=dict[str, str])
        self._change(before)
        return before

    def lists(self) -> list[SegmentList]:
        """The lists, oldest first."""
        return segment_lists.known(self._folder)

    def take(self, segment: str, name: str = "") -> SegmentList:
        """Keep who is in a segment now (a saved name or a rule) as a list; by itself it is called by name and day.

        Raises SpecError for a segment that cannot be meant, or a list of that name.
        """
        scope, rule = self._meant(segment)
        day = spans.local_day(scope.as_of, scope.context.zone)
        called = self._named(name or f"{segment.strip()[: NAME_LIMIT - 11]} {day}", fresh=True)
        inside = np.flatnonzero(members_of(scope, rule).at(scope.as_of))
        return self._write(called, rule.text, scope, inside)

    def _write(self, name: str, rule: str, scope: Scope, visitors: np.ndarray) -> SegmentList:
        head = SegmentList(name=name, rule=rule, taken_at=clock.now(), as_of=scope.as_of, visitors=len(visitors))
        segment_lists.write(self._folder, head, ids_by_visitor(scope, visitors))
        self._shop.forget()
        return head

    def keep(self, question: Spec, cell: str, name: str) -> SegmentList:
        """Keep the visitors behind a cell of an answer as a list. Raises SpecError as `take`, or for no such cell."""
        people = self._shop.ask(question).people(cell)
        if not isinstance(question, Question):
            raise SpecError(Said("refusals.counts_no_visitors"), path="question")
        scope = scope_of(self._shop.context(), question)
        return self._write(self._named(name, fresh=True), "", scope, np.sort(people.labels))

    def ids(self, segment: str) -> list[list[str]]:
        """The ids of each visitor who is in it now, with their namespaces. Raises SpecError for one that is not there."""
        scope, rule = self._meant(segment)
        return ids_by_visitor(scope, np.flatnonzero(members_of(scope, rule).at(scope.as_of)))

    def audience(self, segment: str) -> pa.Table:
        """Who is in a segment now, with their ids for retargeting; see `segments.audience`."""
        scope, rule = self._meant(segment)
        return audience(scope, np.flatnonzero(members_of(scope, rule).at(scope.as_of)))

    def _meant(self, segment: str) -> tuple[Scope, Rule]:
        context = self._shop.context()
        return scope_of(context, Question(compare="none")), rule_of(context, segment, "segment")

    @property
    def undoable(self) -> bool:
        """Whether there is a change to take back."""
        return (self._folder / segment_lists.FOLDER / _BEFORE).exists()

    def drop(self, name: str) -> None:
        """Delete a list. Raises SpecError for one that is not there."""
        segment_lists.delete(self._folder, name)
        self._shop.forget()

    def _known(self, name: str) -> dict[str, str]:
        saved = self.saved()
        if name not in saved:
            hint = nearest_or_known(name, saved, "refusals.saved_names")
            raise SpecError(Said("refusals.no_segment", name=name), hint=hint, path="name")
        return saved

    def _named(self, name: str, *, fresh: bool = False) -> str:
        """The name, spaces at its ends and doubled ones gone. Raises SpecError for one that cannot be told from others."""
        name = _SPACES.sub(" ", name).strip()
        if not name or len(name) > NAME_LIMIT:
            raise SpecError(
                Said("refusals.segment_needs_name", name_limit=NAME_LIMIT),
                hint=Said("refusals.such_as_vips"),
                path="name",
            )
        taken = {one.name for one in self.lists()} | (set(self.saved()) if fresh else set())
        if name in taken or name == "rest":
            raise SpecError(Said("refusals.name_taken", name=name), hint=Said("refusals.other_name"), path="name")
        return name

    def _change(self, segments: Mapping[str, str]) -> None:
        folder = self._folder / segment_lists.FOLDER
        with disk.explained(folder):
            folder.mkdir(exist_ok=True)
            disk.write_synced(folder / _BEFORE, msgspec.json.encode(self.saved()))
        self._shop.define(segments=dict(segments))
