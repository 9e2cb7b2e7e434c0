"""A run of rows as it is gathered: who, when, and the symbol of each row, given or made of codes or flags."""

from __future__ import annotations

from typing import NamedTuple

import numpy as np

from afterclick.analyse.kernels import gather as kernels
from afterclick.store.columns import TOUCH_INTERNAL


class Coded(NamedTuple):
    """Symbols not yet looked up: a row's is `lut[code]`, and none where its flags have a bit of `out`."""

    code: np.ndarray
    lut: np.ndarray
    flags: np.ndarray
    out: int


class Flagged(NamedTuple):
    """Symbols made of flags, see `kernels.select_flagged`; a row with a flag of `out` has none, nor one whose bits have `skip`.

    A row with the flag `unless` has one only where its bits are not 0. `bits` is of one row where all have the same.
    """

    flags: np.ndarray
    campaign: np.ndarray
    touch: np.ndarray
    bits: np.ndarray
    unless: int
    skip: int
    out: int

    def symbols(self) -> np.ndarray:
        """The symbol of each row, 0 where it has none; uint16."""
        symbol = (self.flags & kernels.FLAGS) | kernels.PRESENT
        symbol |= np.where(self.campaign != 0, kernels.HAS_CAMPAIGN, 0).astype(np.uint16)
        symbol |= np.where(self.touch > TOUCH_INTERNAL, kernels.HAS_SOURCE, 0).astype(np.uint16)
        left_out = ((self.flags & self.out) != 0) | ((self.bits & self.skip) != 0)
        left_out |= ((self.flags & self.unless) != 0) & (self.bits == 0)
        return np.where(left_out, 0, symbol).astype(np.uint16)

    def cut(self, low: int, high: int) -> Flagged:
        """Rows low <= i < high of it."""
        bits = self.bits[low:high] if len(self.bits) > 1 else self.bits
        flags, campaign, touch = (values[low:high] for values in (self.flags, self.campaign, self.touch))
        return self._replace(flags=flags, campaign=campaign, touch=touch, bits=bits)


class Strip(NamedTuple):
    """A contiguous run of rows of one piece: the columns a gather needs, and the symbol the question gave each row.

    No row lies before `first_at` or after `last_at`.
    """

    start: int
    piece: int
    device: np.ndarray
    at: np.ndarray
    symbol: np.ndarray | Coded | Flagged
    first_at: int = -(2**63)
    last_at: int = 2**63 - 1

    def symbols(self) -> np.ndarray:
        """The symbol of each row, 0 where it does not count; uint16."""
        if isinstance(self.symbol, np.ndarray):
            return self.symbol
        if isinstance(self.symbol, Flagged):
            return self.symbol.symbols()
        code, lut, flags, out = self.symbol
        return np.where(flags & out, 0, lut[code]).astype(np.uint16)

    def cut(self, low: int, high: int) -> Strip:
        """Rows low <= i < high of it."""
        symbol = self.symbol
        if isinstance(symbol, Flagged):
            part: np.ndarray | Coded | Flagged = symbol.cut(low, high)
        elif isinstance(symbol, Coded):
            part = symbol._replace(code=symbol.code[low:high], flags=symbol.flags[low:high])
        else:
            part = symbol[low:high]
        device, at = self.device[low:high], self.at[low:high]
        return self._replace(start=self.start + low, device=device, at=at, symbol=part)
