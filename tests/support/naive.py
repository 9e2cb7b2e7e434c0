"""Every analysis again, in the fewest naive lines over Python lists: what the fast code must equal.

An event here is (visitor, at, event_id, name, dict). Nothing of the package is imported.
"""

from __future__ import annotations

from collections import Counter, defaultdict

DIRECT, INTERNAL = "direct", None


def by_visitor(events):
    """Events of each visitor in (time, event id) order."""
    found = defaultdict(list)
    for event in events:
        if event[0] is not None:
            found[event[0]].append(event)
    return {visitor: sorted(rows, key=lambda e: (e[1], e[2])) for visitor, rows in found.items()}


def chase(rows, start, steps, within, previous, strict, tolerance):
    """One greedy attempt: the rows that served each step it reached."""
    pick, latest = [start], rows[start][1]
    for step in steps[1:]:
        end = (rows[pick[-1]][1] if previous else rows[start][1]) + within
        for j, row in enumerate(rows):
            follows = row[1] > latest if strict else row[1] >= latest - tolerance
            if follows and row[1] <= end and step(row) and j not in pick:
                pick.append(j)
                latest = max(latest, row[1])
                break
        else:
            return pick
    return pick


def funnel(
    events, steps, within, *, start=-(2**60), end=2**60, previous=False, strict=False, tolerance=0, entry="best"
):
    """[(visitor, picked rows)] per visitor (entry best or first) or per attempt (entry attempts)."""
    units = []
    for visitor, rows in by_visitor(events).items():
        starts = [i for i, row in enumerate(rows) if steps[0](row) and start <= row[1] < end]
        tried = [chase(rows, i, steps, within, previous, strict, tolerance) for i in starts]
        if entry == "attempts":
            free = -1
            blocked = -(2**60)
            for i, pick in zip(starts, tried, strict=True):
                if i <= free or rows[i][1] <= blocked:
                    continue
                units.append((visitor, [rows[j] for j in pick]))
                if len(pick) == len(steps):
                    free = max(pick)
                else:
                    blocked = (rows[pick[-1]][1] if previous else rows[i][1]) + within
        elif tried and entry == "first":
            units.append((visitor, [rows[j] for j in tried[0]]))
        elif tried:
            best = max(tried, key=lambda pick: (len(pick), -pick[-1], pick[0]))
            units.append((visitor, [rows[j] for j in best]))
    return units


def sessions(events, timeout, *, max_length=0, on_campaign=True, midnights=(), on_referrer=False):
    """[(visitor, rows)]; an event's dict may carry campaign, source (of an outside referrer), server (a sale without page)."""
    found = []
    for visitor, rows in by_visitor([e for e in events if not e[4].get("system")]).items():
        current = None
        for row in rows:
            at, more = row[1], row[4]
            new = current is None or at - current["last"] > timeout
            if current is not None and more.get("server") and not new:
                current["rows"].append(row)
                continue
            if current is not None and not more.get("server"):
                new |= bool(max_length) and at - current["start"] >= max_length
                new |= on_campaign and bool(more.get("campaign")) and more["campaign"] != current["campaign"]
                new |= on_referrer and bool(more.get("source")) and more["source"] != current["source"]
            if current is not None:
                new |= any(current["last"] < midnight <= at for midnight in midnights)
            if new:
                current = {"start": at, "campaign": None, "source": None, "rows": []}
                found.append((visitor, current["rows"]))
            current["rows"].append(row)
            current["campaign"] = more.get("campaign") or current["campaign"]
            current["source"] = more.get("source") or current["source"]
            current["last"] = at
    return found


def journey(events, stage_of, stages, *, start, end, as_of, within):
    """Counts per stage, moves and movers, the loop; `stage_of(event)` is the set of stages whose rule it meets."""
    out = [Counter() for _ in range(stages)]
    moves, movers, loop, loop_orders = Counter(), defaultdict(set), set(), set()
    for visitor, rows in by_visitor(e for e in events if e[1] <= as_of).items():
        first, before, highest, basket = {}, None, -1, False
        for row in rows:
            met, at = stage_of(row), row[1]
            if not met:
                continue
            top = max(met)
            for stage in met:
                first.setdefault(stage, at)
            inside = start <= at < end
            if inside and top < highest:
                out[top]["returned", visitor] = 1
            if highest == stages - 1 and at > first[stages - 1]:
                if top == stages - 2:
                    basket = True
                    if inside:
                        loop.add(visitor)
                elif top == stages - 1 and basket and inside:
                    loop_orders.add(visitor)
            if inside and before is not None and top != before:
                moves[before, top] += 1
                movers[before, top].add(visitor)
            before, highest = top, max(highest, top)
        active = any(start <= row[1] < end and not row[4].get("system") for row in rows)
        reached = [stage for stage, at in first.items() if at < end]
        if active:
            if reached:
                out[max(reached)]["highest"] += 1
            else:
                out[0]["none"] += 1
        for stage, at in first.items():
            if start <= at < end:
                later = [t for s, t in first.items() if s > stage and t > at]
                kind = "onward" if later and min(later) - at <= within else "open" if at + within > as_of else "lost"
                out[stage]["entered"] += 1
                out[stage][kind] += 1
    for stage in out:
        stage["returns"] = sum(1 for key in stage if isinstance(key, tuple))
    return out, moves, {pair: len(people) for pair, people in movers.items()}, len(loop), len(loop_orders)


def components(edges, as_of):
    """Visitors as sets of ids, by the edges (a, b, at) dated up to as_of, without guards."""
    groups = []
    for a, b, at in edges:
        if at <= as_of:
            hit = [group for group in groups if a in group or b in group]
            groups = [group for group in groups if group not in hit] + [{a, b}.union(*hit)]
    return groups


def orders(rows):
    """(counted, replaced, conflicts) of (at, event id, visitor, order id, amount) rows."""
    held, replaced, conflicts, single = {}, [], [], []
    for row in sorted(rows, key=lambda r: (r[0], r[1])):
        if row[3] is None:
            single.append(row)
        elif row[3] not in held:
            held[row[3]] = row
        elif held[row[3]][2] == row[2]:
            replaced.append(held[row[3]])
            held[row[3]] = row
        else:
            conflicts.append((held[row[3]], row))
    return [*held.values(), *single], replaced, conflicts
