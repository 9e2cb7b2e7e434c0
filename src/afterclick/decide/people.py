"""Who an event is of, decided when it arrives: the visitors that `stitch.visitors` finds, grown edge by edge."""

from __future__ import annotations

from array import array
from bisect import bisect_right, insort
from collections.abc import Collection, Iterator, Mapping
from typing import Final, NamedTuple

from afterclick.collect.wire.canonical import Canonical

_EMAIL: Final = "e:"
_USER: Final = "u:"
_DEVICE: Final = "a:"


class Whose(NamedTuple):
    """The key of a visitor, "" for an event of nobody, and the keys that have become this one by the event."""

    visitor: str
    absorbed: tuple[str, ...] = ()


class Saved(NamedTuple):
    """What was learnt, in the order in which it must be taken up again: (number, id), (number, its root) for those that
    are no visitor of their own, and the log-ins of shared devices."""

    ids: list[str]
    roots: dict[int, int]
    logins: dict[int, list[tuple[int, int]]]


class PeopleChanges(NamedTuple):
    """The numbers of ids of which something changed, and what was known of all ids at one moment."""

    numbers: set[int]
    ids: list[str]
    roots: array[int]
    user_of: Mapping[int, int]
    logins: Mapping[int, list[tuple[int, int]]]

    def rows(self) -> tuple[list[tuple[int, str, int]], list[tuple[int, list[tuple[int, int]]]]]:
        """(Number, id, root) of each, and the log-ins of devices."""
        numbers = sorted(self.numbers)
        known = {n: self.user_of[n] for n in numbers if n in self.user_of}
        # A user who came later is met again by whoever goes on from here.
        users = [(n, self.logins.get(n) or [(0, user)]) for n, user in known.items() if user < len(self.roots)]
        return [(n, self.ids[n], self._root(n)) for n in numbers], users

    def _root(self, number: int) -> int:
        while self.roots[number] != number:
            number = self.roots[number]
        return number


