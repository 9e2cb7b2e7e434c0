"""Distinct values and exact sums by group without sorting all rows: what counting people and money has in common."""

from __future__ import annotations

import numpy as np


def firsts(*columns: np.ndarray) -> np.ndarray:
    """Which rows differ from the one before in any of these columns, (n,) bool; in sorted columns: the distinct ones."""
    new = np.ones(len(columns[0]), bool)
    if len(new) > 1:
        new[1:] = False
        for column in columns:
            new[1:] |= column[1:] != column[:-1]
    return new


def distinct(labels: np.ndarray, size: int) -> np.ndarray:
    """The distinct labels 0 <= label < size, ascending int64."""
    seen = np.zeros(size, bool)
    seen[labels] = True
    return np.flatnonzero(seen)


def counts(codes: np.ndarray, size: int) -> np.ndarray:
    """How many rows each code has, int64[size]."""
    return np.bincount(codes, minlength=size).astype(np.int64)


def sums(codes: np.ndarray, amounts: np.ndarray, size: int) -> list[int]:
    """The exact sum of int64 amounts of each code; Python integers never overflow."""
    high, low = np.zeros(size, np.int64), np.zeros(size, np.int64)
    np.add.at(high, codes, amounts >> 32)
    np.add.at(low, codes, amounts & 0xFFFFFFFF)
    return [(above << 32) + below for above, below in zip(high.tolist(), low.tolist(), strict=True)]


def by_code(codes: np.ndarray, size: int) -> np.ndarray:
    """The order that brings equal codes together and keeps rows of one code in their order (a counting sort)."""
    small = codes.astype(np.int16) if size <= 2**15 - 1 else codes
    return np.argsort(small, kind="stable")


def grouped(codes: np.ndarray) -> np.ndarray:
    """The same for codes of any size up to 2³¹ - 1, none negative: sorting both in one number is quicker than a stable sort."""
    both = (codes.astype(np.int64) << 32) | np.arange(len(codes))
    both.sort()
    result: np.ndarray = both & 0xFFFFFFFF
    return result


def expanded(first: np.ndarray, reach: np.ndarray) -> np.ndarray:
    """first[0], first[0] + 1, … (`reach[0]` numbers), then those of first[1]; int64."""
    begins = np.cumsum(reach) - reach
    return np.repeat(first - begins, reach) + np.arange(int(reach.sum()))
