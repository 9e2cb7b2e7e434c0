"""Feedback, programmes and referrals again, in naive lines over Python lists: what the fast code must equal."""

from __future__ import annotations

import math
from collections import Counter, defaultdict
from statistics import mean, variance

from scipy.stats import t


def latest(answers):
    """Of (visitor, at, …, nps, survey) in order of time the last of each visitor and survey; those of nobody (None) all."""
    last = {}
    for place, answer in enumerate(answers):
        survey = "NPS" if answer[4] else answer[5]
        last[(answer[0], survey) if answer[0] is not None else ("nobody", place)] = answer
    return sorted(last.values(), key=lambda answer: answer[1])


def around(values):
    """Student's 95 % interval of the mean, None for fewer than two values or no spread."""
    if len(values) < 2 or len(set(values)) == 1:
        return None
    half = t.ppf(0.975, len(values) - 1) * math.sqrt(variance(values) / len(values))
    return mean(values) - half, mean(values) + half


def scores(answers):
    """Figures of (visitor, at, score, scale, nps, survey) answers, of each visitor and survey the latest."""
    kept = latest(answers)

    def people(some):
        return len({answer[0] for answer in some} - {None}) + sum(1 for answer in some if answer[0] is None)

    shares = [answer[2] / answer[3] for answer in kept]
    asked = [answer for answer in kept if answer[4]]
    sides = [
        [one for one in asked if one[2] >= 9],
        [one for one in asked if 7 <= one[2] < 9],
        [one for one in asked if one[2] < 7],
    ]
    signs = [1] * len(sides[0]) + [0] * len(sides[1]) + [-1] * len(sides[2])
    return {
        "answers": len(kept),
        "visitors": len({answer[0] for answer in kept} - {None}),
        "low": people([one for one in kept if one[2] / one[3] <= 0.6 + 1e-12]),
        "high": people([one for one in kept if one[2] / one[3] >= 0.9 - 1e-12]),
        "score_rate": mean(shares) if shares else None,
        "score_around": around(shares),
        "promoters": people(sides[0]),
        "passives": people(sides[1]),
        "detractors": people(sides[2]),
        "nps": 100 * sum(signs) / len(signs) if signs else None,
        "nps_around": around(signs),
    }


def panel(visits, sales, joined, first, last, before, after, days):
    """Rows of a programme's panel out of (visitor, day) visits, (visitor, day, worth, order or refund) sales, joined days."""
    rows = []
    for visitor, day in sorted(set(visits)):
        if not first <= day <= last or joined.get(visitor, math.inf) < day:
            continue
        mine = [(on, worth, sold) for who, on, worth, sold in sales if who == visitor]
        ahead = [sale for sale in mine if max(day - before, 0) <= sale[0] < day]
        later = [sale for sale in mine if day < sale[0] <= min(day + after, days - 1)]
        bought = [on for on, _, sold in ahead if sold]
        rows.append(
            {
                "visitor": visitor,
                "day": day,
                "joined": joined.get(visitor) == day,
                "recency": day - max(bought) if bought else None,
                "orders": len(bought),
                "money": sum(worth for _, worth, _ in ahead),
                "visits": sum(1 for who, on in visits if who == visitor and max(day - before, 0) <= on < day),
                "today": any(on == day and sold for on, _, sold in mine),
                "later_orders": sum(1 for sale in later if sale[2]),
                "later_money": sum(worth for _, worth, _ in later),
                "returned": any(who == visitor and day < on <= day + after for who, on in visits),
                "exposed": max(day + after - joined[visitor], 0) / after if joined.get(visitor, -1) > day else 0.0,
            }
        )
    return rows


def effect(rows, levels, outcome, least=10):
    """(members, others, naive) means: each member beside the others of the finest level that holds enough of them."""
    others = [row for row in rows if not row["joined"]]
    own, like = [], []
    for row in (row for row in rows if row["joined"]):
        for level in levels:
            alike = [outcome(one) for one in others if level(one) == level(row)]
            if len(alike) >= least:
                own.append(outcome(row))
                like.append(mean(alike))
                break
    if not own:
        return None
    everyone = mean(outcome(row) for row in rows if row["joined"]) - mean(map(outcome, others))
    return mean(own), mean(like), everyone


def referrals(events):
    """{visitor: (at, referrer or None)} and invitations per visitor, of (visitor, at, kind, code or id) events.

    kinds: invite (code is the sender's own), use (code of another), by (id of another).
    """
    owners, invites, found = {}, Counter(), defaultdict(list)
    for visitor, _at, kind, code in sorted(events, key=lambda event: event[1]):
        if kind == "invite":
            invites[visitor] += 1
            owners.setdefault(code, visitor)
    people = {event[0] for event in events}
    for visitor, at, kind, code in events:
        if kind == "invite":
            continue
        who = owners.get(code) or (code if code in people else None)
        if who != visitor:
            found[visitor].append((at, who is None, who or "", who))
    return {visitor: (min(rows)[0], min(rows)[3]) for visitor, rows in found.items()}, invites
