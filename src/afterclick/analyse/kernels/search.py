"""The two searches that every funnel makes among a visitor's rows, which stand in order of time."""

from __future__ import annotations

from typing import Any


def first_at(at: Any, low: int, here: int, instant: int) -> int:
    """The first row in [low, here] whose time is >= instant, given at[here] >= instant; near rows first, then halving."""
    j = here
    for _ in range(8):
        if j <= low or at[j - 1] < instant:
            return j
        j -= 1
    left = low
    while left < j:
        middle = (left + j) // 2
        if at[middle] < instant:
            left = middle + 1
        else:
            j = middle
    return j


def after(at: Any, here: int, high: int, instant: int) -> int:
    """The first row behind `here` whose time is > instant: near rows first, then halving."""
    j = here + 1
    for _ in range(8):
        if j >= high or at[j] > instant:
            return j
        j += 1
    right = high
    while j < right:
        middle = (j + right) // 2
        if at[middle] <= instant:
            j = middle + 1
        else:
            right = middle
    return j
