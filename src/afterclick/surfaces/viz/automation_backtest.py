"""What a dry run showed, as a marketer asks it: whom, what would have left or not and why, who else would have met them."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, NamedTuple

from afterclick.core.result import Result
from afterclick.store.automations import Journey, LiveRule, nodes
from afterclick.surfaces.viz import automation_words as words
from afterclick.surfaces.viz.automations import channel, reason
from afterclick.surfaces.viz.foot import foot
from afterclick.surfaces.viz.markup import Html, el
from afterclick.surfaces.viz.tables import Column, table
from afterclick.surfaces.viz.voice import Voice

_MOST_BESIDE = 5


class Message(NamedTuple):
    """What became of the messages of one step: how many left, wait, or were held back by reason."""

    step: str
    channel: str
    sent: int
    waiting: int
    held_back: tuple[tuple[str, int], ...]


def dry_run(result: Result, document: LiveRule | Journey, voice: Voice) -> Html:
    """The finding, its figures, for a journey what became of its messages step by step, and the foot."""
    tiles = [el("div", None, el("dt", None, name), el("dd", None, value)) for name, value in figures(result, voice)]
    beside = [el("li", None, text) for text in overlaps(result, voice)]
    return el(
        "div",
        None,
        el("p", {"class": "finding"}, result.sentence(voice.lang)),
        el("dl", {"class": "tiles"}, tiles),
        _table(messages(result, document, voice), voice),
        el("ul", {"class": "notes"}, beside) if beside else None,
        foot(result, voice),
    )


def figures(result: Result, voice: Voice) -> list[tuple[str, str]]:
    """Names and values of the figures that say something of this run."""
    found = result.figures
    names = ["entered"] if _runs(result) else ["firings", "visitors"]
    names += ["sent", "suppressed"] if "sent" in found else []
    names += ["under_way"] if _runs(result).get("under_way") else []
    names += ["held_out"] if found.get("held_out") else []
    values = {**found, **_runs(result)}
    shown = [(voice.text(f"automations.bt_{name}"), voice.number(int(values.get(name) or 0))) for name in names]
    for name in ("cost", "messages_cost", "revenue_after"):
        if found.get(name):
            shown.append((voice.text(f"automations.bt_{name}"), voice.money(found[name])))
    shown.append((voice.text("automations.bt_orders_after"), voice.number(int(found.get("orders_after") or 0))))
    return shown


def overlaps(result: Result, voice: Voice) -> list[str]:
    """Who else is on and would have reached the same visitors, the most of them first."""
    rows: list[dict[str, Any]] = [row for row in result.frame.to_pylist() if not row["tested"] and row["both_visitors"]]
    rows.sort(key=lambda row: (-row["both_visitors"], row["automation"]))
    return [
        voice.text("automations.bt_beside", name=row["automation"], n=row["both_visitors"]) for row in rows[:_MOST_BESIDE]
    ]


def messages(result: Result, document: LiveRule | Journey, voice: Voice) -> list[Message]:
    """The messages of a journey by step, in its order; none of a rule."""
    if isinstance(document, LiveRule) or "steps" not in result.parts:
        return []
    rows: list[dict[str, Any]] = result.parts["steps"].to_pylist()
    found = []
    for place, node in nodes(document.steps):
        of_step = [row for row in rows if row["step"] == place]
        if not of_step:
            continue
        held = [(reason(row["reason"], voice), row["messages"]) for row in of_step if row["outcome"] == "suppressed"]
        counted = {state: sum(row["messages"] for row in of_step if row["outcome"] == state) for state in ("sent", "waiting")}
        held.sort(key=lambda pair: (-pair[1], pair[0]))
        by = channel(of_step[0]["channel"], voice)
        found.append(Message(words.step(node, voice), by, counted["sent"], counted["waiting"], tuple(held)))
    return found


def _runs(result: Result) -> dict[str, int]:
    return {row["outcome"]: row["runs"] for row in result.parts["runs"].to_pylist()} if "runs" in result.parts else {}


def _table(rows: Sequence[Message], voice: Voice) -> Html | None:
    if not rows:
        return None
    columns = [
        Column(voice.text("automations.bt_step"), lambda row: [row.step, el("small", None, row.channel)]),
        Column(voice.text("automations.bt_sent"), lambda row: voice.number(row.sent), True),
        Column(voice.text("automations.bt_suppressed"), lambda row: _held(row, voice), True),
        Column(voice.text("automations.bt_waiting"), lambda row: voice.number(row.waiting), True),
    ]
    return table(columns, rows, label=voice.text("automations.bt_steps"), stacks=True)


def _held(row: Message, voice: Voice) -> list[Html | str]:
    total = voice.number(sum(n for _, n in row.held_back))
    return [total, *(el("small", None, f"{why} {voice.number(n)}") for why, n in row.held_back)]
