"""Barriers in naive lines over Python lists: meetings of visits, matched controls, the total without overlaps."""

from __future__ import annotations

from collections import defaultdict


def legs(rows, timeout, order="Order Completed"):
    """The legs of one visitor's rows [(at, id, name, ...)], each (number of earlier sessions, rows, place of its order).

    A leg is a session, or its part before or after an order; the order is the next one, of this leg or a later one. An
    order sent by a server lies in the session that covers it and does not extend it.
    """
    found, seen, sessions = [], None, 0
    for row in sorted(rows):
        begins = seen is None or row[0] - seen > timeout
        if begins:
            sessions += 1
            found.append((sessions - 1, True, [row]))
        elif found[-1][2] and found[-1][2][-1][2] == order:
            found.append((sessions - 1, False, [row]))
        else:
            found[-1][2].append(row)
        if begins or row[2] != order:
            seen = row[0]
    out = []
    for number, (earlier, begins, own) in enumerate(found):
        later = [row for _, _, other in found[number:] for row in other if row[2] == order]
        out.append((earlier, begins, own, later[0] if later else None))
    return out


def meetings(rows, timeout):
    """{(name, its row, the row before it in the session, earlier sessions, the order's row)} of one visitor."""
    found = set()
    before = None
    for earlier, begins, own, order in legs(rows, timeout):
        if begins:
            before = None
            found.add(("(start)", own[0], None, earlier, order))
        seen = set()
        for row in own:
            if row[2] not in seen:
                seen.add(row[2])
                found.add((row[2], row, before, earlier, order))
            before = row
    return found


def contrast(units, least):
    """(p1, p0, worth per visit that met it, worth expected) of units (met, won, worth, strata from fine to coarse)."""
    met = [unit for unit in units if unit[0]]
    controls = [unit for unit in units if not unit[0]]
    rates, worths = [], []
    for _, _, _, strata in met:
        for level in range(len(strata)):
            alike = [unit for unit in controls if unit[3][level] == strata[level]]
            if len(alike) >= least:
                rates.append(sum(unit[1] for unit in alike) / len(alike))
                worths.append(sum(unit[2] for unit in alike) / len(alike))
                break
    if not rates:
        return None
    mean = lambda values: sum(values) / len(values)  # noqa: E731
    return mean([unit[1] for unit in met]), mean(rates), mean([unit[2] for unit in met]), mean(worths)


def total(losses):
    """The total of [(visitors of the visits, cost of a visit)]: each visitor at the barrier that costs most with him."""
    cost = defaultdict(list)
    for visitors, per_visit in losses:
        for visitor in set(visitors):
            cost[visitor].append(visitors.count(visitor) * per_visit)
    return sum(max(some) for some in cost.values())
