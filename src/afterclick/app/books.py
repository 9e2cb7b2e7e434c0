"""The rules and journeys of a store compiled as far as they can be read, and as far as visitors are known for them."""

from __future__ import annotations

from collections.abc import Sequence

from afterclick.collect.live.journal import Journal
from afterclick.core.errors import SpecError
from afterclick.decide.rules.book import RuleBook
from afterclick.store.automations import Journey, LiveRule
from afterclick.store.definitions import Definitions


class Books:
    """Compiles what is on. `refused` says in words what could not be read the last time, "" where all could."""

    def __init__(self, journal: Journal) -> None:
        self.refused = ""
        self._journal = journal

    def whole(self, definitions: Definitions, in_use: Sequence[Journey]) -> RuleBook:
        """The rules that are on; where one cannot be read, as it may be in a file written by hand, the others."""
        journeys = [*definitions.journeys, *in_use]
        try:
            book = RuleBook.compile(definitions.rules, journeys, definitions)
        except SpecError as error:
            if self.refused != error.message:
                self._journal.write("rule_refused", path=error.path, message=error.message)
            self.refused = error.message
        else:
            self.refused = ""
            return book
        rules = [rule for rule in definitions.rules if _reads([rule], (), definitions)]
        return RuleBook.compile(rules, [one for one in journeys if _reads((), [one], definitions)], definitions)


def known_part(
    definitions: Definitions, in_use: Sequence[Journey], terms: frozenset[str]
) -> tuple[RuleBook, frozenset[str]]:
    """The rules that need nothing but these terms: they go on while the others wait for the log to be learnt; and the
    names of the journeys that are on and wait."""
    journeys = [*definitions.journeys, *in_use]
    rules = [rule for rule in definitions.rules if _reads([rule], (), definitions, terms)]
    known = [one for one in journeys if _reads((), [one], definitions, terms)]
    waiting = {one.name for one in definitions.journeys if one.state == "on" and one not in known}
    return RuleBook.compile(rules, known, definitions), frozenset(waiting)


def _reads(
    rules: Sequence[LiveRule],
    journeys: Sequence[Journey],
    definitions: Definitions,
    terms: frozenset[str] | None = None,
) -> bool:
    """Whether they can be read, and ask for nothing but these terms."""
    try:
        book = RuleBook.compile(rules, journeys, definitions)
    except SpecError:
        return False
    return terms is None or book.terms <= terms
