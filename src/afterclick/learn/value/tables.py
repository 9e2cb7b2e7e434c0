"""The parts of the answer about value: months, buyers by what they are worth and by whether they are there, parameters."""

from __future__ import annotations

import math
from collections.abc import Sequence
from decimal import Decimal
from typing import Any, Final

import numpy as np
import pyarrow as pa

from afterclick.learn.value.acquired import money
from afterclick.learn.value.fitting import Fit
from afterclick.learn.value.outlook import Outlook

_AMOUNT: Final = pa.decimal128(28, 4)
MONTHS: Final = pa.schema(
    [("month", pa.int64()), ("orders", pa.float64()), ("revenue", _AMOUNT), ("clv", _AMOUNT), ("cumulated", _AMOUNT)]
)
DISTRIBUTION: Final = pa.schema(
    [
        ("bin", pa.int64()), ("low", _AMOUNT), ("high", _AMOUNT), ("customers", pa.int64()), ("clv", _AMOUNT),
        ("share_rate", pa.float64()),
    ]
)  # fmt: skip
ALIVE: Final = pa.schema(
    [
        ("bin", pa.int64()), ("low_rate", pa.float64()), ("high_rate", pa.float64()), ("customers", pa.int64()),
        ("alive", pa.float64()),
    ]
)  # fmt: skip
PARAMETERS: Final = pa.schema(
    [
        ("model", pa.string()), ("parameter", pa.string()), ("value", pa.float64()), ("error", pa.float64()),
        ("low", pa.float64()), ("high", pa.float64()), ("log_likelihood", pa.float64()), ("rows", pa.int64()),
    ]
)  # fmt: skip
FIT: Final = pa.schema(
    [("repeats", pa.int64()), ("more", pa.bool_()), ("customers", pa.int64()), ("expected", pa.float64())]
)
_BINS: Final = 10


def months(outlook: Outlook) -> pa.Table:
    """Expected orders of each month to come, their value, that value today, and the latter added up."""
    rows, so_far = [], 0.0
    for month, (orders, revenue, today) in enumerate(outlook.months(), start=1):
        so_far += today or 0.0
        rows.append(
            {
                "month": month, "orders": orders, "revenue": None if revenue is None else money(revenue),
                "clv": None if today is None else money(today), "cumulated": None if today is None else money(so_far),
            }
        )  # fmt: skip
    return pa.Table.from_pylist(rows, schema=MONTHS)


def edges_of(clv: np.ndarray) -> list[float]:
    """Round amounts from 0 that cut most buyers into ten bins of equal width; what is beyond stands in one more."""
    top = float(np.quantile(clv, 0.98)) if len(clv) else 0.0
    if not math.isfinite(top) or top <= 0:
        return [0.0]
    rough = top / _BINS
    power = 10.0 ** math.floor(math.log10(rough))
    step = next(size * power for size in (1, 2, 2.5, 5, 10) if size * power >= rough * (1 - 1e-9))
    return [step * number for number in range(math.ceil(top / step - 1e-9) + 1)]


def distribution(clv: np.ndarray) -> tuple[list[dict[str, Any]], np.ndarray]:
    """Buyers by what they will bring, and the bin of each buyer."""
    edges = edges_of(clv)
    of = np.clip(np.searchsorted(edges, clv, side="right") - 1, 0, len(edges) - 1)
    whole = float(clv.sum())
    counted, sums = np.bincount(of, minlength=len(edges)), np.bincount(of, weights=clv, minlength=len(edges))
    rows = [
        {
            "bin": number, "low": money(low), "high": money(edges[number + 1]) if number + 1 < len(edges) else None,
            "customers": int(counted[number]), "clv": money(float(sums[number])),
            "share_rate": float(sums[number]) / whole if whole > 0 else None,
        }
        for number, low in enumerate(edges)
    ]  # fmt: skip
    return rows, of


def aliveness(alive: np.ndarray) -> tuple[list[dict[str, Any]], np.ndarray]:
    """Buyers by their chance to be still there, tenth by tenth, and the bin of each buyer."""
    of = np.minimum((alive * _BINS).astype(np.int64), _BINS - 1)
    counted, sums = np.bincount(of, minlength=_BINS), np.bincount(of, weights=alive, minlength=_BINS)
    return [
        {
            "bin": number, "low_rate": number / _BINS, "high_rate": (number + 1) / _BINS,
            "customers": int(counted[number]), "alive": float(sums[number]),
        }
        for number in range(_BINS)
    ], of  # fmt: skip


def parameters(fits: Sequence[Fit]) -> pa.Table:
    """Every parameter with its standard error and interval; none of a model that was refused."""
    rows = []
    for fit in fits:
        for name, value, error in zip(fit.names, fit.values, fit.errors, strict=False):
            low, high = fit.interval(name)
            rows.append(
                {
                    "model": fit.model, "parameter": name, "value": value, "error": error, "low": low, "high": high,
                    "log_likelihood": fit.log_likelihood, "rows": fit.rows,
                }
            )  # fmt: skip
    return pa.Table.from_pylist(rows, schema=PARAMETERS)


def top_share(clv: np.ndarray) -> tuple[np.ndarray, float | None]:
    """Places of the tenth of the buyers worth most (at least one), and their share of all value."""
    count = max(1, len(clv) // 10)
    places = np.lexsort((np.arange(len(clv)), -clv))[:count]
    whole = float(clv.sum())
    return places, float(clv[places].sum()) / whole if whole > 0 else None


def exact(value: float | None) -> Decimal | None:
    """An estimate as an amount, None as it is."""
    return None if value is None else money(value)
