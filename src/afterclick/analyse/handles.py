"""How a visitor is named where people look: an id that gives nothing personal away, and back to the visitor."""

from __future__ import annotations

import hashlib
import re
from typing import Final, NamedTuple

import numpy as np
import pyarrow as pa

from afterclick.analyse.context import Context
from afterclick.core.errors import SpecError
from afterclick.core.said import Said
from afterclick.stitch.visitors import Labels
from afterclick.store.snapshot import Snapshot

SPACES: Final = {"a:": "device", "u:": "user", "e:": "email"}
HIDDEN: Final = "h:"
"""A handle of an id that is personal itself: the first digits of its SHA-256."""
_DIGITS: Final = 16
_PHONE: Final = re.compile(r"\+?[\d\s().-]{9,20}")


def mask(known: str) -> str:
    """An e-mail, phone number or user id with its middle hidden: enough to recognise, not enough to read."""
    name, at, host = known.partition("@")
    shown = name[:2] + "…" if len(name) > 2 else name[:1] + "…"
    return shown + at + host if at else shown + (known[-2:] if len(known) > 6 else "")


def personal(text: str) -> bool:
    """Does an id with its namespace tell who it is: an e-mail, or a user id that is an e-mail or a phone number?"""
    value = text[2:]
    return text.startswith("e:") or "@" in value or (text.startswith("u:") and _phone(value))


def _phone(value: str) -> bool:
    digits = re.sub(r"\D", "", value)
    return bool(_PHONE.fullmatch(value)) and (value.startswith(("+", "01", "0")) or "-" in value) and len(digits) >= 9


def handle(text: str) -> str:
    """An id as it may be shown and put into an address: itself, or a digest where it is personal."""
    return hidden(text) if personal(text) else text


def hidden(text: str) -> str:
    """The digest of an id with its namespace."""
    return HIDDEN + hashlib.sha256(text.encode()).hexdigest()[:_DIGITS]


def shown(text: str) -> str:
    """An id as a person may read it: its value, masked where it is personal."""
    return mask(text[2:]) if personal(text) else text[2:]


def best(texts: list[str]) -> str:
    """The id by which a visitor is named, of all the visitor's: a device's before a user's before an e-mail's.

    Of several the first by its text, whichever came first: events may arrive in any order.
    """
    if not texts:
        return ""
    order = {"a:": 0, "u:": 1, "e:": 2}
    return min(texts, key=lambda text: (personal(text), order.get(text[:2], 3), text))


def known_as(texts: list[str]) -> str:
    """The masked e-mail or user id of a visitor, "" for one who is not known."""
    named = sorted(text for text in texts if text[:2] in ("e:", "u:"))
    return mask(named[0][2:]) if named else ""


class Found(NamedTuple):
    """An id the store knows: its code, its text, and the visitors behind it (several on a shared device)."""

    code: int
    text: str
    visitors: tuple[int, ...]


def find(context: Context, labels: Labels, given: str) -> list[Found]:
    """The ids meant by what a person wrote: an id with or without its namespace, an e-mail in any case, the SHA-256 of
    an e-mail, or a handle. Exact, never part of an id; [] for none."""
    given = given.strip()
    if not given:
        return []
    book = context.snapshot.book("id")
    names = [given] if given[:2] in SPACES else [f"{space}{given}" for space in SPACES]
    names += [f"e:{given.removeprefix('e:').lower()}"] if "@" in given else []
    codes = book.codes(pa.array(list(dict.fromkeys(names)))).tolist()
    texts = list(dict.fromkeys(names))
    found = {code: text for code, text in zip(codes, texts, strict=True) if code >= 0}
    digest = given.removeprefix(HIDDEN).lower()
    if not found and re.fullmatch(r"[0-9a-f]{16}|[0-9a-f]{64}", digest):
        found = dict(_by_digest(context, digest))
    return [Found(code, text, visitors_of(labels, code)) for code, text in found.items()]


def _by_digest(context: Context, digest: str) -> list[tuple[int, str]]:
    """The personal id whose digest it is: of the id with its namespace, or of a bare e-mail."""
    table = context.keep(("digests",), lambda: digests(context.snapshot))
    return [table[digest]] if digest in table else []


def digests(snapshot: Snapshot) -> dict[str, tuple[int, str]]:
    """Code and text of each personal id by its digests."""
    table = {}
    for code, text in enumerate(snapshot.book("id").all.to_pylist()):
        if personal(text):
            table[hidden(text).removeprefix(HIDDEN)] = (code, text)
            table[hashlib.sha256(text[2:].encode()).hexdigest()] = (code, text)
    return table


def by_digest(snapshot: Snapshot, given: str) -> str:
    """The id behind a handle, "" for none."""
    return digests(snapshot).get(given.removeprefix(HIDDEN), (0, ""))[1] if given.startswith(HIDDEN) else ""


def visitors_of(labels: Labels, code: int) -> tuple[int, ...]:
    """The visitors behind an id: one, or on a shared device everyone who logged in there."""
    label = int(labels.label[code])
    if label >= 0:
        return (label,)
    low, high = labels.shared_from[-label - 1], labels.shared_from[-label]
    return tuple(np.unique(labels.shared_label[low:high]).tolist())


def the_one(context: Context, labels: Labels, given: str) -> Found:
    """The id meant, with its visitors. Raises SpecError where no event carries it."""
    found = find(context, labels, given)
    if not found:
        raise SpecError(
            Said("refusals.no_id", given=shorten(given)),
            hint=Said("refusals.write_id"),
            path="id",
        )
    return found[0]


def shorten(given: str) -> str:
    """What was typed, masked if it is an e-mail: messages and addresses are read by others too."""
    return mask(given) if "@" in given else given[:80]
