"""What a rule asks of one visitor, as numbers in one array: the machines of `segments.machines`, taken event by event.

Each function does what the class it is named after does; `analyse.segments` is where their meaning is told.
"""

from __future__ import annotations

from typing import Any, Final

NEVER: Final = 2**62
MISSING: Final = -(2**62)
"""No value. No instant, count or amount comes near it."""

KIND, BASE, WITHIN, RECENT, STEPS, MOST, FIELD, SPAN_FROM, SPAN_TO, DROP_FROM, DROP_TO, SLOT, FOLLOWED = range(13)
"""Columns of the table of terms: the machine, where its state begins, its spans (µs), what it is compared with, where in
the state its value stands, whether its turns are followed."""

COUNT_EVER, COUNT_WITHIN, SUM_EVER, SUM_WITHIN, SINCE, FOLLOWING, RECENT_FOLLOWING, REACHED, LACKING, MISSED = range(10)
STATE, SINCE_STATE = 10, 11
"""Machines; LACKING is a missing event asked about ever, MISSED one in a recent span."""

RING: Final = 64
"""Values a sliding sum, or open begins a missing event, can hold here; more are left to the exact way."""
LINES: Final = 16
ORDERS: Final = 16

(
    SESSIONS, EVENTS, PAGES, FIRST_AT, LAST_AT, START_AT, END_AT, IN_EVENTS, IN_PAGES, IN_ORDERS, TOUCH, OWN, FIRST_TOUCH,
    LAST_TOUCH, CARRIED, SEEN, CAMPAIGN, IS_KNOWN, ORDERED, SOLD, REFUNDED, ORDER_AT, KEPT, FILLED, CHANGED_AT, HEAD,
) = range(26)  # fmt: skip
"""What is known of every visitor, in this order; behind it the machines, then the orders and lines that are kept."""

(
    F_SESSIONS, F_PAGES, F_EVENTS, F_ORDERS, F_REVENUE, F_KNOWN, F_FIRST_AT, F_LAST_AT, F_ORDER_AT, F_IN_PAGES, F_IN_EVENTS,
    F_IN_ORDERS, F_LENGTH, F_TOUCH, F_FIRST_TOUCH, F_LAST_TOUCH, F_VALUE, F_UNITS, F_LINES, F_CHANGED_AT, F_ABANDONED_AT,
) = range(21)  # fmt: skip
"""Fields of the state."""

NOBODY: Final = -1
ABANDONED: Final = 3_600_000_000


def _cut(state: Any, first: int, size: int, gone: int, width: int) -> int:
    """Let the `gone` oldest of `size` entries go; how many are left."""
    for i in range((size - gone) * width):
        state[first + i] = state[first + gone * width + i]
    return size - gone


def _take_within(state: Any, base: int, oldest: int, t: int, value: int, width: int, most: int) -> int:
    """Put an instant (and a value) behind those that are not older than `oldest`; -1 where there is no room."""
    size, gone, first = state[base], 0, base + 1
    while gone < size and state[first + gone * width] < oldest:
        gone += 1
    if gone:
        size = _cut(state, first, size, gone, width)
    if size == most:
        if width == 2:
            return -1
        size = _cut(state, first, size, 1, width)
    state[first + size * width] = t
    if width == 2:
        state[first + size * width + 1] = value
    state[base] = size + 1
    return 0


def _take_following(state: Any, base: int, steps: int, within: int, served: int, t: int) -> None:
    for number in range(steps - 1, -1, -1):
        if not (served >> number) & 1:
            continue
        begin = t if number == 0 else state[base + 1 + number]
        if begin == MISSING or (within > 0 and t - begin > within):
            continue
        state[base + 2 + number] = begin
        state[base] = max(state[base], number + 1)
        if number + 1 == steps:
            state[base + 1] = max(state[base + 1], begin)


def _take_lacking(state: Any, base: int, within: int, served: int, t: int) -> None:
    """Only the oldest open begin decides whether there ever was one: state is what came true, then that begin."""
    if state[base + 1] != MISSING and state[base + 1] < t - within:
        state[base] = state[base + 1]
    if served & 2:
        state[base + 1] = MISSING
    if served & 1 and state[base + 1] == MISSING:
        state[base + 1] = t
    if state[base] != MISSING:
        state[base + 1] = MISSING


