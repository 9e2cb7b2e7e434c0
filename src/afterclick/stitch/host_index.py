"""Finds the row of a host: longest host first, then longest path, with `google.*` for every public suffix."""

from __future__ import annotations

from collections.abc import Iterable
from typing import NamedTuple

import msgspec

from afterclick.stitch.address import domain_parts


class HostRow(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """A host, all below it, or one path of it, that sends visits: channel, source and search parameters."""

    host: str
    channel: str
    source: str
    path: str = ""
    terms: tuple[str, ...] = ()


class Place(NamedTuple):
    """What is known of a referring host; `terms` are the query parameters that may hold the search words."""

    channel: str
    source: str
    terms: tuple[str, ...]


class HostIndex:
    """Rows by host. Of rows for the same host and path the first stands, so a site's own rows come first."""

    def __init__(self, rows: Iterable[HostRow]) -> None:
        places: dict[str, dict[str, Place]] = {}
        for row in rows:
            places.setdefault(row.host, {}).setdefault(row.path, Place(row.channel, row.source, row.terms))
        self._places = {
            host: sorted(by_path.items(), key=lambda item: -len(item[0])) for host, by_path in places.items()
        }

    def find(self, host: str, path: str = "") -> Place | None:
        """The place of the longest known part of `host`; None for a stranger. `path` as sent, any case."""
        path = path.lower()
        labels = host.split(".")
        name, suffix = domain_parts(host)
        inner = name.split(".") if suffix else []
        for cut in range(len(labels)):
            found = self._at(".".join(labels[cut:]), path)
            if found is None and cut < len(inner):
                found = self._at(".".join(inner[cut:]) + ".*", path)
            if found is not None:
                return found
        return None

    def _at(self, host: str, path: str) -> Place | None:
        for start, place in self._places.get(host, ()):
            if not start or path == start or path.startswith(start + "/"):
                return place
        return None


def is_below(host: str, domains: frozenset[str]) -> bool:
    """Is `host` one of these domains or below one?"""
    while host:
        if host in domains:
            return True
        host = host.partition(".")[2]
    return False
