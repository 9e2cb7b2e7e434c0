"""The members of a segment as a table to hand over for retargeting: ids as they were sent, e-mails only as digests."""

from __future__ import annotations

import hashlib
from collections.abc import Sequence
from typing import Final

import numpy as np
import pyarrow as pa

from afterclick.analyse.handles import best, handle
from afterclick.analyse.scope import Scope
from afterclick.analyse.segments.lists import ids_by_visitor

SCHEMA: Final = pa.schema(
    [("visitor", pa.string()), ("user_id", pa.string()), ("anonymous_id", pa.string()), ("email_sha256", pa.string())]
)


def audience(scope: Scope, visitors: np.ndarray) -> pa.Table:
    """One row per visitor; several ids of a kind stand behind each other, a space between them."""
    rows = [_row(ids) for ids in ids_by_visitor(scope, visitors)]
    return pa.Table.from_pylist(rows, schema=SCHEMA)


def _row(ids: Sequence[str]) -> dict[str, str]:
    return {
        "visitor": handle(best(list(ids))) if ids else "",
        "user_id": _of(ids, "u:"),
        "anonymous_id": _of(ids, "a:"),
        "email_sha256": " ".join(_digest(one) for one in ids if one.startswith("e:")),
    }


def _of(ids: Sequence[str], space: str) -> str:
    return " ".join(one.removeprefix(space) for one in ids if one.startswith(space))


def _digest(email: str) -> str:
    """SHA-256 of the trimmed, lower-case address: the form in which advertising systems take them."""
    return hashlib.sha256(email.removeprefix("e:").strip().lower().encode()).hexdigest()
