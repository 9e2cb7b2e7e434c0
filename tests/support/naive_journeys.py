"""Journeys over plain lists: one generator a run, every question asked anew of everything that happened."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from datetime import timedelta
from typing import Any, NamedTuple
from zoneinfo import ZoneInfo

from afterclick.core import clock, spans
from afterclick.decide.draws import draw
from afterclick.store.automations import Journey, Node


class Op(NamedTuple):
    """What happens: `event`, `watch` (who = visitor, name = text), `merge` (who = into, name = gone) or `fire`."""

    what: str
    at: int
    now: int
    who: str = ""
    name: str = ""
    key: str = ""


class Exit(Exception):
    """The run is over."""


class NaiveRun:
    def __init__(self, visitor: str, at: int, key: str) -> None:
        self.visitor, self.entered, self.key = visitor, at, key
        self.heard: list[str] = []
        self.clock = at
        self.due = self.since = 0
        self.awaits = self.condition = ""
        self.steps: Iterator[None] = iter(())


class Naive:
    """Tell it operations in order; `sent` is (visitor, step, instant) of each message, `ended` the reasons."""

    def __init__(self, journey: Journey, zone: ZoneInfo, holds: Callable[[str, str, int], bool]) -> None:
        self.journey, self.zone, self.holds = journey, zone, holds
        self.runs: list[NaiveRun] = []
        self.entries: list[tuple[str, str, int]] = []
        self.sent: list[tuple[str, str, int]] = []
        self.ended: list[str] = []

    def do(self, op: Op) -> None:
        getattr(self, op.what)(op)

    def fire(self, op: Op) -> None:
        for run in sorted(self.runs, key=lambda run: run.due):
            if run.due <= op.now:
                self.go(run, op.now, op.now - run.due)

    def event(self, op: Op) -> None:
        for run in [run for run in self.runs if run.visitor == op.who]:
            if op.name in self.journey.goal + self.journey.leave:
                self.end(run, "goal" if op.name in self.journey.goal else "leave")
                continue
            run.heard.append(op.name)
            if run.awaits == op.name:
                self.go(run, op.at, op.now - op.at)
        if op.name == self.journey.entry.event and self.may_enter(op) and op.now - op.at <= self.grace:
            run = NaiveRun(op.who, op.at, op.key if self.journey.again == "key:k" else "")
            run.steps = self.walk(run, self.journey.steps, "")
            self.runs.append(run)
            self.entries.append((op.who, run.key, op.at))
            self.go(run, op.at, 0)

    def watch(self, op: Op) -> None:
        for run in [run for run in self.runs if run.visitor == op.who]:
            if run.condition == op.name and run.since < op.at:
                self.go(run, op.at, op.now - op.at)

    def merge(self, op: Op) -> None:
        self.entries = [(op.who if who == op.name else who, key, at) for who, key, at in self.entries]
        for run in self.runs:
            run.visitor = op.who if run.visitor == op.name else run.visitor
        mine = sorted((run for run in self.runs if run.visitor == op.who), key=lambda run: run.entered)
        for n, run in enumerate(mine):
            if any(other.key == run.key for other in mine[:n]):
                self.end(run, "merged")

    @property
    def grace(self) -> int:
        return spans.micros(self.journey.grace)

    def may_enter(self, op: Op) -> bool:
        again = self.journey.again
        before = [at for who, key, at in self.entries if who == op.who and (again != "key:k" or key == op.key)]
        if again in ("never", "key:k"):
            return not before
        if any(run.visitor == op.who for run in self.runs):
            return False
        return again == "after_exit" or not before or op.at - max(before) >= spans.micros(again)

    def go(self, run: NaiveRun, at: int, overdue: int) -> None:
        if overdue > self.grace:
            self.end(run, "missed")
            return
        run.clock, run.awaits, run.condition = at, "", ""
        try:
            next(run.steps)
            run.since = at
        except StopIteration:
            self.end(run, "done")
        except Exit:
            self.end(run, "exit")

    def end(self, run: NaiveRun, reason: str) -> None:
        self.runs.remove(run)
        self.ended.append(reason)

    def walk(self, run: NaiveRun, steps: Sequence[Node], place: str) -> Iterator[None]:
        for i, node in enumerate(steps):
            here = f"{place}{i}"
            if node.wait is not None:
                yield from self.wait(run, node.wait)
            elif node.send is not None:
                self.sent.append((run.visitor, here, run.clock))
            elif node.branch is not None:
                way = "then" if self.holds(run.visitor, node.branch.when, run.clock) else "otherwise"
                yield from self.walk(run, getattr(node.branch, way), f"{here}.{way}.")
            elif node.split:
                drawn, total, chosen = draw(f"{self.journey.name}\x1f{here}", run.visitor), 0.0, node.split[-1]
                for way_ in reversed(node.split):
                    total += way_.share
                    chosen = way_ if drawn < 1 - total + way_.share else chosen
                yield from self.walk(run, chosen.steps, f"{here}.{chosen.name}.")
            elif node.exit:
                raise Exit

    def wait(self, run: NaiveRun, wait: Any) -> Iterator[None]:
        if wait.until:
            local = clock.to_datetime(run.clock).astimezone(self.zone)
            while local.strftime("%H:%M") != wait.until or local.second or local.microsecond:
                local += timedelta(minutes=1) - timedelta(seconds=local.second, microseconds=local.microsecond)
            run.due = clock.from_datetime(local)
        elif wait.span:
            run.due = run.clock + spans.micros(wait.span)
        elif wait.event in run.heard or (wait.condition and self.holds(run.visitor, wait.condition, run.clock)):
            return
        else:
            run.due, run.awaits, run.condition = run.clock + spans.micros(wait.timeout), wait.event, wait.condition
        if run.due > run.clock:
            yield
