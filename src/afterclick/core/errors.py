"""The one tree of everything afterclick raises on purpose: a code, a sentence, what to do next, and where.

    AfterclickError
    ├── UsageError          what was asked for cannot be meant (exit 2)
    │   ├── SpecError       a field of a question is wrong; `path` names it
    │   └── InputError      a file, folder or map cannot be imported; nothing was stored
    ├── StoreError          the directory on disk refuses (exit 1)
    │   ├── StoreLocked     another process writes to it (exit 2)
    │   └── StoreFormat     written by a newer afterclick, or not a store at all (exit 2)
    └── NotEnoughData       the question has no events to answer from (exit 3)

Bad rows are not errors: they are `Rejected`, which is data.
"""

from __future__ import annotations

import difflib
from collections.abc import Iterable


class AfterclickError(Exception):
    """Base of the tree: `code` is stable, `status` the HTTP status, `exit_code` the one of the command line."""

    code = "failed"
    status = 500
    exit_code = 1

    def __init__(self, message: str, *, hint: str = "", path: str = "", code: str = "") -> None:
        super().__init__(message)
        self.message = message
        self.hint = hint
        self.path = path
        if code:
            self.code = code

    def to_dict(self) -> dict[str, str]:
        """The error as JSON shows it: empty parts are left out."""
        parts = {"code": self.code, "message": self.message, "hint": self.hint, "path": self.path}
        return {key: value for key, value in parts.items() if value}


class UsageError(AfterclickError):
    """What was asked for cannot be meant."""

    code = "usage"
    status = 400
    exit_code = 2


class SpecError(UsageError):
    """A field of a question is unknown, out of range or unreadable; `path` names it."""

    code = "bad_field"
    status = 422


class InputError(UsageError):
    """A file, folder, frame or column map cannot be imported; nothing was stored."""

    code = "bad_input"


class StoreError(AfterclickError):
    """The directory on disk refuses."""

    code = "store"
    status = 503


class StoreLocked(StoreError):
    """Another process writes to this store."""

    code = "locked"
    status = 409
    exit_code = 2


class StoreFormat(StoreError):
    """The directory is no store, or a newer afterclick wrote it; it is left untouched."""

    code = "format"
    exit_code = 2


class NotEnoughData(AfterclickError):
    """The question has no events to answer from."""

    code = "no_data"
    status = 404
    exit_code = 3


def nearest(given: str, allowed: Iterable[str]) -> str:
    """ "; did you mean `x`?" for the nearest allowed text, or nothing."""
    found = difflib.get_close_matches(given, list(allowed), n=1, cutoff=0.6)
    return f"did you mean {found[0]!r}?" if found else ""
