"""Worked examples of SEMANTICS 10: scores by the rule of ties, and a name for every cell."""

from __future__ import annotations

import numpy as np
import pytest

from afterclick.analyse.rfm_scores import NAMES, names, scores


@pytest.mark.parametrize(
    ("values", "wanted"),
    [
        ([1, 1, 1, 2, 5], [1, 1, 1, 4, 5]),
        (list(range(10)), [1, 1, 2, 2, 3, 3, 4, 4, 5, 5]),
        ([7, 7, 7], [1, 1, 1]),
        ([3], [1]),
        ([], []),
    ],
)
def test_equal_values_always_get_equal_scores(values: list[int], wanted: list[int]) -> None:
    assert scores(np.array(values, np.int64)).tolist() == wanted
    assert scores(-np.array(values, np.int64), smaller_is_better=True).tolist() == wanted


def test_every_cell_belongs_to_exactly_one_name() -> None:
    wanted = {
        "champions": [(5, 4), (5, 5)],
        "loyal": [(3, 4), (3, 5), (4, 4), (4, 5)],
        "promising": [(5, 2), (5, 3), (4, 2), (4, 3)],
        "new": [(4, 1), (5, 1)],
        "needs_attention": [(3, 2), (3, 3)],
        "about_to_sleep": [(3, 1)],
        "at_risk": [(1, 3), (1, 4), (2, 3), (2, 4)],
        "cannot_lose": [(1, 5), (2, 5)],
        "hibernating": [(2, 1), (2, 2), (1, 2)],
        "lost": [(1, 1)],
    }
    cells = {cell: name for name, found in wanted.items() for cell in found}
    assert len(cells) == 25
    assert sum(map(len, wanted.values())) == 25
    recency, frequency = (np.array(side) for side in zip(*cells, strict=True))
    assert [NAMES[one] for one in names(recency, frequency).tolist()] == list(cells.values())
