"""From hidden states to stages: which behaviours enter which stage, in which order, written as afterclick.toml has them."""

from __future__ import annotations

import json
from collections.abc import Sequence
from typing import Final, NamedTuple

import numpy as np

from afterclick.learn.stages.hidden import Expected, Sequences
from afterclick.store.definitions import MIN_STAGES

SURE: Final = 0.5
"""The part of a behaviour that must be met in one state for it to enter that stage."""
RARE: Final = 0.005
"""A behaviour that is a smaller part of all of them enters no stage."""


class Proposed(NamedTuple):
    """A stage: the hidden state it stands for, its behaviours by code (the most typical first), and where on their way
    visitors are in it, 0 at the beginning and 1 at the end."""

    state: int
    symbols: tuple[int, ...]
    position: float


def proposed(data: Sequences, found: Expected) -> list[Proposed]:
    """The states that some behaviour is typical of, in the order in which visitors are in them.

    A behaviour belongs to the state in which it is met most, where that is at least half of the times it is met.
    """
    weight = data.weight[data.owner]
    place = data.step / np.maximum(data.length[data.owner] - 1, 1)
    mass = (found.states * weight[:, None]).sum(axis=0)
    position = (found.states * (weight * place)[:, None]).sum(axis=0) / np.where(mass > 0, mass, 1)
    met = found.emissions.sum(axis=0)
    best = found.emissions.argmax(axis=0)
    share = found.emissions.max(axis=0) / np.where(met > 0, met, 1)
    kept = (share >= SURE) & (met >= RARE * met.sum())
    stages = []
    for state in range(len(mass)):
        own = np.flatnonzero(kept & (best == state))
        if len(own):
            order = sorted(own.tolist(), key=lambda one: (-found.emissions[state, one], one))
            stages.append(Proposed(state, tuple(order), float(position[state])))
    return sorted(stages, key=lambda one: (one.position, one.symbols))


def agreement(data: Sequences, found: Expected, stages: Sequence[Proposed]) -> tuple[float, float]:
    """How many behaviours (of visitors) the rules put where the model does, and of how many."""
    by_rule = np.full(data.size, -1)
    for stage in stages:
        by_rule[list(stage.symbols)] = stage.state
    same = by_rule[data.symbols] == found.states.argmax(axis=1)
    weight = data.weight[data.owner]
    return float(weight[same].sum()), float(weight.sum())


def onward(data: Sequences, stages: Sequence[Proposed]) -> tuple[float, float]:
    """How many moves from one stage to another lead to a later one, and of how many."""
    number = np.full(data.size, -1)
    for place, stage in enumerate(stages):
        number[list(stage.symbols)] = place
    last = np.full(len(data.weight), -1)
    forward = moved = 0.0
    for low, high in zip(data.ends[:-1], data.ends[1:], strict=True):
        now = number[data.symbols[low:high]]
        before = last[: high - low]
        changed = (now >= 0) & (before >= 0) & (now != before)
        weight = data.weight[: high - low]
        moved += float(weight[changed].sum())
        forward += float(weight[changed & (now > before)].sum())
        last[: high - low] = np.where(now >= 0, now, before)
    return forward, moved


def toml(names: Sequence[str], steps: Sequence[Sequence[str]]) -> str:
    """The stages as lines of afterclick.toml; "" for fewer than a journey has."""
    if len(names) < MIN_STAGES:
        return ""
    rows = [
        f"  {{name = {_quoted(name)}, enter = [{', '.join(_quoted(step) for step in enter)}]}},\n"
        for name, enter in zip(names, steps, strict=True)
    ]
    return "stages = [\n" + "".join(rows) + "]\n"


def _quoted(value: str) -> str:
    # A JSON string is a TOML string but for DEL, which TOML wants escaped.
    return json.dumps(value, ensure_ascii=False).replace("\x7f", "\\u007f")
