"""Which files count now: segments that later changes merged or rewrote are history, and others stand in their place."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from afterclick.store.manifest import ImportEntry, RejectsEntry, SegmentEntry


def segments(entries: Iterable[ImportEntry]) -> tuple[SegmentEntry, ...]:
    """The segments that count after these changes, in the order of their rows' numbers.

    What replaces neighbours stands where the first of them stood. Raises KeyError for a replacement of what is not there.
    """
    found: list[SegmentEntry] = []
    for entry in entries:
        if not entry.replaces:
            found.extend(entry.segments)
            continue
        fresh = {segment.name: segment for segment in entry.segments}
        for one in entry.replaces:
            place = {segment.name: number for number, segment in enumerate(found)}
            gone = sorted(place[name] for name in one.old)
            found[gone[0] : gone[0] + 1] = [fresh[name] for name in one.new]
            shift = len(one.new) - 1
            for number in reversed(gone[1:]):
                del found[number + shift]
    return tuple(found)


def successors(entries: Iterable[ImportEntry]) -> dict[str, tuple[str, ...]]:
    """By name of a segment that was replaced the names of those that were put in its place at that time."""
    return {name: one.new for entry in entries for one in entry.replaces for name in one.old}


def follow(name: str, after: Mapping[str, tuple[str, ...]]) -> list[str]:
    """The names that stand for this one now; itself if it was never replaced."""
    if name not in after:
        return [name]
    return [last for follower in after[name] for last in follow(follower, after)]


def rejects(entries: Iterable[ImportEntry]) -> dict[str, RejectsEntry | None]:
    """By id of a change the file of its rejects as it is now."""
    found: dict[str, RejectsEntry | None] = {}
    for entry in entries:
        found[entry.id] = entry.rejects
        found.update(entry.rejects_for)
    return found


def held(entries: Sequence[ImportEntry], rows: Mapping[str, int]) -> dict[str, int]:
    """By id of each import how many of the rows it stored are still accounted for, `rows` being those of each segment.

    A segment that holds what it should stands for all that went into it, rows that were erased on the way included;
    rows that are missing or too many are charged to the last import that went into it.
    """
    after = successors(entries)
    standing = {segment.name: segment.rows for segment in segments(entries)}
    wrong = {name: rows.get(name, 0) - known for name, known in standing.items() if rows.get(name, 0) != known}
    found: dict[str, int] = {}
    last: dict[str, str] = {}
    for entry in entries:
        if entry.replaces:
            continue
        found[entry.id] = sum(segment.rows for segment in entry.segments)
        for segment in entry.segments:
            last.update(dict.fromkeys(follow(segment.name, after), entry.id))
    for name, difference in wrong.items():
        if name in last:
            found[last[name]] += difference
    return found
