"""Random numbers that depend on seed, purpose and place alone, so that two shops can be paired."""

from __future__ import annotations

import hashlib
from collections.abc import Sequence
from functools import lru_cache
from typing import Any

import numpy as np
from numpy.typing import ArrayLike, NDArray

Counters = NDArray[np.uint64]
Uniforms = NDArray[np.float32]
Choices = NDArray[np.intp]

_GOLDEN = np.uint64(0x9E3779B97F4A7C15)
_FIRST = np.uint64(0xBF58476D1CE4E5B9)
_SECOND = np.uint64(0x94D049BB133111EB)
_S27, _S30, _S31 = np.uint64(27), np.uint64(30), np.uint64(31)

TABLE_SIZE = 4096
"""Length of a choice table: shares are exact to 1/4096."""


@lru_cache(maxsize=256)
def _key(seed: int, purpose: str) -> np.uint64:
    digest = hashlib.blake2b(f"{seed}/{purpose}".encode(), digest_size=8).digest()
    return np.uint64(int.from_bytes(digest, "little"))


def bits(seed: int, purpose: str, counter: Counters) -> Counters:
    """64 random bits per counter; distinct counters give distinct bits within one purpose.

    SplitMix64 read at any position (Steele, Lea & Flood 2014, "Fast splittable pseudorandom number
    generators"): a bijection of the counter, so that no draw ever shifts another one and ids made from it
    cannot collide.
    """
    x: Counters = counter * _GOLDEN
    x += _key(seed, purpose)
    x ^= x >> _S30
    x *= _FIRST
    x ^= x >> _S27
    x *= _SECOND
    x ^= x >> _S31
    return x


def quarters(seed: int, purpose: str, counter: Counters) -> tuple[Uniforms, Uniforms, Uniforms, Uniforms]:
    """Four independent uniforms in (0, 1) per counter, of 16 bits each: enough for decisions, a quarter of
    the cost.
    """
    drawn = bits(seed, purpose, counter)
    parts = drawn.astype("<u8", copy=False).view("<u2").reshape(*drawn.shape, 4)
    wide = parts.astype(np.float32)
    wide += np.float32(0.5)
    wide *= np.float32(1 / 65536)
    return wide[..., 0], wide[..., 1], wide[..., 2], wide[..., 3]


def uniform(seed: int, purpose: str, counter: Counters) -> NDArray[np.float64]:
    """One uniform in [0, 1) per counter, of 53 bits, where ties would show (instants)."""
    out: NDArray[np.float64] = (bits(seed, purpose, counter) >> np.uint64(11)) * np.float64(2.0**-53)
    return out


def bell(seed: int, purpose: str, counter: Counters) -> Uniforms:
    """A bell-shaped draw of mean 0 and deviation 1 within ±3.46: the sum of four uniforms (Irwin-Hall)."""
    first, second, third, fourth = quarters(seed, purpose, counter)
    total: Uniforms = (first + second + third + fourth - np.float32(2)) * np.float32(3**0.5)
    return total


def chance(score: ArrayLike) -> Uniforms:
    """A score on the log-odds scale as a probability."""
    value = np.asarray(score, dtype=np.float32)
    out: Uniforms = np.float32(1) / (np.float32(1) + np.exp(-value))
    return out


def choice_table(weights: Sequence[float]) -> NDArray[np.int16]:
    """A table of `TABLE_SIZE` places in which each choice stands as often as its weight says."""
    edges = np.cumsum(np.asarray(weights, dtype=np.float64))
    places = (np.arange(TABLE_SIZE) + 0.5) / TABLE_SIZE * edges[-1]
    table: NDArray[np.int16] = np.searchsorted(edges, places, side="right").astype(np.int16)
    return table


def place(u: NDArray[Any]) -> Choices:
    """The place in a choice table that a uniform picks."""
    return (u * TABLE_SIZE).astype(np.intp)
