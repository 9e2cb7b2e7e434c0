"""The one line of the manifest that makes a change of the log count, and what is known of it when the disk refuses."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

from afterclick.core.errors import StoreError
from afterclick.store import manifest
from afterclick.store.manifest import ImportEntry, Manifest


class Acknowledging:
    """`state` is the manifest before the change `what`; `done` hears the one after it. `entry` is there once it counts."""

    def __init__(self, log_folder: Path, state: Manifest, what: str, done: Callable[[Manifest], None]) -> None:
        self.entry: ImportEntry | None = None
        self._log = log_folder
        self._state = state
        self._what = what
        self._done = done
        self._doubtful = False

    @property
    def over(self) -> bool:
        """Whether it counts, or may: then its files have to stay."""
        return self.entry is not None or self._doubtful

    def check_open(self) -> None:
        """Raises ValueError for a change that is over."""
        if self.over:
            raise ValueError(f"the {self._what} is closed")

    def write(self, entry: ImportEntry) -> ImportEntry:
        """Return when the change counts, whatever happens next.

        Raises StoreError when the disk refuses; with code `unconfirmed` only the next one who opens the store knows.
        """
        try:
            state = manifest.append(self._log, self._state, entry)
        except StoreError as error:
            self._doubtful = error.code == "unconfirmed"
            raise
        self.entry = entry
        self._done(state)
        return entry
