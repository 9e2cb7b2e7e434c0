"""What a report holds beyond its drawings, gathered while they are drawn: definitions, and people where asked for."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Final

from afterclick.core.errors import SpecError
from afterclick.core.result import People, Result
from afterclick.surfaces.report.tables import ROWS
from afterclick.surfaces.viz.drawer import people_table
from afterclick.surfaces.viz.markup import Html, el
from afterclick.surfaces.viz.voice import Voice

LISTS: Final = 24
"""Lists of people in one report; numbers beyond stand there without a list."""


class Definitions:
    """Every "?" of the cards, once each, in the order in which a reader meets them."""

    def __init__(self) -> None:
        self._found: dict[str, list[str]] = {}

    def __call__(self, title: str, lines: Sequence[str]) -> None:
        """Remember what a "?" says; a title met again adds only what is new."""
        kept = self._found.setdefault(title, [])
        kept += [line for line in lines if line not in kept]

    def shown(self) -> Html | None:
        """A list of terms with their definitions; None where no card explained anything."""
        if not self._found:
            return None
        rows = [
            el("div", None, el("dt", None, title), [el("dd", None, line) for line in lines])
            for title, lines in self._found.items()
        ]
        return el("dl", {"class": "terms"}, rows)


class Lists:
    """The people behind the numbers that were drawn: each number leads to its list in the same file."""

    def __init__(self) -> None:
        self._found: dict[tuple[str, str], People] = {}
        self.full = False

    def of(self, result: Result) -> Callable[[str], str]:
        """What a card's voice asks for the address of a cell; empty for a cell that has no list here."""

        def address(cell: str) -> str:
            key = result.spec.key, cell
            if key not in self._found:
                if len(self._found) >= LISTS:
                    self.full = True
                    return ""
                try:
                    people = result.people(cell)
                except SpecError:
                    return ""
                if not len(people):
                    return ""
                self._found[key] = people
            return f"#people-{list(self._found).index(key) + 1}"

        return address

    def shown(self, voice: Voice) -> list[Html]:
        """Every list with the sentence that says who stands in it, its whole number, and its first rows."""
        return [
            el(
                "section",
                {"class": "panel card", "id": f"people-{number}"},
                el("h3", None, people.text.say(voice.lang)),
                el("p", {"class": "caption"}, _count(people, voice)),
                people_table(people.table(0, ROWS).to_pylist(), voice),
            )
            for number, people in enumerate(self._found.values(), 1)
        ]


def _count(people: People, voice: Voice) -> str:
    if len(people) > ROWS:
        return voice.text("report.people_first", shown=ROWS, n=len(people))
    return voice.text("drawer.count", n=len(people))