class People:
    """The visitors behind ids, as far as the log has been read. Deterministic in its order; about 200 B per id.

    Guards as in the batch: one user id per visitor unless a person linked two, at most `cap` ids; a device on which a
    second user logs in is split by log-in from then on. What was joined stays so: where an e-mail tied users together
    over a device that turns out to be shared, only the batch can take it back. `denied` ids are nobody's. `withdrawn`
    are pairs of ids with the instant up to which they are not connected, known before the log is read. A visitor's key
    is its first id.
    """

    def __init__(
        self, *, cap: int = 50, denied: Collection[str] = (), withdrawn: Mapping[frozenset[str], int] | None = None
    ) -> None:
        self._cap = cap
        self._denied = frozenset(denied)
        self._withdrawn = dict(withdrawn or {})
        self._number: dict[str, int] = {}
        self._ids: list[str] = []
        self._root = array("i")
        # Of visitors of more than one id: how many, and whether one is a user.
        self._size: dict[int, int] = {}
        self._owned: set[int] = set()
        # How many devices, where it is not the one (or none) that the key tells of.
        self._devices: dict[int, int] = {}
        # The user whom a device has been seen with; of a shared one all log-ins by instant.
        self._user_of: dict[int, int] = {}
        self._logins: dict[int, list[tuple[int, int]]] = {}
        self.changed: set[int] = set()

    def __len__(self) -> int:
        return len(self._ids)

    def visitor(self, event: Canonical, at: int | None = None) -> Whose:
        """Whose event it is, after what it says of ids. `at` (µs UTC) is when it happened, where not `occurred_at`."""
        if event.type in ("link", "unlink"):
            return self._by_hand(event)
        device = event.anonymous_id
        if event.previous_id is not None and event.previous_id != event.user_id:
            device = event.previous_id
        when = event.occurred_at if at is None else at
        if device and not event.user_id and not event.email and device not in self._denied:
            # Most events, and all that they say of ids is one.
            return Whose(self._ids[self.root(self._active(self._known("a:" + device), when))])
        anonymous, email, user = (
            self._known(prefix + text) if text and text not in self._denied else None
            for prefix, text in (("a:", device), (_EMAIL, event.email), (_USER, event.user_id))
        )
        whose = user if anonymous is None else anonymous
        if whose is None:
            return Whose("")
        gone: list[int] = []
        # In the order of the ids' texts, as the batch takes edges of one instant.
        for one, other in ((anonymous, email), (anonymous, user), (user, email)):
            if one is not None and other is not None:
                gone += self._seen_together(one, other, when)
        return self._whose(self.root(self._active(whose, when)), gone)

    def find(self, anonymous_id: str = "", user_id: str = "") -> str:
        """The visitor that an event with these ids now would be of, without learning anything; "" for one never seen."""
        found = self.of_device(anonymous_id)
        return found or (self._now_of(_USER + user_id) if user_id else "")

    def of_device(self, anonymous_id: str) -> str:
        """`find` by a device alone."""
        return self._now_of(_DEVICE + anonymous_id) if anonymous_id else ""

    def is_own(self, anonymous_id: str) -> bool:
        """Is this the device by which its visitor came to be known, or the visitor's only one? Any other is taken at its
        word, which anybody may give."""
        number = self._number.get(_DEVICE + anonymous_id)
        if number is None or number in self._logins:
            return False
        root = self.root(number)
        return root == number or self._devices_of(root) == 1

    def current(self, key: str) -> str:
        """The key under which a visitor goes on who once had this one; itself if it is unknown."""
        number = self._number.get(key)
        return key if number is None else self._ids[self.root(number)]

    def root(self, number: int) -> int:
        """The number of the visitor that an id belongs to."""
        root = self._root
        while root[number] != number:
            root[number] = root[root[number]]
            number = root[number]
        return number

    def save(self) -> Saved:
        """All that was learnt."""
        roots = {n: self.root(n) for n in range(len(self._ids)) if self._root[n] != n}
        logins = {n: list(found) for n, found in self._logins.items()}
        return Saved(list(self._ids), roots, logins | {n: [(0, user)] for n, user in self._user_of.items() if n not in logins})

    def changes(self) -> PeopleChanges:
        """What changed since this was asked last, as it is at this moment; quick, and written out by its `rows` later."""
        changed, self.changed = self.changed, set()
        # Ids and first log-ins never change once they are there; an erased id is to be missing.
        logins = {n: list(found) for n, found in self._logins.items()}
        return PeopleChanges(changed, self._ids, self._root[:], self._user_of, logins)

    def restore(self, saved: Saved) -> None:
        """Go on from there; only for one that has learnt nothing yet."""
        for text in saved.ids:
            if text:
                self._known(text)
            else:
                # One that was erased: its number stays taken, so that those behind it are whom they were.
                self._root.append(len(self._ids))
                self._ids.append("")
        for number, root in saved.roots.items():
            self._root[number] = root
        for number, found in saved.logins.items():
            self._user_of[number] = found[-1][1]
            if len({user for _, user in found}) > 1:
                self._logins[number] = list(found)
        for number, text in enumerate(self._ids):
            root = self.root(number)
            if number not in self._logins:
                self._size[root] = self._size.get(root, 0) + 1
                if text.startswith(_USER):
                    self._owned.add(root)
            # A shared device is nobody's; the key counts by itself.
            more = int(number not in self._logins) - int(number == root)
            if more and text.startswith(_DEVICE):
                self._devices[root] = self._devices_of(root) + more
        self._size = {number: size for number, size in self._size.items() if size > 1}
        self.changed.clear()

    def members(self, key: str) -> Iterator[str]:
        """Every id of a visitor; looks at all ids."""
        wanted = self._number.get(key)
        for number, text in enumerate(self._ids):
            if wanted is not None and self.root(number) == wanted:
                yield text

    def forget(self, ids: Collection[str]) -> None:
        """Put nameless numbers in the place of erased ids; who they were is nowhere any more."""
        for text in ids:
            number = self._number.pop(text, None)
            if number is not None:
                self._ids[number] = ""
                self.changed.add(number)

    def _now_of(self, text: str) -> str:
        number = self._number.get(text)
        return "" if number is None else self._ids[self.root(self._active(number, 1 << 62))]

    def _known(self, text: str) -> int:
        number = self._number.get(text)
        if number is None:
            number = self._number[text] = len(self._ids)
            self._ids.append(text)
            self._root.append(number)
            if text.startswith(_USER):
                self._owned.add(number)
            self.changed.add(number)
        return number

    def _whose(self, visitor: int, gone: list[int]) -> Whose:
        if not gone:
            return Whose(self._ids[visitor])
        return Whose(self._ids[visitor], tuple(self._ids[n] for n in gone if not self._ids[n].startswith(_EMAIL)))

    def _active(self, number: int, at: int) -> int:
        """The user who was logged in on a shared device, else the id itself."""
        found = self._logins.get(number)
        if not found:
            return number
        return found[max(bisect_right(found, (at, len(self._ids))) - 1, 0)][1]

    def _seen_together(self, one: int, other: int, at: int) -> list[int]:
        """Evidence that two ids are of one visitor: the visitors that are none of their own any more."""
        if self._withdrawn:
            until = self._withdrawn.get(frozenset((self._ids[one], self._ids[other])))
            if until is not None and at <= until:
                return []
        device, user = (other, one) if self._is_user(one) else (one, other)
        if self._is_user(user) and not self._is_user(device):
            before = self._user_of.get(device)
            if before is None:
                self._user_of[device] = user
                self.changed.add(device)
            elif device in self._logins or before != user:
                self._log_in(device, before, user, at)
                return []
        return self._join(self._active(one, at), self._active(other, at))

    def _is_user(self, number: int) -> bool:
        return self._ids[number].startswith(_USER)

    def _log_in(self, device: int, before: int, user: int, at: int) -> None:
        """A device that several users share belongs to the one logged in; before the first log-in to the first user."""
        found = self._logins.get(device)
        if found is None:
            found = self._logins[device] = [(0, before)]
            root = self.root(device)
            if root in self._size:
                self._size[root] -= 1
            self._devices[root] = self._devices_of(root) - 1
        if found[max(bisect_right(found, (at, len(self._ids))) - 1, 0)][1] != user:
            insort(found, (at, user))
        self.changed.add(device)

    def _join(self, one: int, other: int, *, by_hand: bool = False) -> list[int]:
        one, other = self.root(one), self.root(other)
        if one == other:
            return []
        owned = one in self._owned, other in self._owned
        size = self._size.get(one, 1) + self._size.get(other, 1)
        if (all(owned) and not by_hand) or size > self._cap:
            return []
        # An e-mail links ids but is nobody by itself, so it names no visitor.
        into, gone = sorted((one, other), key=lambda n: (self._ids[n].startswith(_EMAIL), n))
        more = self._devices_of(gone)
        self._devices.pop(gone, None)
        if more:
            self._devices[into] = self._devices_of(into) + more
        self._root[gone] = into
        self._size[into] = size
        self._size.pop(gone, None)
        self._owned.discard(gone)
        if any(owned):
            self._owned.add(into)
        self.changed.add(gone)
        return [gone]

    def _devices_of(self, root: int) -> int:
        return self._devices.get(root, int(self._ids[root].startswith(_DEVICE)))

    def _by_hand(self, event: Canonical) -> Whose:
        """Two ids linked by a person. A link withdrawn later was taken out before the log was read."""
        a, b = (event.properties.get(name) for name in ("a", "b"))
        if event.type == "unlink" or not (isinstance(a, str) and isinstance(b, str)):
            return Whose("")
        if event.occurred_at <= self._withdrawn.get(frozenset((a, b)), -1):
            return Whose("")
        one, other = self._known(a), self._known(b)
        at = event.occurred_at
        gone = self._join(self._active(one, at), self._active(other, at), by_hand=True)
        return self._whose(self.root(self._active(one, at)), gone)
