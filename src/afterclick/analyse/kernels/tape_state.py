"""What every event does to a visitor, as numbers in one array: visits, orders and the basket of `segments`' own states."""

from __future__ import annotations

from typing import Any, Final

from afterclick.analyse.kernels.tape_terms import (
    CAMPAIGN,
    CARRIED,
    CHANGED_AT,
    END_AT,
    EVENTS,
    FILLED,
    FIRST_AT,
    FIRST_TOUCH,
    IN_EVENTS,
    IN_ORDERS,
    IN_PAGES,
    KEPT,
    LAST_AT,
    LAST_TOUCH,
    LINES,
    NOBODY,
    ORDER_AT,
    ORDERED,
    ORDERS,
    OWN,
    PAGES,
    REFUNDED,
    SEEN,
    SESSIONS,
    SOLD,
    START_AT,
    TOUCH,
)
from afterclick.store.columns import TOUCH_DIRECT, TOUCH_INTERNAL

SETS: Final = 0xFF
ACTS, PAGE, ORDER, REFUND, CONTEXT, KNOWN, HAS_CAMPAIGN, PRESENT = (1 << bit for bit in range(8, 16))
"""Bits of a row's symbol: the set of steps it serves in the lowest eight, then what its flags say."""

ADDS, REMOVES, CLEARS = 1, 2, 3
"""What a row does to the basket."""


def _behave(state: Any, symbol: int, t: int, campaign: int, timeout: int) -> None:
    """`VisitState.add` but for the touch, see `_arrive`, with the options of sessions that live rules have."""
    first = state[SESSIONS] == 0
    if first:
        state[FIRST_AT] = t
    sale = symbol & (ORDER | REFUND) != 0 and symbol & CONTEXT == 0
    gap = t - state[SEEN] > timeout
    begins = first or gap or (not sale and campaign != 0 and campaign != state[CAMPAIGN])
    if begins:
        if not first and state[OWN] != 0:
            state[CARRIED] = state[TOUCH]
        state[SESSIONS] += 1
        state[CAMPAIGN], state[START_AT], state[END_AT] = 0, t, t
        state[IN_EVENTS], state[IN_PAGES], state[IN_ORDERS], state[TOUCH], state[OWN] = 0, 0, 0, NOBODY, 1
    if begins or not sale:
        if campaign != 0:
            state[CAMPAIGN] = campaign
        state[SEEN] = t
    if symbol & PAGE:
        state[PAGES] += 1
        state[IN_PAGES] += 1
    if symbol & ORDER:
        state[IN_ORDERS] += 1
    if not sale:
        state[END_AT] = t
    # The array is let go of at one place alone, and the compiler need not count who holds it.
    state[LAST_AT] = t
    state[EVENTS] += 1
    state[IN_EVENTS] += 1


def _arrive(state: Any, touch: int) -> None:
    """The touch of a visit that has none yet."""
    if touch != NOBODY:
        state[OWN] = 1 if touch != TOUCH_INTERNAL else 0
        if touch == TOUCH_INTERNAL:
            touch = state[CARRIED] if state[CARRIED] != NOBODY else TOUCH_DIRECT
        state[TOUCH] = touch
        state[LAST_TOUCH] = touch
        if state[FIRST_TOUCH] == NOBODY:
            state[FIRST_TOUCH] = touch


def _sell(state: Any, symbol: int, t: int, amount: int, order: int, orders: int) -> None:
    """Orders by id, of which the newest are kept apart; refunds."""
    if symbol & ORDER == 0:
        state[REFUNDED] += amount
        return
    state[ORDER_AT] = t
    if order < 0:
        state[ORDERED] += 1
        state[SOLD] += amount
        return
    kept = state[KEPT]
    for i in range(kept):
        if state[orders + 2 * i] == order:
            state[orders + 2 * i + 1] = amount
            return
    if kept == ORDERS:
        state[ORDERED] += 1
        state[SOLD] += state[orders + 1]
        for i in range(2 * (kept - 1)):
            state[orders + i] = state[orders + i + 2]
        kept -= 1
    state[orders + 2 * kept], state[orders + 2 * kept + 1] = order, amount
    state[KEPT] = kept + 1


def _fill(state: Any, act: int, t: int, line: int, pieces: int, price: int, lines: int) -> int:
    """`BasketState.add`; -1 where there are more lines than have room here. `pieces` is -1 where none are named."""
    if act == CLEARS:
        state[FILLED] = 0
        return 0
    state[CHANGED_AT] = t
    filled, place = state[FILLED], 0
    while place < filled and state[lines + 3 * place] != line:
        place += 1
    if place == filled:
        if act == REMOVES or pieces == 0:
            return 0
        if filled == LINES:
            return -1
        state[lines + 3 * place], state[lines + 3 * place + 1] = line, 0
        state[FILLED] = filled = filled + 1
    held = state[lines + 3 * place + 1]
    if act == ADDS:
        held += 1 if pieces < 0 else pieces
        state[lines + 3 * place + 2] = price
    else:
        held = 0 if pieces < 0 else max(0, held - pieces)
    state[lines + 3 * place + 1] = held
    if held == 0:
        for i in range(3 * place, 3 * (filled - 1)):
            state[lines + i] = state[lines + i + 3]
        state[FILLED] = filled - 1
    return 0


HELPERS: Final = (_behave, _arrive, _sell, _fill)
