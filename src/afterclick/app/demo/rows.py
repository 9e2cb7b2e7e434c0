"""The rows of the export as columns of codes, before they become text."""

from __future__ import annotations

from dataclasses import dataclass, fields
from typing import Any, Self

import numpy as np
from numpy.typing import NDArray

NONE = -1


@dataclass(frozen=True, kw_only=True)
class Rows:
    """Rows of the export as codes, one entry each; `NONE` where nothing applies.

    `at` is µs since the period's start; `key` counts visitor, visit and slot and makes the message id;
    `device` makes the anonymous id and `visitor` the user id (`NONE` = not there); `click` marks addresses
    that end in a click id; `basket` holds the lines of an order or refund; `visit` makes order id and click
    id.
    """

    at: NDArray[np.int64]
    key: NDArray[np.uint64]
    visit: NDArray[np.uint64]
    device: NDArray[np.int64]
    visitor: NDArray[np.int64]
    type: NDArray[np.int8]
    event: NDArray[np.int8]
    url: NDArray[np.int32]
    click: NDArray[np.bool_]
    referrer: NDArray[np.int32]
    title: NDArray[np.int32]
    agent: NDArray[np.int16]
    product: NDArray[np.int16]
    category: NDArray[np.int8]
    quantity: NDArray[np.uint8]
    coupon: NDArray[np.int8]
    word: NDArray[np.int16]
    load: NDArray[np.int32]
    revenue: NDArray[np.int64]
    basket: NDArray[np.uint64]
    email: NDArray[np.bool_]
    app: NDArray[np.bool_]

    def __len__(self) -> int:
        return len(self.at)

    def take(self, which: Any) -> Self:
        """The rows at these places, or in this slice, or where this mask is true."""
        return type(self)(**{field.name: getattr(self, field.name)[which] for field in fields(self)})

    @classmethod
    def join(cls, parts: list[Rows]) -> Rows:
        """Several blocks of rows one after the other."""
        return cls(**{f.name: np.concatenate([getattr(p, f.name) for p in parts]) for f in fields(cls)})
