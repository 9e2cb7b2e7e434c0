"""Retention, life cycle, stickiness and onboarding again, in the fewest naive lines over Python lists.

An event is (visitor, instant, event id, name); `interval_of(instant)` numbers local intervals. Nothing of the package
is imported.
"""

from __future__ import annotations

from collections import defaultdict

DAY = 24 * 3600 * 1_000_000


def by_visitor(events):
    found = defaultdict(list)
    for event in events:
        found[event[0]].append(event)
    return {visitor: sorted(rows, key=lambda e: (e[1], e[2])) for visitor, rows in found.items()}


def starts(events, is_start, interval_of, start, end, *, first):
    """{(visitor, cohort): instant} of the starts in [start, end)."""
    found = {}
    for visitor, rows in by_visitor(events).items():
        times = [row[1] for row in rows if is_start(row)]
        for at in times[:1] if first else times:
            if start <= at < end:
                found.setdefault((visitor, interval_of(at)), at)
    return found


def offsets(rows, begun, cohort, is_back, interval_of, *, same, block):
    """The offsets at which somebody came back."""
    back = [row[1] for row in rows if is_back(row) and (row[1] > begun or (same and row[1] == begun))]
    return {(at - begun) // DAY if block else interval_of(at) - cohort for at in back}


def came(found, low, high, count):
    """Does somebody with these offsets count in the period low..high?"""
    if count == "on_or_after":
        return any(offset >= low for offset in found)
    if count == "rolling" and high:
        return any(1 <= offset <= high for offset in found)
    return any(low <= offset <= high for offset in found)


def retention(events, is_start, is_back, interval_of, start, end, columns, *, first, same, block, count, previous):
    """{(cohort, column): (returned visitors, base visitors)}."""
    rows, out = by_visitor(events), defaultdict(lambda: (set(), set()))
    for (visitor, cohort), begun in starts(events, is_start, interval_of, start, end, first=first).items():
        found = offsets(rows[visitor], begun, cohort, is_back, interval_of, same=same, block=block)
        for number, (low, high) in enumerate(columns):
            back, base = out[cohort, number]
            out[cohort, number] = back, base
            if previous and number and not came(found, *columns[number - 1], count):
                continue
            base.add(visitor)
            if came(found, low, high, count):
                back.add(visitor)
    return out


def lifecycle(events, is_active, interval_of, numbers):
    """Per interval number: (new, returning, resurrecting, dormant, active before) as sets."""
    active, first = defaultdict(set), {}
    for visitor, at, _, _ in (e for rows in by_visitor(events).values() for e in rows if is_active(e)):
        active[interval_of(at)].add(visitor)
        first.setdefault(visitor, interval_of(at))
    out = {}
    for t in numbers:
        now, before = active[t], active[t - 1]
        new = {v for v in now if first[v] == t}
        out[t] = new, now & before, now - before - new, before - now, before
    return out


def reached(events, is_start, is_event, interval_of, start, end, days, last_over):
    """(newcomers whose day `days` is over, {day: those who had done the event by its end})."""
    rows, by_day, people = by_visitor(events), defaultdict(set), set()
    for (visitor, cohort), begun in starts(events, is_start, interval_of, start, end, first=True).items():
        if cohort + days > last_over:
            continue
        people.add(visitor)
        done = [interval_of(row[1]) - cohort for row in rows[visitor] if is_event(row) and row[1] >= begun]
        for day in range(days + 1):
            if any(offset <= day for offset in done):
                by_day[day].add(visitor)
    return people, by_day
