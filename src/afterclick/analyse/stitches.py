"""By which ids a visitor is known, why they were taken for one, and how to take each of these links back."""

from __future__ import annotations

from typing import Any

import numpy as np

from afterclick.analyse.context import ids_of
from afterclick.analyse.handles import SPACES, handle, shown
from afterclick.analyse.scope import Scope
from afterclick.core import clock
from afterclick.stitch.visitors import LINKED, WITHDRAWN


def member_codes(scope: Scope, visitor: int) -> np.ndarray:
    """Codes of a visitor's ids, ascending."""
    return np.array(sorted(scope.labels.members(np.array([visitor]))[visitor]), np.int64)


def _known_at(scope: Scope) -> int:
    """The instant up to which edges are read, as `Context.labels` reads them: who somebody is may be learnt later."""
    return max(scope.as_of, clock.now()) if scope.as_of >= scope.context.snapshot.behaved[1] else scope.as_of


def id_rows(scope: Scope, visitor: int) -> list[dict[str, Any]]:
    """One row per id, devices first: how it is named here, its kind, and the events that were sent with it."""
    context, codes = scope.context, member_codes(scope, visitor)
    texts = ids_of(context, scope.labels, np.array([visitor]))[visitor]
    edges = context.edges()
    out = []
    for code, text in zip(codes.tolist(), texts, strict=True):
        column = context.column("device" if text.startswith("a:") else "user")
        at = context.column("at")[np.flatnonzero(column == code)] if text[:2] != "e:" else np.zeros(0, np.int64)
        at = at[at <= scope.as_of]
        seen = at if len(at) else edges.at[((edges.a == code) | (edges.b == code)) & (edges.at <= _known_at(scope))]
        out.append(
            {
                "id": handle(text), "shown": shown(text), "type": SPACES.get(text[:2], "device"), "events": len(at),
                "first_at": int(seen.min()) if len(seen) else None, "last_at": int(seen.max()) if len(seen) else None,
                "shared": bool(scope.labels.label[code] < 0),
            }
        )  # fmt: skip
    order = list(SPACES.values())
    return sorted(out, key=lambda row: (order.index(row["type"]), row["first_at"] or 0, row["id"]))


def stitch_rows(scope: Scope, visitor: int) -> list[dict[str, Any]]:
    """Every pair of ids that was seen or linked together, and those taken back or refused; oldest first.

    `why` is login (a user id on a device), email, together, linked (by hand), or two_users and shared for a pair that
    was refused. `undo` is the command that takes the pair back, or links again what was taken back.
    """
    if scope.question.identity == "raw":
        return []
    context, labels = scope.context, scope.labels
    edges, codes = context.edges(), member_codes(scope, visitor)
    near = (np.isin(edges.a, codes) | np.isin(edges.b, codes)) & (edges.at <= _known_at(scope))
    pairs: dict[tuple[int, int], list[tuple[int, int]]] = {}
    for i in np.flatnonzero(near).tolist():
        a, b = sorted((int(edges.a[i]), int(edges.b[i])))
        pairs.setdefault((a, b), []).append((int(edges.at[i]), int(edges.what[i])))
    refused = {tuple(sorted((a, b))): why for a, b, why in labels.refused}
    values = context.snapshot.book("id").all
    rows = [
        _row((values[a].as_py(), values[b].as_py()), sorted(known), refused.get((a, b), ""))
        for (a, b), known in pairs.items()
    ]
    return sorted(rows, key=lambda row: (row["at"], row["first"], row["second"]))


def _row(texts: tuple[str, str], known: list[tuple[int, int]], refused: str) -> dict[str, Any]:
    first, second = sorted(texts, key=lambda text: (list(SPACES).index(text[:2]), text))
    withdrawn = max((at for at, what in known if what == WITHDRAWN), default=None)
    valid = [(at, what) for at, what in known if what != WITHDRAWN and (withdrawn is None or at > withdrawn)]
    shown_from = valid or [(at, what) for at, what in known if what != WITHDRAWN] or known
    why = refused if valid else ""
    if not why:
        why = "linked" if any(what == LINKED for _, what in shown_from) else _why(first, second)
    standing = bool(valid) and not refused
    command = "" if refused and valid else "unlink" if standing else "link"
    return {
        "first": handle(first), "second": handle(second), "first_shown": shown(first), "second_shown": shown(second),
        "at": shown_from[0][0], "why": why, "standing": standing,
        "undo": f"afterclick {command} {handle(first)} {handle(second)}" if command else "",
    }  # fmt: skip


def _why(first: str, second: str) -> str:
    if "e:" in (first[:2], second[:2]):
        return "email"
    return "login" if {first[:2], second[:2]} == {"a:", "u:"} else "together"
