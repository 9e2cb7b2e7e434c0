"""What became of those who walked through a journey, as tables and caveats of an answer."""

from __future__ import annotations

from decimal import Decimal
from typing import Any

import pyarrow as pa

from afterclick.act.rehearsal.walking import Walked
from afterclick.core.result import Note, Text
from afterclick.store.automations import Journey, nodes

_STEPS = pa.schema(
    [
        ("step", pa.string()), ("channel", pa.string()), ("outcome", pa.string()), ("reason", pa.string()),
        ("messages", pa.int64()), ("cost", pa.decimal128(28, 4)),
    ]
)  # fmt: skip
_RUNS = pa.schema([("outcome", pa.string()), ("runs", pa.int64())])


def parts_of(journey: Journey, walked: Walked) -> dict[str, pa.Table]:
    """`steps`: messages by step, channel, what became of them and why not; `runs` by how they stand or ended."""
    costs = {place: Decimal(repr(node.send.cost)) for place, node in nodes(journey.steps) if node.send is not None}
    steps = [
        {
            "step": step, "channel": channel, "outcome": state, "reason": reason, "messages": n,
            "cost": costs.get(step, Decimal(0)) * n if state == "sent" else None,
        }
        for (step, channel, state, reason), n in sorted(walked.messages.items())
    ]  # fmt: skip
    runs = [{"outcome": what, "runs": n} for what, n in sorted(walked.runs.items())]
    return {"steps": pa.Table.from_pylist(steps, schema=_STEPS), "runs": pa.Table.from_pylist(runs, schema=_RUNS)}


def figures_of(parts: dict[str, pa.Table]) -> dict[str, Any]:
    """Messages that would have been sent, those held back for good, and what the sent ones would have cost."""
    rows = parts["steps"].to_pylist()
    sent = [row for row in rows if row["outcome"] == "sent"]
    cost = sum((row["cost"] for row in sent), Decimal(0))
    return {
        "sent": sum(row["messages"] for row in sent),
        "suppressed": sum(row["messages"] for row in rows if row["outcome"] == "suppressed"),
        "messages_cost": cost if cost else None,
    }


def sentence_of(journey: Journey, walked: Walked, parts: dict[str, pa.Table]) -> Text:
    """How many came in, how often, and how many messages would have left: of those who walked, which is said where not all
    did."""
    figures = figures_of(parts)
    params = {
        "who": journey.name, "visitors": walked.walked, "entered": walked.runs.get("entered", 0),
        "sent": figures["sent"], "suppressed": figures["suppressed"],
    }  # fmt: skip
    if walked.walked < walked.came:
        return Text("sentence.backtest_walked_some", {**params, "of": walked.came})
    return Text("sentence.backtest_walked", params)


def _waiting(walked: Walked) -> int:
    return sum(n for (_, _, state, _), n in walked.messages.items() if state == "waiting")


def notes_of(walked: Walked) -> list[Note]:
    """How the walk was made."""
    notes = [Note("backtest_walk")]
    runs, messages = walked.runs.get("under_way", 0), _waiting(walked)
    if runs or messages:
        notes.append(Note("backtest_under_way", {"runs": runs, "messages": messages}))
    if walked.walked < walked.came:
        notes.append(Note("backtest_sample", {"n": walked.walked, "of": walked.came}))
    return notes
