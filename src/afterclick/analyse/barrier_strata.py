"""What visits are alike in that met a barrier and that did not: the strata in which they are compared."""

from __future__ import annotations

from functools import cached_property

import numpy as np

from afterclick.analyse.barrier_candidates import Candidate
from afterclick.analyse.fields import touch_field
from afterclick.analyse.matching import crossed
from afterclick.analyse.scope import Scope
from afterclick.analyse.sessions import Sessions, sessions_of
from afterclick.store.columns import NO_AMOUNT


class Strata:
    """Divides the visits of a scope."""

    def __init__(self, scope: Scope) -> None:
        self.scope = scope

    def of(self, candidate: Candidate, place: np.ndarray, met: np.ndarray, step: np.ndarray) -> list[np.ndarray]:
        """From the finest division to the coarsest: the step before, device, channel, earlier visits, basket, price."""
        meetings = candidate.meetings
        session = meetings.session[place]
        step = np.searchsorted(np.flatnonzero(np.bincount(step)), step)
        device, channel, campaign = (values[session] for values in (self._device, self._channel, self._campaign))
        again = np.minimum(meetings.earlier[place], 2)
        known = np.minimum(again, 1)
        basket = _bands(meetings.basket[place], met, 10)
        if candidate.kind == "segment":
            ways: list[tuple[np.ndarray, ...]] = [
                (channel, again, basket), (channel, known, basket), (known, basket), (basket,), (),
            ]  # fmt: skip
        elif candidate.kind == "landing":
            ways = [
                (device, campaign, again),
                (device, campaign),
                (device, channel, again),
                (device, channel),
                (device,),
                (),
            ]
        elif candidate.kind == "slow":
            price = _bands(self._price(meetings.row[place]), met, 10)
            ways = [
                (device, channel, again, price), (device, channel, known, price), (device, channel, price),
                (device, price), (device,), (),
            ]  # fmt: skip
        else:
            ways = [
                (device, channel, again, basket), (device, known, basket), (device, basket), (basket,), (device,), (),
            ]  # fmt: skip
        return [crossed(step, *way) for way in ways]

    def _price(self, rows: np.ndarray) -> np.ndarray:
        """The amount on the page's row, or on the event right behind it: the price of what was looked at; 0 if none."""
        amount = self.scope.context.column("amount")
        taken = self._sessions.rows.rows
        own, twin = amount[taken[rows]], amount[taken[np.minimum(rows + 1, len(taken) - 1)]]
        value = np.where(own != NO_AMOUNT, own, twin)
        return np.where(value == NO_AMOUNT, 0, value)

    @cached_property
    def _sessions(self) -> Sessions:
        return sessions_of(self.scope.context, self.scope.sessions_like, self.scope.as_of)

    @cached_property
    def _device(self) -> np.ndarray:
        """Per session the type of its device, from 0."""
        first = self._sessions.rows.rows[self._sessions.first]
        codes: np.ndarray = self.scope.context.column("device_type")[first].astype(np.int64) + 1
        return codes

    @cached_property
    def _channel(self) -> np.ndarray:
        return self._touch("channel")

    @cached_property
    def _campaign(self) -> np.ndarray:
        codes: np.ndarray = np.unique(self._touch("source") << 32 | self._touch("campaign"), return_inverse=True)[1]
        return codes

    def _touch(self, field: str) -> np.ndarray:
        code, _ = touch_field(self.scope.context, field)
        touch = self._sessions.touch
        if not len(code):
            return np.zeros(len(touch), np.int64)
        return np.where(touch >= 0, code[np.maximum(touch, 0)], -1).astype(np.int64) + 1


def _bands(value: np.ndarray, met: np.ndarray, bands: int) -> np.ndarray:
    """0 for nothing, else which of so many bands of amounts it lies in, from 1 on; each holds as many of the met visits."""
    there = value > 0
    mine = value[there & met]
    if not len(mine):
        return there.astype(np.int64)
    edges = np.quantile(mine, np.arange(1, bands) / bands)
    return np.where(there, 1 + np.searchsorted(edges, value), 0)
