"""Who stands in a list that was taken of a segment, among the visitors as they are known now; and taking one."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
import pyarrow as pa

from afterclick.analyse.context import ids_of
from afterclick.analyse.scope import Scope
from afterclick.core.arrays import frozen
from afterclick.store import segment_lists

Find = Callable[[Scope, str], np.ndarray]
"""(scope, what stands behind the colon) -> bool per label. Raises SpecError for a group that is not there."""
_FOUND: dict[str, Find] = {}


def found_by(prefix: str, find: Find) -> None:
    """Let `prefix:…` stand for visitors that a later layer finds, so that groups need no list to be asked about."""
    _FOUND[prefix] = find


def is_found(name: str) -> bool:
    """Does a name stand for visitors that are found anew with every question?"""
    return name.partition(":")[0] in _FOUND and ":" in name


def listed(scope: Scope, name: str) -> np.ndarray:
    """Which visitors have an id on the list, bool per label. Raises SpecError for a list that is not there."""
    if is_found(name):
        prefix, _, rest = name.partition(":")
        return frozen(_FOUND[prefix](scope, rest))
    ids = segment_lists.ids(scope.context.snapshot.folder, name)
    codes = scope.context.snapshot.book("id").codes(pa.array(ids, pa.string()))
    known = codes[codes >= 0]
    out = np.zeros(scope.labels.size, bool)
    out[scope.labels.of(known, np.full(len(known), scope.as_of, np.int64))] = True
    return frozen(out)


def ids_by_visitor(scope: Scope, visitors: np.ndarray) -> list[list[str]]:
    """The ids of each of these visitors, in their order."""
    found = ids_of(scope.context, scope.labels, visitors)
    return [found.get(visitor, []) for visitor in visitors.tolist()]
