"""Arrays as inputs of kernels: contiguous and read-only, so that the compiler meets one type only."""

from __future__ import annotations

import numpy as np


def frozen(values: np.ndarray) -> np.ndarray:
    """The array, contiguous and read-only, whether it was memory-mapped or not."""
    view = np.ascontiguousarray(values).view()
    view.flags.writeable = False
    return view