def _take_missed(state: Any, base: int, within: int, served: int, t: int) -> int:
    size, over, first = state[base + 1], 0, base + 2
    while over < size and state[first + over] < t - within:
        over += 1
    if over:
        state[base] = max(state[base], state[first + over - 1])
        size = _cut(state, first, size, over, 1)
    if served & 2:
        size = 0
    if served & 1:
        if size == RING:
            return -1
        state[first + size] = t
        size += 1
    state[base + 1] = size
    return 0


def _take(state: Any, terms: Any, term: int, served: int, t: int, value: int) -> int:
    """An event that serves these steps of a term (bits); -1 where its state has no room here."""
    kind, base, within = terms[term, KIND], terms[term, BASE], terms[term, WITHIN]
    if kind == COUNT_EVER:
        state[base] += 1
    elif kind == COUNT_WITHIN:
        return _take_within(state, base, t - within, t, 0, 1, terms[term, MOST])
    elif kind == SUM_EVER:
        state[base] += value if value != MISSING else 0
    elif kind == SUM_WITHIN:
        return _take_within(state, base, t - within, t, value, 2, RING) if value != MISSING else 0
    elif kind == SINCE:
        state[base] = t
    elif kind == LACKING:
        _take_lacking(state, base, within, served, t)
    elif kind == MISSED:
        return _take_missed(state, base, within, served, t)
    else:
        _take_following(state, base, terms[term, STEPS], within, served, t)
    return 0


def _instant(state: Any, field: int, t: int) -> int:
    """An instant of the state, MISSING for none."""
    if field in (F_FIRST_AT, F_LAST_AT):
        if state[SESSIONS] == 0:
            return MISSING
        return int(state[FIRST_AT] if field == F_FIRST_AT else state[LAST_AT])
    if field == F_ORDER_AT:
        return int(state[ORDER_AT])
    if state[FILLED] == 0 or (field == F_ABANDONED_AT and t <= state[CHANGED_AT] + ABANDONED):
        return MISSING
    return int(state[CHANGED_AT])


def _of_basket(state: Any, field: int, lines: int) -> int:
    if field == F_LINES:
        return int(state[FILLED])
    total = 0
    for i in range(state[FILLED]):
        pieces = state[lines + 3 * i + 1]
        total += pieces if field == F_UNITS else pieces * state[lines + 3 * i + 2]
    return int(total)


def _of_state(state: Any, field: int, t: int, orders: int, lines: int) -> int:
    """A field of the state; touches are their codes, NOBODY for none."""
    if field <= F_EVENTS:
        return int(state[SESSIONS] if field == F_SESSIONS else state[PAGES] if field == F_PAGES else state[EVENTS])
    if field == F_ORDERS:
        return int(state[KEPT] + state[ORDERED])
    if field == F_REVENUE:
        total = state[SOLD] - state[REFUNDED]
        for i in range(state[KEPT]):
            total += state[orders + 2 * i + 1]
        return int(total)
    if field == F_KNOWN:
        return int(state[IS_KNOWN])
    if field <= F_ORDER_AT or field >= F_CHANGED_AT:
        return _instant(state, field, t)
    if field <= F_LENGTH:
        if state[SESSIONS] == 0:
            return MISSING
        if field == F_LENGTH:
            return int(state[END_AT] - state[START_AT])
        return int(state[IN_PAGES] if field == F_IN_PAGES else state[IN_EVENTS] if field == F_IN_EVENTS else state[IN_ORDERS])
    if field <= F_LAST_TOUCH:
        return int(state[TOUCH] if field == F_TOUCH else state[FIRST_TOUCH] if field == F_FIRST_TOUCH else state[LAST_TOUCH])
    return _of_basket(state, field, lines)


