"""The way of each unit through the site: its first steps, a digest of all of them, and whether an order followed."""

from __future__ import annotations

from typing import Any, Final

import numpy as np

from afterclick.analyse.kernels.compiled import kernel
from afterclick.core.arrays import frozen
from afterclick.store.columns import Flag

ANYWHERE, FROM_START, TO_END, BETWEEN = 0, 1, 2, 3
START, END, OUT = 1, 2, 4
MASK: Final = 2**63 - 1
STEP: Final = 6364136223846793005
"""The factor by which a digest weighs each further step (Knuth's MMIX multiplier): odd, so that no step is lost."""
_ORDER: Final = int(Flag.ORDER)
_NONE: Final = 2**62


def _example_walk() -> tuple[Any, ...]:
    long, code, small = (frozen(np.zeros(1, kind)) for kind in (np.int64, np.int32, np.uint8))
    edges = frozen(np.array([0, 1]))
    outs = [np.zeros(1, kind) for kind in (np.int32, np.int32, np.int64, np.uint8, np.int32, np.int64)]
    return (
        edges, code, small, code, long, long, code, long, small, small, 0, False, True, 0, 0, 1, 0, 4, 1, 0, 1, 0, *outs,
    )  # fmt: skip


def _walk_vector(
    edges: Any, visitor: Any, chosen: Any, along: Any, at: Any, key: Any, lookup: Any, salt: Any, anchors: Any, marks: Any,
    each: int, by_visitor: bool, collapse: bool, mode: int, start: int, end: int, gap: int, wanted: int, depth: int,
    first: int, last: int, place: int, sessions: Any, sizes: Any, digests: Any, ordered: Any, nodes: Any, tally: Any,
) -> int:  # fmt: skip
    low, high = int(edges[first]), int(edges[last])
    held = np.repeat(np.arange(first, last), np.diff(edges[first : last + 1]))
    bits = anchors[along[low:high]] | (marks[low:high] if each else marks[:1])
    kept = (bits & OUT) == 0
    kept &= (at[low:high] >= start) & (at[low:high] < end) if by_visitor else chosen[held] != 0
    row = np.flatnonzero(kept) + low
    if not len(row):
        return 0
    bits, held, now = bits[kept], held[kept], at[row]
    owner = visitor[held] if by_visitor else held
    heads = np.flatnonzero(np.append(True, owner[1:] != owner[:-1]))
    tails = np.append(heads[1:], len(row)) - 1
    unit = np.repeat(np.arange(len(heads)), tails - heads + 1)
    spot = np.arange(len(row))

    def earliest(which: Any) -> Any:
        return np.minimum.reduceat(np.where(which, spot, _NONE), heads)

    begun = earliest((bits & START) != 0) if mode in (FROM_START, BETWEEN) else heads
    stop = tails
    if mode in (TO_END, BETWEEN):
        stop = earliest(((bits & END) != 0) & ((spot > begun[unit]) if mode == BETWEEN else True))
    tally[0] += int((begun < _NONE).sum()) if mode == BETWEEN else 0
    valid = (begun < _NONE) & (stop < _NONE)
    inside = valid[unit] & (spot >= begun[unit]) & (spot <= stop[unit])
    if gap > 0:
        cut = np.append(False, now[1:] - now[:-1] > gap) & inside & (spot > begun[unit])
        if mode == TO_END:
            begun = np.maximum(begun, np.maximum.reduceat(np.where(cut, spot, -1), heads))
        else:
            ends = earliest(cut)
            stop = np.minimum(stop, ends - 1)
            valid &= (ends == _NONE) | (mode != BETWEEN)
        inside &= valid[unit] & (spot >= begun[unit]) & (spot <= stop[unit])
    node = lookup[along[row]]
    step = np.flatnonzero(inside & (node >= 0) & (((key[row] & wanted) != 0) | ((bits & (START | END)) != 0)))
    if collapse and len(step):
        step = step[np.append(True, (node[step[1:]] != node[step[:-1]]) | (unit[step[1:]] != unit[step[:-1]]))]
    size = np.bincount(unit[step], minlength=len(heads))
    before = np.cumsum(size) - size
    number = np.arange(len(step)) - before[unit[step]]
    if mode == TO_END:
        number = size[unit[step]] - 1 - number
    weight = np.ones(int(size.max(initial=0)) + 1, np.uint64)
    weight[1:] = np.uint64(STEP)
    digest = np.zeros(len(heads), np.uint64)
    np.add.at(digest, unit[step], salt[node[step]].astype(np.uint64) * np.cumprod(weight)[number])
    sold = np.bincount(unit, weights=((key[row] & _ORDER) != 0) & (spot >= begun[unit]), minlength=len(heads)) > 0
    walked = np.flatnonzero(valid)
    n = len(walked)
    out = slice(place, place + n)
    sessions[out], sizes[out], ordered[out] = held[begun[walked]], size[walked], sold[walked]
    digests[out] = (digest[walked] & np.uint64(MASK)).astype(np.int64)
    table = np.full((len(heads), depth), -1, np.int32)
    near = number < depth
    table[unit[step[near]], number[near]] = node[step[near]]
    nodes[place * depth : (place + n) * depth] = table[walked].ravel()
    return n


