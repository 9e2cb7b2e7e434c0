"""Steps of a journey found, changed, moved, added and taken away by their place: `0`, `1.then.0`, `2.b.0`."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import NoReturn

from msgspec.structs import replace

from afterclick.core.errors import SpecError
from afterclick.core.said import Said
from afterclick.store.automations import Branch, Node, Send, Wait, Way, Words

Steps = tuple[Node, ...]


def step_at(steps: Steps, place: str) -> Node:
    """The step at a place. Raises SpecError for a place that is not there."""
    found: list[Node] = []

    def look(node: Node) -> tuple[Node, ...]:
        found.append(node)
        return (node,)

    changed(steps, place, look)
    return found[0]


def changed(steps: Steps, place: str, change: Callable[[Node], Steps]) -> Steps:
    """The steps with the one at `place` replaced by what `change` makes of it (none, one or several)."""
    parts = place.split(".")
    return _inside(steps, parts[:-1], lambda here: _spliced(here, _index(parts[-1], here, place), change), place)


def moved(steps: Steps, place: str, by: int) -> Steps:
    """The steps with one of them moved within its list; at an end it stays."""
    parts = place.split(".")

    def swap(here: Steps) -> Steps:
        i = _index(parts[-1], here, place)
        k = min(max(i + by, 0), len(here) - 1)
        rest = (*here[:i], *here[i + 1 :])
        return (*rest[:k], here[i], *rest[k:])

    return _inside(steps, parts[:-1], swap, place)


def added(steps: Steps, place: str, node: Node) -> Steps:
    """The steps with one at the end of the list at `place`: `` the journey's own, `1.then`, `2.b`."""
    return _inside(steps, place.split(".") if place else [], lambda here: (*here, node), place)


def fresh(kind: str) -> Node:
    """A new step of a kind, with what it needs to be meant. Raises SpecError for a kind there is not."""
    words = (Words(title="", body=""),)
    made: dict[str, Node] = {
        "wait": Node(wait=Wait(span="1d")),
        "until": Node(wait=Wait(until="10:00")),
        "event": Node(wait=Wait(event="Order Completed", timeout="1d")),
        "condition": Node(wait=Wait(condition="visitor.orders >= 1", timeout="1d")),
        "branch": Node(branch=Branch(when="visitor.orders >= 1")),
        "split": Node(split=(Way(name="a", share=0.5), Way(name="b", share=0.5))),
        "set": Node(set={"name": "value"}),
        "exit": Node(exit=True),
        **{name: Node(send=Send(channel=name, words=words)) for name in ("email", "push", "onsite")},
        "webhook": Node(send=Send(channel="webhook", to="https://", advertising=False)),
        "export": Node(send=Send(channel="export", to="audience")),
    }
    if kind not in made:
        raise SpecError(
            Said("refusals.no_step_kind", kind=kind),
            hint=Said("refusals.one_of", names=", ".join(made)),
            path="step",
        )
    return made[kind]


def _inside(steps: Steps, parts: Sequence[str], change: Callable[[Steps], Steps], place: str) -> Steps:
    """The steps with the list that `parts` lead to changed."""
    if not parts:
        return change(steps)
    if len(parts) < 2:
        _lost(place)
    index, side, rest = parts[0], parts[1], parts[2:]

    def within(node: Node) -> Steps:
        if node.branch is not None and side in ("then", "otherwise"):
            inner = _inside(getattr(node.branch, side), rest, change, place)
            return (replace(node, branch=replace(node.branch, **{side: inner})),)
        if side not in {way.name for way in node.split}:
            _lost(place)
        ways = tuple(
            replace(way, steps=_inside(way.steps, rest, change, place)) if way.name == side else way
            for way in node.split
        )
        return (replace(node, split=ways),)

    return _spliced(steps, _index(index, steps, place), within)


def _spliced(here: Steps, i: int, change: Callable[[Node], Steps]) -> Steps:
    return (*here[:i], *change(here[i]), *here[i + 1 :])


def _index(text: str, here: Steps, place: str) -> int:
    if not text.isdecimal() or len(text) > 4 or int(text) >= len(here):
        _lost(place)
    return int(text)


def _lost(place: str) -> NoReturn:
    raise SpecError(Said("refusals.no_step_place", place=place[:80]), hint=Said("refusals.load_again"), path="place")
