"""What turns acknowledged calls into rows of the log; the store is given it, because it knows no format of the wire."""

from __future__ import annotations

from collections.abc import Sequence
from typing import NamedTuple, Protocol

import pyarrow as pa

from afterclick.core.event import Rejected
from afterclick.store.definitions import Definitions
from afterclick.store.live.calls import StoredCall


class TailTable(NamedTuple):
    """Rows of LOG_COLUMNS (and `p.*`), and the events that could not become one."""

    table: pa.Table
    rejected: list[Rejected]


class TailRows(Protocol):
    """The same calls under the same definitions always give the same rows.

    `reads` names the fields of Definitions that the rows depend on.
    """

    @property
    def reads(self) -> tuple[str, ...]: ...

    def __call__(self, calls: Sequence[StoredCall], definitions: Definitions) -> TailTable:
        """Every event of the calls is a row or a reject, rows in the order of the calls.

        Ids may stand twice, the store counts them once. No row is a line of an order (`order_line`).
        """
        ...

    def close(self) -> None:
        """Give back what is kept open between calls; a later call opens it again."""
        ...
