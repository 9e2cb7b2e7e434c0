"""What one URL and one referrer say on their own, before they are put together: small values that can be equal."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Final, NamedTuple

from afterclick.stitch.address import clean_case, clean_value, decode, halves, read_head, site_of
from afterclick.stitch.channel_hosts import NAVER_AD_MARKS, NAVER_MATCHES, NAVER_NAMES
from afterclick.stitch.channel_rules import CHANNELS
from afterclick.stitch.channel_table import ChannelTable

_LONGEST_TEXT: Final = 500
_WEB: Final = ("http", "https", "")
_APPS: Final = ("android-app", "ios-app")
_MALL: Final = frozenset({"n_mall_pid", "n_mall_id"})


class QueryMarks(NamedTuple):
    """The campaign side of a URL. The click id itself is left out, or no two clicks would be equal."""

    tagged: bool = False
    source: str = ""
    medium: str = ""
    campaign: str = ""
    term: str = ""
    content: str = ""
    campaign_id: str = ""
    click_id_kind: str = ""
    portal_ad: str = ""  # naver_search, naver_shopping, naver_display or google
    search_term: str = ""
    match: str = ""
    message: str = ""  # channel of the message whose link this was, "?" where its token does not say


class QueryReading(NamedTuple):
    """The marks of a query, and the canonical text by which campaigns are compared."""

    marks: QueryMarks = QueryMarks()
    campaign_key: str = ""


class ReferrerMarks(NamedTuple):
    """The referring side: where it came from, or `inner` when it is the site itself or a payment page."""

    site: str = ""
    inner: bool = False
    channel: str = ""
    source: str = ""
    term: str = ""


_NAVER_OWN: Final = frozenset((*NAVER_NAMES, "napm"))
_UTM: Final = frozenset(NAVER_NAMES.values())
NO_MARKS: Final = QueryReading()
NO_REFERRER: Final = ReferrerMarks()


def read_query(query: str, table: ChannelTable) -> QueryReading:
    """Reads the query of a URL, as `halves` gives it."""
    if "=" not in query:
        return NO_MARKS
    found = _known_parameters(query.lower(), table.parameters)
    if not found:
        return NO_MARKS
    tr = _naver(found) if not _NAVER_OWN.isdisjoint(found) else ""
    clicks = table.clicks
    kinds = [name for name in found if name in clicks]
    kind = kinds[0] if len(kinds) == 1 else next((name for name in clicks if name in kinds), "")
    counted = [name for name in found if name not in clicks or clicks[name].ad] if kinds else found
    key = "\n".join([f"{name}={found[name]}" for name in sorted(counted)])
    if len(query) > _LONGEST_TEXT:
        found = {name: value[:_LONGEST_TEXT] for name, value in found.items()}
    value = found.get
    marks = QueryMarks(
        not _UTM.isdisjoint(found) or any(name.startswith("utm_") for name in found),
        value("utm_source", ""),
        value("utm_medium", ""),
        value("utm_campaign", ""),
        value("utm_term", ""),
        value("utm_content", ""),
        value("utm_id", ""),
        kind,
        _portal_ad(found, tr),
        value("n_query") or value("n_keyword") or "",
        NAVER_MATCHES.get(value("n_match", ""), ""),
        _message(value(table.message_parameter, "")),
    )
    return QueryReading(marks, key)


def _known_parameters(query: str, names: frozenset[str]) -> dict[str, str]:
    """Cleaned values of what counts in a lower-case query, by name; of repeated ones the first that is not empty."""
    as_is = query.isascii() and "%" not in query and "+" not in query and " " not in query
    found: dict[str, str] = {}
    for part in query.split("&"):
        name, _, value = part.partition("=")
        if name not in names:
            name = known_name(name, names)
        if name and value and name not in found:
            cleaned = value if as_is else clean_value(value)
            if cleaned:
                found[name] = cleaned
    return found


def known_name(name: str, names: frozenset[str]) -> str:
    """The name meant by a lower-case `utm%5Fsource` or `amp;utm_source`, a utm_ name of its own, "" for any other."""
    if not name.isidentifier():
        if name.isdigit():
            return ""
        name = clean_value(name).removeprefix("amp;")
    return name if name in names or name.startswith("utm_") else ""


def read_click_id(query: str, kind: str) -> str:
    """The click id of a query in its own case, as the ad network needs it back."""
    for part in query.split("&"):
        name, _, value = part.partition("=")
        if clean_value(name).removeprefix("amp;") == kind and clean_case(value):
            return clean_case(value)
    return ""


def _naver(found: dict[str, str]) -> str:
    """Gives nt_ parameters their utm names and reads the `tr` of NaPm, which is `ct=..|ci=..|tr=sa|..`.

    A NaPm that is no ad, such as that of a shopping list, leaves `found`.
    """
    for own_name, utm_name in NAVER_NAMES.items():
        if own_name in found:
            found.setdefault(utm_name, found[own_name])
            del found[own_name]
    fields = decode(found.get("napm", "")).split("|")
    tr = next((field[3:] for field in fields if field.startswith("tr=")), "")
    if tr not in {"sa", "gfa"}:
        found.pop("napm", None)
        return ""
    return tr


def _portal_ad(found: dict[str, str], tr: str) -> str:
    if not NAVER_AD_MARKS.isdisjoint(found):
        return "naver_search" if _MALL.isdisjoint(found) else "naver_shopping"
    if tr:
        return "naver_search" if tr == "sa" else "naver_display"
    return "google" if "gad_source" in found else ""


def _message(token: str) -> str:
    if not token:
        return ""
    channel = token.partition(".")[0]
    return channel if channel in CHANNELS else "?"


def read_referrer(referrer: str | None, table: ChannelTable) -> ReferrerMarks:
    """Reads a referrer: an address, an app's address, a bare host, a path of the own site, or nothing."""
    before, query = halves(referrer)
    if not before:
        return NO_REFERRER
    head = read_head(before)
    if not head.host:
        is_path = before.startswith("/") and not before.startswith("//")
        return ReferrerMarks(inner=True) if is_path else NO_REFERRER
    if head.scheme in _WEB:
        site = site_of(head.host)
    elif head.scheme in _APPS:
        site = head.host
    else:
        return NO_REFERRER
    if table.is_own(head.host) or table.is_payment(head.host):
        return ReferrerMarks(site, inner=True)
    place = table.place(head.host, head.path)
    if place is None:
        return ReferrerMarks(site, channel="referral", source=head.host.removeprefix("www."))
    return ReferrerMarks(site, False, place.channel, place.source, _search_term(query, place.terms))


def _search_term(query: str, names: Iterable[str]) -> str:
    for name in names:
        for part in query.split("&"):
            given, _, value = part.partition("=")
            if given == name and value:
                return clean_value(value)[:_LONGEST_TEXT]
    return ""
