"""The states of all visitors in memory: those of late as they are, others packed, and which are not saved yet."""

from __future__ import annotations

from collections import OrderedDict
from collections.abc import Collection, Iterator, Mapping
from typing import Final

from afterclick.decide.engine import Engine
from afterclick.decide.memory import Memory

MOST_HOT: Final = 20_000
GONE: Final = b""
"""Stands in a picture for a visitor who is no more."""


class Memories:
    """Visitors' states by their keys. Not safe for several threads at once."""

    def __init__(self, engine: Engine, most: int = MOST_HOT) -> None:
        self._engine = engine
        self._most = most
        self._hot: OrderedDict[str, Memory] = OrderedDict()
        self._cold: dict[str, bytes] = {}
        self.changed: set[str] = set()
        self._wanted: set[str] = set()
        self._picture: dict[str, bytes] = {}

    def __len__(self) -> int:
        return len(self._hot) + len(self._cold)

    def __contains__(self, key: str) -> bool:
        return key in self._hot or key in self._cold

    def __iter__(self) -> Iterator[str]:
        yield from self._hot
        yield from self._cold

    def get(self, key: str) -> Memory | None:
        """The state of a visitor, to be read."""
        memory = self._hot.get(key)
        if memory is not None:
            self._hot.move_to_end(key)
            return memory
        packed = self._cold.pop(key, None)
        if packed is None:
            return None
        memory = self._hot[key] = self._engine.unpack(packed)
        self._make_room()
        return memory

    def change(self, key: str) -> Memory:
        """The state of a visitor, to be changed; a fresh one for somebody new."""
        memory = self.get(key)
        if key in self._wanted:
            self._take(key, GONE if memory is None else memory.pack())
        self.changed.add(key)
        if memory is None:
            memory = self._hot[key] = self._engine.fresh(key)
            self._make_room()
        return memory

    def packed(self) -> int:
        """Bytes of all states if they were packed."""
        return sum(map(len, self._cold.values())) + sum(len(memory.pack()) for memory in self._hot.values())

    def drop(self, key: str) -> None:
        """A visitor who is none any more."""
        if key in self._wanted:
            memory = self.get(key)
            self._take(key, GONE if memory is None else memory.pack())
        self.changed.add(key)
        self._hot.pop(key, None)
        self._cold.pop(key, None)

    def keys(self) -> list[str]:
        """Everybody."""
        return [*self._hot, *self._cold]

    def shrink(self, most: int) -> bool:
        """Let go of so many; whether nobody is left."""
        for held in (self._hot, self._cold):
            for _ in range(min(most, len(held))):
                held.popitem()
        return not self

    def load(self, packed: Mapping[str, bytes]) -> None:
        """States as they were saved."""
        self._cold.update(packed)

    def cool(self, most: int) -> bool:
        """Pack so many states at the most, the oldest first; whether few are left."""
        for _ in range(min(most, len(self._hot))):
            self._pack_oldest()
        return len(self._hot) <= most

    def turn_to(self, engine: Engine) -> None:
        """Keep every state under another book from now on."""
        while self._hot:
            self._pack_oldest()
        self._engine = engine

    def begin_picture(self) -> None:
        """Take all that changed since the last time as it is at this moment, by and by with `picture`."""
        self._wanted, self.changed, self._picture = self.changed, set(), {}

    def picture(self, most: int) -> dict[str, bytes] | None:
        """Go on with at most so many; the whole picture once it is done, GONE for those who are no more."""
        for key in list(self._some(most)):
            memory = self._hot.get(key)
            self._take(key, memory.pack() if memory is not None else self._cold.get(key, GONE))
        if self._wanted:
            return None
        found, self._picture = self._picture, {}
        return found

    def again(self, keys: Collection[str]) -> None:
        """A picture could not be saved: these are to be in the next one."""
        self.changed.update(keys)

    def _some(self, most: int) -> Iterator[str]:
        for place, key in enumerate(self._wanted):
            if place >= most:
                return
            yield key

    def _take(self, key: str, packed: bytes) -> None:
        self._wanted.discard(key)
        self._picture[key] = packed

    def _make_room(self) -> None:
        while len(self._hot) > self._most:
            self._pack_oldest()

    def _pack_oldest(self) -> None:
        key, memory = self._hot.popitem(last=False)
        self._cold[key] = memory.pack()
