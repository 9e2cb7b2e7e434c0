"""Beside the credits: what the models learnt, messages that people and programs opened, money by currency."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import Any, Final

from afterclick.core.result import Result
from afterclick.surfaces.viz.bars import bar
from afterclick.surfaces.viz.markup import Child, Html, el
from afterclick.surfaces.viz.markup import said as stranger
from afterclick.surfaces.viz.metrics import title
from afterclick.surfaces.viz.tables import Column, table
from afterclick.surfaces.viz.voice import Voice

Row = Mapping[str, Any]

_SHOWN: Final = 25


def removal(result: Result, voice: Voice) -> Html | None:
    """By how much conversion falls without each value, as bars."""
    rows = result.parts["removal"].to_pylist()
    columns = [
        Column(voice.text("attribution.value"), _value(result, voice)),
        Column(title("effect_rate", voice), lambda row: [bar(row["effect_rate"]), voice.rate(row["effect_rate"])], True),
        Column(title("share_rate", voice), lambda row: voice.rate(row["share_rate"]), True),
    ]
    return _part("removal", columns, rows, voice)


def rates(result: Result, voice: Voice) -> Html | None:
    """What each value adds to the rate of conversion, negative where it does."""
    rows = result.parts["rates"].to_pylist()

    def effect(row: Row) -> Child:
        sign = "bad" if row["effect"] < 0 else None
        error = el("small", None, f"± {voice.points(row['error']).lstrip('+')}") if row["error"] is not None else None
        return [el("span", {"class": sign}, voice.points(row["effect"])), error]

    columns = [Column(voice.text("attribution.value"), _value(result, voice)), Column(title("effect", voice), effect, True)]
    return _part("rates", columns, rows, voice)


def messages(result: Result, voice: Voice) -> Html | None:
    """Messages that people opened and clicked apart from those that programs did."""
    rows = result.parts["messages"].to_pylist()

    def count(kind: str) -> Callable[[Row], Child]:
        return lambda row: voice.mark(
            voice.number(row[kind]), f"messages={row['action']};part={kind}" if row[f"{kind}_visitors"] else None,
            tip=voice.text("map.visitors", n=row[f"{kind}_visitors"]),
        )  # fmt: skip

    columns = [Column(title("action", voice), lambda row: voice.text(f"attribution.action_{row['action']}"))]
    columns += [Column(title(kind, voice), count(kind), True) for kind in ("human", "machine")]
    return _part("messages", columns, rows, voice)


def currencies(result: Result, voice: Voice) -> Html | None:
    """Where no rate joins currencies: what the model that leads credits in each."""
    lead = str(result.about["attribution_touch"])
    rows = [row for row in result.parts["currencies"].to_pylist() if row["model"] == lead]
    columns = [
        Column(voice.text("attribution.value"), _value(result, voice)),
        Column(title("currency", voice), lambda row: str(row["currency"])),
        Column(title("revenue", voice), lambda row: voice.number(row["revenue"]), True),
    ]
    return _part("currencies", columns, rows, voice)


def _value(result: Result, voice: Voice) -> Callable[[Row], Child]:
    by = str(result.about["by"])
    return lambda row: stranger(voice.name(by, str(row["value"])))


def _part(name: str, columns: Sequence[Column], rows: Sequence[Row], voice: Voice) -> Html | None:
    if not rows:
        return None
    what = f"attribution.{name}_what"
    return el(
        "section",
        {"class": "panel card"},
        el("h2", None, voice.text(f"attribution.{name}")),
        el("p", {"class": "caption"}, voice.text(what)) if voice.known(what) else None,
        table(columns, rows[:_SHOWN], label=voice.text(f"attribution.{name}")),
    )
