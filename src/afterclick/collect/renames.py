"""Columns that change their name from one file to the next."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from afterclick.collect.synonyms import squash


def between(headers: Sequence[tuple[str, ...]]) -> list[tuple[str, str]]:
    """(old, new) pairs: a column of the first header that a later one lacks, and the new one in its stead.

    A new name stands for an old one when both are the same without case and separators, or when it is the only new one,
    at the very place of the only one gone.
    """
    found: list[tuple[str, str]] = []
    for header in headers[1:]:
        gone = [name for name in headers[0] if name not in header]
        fresh = [name for name in header if name not in headers[0]]
        pairs = [(old, new) for old in gone for new in fresh if squash(old) == squash(new)]
        if not pairs and len(gone) == len(fresh) == 1 and headers[0].index(gone[0]) == header.index(fresh[0]):
            pairs = [(gone[0], fresh[0])]
        found += [pair for pair in pairs if pair not in found]
    return found


def followed(columns: Mapping[str, Sequence[str]], headers: Sequence[Sequence[str]]) -> list[tuple[str, str]]:
    """(old, new) pairs of columns that a map takes for one, no file having both."""
    present = {name for header in headers for name in header}
    found: list[tuple[str, str]] = []
    for specs in columns.values():
        known = [spec for spec in specs if spec in present]
        together = any(len(set(known) & set(header)) > 1 for header in headers)
        found += [] if together else [(known[0], other) for other in known[1:]]
    return found


def missing(
    headers: Sequence[tuple[str, Sequence[str]]], renamed: Sequence[tuple[str, str]]
) -> dict[str, tuple[str, ...]]:
    """Per file the columns that other files have and it lacks, under any of their names."""
    groups: list[set[str]] = []
    for name in dict.fromkeys(name for _, header in headers for name in header):
        joined = {name, *(old for old, new in renamed if new == name), *(new for old, new in renamed if old == name)}
        if not any(name in group for group in groups):
            groups.append(joined)
    return {
        file: lacking
        for file, header in headers
        if (lacking := tuple(sorted(min(group) for group in groups if not group & set(header))))
    }
