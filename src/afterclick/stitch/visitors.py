"""Dated identity edges resolved at an instant: which visitor stands behind each id.

Nothing is rewritten by a merge: a visitor is a component of the graph of the edges dated up to `as_of`, so reading as
of an earlier day, and withdrawing an edge, are exact. Edges are taken in the order of their dates, never of arrival.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import NamedTuple

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from afterclick.core.arrays import frozen

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
        found = self.label[device]
        for i in np.flatnonzero(found < 0):
            low, high = self.shared_from[-found[i] - 1], self.shared_from[-found[i]]
            place = np.searchsorted(self.shared_at[low:high], at[i], side="right") - 1
            found[i] = self.shared_label[low + max(int(place), 0)]
        result: np.ndarray = found
        return result

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
    return _labels(np.arange(size, dtype=np.int32), [], [])


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
    touched = np.unique(np.concatenate([chosen.a, chosen.b]))
    texts = dict(zip(touched.tolist(), pc.take(ids, pa.array(touched)).to_pylist(), strict=True))
    ordered = _dated(chosen, texts)
    forest = _Forest(size, {code for code, text in texts.items() if text.startswith("u:")}, cap)
    logins = _logins(ordered, forest.users)
    shared = {device: found for device, found in logins.items() if len({user for _, user in found}) > 1}
    for a, b, at, what in ordered:
        one, other = _active(shared, a, at), _active(shared, b, at)
        if one != other:
            forest.join(one, other, by_hand=what == LINKED)
    label = forest.labels()
    return _labels(label, list(shared), [shared[device] for device in shared], tuple(forest.refused))


class _Forest:
    """Union-find whose joins can be refused."""

    def __init__(self, size: int, users: set[int], cap: int) -> None:
        self.parent = np.arange(size, dtype=np.int32)
        self.count: dict[int, int] = {}
        self.users = users
        self.user_of: dict[int, int] = {code: code for code in users}
        self.cap = cap
        self.refused: list[tuple[int, int, str]] = []

    def root(self, code: int) -> int:
        parent = self.parent
        while parent[code] != code:
            parent[code] = parent[parent[code]]
            code = int(parent[code])
        return code

    def join(self, a: int, b: int, *, by_hand: bool) -> None:
        one, other = self.root(a), self.root(b)
        if one == other:
            return
        if not by_hand and one in self.user_of and other in self.user_of:
            self.refused.append((a, b, "two_users"))
            return
        size = self.count.get(one, 1) + self.count.get(other, 1)
        if size > self.cap:
            self.refused.append((a, b, "shared"))
            return
        low, high = min(one, other), max(one, other)
        self.parent[high] = low
        self.count[low] = size
        if high in self.user_of:
            self.user_of.setdefault(low, self.user_of[high])

    def labels(self) -> np.ndarray:
        # Pointers only go to smaller codes, so following them to the end takes a few vector steps.
        label = self.parent
        while True:
            further = label[label]
            if np.array_equal(further, label):
                return label.astype(np.int32)
            label = further


def _standing(edges: Edges, as_of: int) -> Edges:
    """The edges dated up to `as_of` that were not withdrawn afterwards."""
    known = edges.at <= as_of
    edges = Edges(*(column[known] for column in edges))
    gone = np.flatnonzero(edges.what == WITHDRAWN)
    keep = edges.what != WITHDRAWN
    for i in gone:
        pair = ((edges.a == edges.a[i]) & (edges.b == edges.b[i])) | ((edges.a == edges.b[i]) & (edges.b == edges.a[i]))
        keep &= ~(pair & (edges.at <= edges.at[i]))
    return Edges(*(column[keep] for column in edges))


def _dated(edges: Edges, texts: dict[int, str]) -> list[tuple[int, int, int, int]]:
    rows = zip(edges.a.tolist(), edges.b.tolist(), edges.at.tolist(), edges.what.tolist(), strict=True)
    return sorted(rows, key=lambda row: (row[2], texts[row[0]], texts[row[1]], row[3]))


def _logins(ordered: list[tuple[int, int, int, int]], users: set[int]) -> dict[int, list[tuple[int, int]]]:
    """Per anonymous device its (instant, user) log-ins in order, repeats of the same user left out."""
    found: dict[int, list[tuple[int, int]]] = {}
    for a, b, at, what in ordered:
        if what != EVIDENCE:
            continue
        device, user = (a, b) if b in users else (b, a)
        if user in users and device not in users:
            known = found.setdefault(device, [])
            if not known or known[-1][1] != user:
                known.append((at, user))
    return found


def _active(shared: dict[int, list[tuple[int, int]]], code: int, at: int) -> int:
    """The code itself, or the user who was logged in on the shared device at that instant."""
    logins = shared.get(code)
    if logins is None:
        return code
    active = logins[0][1]
    for since, user in logins:
        if since <= at:
            active = user
    return active


def _labels(
    label: np.ndarray,
    devices: list[int],
    logins: list[list[tuple[int, int]]],
    refused: tuple[tuple[int, int, str], ...] = (),
) -> Labels:
    instants: list[int] = []
    visitors: list[int] = []
    starts = [0]
    resolved = label.copy()
    for number, (device, found) in enumerate(zip(devices, logins, strict=True)):
        for at, user in found:
            instants.append(at)
            visitors.append(int(resolved[user]))
        starts.append(len(instants))
        label[device] = -number - 1
    return Labels(
        frozen(label),
        frozen(np.array(starts, np.int64)),
        frozen(np.array(instants, np.int64)),
        frozen(np.array(visitors, np.int32)),
        refused,
    )