def _value(state: Any, terms: Any, term: int, t: int, orders: int, lines: int) -> int:
    """The value of a term at an instant not before the last event: counts, minor units, µs, codes, 0 and 1."""
    kind, base, within, recent = terms[term, KIND], terms[term, BASE], terms[term, WITHIN], terms[term, RECENT]
    if kind == STATE:
        return _of_state(state, terms[term, FIELD], t, orders, lines)
    if kind in (SINCE_STATE, SINCE):
        since = state[base] if kind == SINCE else _instant(state, terms[term, FIELD], t)
        return int(MISSING if since == MISSING else t - since)
    if kind in (COUNT_EVER, SUM_EVER, REACHED):
        return int(state[base])
    if kind in (COUNT_WITHIN, SUM_WITHIN):
        width, total = (1 if kind == COUNT_WITHIN else 2), 0
        for i in range(state[base] - 1, -1, -1):
            if state[base + 1 + i * width] < t - within:
                break
            total += 1 if width == 1 else state[base + 2 + i * width]
        return int(total)
    if kind in (FOLLOWING, RECENT_FOLLOWING):
        latest = state[base + 1]
    elif kind == LACKING:
        latest = state[base]
        if state[base + 1] != MISSING and state[base + 1] < t - within:
            latest = state[base + 1]
    else:
        latest = _latest_missed(state, base, within, t)
    return 1 if latest != MISSING and (recent == 0 or latest >= t - recent) else 0


def _latest_missed(state: Any, base: int, within: int, t: int) -> int:
    latest = state[base]
    for i in range(state[base + 1]):
        if state[base + 2 + i] < t - within:
            latest = max(latest, state[base + 2 + i])
    return int(latest)


def _passing(since: int, spans: Any, first: int, last: int, t: int) -> int:
    found = NEVER
    if since == MISSING:
        return found
    for i in range(first, last):
        turn = since + spans[i]
        if turn <= t:
            turn += 1
        if t < turn < found:
            found = turn
    return found


def _turn_missed(state: Any, base: int, within: int, recent: int, t: int) -> int:
    found = NEVER
    for i in range(state[base + 1]):
        if state[base + 2 + i] >= t - within:
            found = state[base + 2 + i] + within + 1
            break
    latest = _latest_missed(state, base, within, t)
    if latest != MISSING and latest + recent + 1 > t:
        found = min(found, latest + recent + 1)
    return int(found)


def _turn_of_count(state: Any, terms: Any, term: int, spans: Any, t: int) -> int:
    base, within = terms[term, BASE], terms[term, WITHIN]
    size, inside, drop = state[base], 0, 0
    while inside < size and state[base + size - inside] >= t - within:
        inside += 1
    for i in range(terms[term, DROP_FROM], terms[term, DROP_TO]):
        if spans[i] <= inside:
            drop = max(drop, spans[i])
    return int(state[base + 1 + size - drop] + within + 1) if drop > 0 else NEVER


def _turn(state: Any, terms: Any, term: int, spans: Any, t: int) -> int:
    """The next instant at which time alone may change a term; `spans` holds the spans and counts it is compared with."""
    kind, base, within, recent = terms[term, KIND], terms[term, BASE], terms[term, WITHIN], terms[term, RECENT]
    if kind == COUNT_WITHIN:
        return _turn_of_count(state, terms, term, spans, t)
    if kind == SUM_WITHIN:
        for i in range(state[base]):
            if state[base + 1 + 2 * i] >= t - within:
                return int(state[base + 1 + 2 * i] + within + 1)
        return NEVER
    if kind == LACKING:
        if state[base] != MISSING or state[base + 1] == MISSING or state[base + 1] < t - within:
            return NEVER
        return int(state[base + 1] + within + 1)
    if kind == MISSED:
        return _turn_missed(state, base, within, recent, t)
    if kind == RECENT_FOLLOWING:
        turn = state[base + 1] + recent + 1 if state[base + 1] != MISSING else NEVER
        return int(turn if turn > t else NEVER)
    found, field = NEVER, terms[term, FIELD]
    if kind in (SINCE, SINCE_STATE):
        since = state[base] if kind == SINCE else _instant(state, field, t)
        found = _passing(since, spans, terms[term, SPAN_FROM], terms[term, SPAN_TO], t)
    if kind != SINCE and field == F_ABANDONED_AT and state[CHANGED_AT] + ABANDONED + 1 > t:
        found = min(found, state[CHANGED_AT] + ABANDONED + 1)
    return int(found)


HELPERS: Final = (
    _cut, _take_within, _take_following, _take_lacking, _take_missed, _take, _instant, _of_basket, _of_state,
    _latest_missed, _value, _passing, _turn_missed, _turn_of_count, _turn,
)  # fmt: skip
"""In the order in which they call one another."""
