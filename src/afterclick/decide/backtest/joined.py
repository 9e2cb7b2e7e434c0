"""Which ids may turn out to be one visitor's: those that any evidence puts together, of any date and refused or not."""

from __future__ import annotations

from typing import Final, NamedTuple

import numpy as np
import pyarrow as pa

from afterclick.analyse.context import Context
from afterclick.analyse.kernels.compiled import pool
from afterclick.analyse.kernels.tape_owners import DENIED, DEVICE, EMAIL, USER, note_ids
from afterclick.core.arrays import frozen
from afterclick.stitch.components import components
from afterclick.stitch.visitors import EVIDENCE, Edges
from afterclick.store.pieces import ID_BOOK


class Joined(NamedTuple):
    """By code of the book of ids: `label` int32 the smallest id that it may be one visitor with, itself if no other brings
    events; `several` bool whether others may; `by_hand` bool whether a person linked or parted any of them; `kinds` uint8 as
    `tape_owners` tells ids apart; `members` int32 how many ids a label has; `mail` int32 and `mail_at` int64 the e-mail that
    it was first seen with, -1 for none.

    `plain` bool where that is all that one must know of e-mails: nobody shares a device, an e-mail or too many ids.
    """

    label: np.ndarray
    several: np.ndarray
    by_hand: np.ndarray
    kinds: np.ndarray
    members: np.ndarray
    mail: np.ndarray
    mail_at: np.ndarray
    plain: np.ndarray


def roots(context: Context) -> np.ndarray:
    """Per code of book `id` the smallest one that any evidence, of any date and refused or not, puts it together with."""

    def find() -> np.ndarray:
        edges = context.edges()
        return frozen(components(context.snapshot.book(ID_BOOK).size, edges.a, edges.b))

    return context.keep(("ids by evidence",), find)


def joined(context: Context) -> Joined:
    """Of all ids of a store.

    A device and one user who never comes without it are one visitor from the first event on, whatever the order.
    """

    def find() -> Joined:
        edges = context.edges()
        kinds = _kinds(context)
        (mail, mail_at, twice), shared = _mails(edges, kinds), _shared(edges, kinds)
        root = roots(context)
        several = _several(context, edges, root, kinds)
        by_hand = of_any(root, edges.a[edges.what != EVIDENCE])
        members = np.bincount(root, minlength=len(root)).astype(np.int32)
        crowded = members > context.snapshot.definitions.id_cap
        rough = of_any(root, twice) | of_any(root, shared) | of_any(root, np.flatnonzero(kinds == DENIED))
        label = np.where(several, root, np.arange(len(root), dtype=np.int32))
        return Joined(*map(frozen, (label, several, by_hand, kinds, members, mail, mail_at, ~(rough | crowded[root]))))

    return context.keep(("ids joined",), find)


_NOT_AT: Final = frozen(np.zeros(0, np.int64))
_KIND: Final = frozen(np.array([{"u": USER, "e": EMAIL}.get(chr(byte), DEVICE) for byte in range(256)], np.uint8))
"""The kind of an id by the first byte of its text."""


def _kinds(context: Context) -> np.ndarray:
    ids = context.snapshot.book(ID_BOOK)
    kinds: np.ndarray = _KIND[ids.initials()]
    context.snapshot.let_go_texts()
    denied = [space + text for text in context.snapshot.definitions.deny_ids for space in ("a:", "u:", "e:")]
    found = ids.codes(pa.array(denied, pa.string()))
    kinds[found[found >= 0]] = DENIED
    return kinds


def _linked(size: int, edges: Edges) -> np.ndarray:
    """The ids of which there is any evidence."""
    linked = np.zeros(size, bool)
    linked[edges.a], linked[edges.b] = True, True
    return np.flatnonzero(linked).astype(np.int32)


def _several(context: Context, edges: Edges, root: np.ndarray, kinds: np.ndarray) -> np.ndarray:
    size = len(root)
    codes = _linked(size, edges)
    kind = kinds[codes]
    sends = np.zeros(size + 1, bool)
    chunks = context.snapshot.chunks(("device",))
    rows = context.snapshot.rows
    list(pool().map(lambda chunk: note_ids(chunk.columns["device"], _NOT_AT, 0, sends, rows=rows), chunks))
    devices, users, alone = (
        np.bincount(root[codes[which]], minlength=size)
        for which in (kind == DEVICE, kind == USER, (kind == USER) & sends[codes])
    )
    by_hand = np.bincount(root[edges.a[edges.what != EVIDENCE]], minlength=size) > 0
    denied = np.bincount(root[kinds == DENIED], minlength=size) > 0
    found: np.ndarray = ((devices > 1) | (users > 1) | ((devices == 1) & (alone > 0)) | by_hand | denied)[root]
    return found


def _mails(edges: Edges, kinds: np.ndarray) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """The e-mail of each id, since when, and the ids with more of them than one."""
    here = np.flatnonzero((kinds[edges.b] == EMAIL) & (edges.what == EVIDENCE))
    whose, which = edges.a[here], edges.b[here]
    mail, mail_at = np.full(len(kinds), -1, np.int32), np.full(len(kinds), 2**62)
    mail[whose] = which
    at = edges.at[here]
    # Each segment tells of a pair once: a few rounds find the earliest, sooner than one edge after the other would.
    while (earlier := at < mail_at[whose]).any():
        mail_at[whose[earlier]] = at[earlier]
    return mail, mail_at, whose[mail[whose] != which]


def _shared(edges: Edges, kinds: np.ndarray) -> np.ndarray:
    """Devices and e-mails with several users."""
    found = []
    for user, other in ((edges.b, edges.a), (edges.a, edges.b)):
        here = np.flatnonzero((kinds[user] == USER) & (kinds[other] != USER) & (edges.what == EVIDENCE))
        some = np.zeros(len(kinds), np.int32)
        some[other[here]] = user[here]
        found.append(other[here][some[other[here]] != user[here]])
    return np.concatenate(found)


def of_any(root: np.ndarray, codes: np.ndarray) -> np.ndarray:
    """Per id whether any of its visitor's is among these."""
    met = np.zeros(len(root), bool)
    met[root[codes]] = True
    found: np.ndarray = met[root]
    return found
