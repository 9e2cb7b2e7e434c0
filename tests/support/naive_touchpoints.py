"""Touchpoints again in naive lines over Python lists: twins, friction, both sides, searches.

An event is (visitor, at, event_id, name, dict) with in its dict: page (the page group of a page view), path, load (ms),
passive, query.
"""

from __future__ import annotations

from collections import Counter
from itertools import pairwise
from statistics import median

from support import naive

SECOND = 1_000_000


def own(event):
    """The touchpoint of an event before twins are merged."""
    return event[4].get("page") or event[3]


def twins(events, errors=()):
    """{event name: page group} of events, no errors, that come with each view of a page."""
    total, after, met = Counter(), Counter(), {}
    for visitor, rows in naive.by_visitor(events).items():
        for i, row in enumerate(rows):
            met.setdefault(own(row), set()).add(visitor)
            if row[4].get("page"):
                continue
            total[row[3]] += 1
            before = rows[i - 1] if i else None
            if before and before[4].get("page"):
                waited = row[1] - before[1] - (before[4].get("load") or 0) * 1000
                after[row[3], before[4]["page"]] += waited <= SECOND
    return {
        name: page
        for (name, page), count in after.items()
        if name not in errors
        and count >= 0.95 * total[name]
        and len(met[name] & met[page]) >= 0.95 * max(len(met[name]), len(met[page]))
    }


def paces(events, timed):
    """{event id: slower than twice the usual?} of events with a load time whose group has enough of them."""
    groups = {}
    for event in events:
        if event[4].get("load"):
            key = (event[4].get("path_group"), None if event[4].get("page") else event[3])
            groups.setdefault(key, []).append(event)
    return {
        event[2]: event[4]["load"] > 2 * median(e[4]["load"] for e in rows)
        for rows in groups.values()
        if len(rows) >= timed
        for event in rows
    }


class Visits:
    """All visits of a log, ready to be asked about one touchpoint."""

    def __init__(self, events, *, errors, timed):
        self.twins = twins(events, errors)
        self.errors = errors
        self.pace = paces(events, timed)
        self.sessions = naive.sessions(events, 30 * 60 * SECOND)

    def point(self, event):
        return self.twins.get(event[3], own(event)) if not event[4].get("page") else own(event)

    def doubled(self, event):
        return not event[4].get("page") and event[3] in self.twins

    def meeting(self, point):
        return [(visitor, rows) for visitor, rows in self.sessions if any(self.point(row) == point for row in rows)]

    def friction(self, point, is_page):
        """(visits, exits, views, troubled, looped, timed, slowed) of a touchpoint."""
        found = [rows for _, rows in self.meeting(point)]
        exits = self.sides(point, is_page)[1][None]
        views = sum(self.point(row) == point and not self.doubled(row) for rows in found for row in rows)
        paced = [[self.pace[r[2]] for r in rows if self.point(r) == point and r[2] in self.pace] for rows in found]
        return (
            len(found), exits, views, sum(self.troubled(rows, point) for rows in found),
            sum(self.looped(rows, point, is_page) for rows in found),
            sum(bool(one) for one in paced), sum(any(one) for one in paced),
        )  # fmt: skip

    def steps(self, rows, is_page):
        if is_page:
            return [row for row in rows if row[4].get("page")]
        return [row for row in rows if not row[4].get("passive") and not self.doubled(row)]

    def acts(self, rows):
        return [row for row in self.steps(rows, False) if row[3] not in self.errors]

    def troubled(self, rows, point):
        for error in (row for row in rows if row[3] in self.errors):
            before = [row for row in self.acts(rows) if rows.index(row) < rows.index(error)]
            pages = [row for row in before if row[4].get("page")]
            if point in {self.point(row) for row in (error, *before[-1:], *pages[-1:])}:
                return True
        acts = self.acts(rows)
        for one, again in pairwise(acts):
            same = self.point(one) == self.point(again) == point
            same = same and one[4].get("path") is not None and one[4].get("path") == again[4].get("path")
            between = rows[rows.index(one) + 1 : rows.index(again)]
            if same and (again[1] - one[1] <= 10 * SECOND or any(row[3] in self.errors for row in between)):
                return True
        return False

    def looped(self, rows, point, is_page):
        way = []
        for row in self.acts(rows):
            if bool(row[4].get("page")) == is_page and (not way or way[-1] != self.point(row)):
                way.append(self.point(row))
        return any(way[i] == way[i + 2] == point for i in range(len(way) - 2))

    def sides(self, point, is_page):
        """Two counters of visits: what stood before the first meeting and after the last, None for nothing."""
        came, went = Counter(), Counter()
        for _, rows in self.meeting(point):
            met = [i for i, row in enumerate(rows) if self.point(row) == point]
            along = self.steps(rows, is_page)
            before = [row for row in along if rows.index(row) < met[0]]
            after = [row for row in along if rows.index(row) > met[-1]]
            came[self.point(before[-1]) if before else None] += 1
            went[self.point(after[0]) if after else None] += 1
        return came, went

    def dwells(self, point):
        found = []
        for _, rows in self.meeting(point):
            for i, row in enumerate(rows):
                if self.point(row) == point and row[4].get("page"):
                    rest = rows[i + 1 :]
                    while rest and self.point(rest[0]) == point and self.doubled(rest[0]):
                        rest = rest[1:]
                    if rest:
                        found.append(rest[0][1] - row[1])
        return sorted(found)
