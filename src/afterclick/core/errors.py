"""The one tree of everything afterclick raises on purpose: a code, a sentence, what to do next, and where.

    AfterclickError
    ├── UsageError          what was asked for cannot be meant (exit 2)
    │   ├── SpecError       a field of a question is wrong; `path` names it
    │   └── InputError      a file, folder or map cannot be imported; nothing was stored
    ├── StoreError          the directory on disk refuses (exit 1)
    │   ├── StoreLocked     another process writes to it (exit 2)
    │   └── StoreFormat     written by a newer afterclick, or not a store at all (exit 2)
    └── NotEnoughData       the question has no events to answer from (exit 3)

Bad rows are not errors: they are `Rejected`, which is data. What a person at a form can cause is raised with texts of the
catalogue (`Said`), so that a page says it in its reader's language; `message` and `hint` are the same in English.
"""

from __future__ import annotations

import difflib
from collections.abc import Iterable
from typing import Final

from afterclick.core.said import Said, Spoken, say

PLACED: Final = "refusals.at_place"
"""The text that says at which place of a file something is wrong: `place`, then `message`."""


class AfterclickError(Exception):
    """Base of the tree: `code` is stable, `status` the HTTP status, `exit_code` the one of the command line."""

    code = "failed"
    status = 500
    exit_code = 1

    def __init__(self, message: Spoken, *, hint: Spoken = "", path: str = "", code: str = "") -> None:
        super().__init__(message)
        self.said = message
        self.advice = hint
        self.path = path
        if code:
            self.code = code

    @property
    def message(self) -> str:
        """What happened and why, in English."""
        return say(self.said)

    @property
    def hint(self) -> str:
        """What to do next, in English; empty where there is nothing to say."""
        return say(self.advice)

    def say(self, lang: str) -> str:
        """What happened and why, in a language of the catalogue."""
        return say(self.said, lang)

    def say_plainly(self, lang: str) -> str:
        """The same for a reader who filled in a form, without the place in afterclick.toml that stands before it."""
        if isinstance(self.said, Said) and self.said.id == PLACED:
            return say(self.said.params["message"], lang)
        return self.say(lang)

    def advise(self, lang: str) -> str:
        """What to do next, in a language of the catalogue; empty where there is nothing to say."""
        return say(self.advice, lang)

    def __str__(self) -> str:
        return self.message

    def to_dict(self, lang: str = "en") -> dict[str, str]:
        """The error as JSON shows it: empty parts are left out."""
        parts = {"code": self.code, "message": self.say(lang), "hint": self.advise(lang), "path": self.path}
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


def nearest(given: str, allowed: Iterable[str]) -> Spoken:
    """`did you mean 'x'?` for the nearest allowed text, or nothing."""
    found = difflib.get_close_matches(given, list(allowed), n=1, cutoff=0.6)
    return Said("refusals.nearest", name=found[0]) if found else ""


def nearest_or_known(given: str, allowed: Iterable[str], known: str, most: int = 30) -> Spoken:
    """The nearest allowed text, else the text `known` with the first `most` of them as `names`."""
    names = list(allowed)
    return nearest(given, names) or Said(known, names=names[:most] or [Said("refusals.none_yet")])
