"""What keeps single journeys of a server from going on: told once in its journal, and as long as it lasts in its health."""

from __future__ import annotations

from afterclick.act.journeys.runner import JourneyRunner
from afterclick.collect.live.journal import Journal
from afterclick.store.definitions import Definitions


class JourneyTroubles:
    """Looks at the runner; `say` after every change of the documents and every look at the day."""

    def __init__(self, runner: JourneyRunner, journal: Journal) -> None:
        self._runner = runner
        self._journal = journal
        self._said: set[tuple[str, str]] = set()

    def names(self, definitions: Definitions) -> dict[str, list[str]]:
        """Names of journeys: `refused` documents cannot be read, `held` have runs on a version that cannot be read,
        `without_segment` are on and take in the members of a segment that is gone or cannot be told."""
        gone = {
            one.name
            for one in definitions.journeys
            if one.state == "on" and one.entry.segment and one.entry.segment not in definitions.segments
        }
        return {
            "refused": sorted(self._runner.refused),
            "held": sorted({one.name for one in self._runner.aside.values()}),
            "without_segment": sorted(gone | self._runner.crowdless.keys()),
        }

    def say(self) -> None:
        """What is new of it, once, though it is met at every look."""
        found = {("journey_set_aside", one.name): one.why for one in self._runner.aside.values()}
        found |= {("nobody_taken_in", name): error.message for name, error in self._runner.crowdless.items()}
        for what, name in found.keys() - self._said:
            self._journal.write(what, journey=name, message=found[what, name])
        self._said = set(found)
