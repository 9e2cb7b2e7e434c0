"""The columns of the answer about personas."""

from __future__ import annotations

from typing import Final

import pyarrow as pa

PERSONAS: Final = pa.schema(
    [
        ("persona", pa.int32()), ("segment", pa.string()), ("name", pa.string()), ("direction", pa.string()),
        ("visitors", pa.int64()), ("share_rate", pa.float64()), ("buyers", pa.int64()), ("orders", pa.int64()),
        ("conversion_rate", pa.float64()), ("revenue", pa.decimal128(28, 4)), ("revenue_rate", pa.float64()),
        ("path", pa.string()), ("path_visitors", pa.int64()),
        *(
            (name, kind)
            for by in ("channel", "hour")
            for name, kind in (
                (by, pa.string()), (f"{by}_visitors", pa.int64()), (f"{by}_rate", pa.float64()), (f"{by}_lift", pa.float64())
            )
        ),
    ]
)  # fmt: skip
BEHAVIOURS: Final = pa.schema(
    [
        ("persona", pa.int32()), ("behaviour", pa.string()), ("at_least", pa.int64()), ("visitors", pa.int64()),
        ("rate", pa.float64()), ("everyone_rate", pa.float64()), ("lift", pa.float64()), ("low", pa.float64()),
        ("high", pa.float64()), ("rank", pa.int32()),
    ]
)  # fmt: skip
TRIED: Final = pa.schema(
    [
        ("groups", pa.int32()), ("silhouette", pa.float64()), ("agreement_resampled", pa.float64()),
        ("agreement_reseeded", pa.float64()), ("gain", pa.float64()), ("smallest_rate", pa.float64()), ("stable", pa.bool_()),
        ("chosen", pa.bool_()),
    ]
)  # fmt: skip
