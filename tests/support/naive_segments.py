"""Rules again over plain lists, naively: one visitor's events so far, every term looked up from the start each time.

An event here is a dict: at, id, event, page, context, touch (a dict, {} = from inside, None = no page), campaign,
amount (Decimal or None), order, user, and properties under `p`.
"""

from __future__ import annotations

from itertools import combinations

HOUR = 3_600_000_000


def chains(rows, tests, within, same=None):
    """Every way to serve the tests in order, as tuples of rows; brute force."""
    found = []
    for picked in combinations(range(len(rows)), len(tests)):
        chosen = [rows[i] for i in picked]
        if not all(test(row) for test, row in zip(tests, chosen, strict=True)):
            continue
        if within and chosen[-1]["at"] - chosen[0]["at"] > within:
            continue
        if same and (chosen[0]["p"].get(same) is None or len({str(row["p"].get(same)) for row in chosen}) > 1):
            continue
        found.append(chosen)
    return found


def count(rows, at, test, within=0, same=None):
    hits = [row for row in rows if test(row) and (not within or row["at"] >= at - within)]
    if not same:
        return len(hits)
    values = [row["p"][same] for row in hits if row["p"].get(same) is not None]
    return max((values.count(value) for value in values), default=0)


def figure(rows, at, which, test, read, within=0):
    values = [read(row) for row in rows if test(row) and (not within or row["at"] >= at - within)]
    values = [value for value in values if value is not None]
    if which == "sum":
        return sum(values)
    if not values:
        return None
    return {"min": min, "max": max, "first": lambda v: v[0], "last": lambda v: v[-1]}[which](values)


def since(rows, at, test):
    hits = [row["at"] for row in rows if test(row)]
    return at - max(hits) if hits else None


def sequence(rows, at, tests, within=0, same=None, recent=0):
    return any(not recent or chain[0]["at"] >= at - recent for chain in chains(rows, tests, within, same))


def without(rows, at, first, then, within, same=None, recent=0):
    for i, row in enumerate(rows):
        if not first(row) or (same and row["p"].get(same) is None) or (recent and row["at"] < at - recent):
            continue
        later = [other for other in rows[i + 1 :] if then(other) and other["at"] <= row["at"] + within]
        if same:
            later = [other for other in later if str(other["p"].get(same)) == str(row["p"][same])]
        if not later and at > row["at"] + within:
            return True
    return False


def reached(rows, tests, within):
    return max((n for n in range(1, len(tests) + 1) if chains(rows, tests[:n], within)), default=0)


def sessions(rows, timeout=HOUR // 2):
    """Lists of rows: a gap of more than the timeout, or another campaign, begins one."""
    found = []
    seen = campaign = None
    for row in rows:
        server = row["event"] in ("Order Completed", "Order Refunded") and not row["context"]
        new = seen is None or row["at"] - seen > timeout
        if not server and not new:
            new = bool(row["campaign"]) and row["campaign"] != campaign
        if new:
            found.append([])
            campaign = None
        found[-1].append(row)
        if new or not server:
            seen = row["at"]
            campaign = row["campaign"] or campaign
    return found


def session_touches(found):
    """Per session its touch: the first one with page context; from inside goes on with the one before, else direct."""
    out, carried = [], None
    for rows in found:
        own = next((row["touch"] for row in rows if row["context"]), None)
        inside = own == {}
        out.append((carried or {"channel": "direct"}) if inside else own)
        if not inside:
            carried = own
    return out


def basket(rows, at):
    """(value, units, lines, changed_at, abandoned_at) of the lines since the last order; prices and pieces of the row."""
    lines, changed = {}, None
    for row in rows:
        if row["event"] == "Order Completed":
            lines, changed = {}, None
        elif row["event"] in ("Product Added", "Product Removed"):
            changed = row["at"]
            key = row["p"].get("product_id"), row["p"].get("variant")
            pieces, price = lines.get(key, (0, 0))
            quantity = row["p"].get("quantity")
            if row["event"] == "Product Added":
                lines[key] = pieces + (1 if quantity is None else quantity), row["p"].get("price") or 0
            else:
                lines[key] = (0 if quantity is None else max(0, pieces - quantity)), price
    held = [line for line in lines.values() if line[0] > 0]
    if not held:
        return 0, 0, 0, None, None
    value = sum(pieces * price for pieces, price in held)
    return value, sum(p for p, _ in held), len(held), changed, changed if at > changed + HOUR else None


def trait(rows, name):
    held = [row["p"][name] for row in rows if row["event"] == "Identified" and row["p"].get(name) is not None]
    return held[-1] if held else None


def was(rows, at, name, test, within):
    held = [(r["at"], r["p"][name]) for r in rows if r["event"] == "Identified" and r["p"].get(name) is not None]
    ends = [start for start, _ in held[1:]] + [at + 1] * bool(held)
    return any(test(value) and end > at - within for (_, value), end in zip(held, ends, strict=True))


def scores(values, worse):
    """SEMANTICS 10: min(5, 1 + floor(5 * number strictly worse / n))."""
    return [min(5, 1 + 5 * sum(worse(other, value) for other in values) // len(values)) for value in values]
