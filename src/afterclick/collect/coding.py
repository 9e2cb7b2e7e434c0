"""Text columns that say the same things over and over as dictionaries, which the store sorts and writes faster."""

from __future__ import annotations

from typing import Final

import pyarrow as pa

_NEVER: Final = frozenset(
    {"event_id", "anonymous_id", "user_id", "email", "phone", "session_id", "order_id", "properties"}
)
"""Ids and objects: hardly one stands twice in a chunk."""

_WORTH: Final = 0.25
"""Distinct values per row up to which a dictionary pays."""

_JUDGED: Final = 1 << 14


class Coding:
    """Decides once per column, by its first rows, so that the chunks of a file fit together."""

    def __init__(self) -> None:
        self._coded: dict[str, bool] = {}

    def apply(self, columns: dict[str, pa.Array]) -> dict[str, pa.Array]:
        """The columns, repetitive ones dictionary-coded."""
        return {
            name: array.dictionary_encode() if self._wanted(name, array) else array for name, array in columns.items()
        }

    def _wanted(self, name: str, array: pa.Array) -> bool:
        if name in _NEVER or not pa.types.is_string(array.type):
            return False
        if name not in self._coded:
            head = array.slice(0, _JUDGED)
            self._coded[name] = len(head.unique()) <= max(64, _WORTH * len(head))
        return self._coded[name]
