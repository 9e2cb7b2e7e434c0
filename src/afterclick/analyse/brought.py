"""Rows brought together when they are first asked for: many answers about sessions need none of them."""

from __future__ import annotations

import threading
from collections.abc import Callable

from afterclick.analyse.gathered import Gathered


class Brought:
    """Rows by visitor, made once, whoever asks first; what they are made of is let go then."""

    def __init__(self, make: Callable[[], Gathered]) -> None:
        self._make: Callable[[], Gathered] | None = make
        self._making = threading.Lock()
        self._rows: Gathered | None = None

    @property
    def rows(self) -> Gathered:
        """The rows; others who ask while they are made wait for them."""
        if self._rows is None:
            with self._making:
                if self._make is not None:
                    self._rows, self._make = self._make(), None
        assert self._rows is not None
        return self._rows
