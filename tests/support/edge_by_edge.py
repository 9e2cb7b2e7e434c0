"""Identity resolved edge after edge in plain Python: what the vectorised `stitch.visitors.resolve` must equal."""

from __future__ import annotations

from afterclick.stitch.visitors import EVIDENCE, LINKED, WITHDRAWN


class Visitors:
    """The visitors of ids by (a, b, at, what) edges of id texts; `refused` holds (a, b, reason) in the order refused."""

    def __init__(self, rows, ids, as_of, cap):
        self.ids = ids
        self.parent = list(range(len(ids)))
        self.count = [1] * len(ids)
        self.refused = []
        rows = sorted(_standing(rows, as_of), key=lambda row: (row[2], row[0], row[1], row[3]))
        self.logins = self._shared(rows)
        self.user_of = {code: code for code, text in enumerate(ids) if text.startswith("u:")}
        for a, b, at, what in rows:
            one, other = self._active(ids.index(a), at), self._active(ids.index(b), at)
            if one != other:
                self._join(one, other, what == LINKED, cap)

    def of(self, code, at):
        """The smallest code of the visitor behind a code at an instant."""
        return self._root(self._active(code, at))

    def _shared(self, rows):
        found = {}
        for a, b, at, what in rows:
            device, user = (a, b) if b.startswith("u:") else (b, a)
            if what == EVIDENCE and user.startswith("u:") and not device.startswith("u:"):
                known = found.setdefault(self.ids.index(device), [])
                if not known or known[-1][1] != self.ids.index(user):
                    known.append((at, self.ids.index(user)))
        return {device: logins for device, logins in found.items() if len({user for _, user in logins}) > 1}

    def _active(self, code, at):
        if code not in self.logins:
            return code
        active = self.logins[code][0][1]
        for since, user in self.logins[code]:
            if since <= at:
                active = user
        return active

    def _root(self, code):
        while self.parent[code] != code:
            code = self.parent[code]
        return code

    def _join(self, a, b, by_hand, cap):
        one, other = self._root(a), self._root(b)
        if one == other:
            return
        if not by_hand and one in self.user_of and other in self.user_of:
            self.refused.append((a, b, "two_users"))
            return
        if self.count[one] + self.count[other] > cap:
            self.refused.append((a, b, "shared"))
            return
        low, high = min(one, other), max(one, other)
        self.parent[high] = low
        self.count[low] += self.count[high]
        if high in self.user_of:
            self.user_of.setdefault(low, self.user_of[high])


def _standing(rows, as_of):
    rows = [row for row in rows if row[2] <= as_of]
    gone = [({a, b}, at) for a, b, at, what in rows if what == WITHDRAWN]
    return [
        (a, b, at, what)
        for a, b, at, what in rows
        if what != WITHDRAWN and not any(pair == {a, b} and at <= until for pair, until in gone)
    ]
