"""What may be done to a path before it is credited: runs made one, repeats dropped or counted, a value left out."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Final, NamedTuple

import numpy as np

PATTERN: Final = r"^(collapse|first|frequency|(drop|drop_last):.*[^\s].*)$"
EXAMPLES: Final = ["collapse", "first", "frequency", "drop_last:direct", "drop:direct"]


class Trimmed(NamedTuple):
    """Paths after a transform: `kept` int64 are the touches that stay, `codes` int32 their values, names[code]."""

    offsets: np.ndarray
    kept: np.ndarray
    codes: np.ndarray
    names: tuple[str, ...]


def transformed(texts: Sequence[str], offsets: np.ndarray, codes: np.ndarray, names: Sequence[str]) -> Trimmed:
    """The paths after each transform in turn; no path loses its last touch.

    collapse: A A B → A B. first: A B A → A B. frequency: A B A → A(2) B(1). drop_last:X: the X at the end, drop:X: every
    X; neither where the path is all X. Of touches made one the earliest stays.
    """
    done = Trimmed(offsets, np.arange(len(codes)), codes, tuple(names))
    for text in texts:
        if len(done.codes):
            step = _step(text, done.offsets, done.codes, done.names)
            done = step._replace(kept=done.kept[step.kept])
    return done


def _step(text: str, offsets: np.ndarray, codes: np.ndarray, names: tuple[str, ...]) -> Trimmed:
    word, _, value = text.partition(":")
    owner = np.repeat(np.arange(len(offsets) - 1), np.diff(offsets))
    if word == "collapse":
        keep = np.ones(len(codes), bool)
        keep[1:] = (codes[1:] != codes[:-1]) | (owner[1:] != owner[:-1])
        return _kept(keep, owner, offsets, codes, names)
    if word in ("first", "frequency"):
        _, place, often = np.unique(owner * max(len(names), 1) + codes, return_index=True, return_counts=True)
        keep = np.zeros(len(codes), bool)
        keep[place] = True
        found = _kept(keep, owner, offsets, codes, names)
        return found if word == "first" else _counted(found, often[np.argsort(place)])
    other = codes != _code(names, value)
    some = np.maximum.reduceat(other, offsets[:-1])[owner]
    if word == "drop":
        return _kept(other | ~some, owner, offsets, codes, names)
    last = np.maximum.reduceat(np.where(other, np.arange(len(codes)), -1), offsets[:-1])[owner]
    return _kept((np.arange(len(codes)) <= last) | ~some, owner, offsets, codes, names)


def _code(names: tuple[str, ...], value: str) -> int:
    return names.index(value) if value in names else -1


def _kept(
    keep: np.ndarray, owner: np.ndarray, offsets: np.ndarray, codes: np.ndarray, names: tuple[str, ...]
) -> Trimmed:
    kept = np.flatnonzero(keep)
    lengths = np.bincount(owner[kept], minlength=len(offsets) - 1)
    return Trimmed(np.append(0, np.cumsum(lengths)), kept, codes[kept], names)


def _counted(found: Trimmed, often: np.ndarray) -> Trimmed:
    """Each value with how often it stood in its path: A(2)."""
    pairs, codes = np.unique(np.stack([found.codes.astype(np.int64), often]), axis=1, return_inverse=True)
    names = tuple(f"{found.names[code]}({times})" for code, times in pairs.T.tolist())
    return found._replace(codes=codes.reshape(-1).astype(np.int32), names=names)
