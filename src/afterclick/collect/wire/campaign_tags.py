"""Campaign fields that stand beside an address, joined to it, where everything else looks for them."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Final
from urllib.parse import urlencode

_OWN: Final = ("utm_source=", "utm_medium=", "utm_campaign=")


def has_own(url: str | None) -> bool:
    """Whether an address without fragment surely has a campaign source of its own."""
    return url is not None and "utm_source=" in url and ("?utm_source=" in url or "&utm_source=" in url) and "#" not in url


def tagged(url: str | None, tags: Iterable[tuple[str, object]]) -> str | None:
    """The address with these tags as its query where it has no campaign of its own; the tags alone where there is none.

    The same as `collect.campaign.joined` does with columns.
    """
    given = [(name, value) for name, value in tags if value and value.__class__ is str]
    if not given:
        return url
    address, mark, fragment = (url or "").partition("#")
    query = address.partition("?")[2]
    if any(part.startswith(_OWN) for part in query.split("&")):
        return url
    joint = "&" if "?" in address else "?"
    return f"{address}{joint}{urlencode(given)}{mark}{fragment}"
