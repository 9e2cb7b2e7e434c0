"""From what a question calls a segment, a saved name or a rule, to the rule and to the rows of its members."""

from __future__ import annotations

import numpy as np

from afterclick.analyse.context import Context
from afterclick.analyse.scope import Scope
from afterclick.analyse.segments.lists import is_found
from afterclick.analyse.segments.members import Members, members_of
from afterclick.core import rule as rules
from afterclick.core.arrays import frozen
from afterclick.core.condition_tree import quoted
from afterclick.core.errors import SpecError, nearest
from afterclick.core.rule import Rule
from afterclick.core.said import Said, Spoken
from afterclick.store import segment_lists


def rule_of(context: Context, text: str, path: str) -> Rule:
    """The rule behind a saved segment's name, a list's name, or the rule itself. Raises SpecError naming the nearest."""
    text = text.strip()
    saved = context.snapshot.definitions.segments
    if text in saved:
        try:
            return rules.parse(saved[text], path=path)
        except SpecError as error:
            raise SpecError(
                Said("refusals.segment_wrong", text=text, message=error.said),
                hint=error.advice,
                path=path,
                code=error.code,
            ) from None
    lists = [one.name for one in segment_lists.known(context.snapshot.folder)]
    if text in lists or is_found(text):
        return rules.parse(f"member({quoted(text)})", path=path)
    try:
        return rules.parse(text, path=path)
    except SpecError:
        hint = nearest(text, [*saved, *lists])
        if hint or not any(sign in text for sign in "=<>(."):
            known: Spoken = ", ".join([*saved, *lists][:12]) or Said("refusals.none_yet")
            raise SpecError(
                Said("refusals.no_segment_rule", text=text[:80]),
                hint=hint or Said("refusals.segments_or_rule", known=known),
                path=path,
            ) from None
        raise


def rows_of_members(scope: Scope, text: str) -> np.ndarray:
    """Per global row of the store whether it is of a member, as of the scope's `as_of`; bool."""
    rule = rule_of(scope.context, text, "segment")
    members: Members = members_of(scope, rule)
    question = members.scope.question
    key = ("segment's rows", rule.text, question.identity, question.bots, scope.as_of, members.scope.sessions_like.key)

    def make() -> np.ndarray:
        inside = members.at(scope.as_of)
        out = np.empty(scope.context.snapshot.rows, bool)
        for chunk in scope.context.snapshot.chunks(("device", "at"), None):
            device, at = chunk.columns["device"], chunk.columns["at"]
            visitor = scope.labels.of(np.maximum(device, 0), at)
            out[chunk.start : chunk.start + chunk.rows] = inside[visitor] & (device >= 0)
        return frozen(out)

    return scope.context.keep(key, make)
