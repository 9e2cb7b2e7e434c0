"""Two visitors who turn out to be one: their memories become one, and nothing fires because of it."""

from __future__ import annotations

from afterclick.analyse.segments.visit_state import order_of
from afterclick.decide.memory import MOST_OFFERS, Memory


def merge(into: Memory, other: Memory) -> None:
    """Put what `other` holds into `into`, whose key stays; but for the key it does not matter which is which.

    Numbers add up, windows are united, the session seen later goes on, of one basket line the newer is kept. A rule that
    has fired for either has fired for both. What holds now counts as having held: no rule fires by the merge itself.
    """
    ours, theirs = into.session, other.session
    newest = max((into, other), key=lambda one: (one.at, one.live, one.generation, one.key))
    mine, its = order_of(into.state.visits), order_of(other.state.visits)
    going_on = ours if mine >= its else None, theirs if its >= mine else None
    into.state.join(other.state)
    for number, machine in other.machines.items():
        known = into.machines.get(number)
        if known is None:
            into.machines[number] = machine
        else:
            known.join(machine)
    current = into.session
    found: dict[bytes, tuple[int, int]] = {}
    for memory, last in zip((into, other), going_on, strict=True):
        for key, (at, session) in memory.guards.items():
            moved = at, current if session == last else 0
            found[key] = max(found.get(key, moved), moved)
    into.guards = found
    both = {one.action_id: one for one in (*into.offers, *other.offers)}
    into.offers = sorted(both.values(), key=lambda one: (one.at, one.action_id))[-MOST_OFFERS:]
    into.at, into.live, into.generation = newest.at, newest.live, newest.generation
    into.cool()