@kernel(example=_example_walk, vector=_walk_vector)
def walk_paths(
    edges: Any, visitor: Any, chosen: Any, along: Any, at: Any, key: Any, lookup: Any, salt: Any, anchors: Any, marks: Any,
    each: int, by_visitor: bool, collapse: bool, mode: int, start: int, end: int, gap: int, wanted: int, depth: int,
    first: int, last: int, place: int, sessions: Any, sizes: Any, digests: Any, ordered: Any, nodes: Any, tally: Any,
) -> int:  # fmt: skip
    """Write the units of sessions first <= s < last from `place` on, and return how many there are.

    Session s holds the gathered rows edges[s] to edges[s + 1] and is a unit where `chosen[s]`; with `by_visitor` the rows
    of a visitor's sessions in [start, end) are one. A row's step is lookup[along[i]] (-1 none) where its symbol has a bit
    of `wanted` or it is an anchor; its bits are anchors[along[i]] | marks[i * each], and one with OUT does not count.
    By `mode` a path runs from the unit's first row, from the first START, backwards from the first END, or from the first
    START to the first END behind it (other units are none; `tally[0]` counts those with a START). It ends before a pause
    longer than `gap` (0 = none). `collapse` makes one step of equal ones in a row.

    Per unit: `sessions` the one its first row lies in, `sizes` how many steps, `digests` Σ salt[node] × STEP^k mod 2^63,
    `ordered` whether an order lies in the unit from that first row on, `nodes[u * depth + k]` the first steps, -1 behind.
    """
    n = 0
    session = first
    while session < last:
        here, until = session, session + 1
        if by_visitor:
            while until < last and visitor[until] == visitor[here]:
                until += 1
        session = until
        if not by_visitor and not chosen[here]:
            continue
        low, high = edges[here], edges[until]
        if by_visitor:
            while low < high and at[low] < start:
                low += 1
            while low < high and at[high - 1] >= end:
                high -= 1
        begun, stop = -1, -1
        for i in range(low, high):
            bits = anchors[along[i]] | marks[i * each]
            if bits & OUT:
                continue
            if begun < 0:
                if mode in (ANYWHERE, TO_END) or bits & START:
                    begun = i
                if begun < 0 or mode == BETWEEN:
                    continue
            if mode < TO_END:
                break
            if bits & END:
                stop = i
                break
        if begun < 0:
            continue
        if mode == BETWEEN:
            tally[0] += 1
        if mode >= TO_END and stop < 0:
            continue
        turn = -1 if mode == TO_END else 1
        i = stop if mode == TO_END else begun
        bound = begun if mode == TO_END else stop if mode == BETWEEN else high - 1
        base = (place + n) * depth
        for d in range(depth):
            nodes[base + d] = -1
        size, digest, weight, before, seen, reached, sold, whole = 0, 0, 1, -1, at[i], i, 0, True
        while (bound - i) * turn >= 0:
            code = along[i]
            bits = anchors[code] | marks[i * each]
            if not bits & OUT:
                if gap > 0 and (at[i] - seen) * turn > gap:
                    whole = False
                    break
                seen, reached = at[i], i
                sold |= key[i] & _ORDER
                node = lookup[code]
                if node >= 0 and (key[i] & wanted or bits & (START | END)) and not (collapse and node == before):
                    if size < depth:
                        nodes[base + size] = node
                    digest = (digest + int(salt[node]) * weight) & MASK
                    weight = (weight * STEP) & MASK
                    size += 1
                    before = node
            i += turn
        if mode == BETWEEN and not whole:
            continue
        begun = reached if mode == TO_END else begun
        # What follows the path may still hold its order.
        for j in range(begun if mode == TO_END else i, high):
            if sold:
                break
            if key[j] & _ORDER and not (anchors[along[j]] | marks[j * each]) & OUT:
                sold = 1
        while edges[here + 1] <= begun:
            here += 1
        sessions[place + n], sizes[place + n], digests[place + n] = here, size, digest
        ordered[place + n] = 1 if sold else 0
        n += 1
    return n


