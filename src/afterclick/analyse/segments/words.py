"""How a segment is called in a sentence: by its name, else by its rule in words."""

from __future__ import annotations

from afterclick.analyse.context import Context
from afterclick.core import rule as rules
from afterclick.core.result import Text
from afterclick.core.rule import Rule

_LONGEST = 300


class RuleWords(Text, frozen=True):
    """A rule inside a sentence; its text stands where a sentence has its id."""

    def say(self, lang: str = "en") -> str:
        """The rule in words, cut where it is long."""
        said = rules.parse(self.id).words(lang)
        return said if len(said) <= _LONGEST else said[: _LONGEST - 1] + "…"


def called(context: Context, given: str, rule: Rule) -> Text:
    """The segment as a sentence names it."""
    given = given.strip()
    if given in context.snapshot.definitions.segments or given != rule.text and "(" not in given and "." not in given:
        return Text("segments.named", {"name": given})
    return RuleWords(rule.text)
