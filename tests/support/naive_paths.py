"""Paths, moves and searches again in naive lines over Python lists: what the fast code must equal.

A unit is (visitor, rows); a row is (at, name, flags) with in flags: act, order. Nothing of the package is imported.
"""

from __future__ import annotations

from collections import Counter
from itertools import groupby, pairwise
from statistics import median


def path_of(rows, start=None, end=None, gap=0, *, collapse=True):
    """(names in walk order, index of the path's first row), None where the unit has no such path, "begun" without its end."""
    first = next((i for i, row in enumerate(rows) if start is None or row[1] == start), None)
    if first is None:
        return None
    if end is not None:
        behind = range(first + 1, len(rows)) if start is not None else range(len(rows))
        last = next((i for i in behind if rows[i][1] == end), None)
        if last is None:
            return "begun" if start is not None else None
        walked = list(range(first, last + 1)) if start is not None else list(range(last, -1, -1))
    else:
        walked = list(range(first, len(rows)))
    kept = walked[:1]
    for one, two in pairwise(walked):
        if gap and abs(rows[two][0] - rows[one][0]) > gap:
            break
        kept.append(two)
    if start is not None and end is not None and len(kept) < len(walked):
        return "begun"
    names = [rows[i][1] for i in kept if rows[i][2].get("act") or rows[i][1] in (start, end)]
    return ([name for name, _ in groupby(names)] if collapse else names), min(kept)


def paths(units, depth, **options):
    """(visitor, path, ordered) of each unit with a path, and how many began."""
    found, begun = [], 0
    for visitor, rows in units:
        path = path_of(rows, **options)
        begun += path is not None
        if path is not None and path != "begun":
            found.append((visitor, path[0], any(row[2].get("order") for row in rows[path[1] :])))
    return found, begun


def columns(found, depth, top):
    """Per column [(name or "other" or "left", kind, units, visitors)] as a Counter of units and a dict of visitors."""
    out = []
    for column in range(depth):
        there = [path[column] if column < len(path) else None for _, path, _ in found]
        counts = Counter(name for name in there if name is not None)
        shown = sorted(counts, key=lambda name: (-counts[name], name))[:top]
        said = ["<left>" if name is None else name if name in shown else "<other>" for name in there]
        units, people = Counter(said), {}
        for (visitor, _, _), name in zip(found, said, strict=True):
            people.setdefault(name, set()).add(visitor)
        out.append((units, {name: len(who) for name, who in people.items()}, len(counts) - len(shown), said))
    return out


def moves(units):
    """Counter of (from, to) with None outside, people, times, and (triples, loops by (a, b), repeats)."""
    counts, people, times, loops, triples, repeats = Counter(), {}, {}, Counter(), 0, 0
    for visitor, rows in units:
        steps = [row for row in rows if row[2].get("act")]
        if not steps:
            continue
        for one, two in zip([None, *steps], [*steps, None], strict=True):
            pair = (one and one[1], two and two[1])
            counts[pair] += 1
            people.setdefault(pair, set()).add(visitor)
            if one and two:
                times.setdefault(pair, []).append(two[0] - one[0])
                repeats += one[1] == two[1]
        way = [name for name, _ in groupby(row[1] for row in steps)]
        triples += max(0, len(way) - 2)
        for a, b, c in zip(way, way[1:], way[2:], strict=False):
            loops[a, b] += a == c
    return (
        counts, {pair: len(who) for pair, who in people.items()}, {pair: median(each) for pair, each in times.items()},
        +loops, triples, repeats,
    )  # fmt: skip


def searches(sessions):
    """{word: (searches, empty, refined, left, went on, sessions with an order behind the first)} of sessions of rows
    (at, name, flags) with in flags: word, found, results (a page of results), act, order."""
    out = {}
    for _, rows in sessions:
        first = {}
        for i, (at, _, flags) in enumerate(rows):
            word = flags.get("word")
            if not word:
                continue
            outcome = "left"
            for _, _, after in rows[i + 1 :]:
                if after.get("word") and after["word"] != word:
                    outcome = "refined"
                elif after.get("word") or after.get("results") or not after.get("act"):
                    continue
                else:
                    outcome = "went_on"
                break
            outcome = "empty" if flags.get("found") == 0 else outcome
            line = out.setdefault(word, Counter())
            line["searches"] += 1
            line[outcome] += 1
            first.setdefault(word, at)
        for word, at in first.items():
            out[word]["ordered"] += any(row[2].get("order") and row[0] >= at for row in rows)
    return out
