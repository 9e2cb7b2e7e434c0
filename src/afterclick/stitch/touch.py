"""What a visit came from: URL, referrer and user agent become one touch, by the first rule that applies."""

from __future__ import annotations

import hashlib
from typing import Final, NamedTuple

from afterclick.stitch.address import halves, read_head, site_of
from afterclick.stitch.channel_rules import is_paid_medium
from afterclick.stitch.channel_table import ChannelTable, InApp
from afterclick.stitch.marks import (
    QueryMarks,
    ReferrerMarks,
    read_click_id,
    read_query,
    read_referrer,
)


class Touch(NamedTuple):
    """What one visit came from. Texts are lower-case, trimmed, "" where unknown; `click_id` keeps its case.

    `network` is whose click id or ad mark it is, also where utm names another source; `match` is how Naver met
    the keyword (exact, expanded, related, similar, smart_block); `portal` is the `session.portal` of rules.
    """

    channel: str
    source: str = ""
    medium: str = ""
    campaign: str = ""
    term: str = ""
    content: str = ""
    click_id: str = ""
    click_id_kind: str = ""
    network: str = ""
    paid: bool = False
    portal: bool = False
    campaign_id: str = ""
    match: str = ""


class _Implied(NamedTuple):
    """What a click id or a portal's ad mark says where utm_source and utm_medium are silent."""

    medium: str = ""
    source: str = ""
    network: str = ""
    paid: bool = False
    channel: str = ""


DIRECT: Final = Touch("direct")
_NOTHING: Final = _Implied()
_PORTAL_ADS: Final = {
    "naver_search": _Implied("cpc", "naver", "naver", True),
    "naver_shopping": _Implied("cpc", "naver", "naver", True, "paid_shopping"),
    "naver_display": _Implied("display", "naver", "naver", True),
    "google": _Implied("cpc", "google", "google", True),
}
_MEDIUM_OF: Final = {
    "organic_search": "organic",
    "organic_social": "social",
    "organic_video": "video",
    "organic_shopping": "shopping",
    "ai_assistant": "ai",
}


def classify(
    url: str | None, referrer: str | None, user_agent: str | None, table: ChannelTable | None = None
) -> Touch | None:
    """The touch of one page view; None when it came from inside (own domain, payment page) without a campaign.

    None means that the visit goes on with its old channel; a visitor's very first such view is direct, which only
    the caller can know. Any text is accepted: what cannot be read counts as absent.
    """
    table = table or ChannelTable.default()
    site, query = _site_and_query(url)
    marks = read_query(query, table).marks
    touch = resolve(site, marks, read_referrer(referrer, table), table.app_of(user_agent), table)
    if touch is None or not marks.click_id_kind:
        return touch
    return touch._replace(click_id=read_click_id(query, marks.click_id_kind))


def campaign_key(url: str | None, table: ChannelTable | None = None) -> str:
    """Canonical text of the campaign parameters and ad click ids in a URL, "" without any.

    Equal parameters in another order or case give an equal text: a differing, non-empty one starts a session.
    """
    return read_query(_site_and_query(url)[1], table or ChannelTable.default()).campaign_key


def key_hash(key: str) -> int:
    """A `campaign_key` as a signed 64-bit number, the same on every machine; 0 for "" and for nothing else."""
    if not key:
        return 0
    digest = hashlib.blake2b(key.encode("utf-8", "surrogatepass"), digest_size=8).digest()
    return int.from_bytes(digest, "little", signed=True) or 1


def _site_and_query(url: str | None) -> tuple[str, str]:
    """(registrable domain, query) of a URL; script and data addresses have neither."""
    before, query = halves(url)
    head = read_head(before)
    return site_of(head.host), "" if head.opaque else query


def resolve(
    site: str, marks: QueryMarks, referrer: ReferrerMarks, app: InApp | None, table: ChannelTable
) -> Touch | None:
    """`classify` of parts already read, without `click_id`. `site` is the registrable domain of the page."""
    touch = campaign_touch(marks, table)
    if touch is None:
        return arrival_touch(site, referrer, app, table)
    if referrer.term and referrer.source and referrer.source == searched_source(touch, table):
        return touch._replace(term=referrer.term)
    return touch


def campaign_touch(marks: QueryMarks, table: ChannelTable) -> Touch | None:
    """The touch that the URL alone decides; None where it carries no campaign, click id or ad mark."""
    if marks.message:
        return _of_message(marks, table)
    implied = _implied(marks, table)
    return _of_campaign(marks, implied, table) if marks.tagged or implied.medium else None


def searched_source(touch: Touch, table: ChannelTable) -> str:
    """The source whose referrer may still name the words searched for, "" where the URL named them."""
    return "" if touch.term else table.source_of(touch.source)[0]


def arrival_touch(site: str, referrer: ReferrerMarks, app: InApp | None, table: ChannelTable) -> Touch | None:
    """The touch of a page whose URL says nothing: by referrer, else by in-app browser, else direct."""
    if referrer.inner or (referrer.site and referrer.site == site):
        return None
    if referrer.channel:
        channel, source, term = referrer.channel, referrer.source, referrer.term
    elif app is not None:
        channel, source, term = app.channel, app.source, ""
    else:
        return DIRECT
    medium = _MEDIUM_OF.get(channel, channel)
    return Touch(channel, source, medium, term=term, portal=table.is_portal(source))


def _implied(marks: QueryMarks, table: ChannelTable) -> _Implied:
    """Ad click id, else a portal's ad mark, else a click id of which nobody knows whether it was paid for."""
    click = table.clicks.get(marks.click_id_kind)
    if marks.portal_ad and not (click and click.ad):
        return _PORTAL_ADS[marks.portal_ad]
    return _Implied(click.medium, click.source, click.network, click.ad) if click else _NOTHING


def _of_campaign(marks: QueryMarks, implied: _Implied, table: ChannelTable) -> Touch:
    source = marks.source or implied.source
    medium = marks.medium or implied.medium
    paid = implied.paid or is_paid_medium(marks.medium)
    group = table.source_of(source)[1]
    channel = table.rules.channel(paid, medium, source, group)
    if not (marks.source or marks.medium):
        channel = implied.channel or channel
    elif channel == "other" and implied.medium:
        # utm names nothing that any rule knows; a click id that is known says more than "other".
        group = table.source_of(implied.source)[1]
        channel = table.rules.channel(paid, implied.medium, implied.source, group)
    return Touch(
        channel,
        source,
        medium,
        marks.campaign,
        marks.term or marks.search_term,
        marks.content,
        click_id_kind=marks.click_id_kind,
        network=implied.network,
        paid=paid,
        portal=table.is_portal(source),
        campaign_id=marks.campaign_id,
        match=marks.match,
    )


def _of_message(marks: QueryMarks, table: ChannelTable) -> Touch:
    """The link of a message of one's own: its token names the channel, else utm does."""
    source = marks.source or "afterclick"
    known = marks.message != "?"
    channel = marks.message if known else table.rules.channel(False, marks.medium, source, "")
    return Touch(
        channel,
        source,
        marks.medium or (channel if known else ""),
        marks.campaign,
        marks.term,
        marks.content,
        click_id_kind=marks.click_id_kind,
        network=_implied(marks, table).network,
        campaign_id=marks.campaign_id,
    )
