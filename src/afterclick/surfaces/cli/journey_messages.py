"""What a dry run of a journey says of its messages, step by step, as the page of the journey shows it."""

from __future__ import annotations

from typing import Any

from afterclick.core.result import Result
from afterclick.surfaces.viz.automations import channel, reason
from afterclick.surfaces.viz.grid import Grid, heading
from afterclick.surfaces.viz.voice import Voice


def grid_of(found: Result, lang: str) -> Grid:
    """One row a step (`2`, `1.then.0`: counted from 0, inside branches) with what would have been sent, held back and why,
    what would still wait, and what the sent ones would have cost; no rows for what is no journey."""
    about = found.about
    voice = Voice(lang=lang, currency=str(about.get("currency") or ""), zone=str(about.get("timezone") or "UTC"))
    rows: dict[tuple[str, str], list[dict[str, Any]]] = {}
    for row in found.parts["steps"].to_pylist() if "steps" in found.parts else ():
        rows.setdefault((row["step"], row["channel"]), []).append(row)
    texts = [_row(place, by, rows[place, by], voice) for place, by in sorted(rows, key=lambda key: _order(key[0]))]
    names = [heading("step", lang), heading("channel", lang)]
    names += [voice.text(f"automations.bt_{name}") for name in ("sent", "suppressed", "waiting", "why")]
    return Grid([*names, heading("messages_cost", lang)], texts, [True, True, False, False, False, True, False])


def _row(place: str, by: str, rows: list[dict[str, Any]], voice: Voice) -> list[str]:
    counted = {
        state: sum(row["messages"] for row in rows if row["outcome"] == state) for state in ("sent", "suppressed", "waiting")
    }
    held = sorted((row for row in rows if row["outcome"] == "suppressed"), key=lambda row: (-row["messages"], row["reason"]))
    why = ", ".join(f"{reason(row['reason'], voice)} {voice.number(row['messages'])}" for row in held)
    cost = sum(row["cost"] for row in rows if row["cost"])
    return [place, channel(by, voice), *(voice.number(n) for n in counted.values()), why, voice.money(cost) if cost else ""]


def _order(place: str) -> list[tuple[int, int, str]]:
    """Steps as they follow each other: the tenth behind the ninth."""
    return [(0, int(part), "") if part.isdecimal() else (1, 0, part) for part in place.split(".")]
