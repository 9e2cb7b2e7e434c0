"""Dated identity edges resolved at an instant: which visitor stands behind each id.

Nothing is rewritten by a merge: a visitor is a component of the graph of the edges dated up to `as_of`, so reading as
of an earlier day, and withdrawing an edge, are exact. Edges are taken in the order of their dates, never of arrival.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import NamedTuple, cast

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from afterclick.core.arrays import frozen
from afterclick.stitch.components import components

EVIDENCE, LINKED, WITHDRAWN = 0, 1, 2


class Edges(NamedTuple):
    """Identity evidence: a, b int32 codes of book `id`, at int64 (µs), what int8 (EVIDENCE, LINKED, WITHDRAWN)."""

    a: np.ndarray
    b: np.ndarray
    at: np.ndarray
    what: np.ndarray


@dataclass(frozen=True)
class Labels:
    """The visitor of each id: `label[code]`, or a negative number that points at the log-ins of a shared device.

    A visitor is labelled by the smallest code in it, so labels are dense enough to index arrays by.
    """

    label: np.ndarray
    shared_from: np.ndarray
    shared_at: np.ndarray
    shared_label: np.ndarray
    refused: tuple[tuple[int, int, str], ...] = field(default=())

    @property
    def size(self) -> int:
        """Size of the label space."""
        return len(self.label)

    def arrays(self) -> tuple[np.ndarray, np.ndarray, np.ndarray, np.ndarray]:
        """What the kernels read."""
        return self.label, self.shared_from, self.shared_at, self.shared_label

    def of(self, device: np.ndarray, at: np.ndarray) -> np.ndarray:
        """The visitors behind devices at instants, int32."""
        found: np.ndarray = self.label[device]
        places = np.flatnonzero(found < 0)
        if len(places):
            logins = Logins(np.zeros(0, np.int32), self.shared_from, self.shared_at, self.shared_label)
            found[places] = logins.active(-found[places].astype(np.int64) - 1, at[places])
        return found

    def members(self, visitors: np.ndarray) -> dict[int, list[int]]:
        """The codes of each of these visitors, those of shared devices with every visitor that logged in on them."""
        wanted: dict[int, list[int]] = {int(visitor): [] for visitor in visitors}
        for code in np.flatnonzero(np.isin(self.label, visitors)):
            wanted[int(self.label[code])].append(int(code))
        for code in np.flatnonzero(self.label < 0):
            low, high = self.shared_from[-self.label[code] - 1], self.shared_from[-self.label[code]]
            for visitor in set(self.shared_label[low:high].tolist()) & wanted.keys():
                wanted[visitor].append(int(code))
        return wanted


def raw_labels(size: int) -> Labels:
    """Every id is a visitor of its own: `identity=raw`."""
    return _labels(np.arange(size, dtype=np.int32), Logins.none())


class Logins(NamedTuple):
    """Who logged in when on devices that several users share: device k (ascending codes) has rows since[k] to since[k + 1].

    device int32, since int64[devices + 1], at int64 ascending per device, user int32.
    """

    device: np.ndarray
    since: np.ndarray
    at: np.ndarray
    user: np.ndarray

    @staticmethod
    def none() -> Logins:
        """No shared device."""
        code = np.zeros(0, np.int32)
        return Logins(code, np.zeros(1, np.int64), np.zeros(0, np.int64), code)

    def active(self, number: np.ndarray, at: np.ndarray) -> np.ndarray:
        """The user on the shared devices of these numbers at instants: the last one who logged in, else the first."""
        instants = np.sort(self.at)
        rank = np.searchsorted(instants, self.at)
        # One ascending key per log-in, so that one search answers for all devices.
        width = len(instants) + 1
        owner = np.repeat(np.arange(len(self.since) - 1), np.diff(self.since))
        place = np.searchsorted(owner * width + rank, number * width + np.searchsorted(instants, at, side="right")) - 1
        return cast(np.ndarray, self.user[np.maximum(place, self.since[number])])

    def instead(self, code: np.ndarray, at: np.ndarray) -> np.ndarray:
        """The codes themselves, of a shared device the user who was logged in at that instant."""
        if not len(self.device):
            return code
        number = np.minimum(np.searchsorted(self.device, code), len(self.device) - 1)
        here = np.flatnonzero(self.device[number] == code)
        code = code.copy()
        code[here] = self.active(number[here], at[here])
        return code


def resolve(size: int, edges: Edges, namespace: Sequence[str] | pa.StringArray, *, as_of: int, cap: int = 50) -> Labels:
    """The visitors behind `size` ids by the edges dated up to `as_of`.

    `namespace` holds the ids themselves (`u:` users, `e:` e-mails, others anonymous). Guards: a visitor holds at most
    `cap` ids and at most one user unless a person linked them; a device on which several users logged in is split by
    log-in interval. Refused edges are kept in `refused` with their reason.
    """
    chosen = _standing(edges, as_of)
    if not len(chosen.a):
        return raw_labels(size)
    ids = namespace if isinstance(namespace, pa.Array | pa.ChunkedArray) else pa.array(namespace, pa.string())
    is_user = _users(size, chosen, ids)
    logins = _logins(chosen, is_user, ids)
    one, other = logins.instead(chosen.a, chosen.at), logins.instead(chosen.b, chosen.at)
    label = components(size, one, other)
    # A guard can only bite where all edges together would make a visitor that it forbids; elsewhere no order matters.
    users = np.bincount(label[is_user], minlength=size)
    forbidden = (np.bincount(label, minlength=size) > cap) | (users > 1)
    guarded = np.flatnonzero(forbidden[label[one]] & (one != other))
    refused: tuple[tuple[int, int, str], ...] = ()
    if len(guarded):
        guarded = guarded[_dated(Edges(*(column[guarded] for column in chosen)), ids)]
        refused = _guard(label, one[guarded], other[guarded], chosen.what[guarded] == LINKED, is_user, cap)
    return _labels(label, logins, refused)


def _guard(
    label: np.ndarray, a: np.ndarray, b: np.ndarray, by_hand: np.ndarray, is_user: np.ndarray, cap: int
) -> tuple[tuple[int, int, str], ...]:
    """Label the codes of these edges again, joining edge after edge where no guard forbids it; the refused edges."""
    codes, place = np.unique(np.concatenate([a, b]), return_inverse=True)
    code_of, parent, count = codes.tolist(), list(range(len(codes))), [1] * len(codes)
    owned = is_user[codes].tolist()
    refused = []
    for i, j, linked in zip(place[: len(a)].tolist(), place[len(a) :].tolist(), by_hand.tolist(), strict=True):
        one, other = i, j
        while parent[one] != one:
            parent[one] = one = parent[parent[one]]
        while parent[other] != other:
            parent[other] = other = parent[parent[other]]
        if one == other:
            continue
        if owned[one] and owned[other] and not linked:
            refused.append((code_of[i], code_of[j], "two_users"))
            continue
        size = count[one] + count[other]
        if size > cap:
            refused.append((code_of[i], code_of[j], "shared"))
            continue
        low, high = min(one, other), max(one, other)
        parent[high], count[low], owned[low] = low, size, owned[low] or owned[high]
    root = np.array(parent)
    while not np.array_equal(root[root], root):
        root = root[root]
    label[codes] = codes[root]
    return tuple(refused)


def _standing(edges: Edges, as_of: int) -> Edges:
    """The edges dated up to `as_of` that were not withdrawn afterwards."""
    keep = edges.at <= as_of
    gone = np.flatnonzero(keep & (edges.what == WITHDRAWN))
    if len(gone):
        pair = np.minimum(edges.a, edges.b).astype(np.int64) << 32 | np.maximum(edges.a, edges.b)
        gone = gone[np.lexsort((edges.at[gone], pair[gone]))]
        # The last withdrawal of each pair stands last.
        place = np.maximum(np.searchsorted(pair[gone], pair, side="right") - 1, 0)
        keep &= (pair[gone][place] != pair) | (edges.at > edges.at[gone][place])
        keep &= edges.what != WITHDRAWN
    return edges if keep.all() else Edges(*(column[keep] for column in edges))


def _users(size: int, edges: Edges, ids: pa.StringArray) -> np.ndarray:
    """Which codes of the edges are users, bool[size]."""
    touched = np.zeros(size, bool)
    touched[edges.a] = touched[edges.b] = True
    codes = np.flatnonzero(touched)
    touched[codes] = np.asarray(pc.starts_with(pc.take(ids, pa.array(codes)), pattern="u:"))
    return touched


def _dated(edges: Edges, ids: pa.StringArray) -> np.ndarray:
    """The order of edges by date, then by their ids themselves, which no order of arrival changes."""
    codes, place = np.unique(np.concatenate([edges.a, edges.b]), return_inverse=True)
    order = np.asarray(pc.array_sort_indices(_flat(pc.take(ids, pa.array(codes)))))
    rank = np.empty(len(codes), np.int64)
    rank[order] = np.arange(len(codes))
    a, b = rank[place[: len(edges.a)]], rank[place[len(edges.a) :]]
    return np.lexsort((edges.what, b, a, edges.at))


def _flat(texts: pa.Array | pa.ChunkedArray) -> pa.Array:
    return texts.combine_chunks() if isinstance(texts, pa.ChunkedArray) else texts


def _logins(edges: Edges, is_user: np.ndarray, ids: pa.StringArray) -> Logins:
    """The log-ins on devices that several users share, repeats of the same user left out."""
    a_user, b_user = is_user[edges.a], is_user[edges.b]
    seen = np.flatnonzero((edges.what == EVIDENCE) & (a_user != b_user))
    a, b, swapped = edges.a[seen], edges.b[seen], a_user[seen]
    device, user = np.where(swapped, b, a), np.where(swapped, a, b)
    some = np.empty(len(is_user), np.int32)
    some[device] = user
    is_shared = np.zeros(len(is_user), bool)
    is_shared[device[some[device] != user]] = True
    shared = np.flatnonzero(is_shared).astype(np.int32)
    if not len(shared):
        return Logins.none()
    here = np.flatnonzero(is_shared[device])
    here = here[_dated(Edges(*(column[seen[here]] for column in edges)), ids)]
    here = here[np.argsort(device[here], kind="stable")]
    device, user, at = device[here], user[here], edges.at[seen[here]]
    new = np.ones(len(here), bool)
    new[1:] = (device[1:] != device[:-1]) | (user[1:] != user[:-1])
    since = np.append(np.searchsorted(device[new], shared), int(new.sum())).astype(np.int64)
    return Logins(shared, since, at[new], user[new])


def _labels(label: np.ndarray, logins: Logins, refused: tuple[tuple[int, int, str], ...] = ()) -> Labels:
    visitors = label[logins.user]
    label[logins.device] = -np.arange(len(logins.device), dtype=np.int32) - 1
    return Labels(frozen(label), frozen(logins.since), frozen(logins.at), frozen(visitors), refused)
