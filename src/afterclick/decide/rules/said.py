"""Traits that messages say, and which live state must therefore keep though no condition asks for them."""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from typing import Final

from afterclick.store.automations import Journey, LiveRule, Show, Words, nodes

_TRAIT: Final = re.compile(r"""\bvisitor(?:\.(\w{1,100})|\[\s*(?:"([^"]{1,100})"|'([^']{1,100})')\s*\])""")


def said_traits(rules: Sequence[LiveRule], journeys: Sequence[Journey]) -> frozenset[str]:
    """The names behind `visitor.` in the templates of rules that are on and of journeys that are not drafts."""
    found: set[str] = set()
    for words in _words(rules, journeys):
        for text in (words.title, words.body, words.button, words.url, words.image, words.code):
            found.update(name for match in _TRAIT.findall(text) for name in match if name)
    return frozenset(found)


def _words(rules: Sequence[LiveRule], journeys: Sequence[Journey]) -> Iterator[Words]:
    for rule in rules:
        if rule.state == "on":
            for show in (rule.show, *(arm.show for arm in rule.arms)):
                yield from _of_show(show)
    for journey in journeys:
        if journey.state != "draft":
            for _, node in nodes(journey.steps):
                if node.send is not None:
                    yield from node.send.words
                    yield from _of_show(node.send.show)


def _of_show(show: Show | None) -> Iterator[Words]:
    if show is not None:
        yield from show.words