def _example_count() -> tuple[Any, ...]:
    return frozen(np.zeros(1, np.int32)), 1, 1, 0, 1, np.zeros(1, np.int64)


def _count_vector(nodes: Any, wide: int, size: int, first: int, last: int, counts: Any) -> None:
    table = nodes[first * wide : last * wide].reshape(-1, wide)
    cell = table + np.arange(wide) * size
    counts += np.bincount(cell[table >= 0], minlength=len(counts))


@kernel(example=_example_count, vector=_count_vector)
def count_nodes(nodes: Any, wide: int, size: int, first: int, last: int, counts: Any) -> None:
    """counts[c * size + node] of units first <= u < last, whose node in column c is nodes[u * wide + c] (-1 none)."""
    for u in range(first, last):
        for c in range(wide):
            node = nodes[u * wide + c]
            if node >= 0:
                counts[c * size + node] += 1


def _example_link() -> tuple[Any, ...]:
    code = frozen(np.zeros(1, np.int32))
    outs = [np.zeros(1, np.int64) for _ in range(5)]
    return code, code, code, 1, 1, 1, 0, 1, *outs, np.zeros(1, np.int64)


def _link_vector(
    nodes: Any, owner: Any, slots: Any, wide: int, size: int, many: int, first: int, last: int,
    counts: Any, visitors: Any, links: Any, linked: Any, _: Any, __: Any,
) -> None:  # fmt: skip
    table = nodes[first * wide : last * wide].reshape(-1, wide)
    slot = np.where(table >= 0, slots[np.maximum(table, 0) + np.arange(wide) * size], many - 1).astype(np.int64)
    who = owner[first:last]
    for c in range(wide):
        cells = [(slot[:, c] + c * many, counts, visitors)]
        if c:
            cells.append(((c * many + slot[:, c - 1]) * many + slot[:, c], links, linked))
        for cell, by_unit, by_visitor in cells:
            by_unit[:] += np.bincount(cell, minlength=len(by_unit))
            pairs = np.unique(np.stack([cell, who]), axis=1)[0]
            by_visitor[:] += np.bincount(pairs, minlength=len(by_visitor))


@kernel(example=_example_link, vector=_link_vector)
def link_columns(
    nodes: Any, owner: Any, slots: Any, wide: int, size: int, many: int, first: int, last: int,
    counts: Any, visitors: Any, links: Any, linked: Any, seen: Any, seen_link: Any,
) -> None:  # fmt: skip
    """Count units first <= u < last by slot, slots[c * size + node] of column c and many - 1 behind the path's end.

    `counts[c * many + slot]` units and `visitors` their distinct owners, which ascend; `links[(c * many + from) * many +
    to]` units that stand in slot `from` of column c - 1 and in `to` of column c, and `linked` their distinct owners.
    """
    for u in range(first, last):
        before, who = 0, owner[u] + 1
        for c in range(wide):
            node = nodes[u * wide + c]
            slot = slots[c * size + node] if node >= 0 else many - 1
            cell = c * many + slot
            counts[cell] += 1
            if seen[cell] != who:
                seen[cell] = who
                visitors[cell] += 1
            if c:
                link = (c * many + before) * many + slot
                links[link] += 1
                if seen_link[link] != who:
                    seen_link[link] = who
                    linked[link] += 1
            before = slot
