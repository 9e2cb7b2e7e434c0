"""Which steps of which terms an event serves: by its name, then by the value its condition wants, not one by one."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any, Final

from afterclick.analyse.context import NO_BEHAVIOUR
from afterclick.core import condition_tree as tree
from afterclick.core.step import ANY_EVENT, Step
from afterclick.decide.rules.leaves import Test, record_test

_MOST_TOLD: Final = 4_096

Use = tuple[int, int]
"""The number of a term, and which of its steps."""


class _OfName:
    """The steps of one event name: without a condition, with one that asks for a text, with others."""

    def __init__(self) -> None:
        self.plain: list[Use] = []
        self.by_text: dict[str, dict[str, list[tuple[Test, list[Use]]]]] = {}
        self.by_text_all: dict[str, list[tuple[Test, list[Use]]]] = {}
        self.others: list[tuple[Test, list[Use]]] = []

    def put(self, step: Step, uses: list[Use]) -> None:
        if step.condition is None:
            self.plain += uses
            return
        entry = record_test(step.condition.root), uses
        wanted = _wanted(step.condition.root)
        if wanted is None:
            self.others.append(entry)
            return
        field, texts = wanted
        found = self.by_text.setdefault(field, {})
        self.by_text_all.setdefault(field, []).append(entry)
        for text in texts:
            found.setdefault(text, []).append(entry)

    @property
    def asks(self) -> bool:
        """Whether it depends on more than the name."""
        return bool(self.others or self.by_text)

    def ask(self, fields: Mapping[str, Any], served: dict[int, list[int]]) -> None:
        for test, uses in self._candidates(fields):
            if test(fields):
                for term, place in uses:
                    served.setdefault(term, []).append(place)

    def _candidates(self, fields: Mapping[str, Any]) -> Iterable[tuple[Test, list[Use]]]:
        yield from self.others
        for field, by_text in self.by_text.items():
            value = fields.get(field)
            if type(value) is str:
                yield from by_text.get(value, ())
            elif value is not None or field.partition(".")[0] in fields:
                # No text, or perhaps nested: read as the condition itself reads it.
                yield from self.by_text_all[field]


class StepIndex:
    """All steps that any term asks for."""

    def __init__(self, asked: Iterable[tuple[int, tuple[Step, ...]]], windows: Iterable[str] = ()) -> None:
        """`asked` are numbers of terms with their steps, `windows` names of events that others count without condition."""
        uses: dict[tuple[str, str], tuple[Step, list[Use]]] = {}
        for number, steps in asked:
            for place, step in enumerate(steps):
                text = step.condition.text() if step.condition else ""
                uses.setdefault((step.event, text), (step, []))[1].append((number, place))
        self._names: dict[str, _OfName] = {}
        self._several = any(places > 0 for _, found in uses.values() for _, places in found)
        for step, found in uses.values():
            self._names.setdefault(step.event, _OfName()).put(step, found)
        self._any = self._names.pop(ANY_EVENT, None)
        self._windows = frozenset(windows)
        self._known = frozenset(self._names) | self._windows
        self._told: dict[tuple[frozenset[str], bool], tuple[tuple[str, ...], dict[int, list[int]], list[_OfName]]] = {}

    def served(self, names: frozenset[str], fields: Mapping[str, Any]) -> tuple[tuple[str, ...], Mapping[int, list[int]]]:
        """Which of the windows an event of these names is counted in, and per term the places of its steps, ascending, that
        it serves with these fields."""
        key = names & self._known, names.isdisjoint(NO_BEHAVIOUR)
        told = self._told.get(key)
        if told is None:
            told = self._by_name(*key)
        counted, plain, asking = told
        if not asking:
            return counted, plain
        served: dict[int, list[int]] = {}
        for one in asking:
            one.ask(fields, served)
        if not served:
            return counted, plain
        for term, places in plain.items():
            served[term] = places + served[term] if term in served else places
        return counted, self._in_order(served)

    def _by_name(
        self, names: frozenset[str], behaviour: bool
    ) -> tuple[tuple[str, ...], dict[int, list[int]], list[_OfName]]:
        """Where events of these names are counted, what they serve in any case, and what must be asked."""
        found = [self._names[name] for name in names if name in self._names]
        if self._any is not None and behaviour:
            found.append(self._any)
        counted = tuple(sorted((names | {ANY_EVENT} if behaviour else names) & self._windows))
        plain: dict[int, list[int]] = {}
        for one in found:
            for term, place in one.plain:
                plain.setdefault(term, []).append(place)
        if len(self._told) >= _MOST_TOLD:
            self._told.clear()
        told = self._told[names, behaviour] = counted, self._in_order(plain), [one for one in found if one.asks]
        return told

    def _in_order(self, served: dict[int, list[int]]) -> dict[int, list[int]]:
        if not self._several:
            return served
        return {term: places if len(places) == 1 else sorted(set(places)) for term, places in served.items()}


def _wanted(node: tree.Node) -> tuple[str, tuple[str, ...]] | None:
    """A field and the texts one of which a record must have there, if the condition says so."""
    match node:
        case tree.Compare(field, "==", tree.Text(text)):
            return field, (text,)
        case tree.In(field, values) if all(isinstance(value, tree.Text) for value in values):
            return field, tuple(str(value.value) for value in values)
        case tree.AllOf(parts):
            return next((found for part in parts if (found := _wanted(part)) is not None), None)
        case _:
            return None
