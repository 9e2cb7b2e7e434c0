"""Channel, page and device of a whole column of rows, read once per distinct URL, referrer and user agent."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, Final, NamedTuple, TypeVar

import numpy as np
import numpy.typing as npt
import pyarrow as pa

from afterclick.stitch.address import halves, read_head, site_of
from afterclick.stitch.channel_table import ChannelTable, InApp
from afterclick.stitch.coded import Coded, Codes, coded, common_length, distinct, pairs, spread
from afterclick.stitch.marks import (
    NO_MARKS,
    QueryMarks,
    ReferrerMarks,
    known_name,
    read_query,
    read_referrer,
)
from afterclick.stitch.page import DEFAULT_PAGES, PageGroups, clean_path
from afterclick.stitch.touch import Touch, arrival_touch, campaign_touch, key_hash, searched_source
from afterclick.stitch.user_agent import DEFAULT_BOTS, BotPatterns, browser, device_type, os

_K = TypeVar("_K")
_V = TypeVar("_V")

_MOST_KEPT: Final = 1 << 17
"""Half of the keys a cache holds, so that a year of unique click ids cannot fill the memory."""

_DROP, _KEEP, _CLICK = 0, 1, 2
_CLICK_ID: Final = "\ue000"
"""Stands for a click id in a query's shape; a character that Unicode gives to nobody, so no query can mean it."""

_TOUCH_TEXTS: Final = ("channel", "source", "medium", "campaign", "term", "network")


class _Kept(dict[_K, _V]):
    """What `read` gave for a key, for at most twice `_MOST_KEPT` keys: when full, those not asked for lately go."""

    def __init__(self, read: Callable[[_K], _V]) -> None:
        super().__init__()
        self._read = read
        self._old: dict[_K, _V] = {}

    def __missing__(self, key: _K) -> _V:
        if len(self) >= _MOST_KEPT:
            self._old = dict(self)
            self.clear()
        value = self._old[key] if key in self._old else self._read(key)
        self[key] = value
        return value


class Enriched(NamedTuple):
    """What `Enricher` found for n rows.

    `touches[touch[row]]` is the touch of a row, None where the row came from inside; `click_id` is left out of these
    touches, or nearly each would be its own. `campaign_key` is int64, 0 without campaign.
    """

    touch: Codes
    touches: list[Touch | None]
    campaign_key: npt.NDArray[np.int64]
    path: Coded[str]
    page_group: Coded[str]
    host: Coded[str]
    device_type: Coded[str]
    browser: Coded[str]
    os: Coded[str]
    bot: npt.NDArray[np.bool_]

    def to_batch(self) -> Any:
        """One Arrow record batch; rows from inside have `internal` true, empty touch texts, paid and portal false."""
        columns: dict[str, Any] = {}
        found = [touch or _INTERNAL for touch in self.touches]
        for name in _TOUCH_TEXTS:
            codes, book = coded([getattr(touch, name) for touch in found])
            columns[name] = Coded(codes[self.touch], book).to_arrow()
        for name in ("paid", "portal"):
            columns[name] = pa.array(np.array([getattr(touch, name) for touch in found], np.bool_)[self.touch])
        columns["internal"] = pa.array(np.array([touch is None for touch in self.touches], np.bool_)[self.touch])
        columns["campaign_key"] = pa.array(self.campaign_key)
        for name in ("path", "page_group", "host", "device_type", "browser", "os"):
            columns[name] = getattr(self, name).to_arrow()
        columns["bot"] = pa.array(self.bot)
        return pa.RecordBatch.from_pydict(columns)


class _Base(NamedTuple):
    """Of everything before the query, which few URLs differ in."""

    site: str
    path: str
    page_group: str
    host: str
    opaque: bool


class _Agent(NamedTuple):
    device_type: str
    browser: str
    os: str
    bot: bool
    app: InApp | None


_INTERNAL: Final = Touch("")


class Enricher:
    """Reads columns of URLs, referrers and user agents into touches, pages and devices.

    Equal, row by row, to `classify`, `campaign_key`, `path_of`, `page_group` and the functions of `user_agent`. Keeps
    what it learnt for the next batch, in caches of bounded size; one enricher serves one thread.
    """

    def __init__(
        self, table: ChannelTable | None = None, bots: BotPatterns = DEFAULT_BOTS, pages: PageGroups = DEFAULT_PAGES
    ) -> None:
        self._table = table or ChannelTable.default()
        self._bots = bots
        self._pages = pages
        self._bases = _Kept(self._read_base)
        self._names = _Kept(self._read_name)
        self._marks: _Kept[QueryMarks, QueryMarks] = _Kept(lambda marks: marks)
        self._queries = _Kept(self._read_query)
        self._referrers = _Kept(self._read_referrer)
        self._agents = _Kept(self._read_agent)
        self._campaigns = _Kept(self._read_campaign)
        self._arrivals = _Kept(self._read_arrival)

    def enrich(self, url: Any, referrer: Any, user_agent: Any) -> Any:
        """`read` as one Arrow record batch: channel, source, medium, campaign, term, network, paid, portal, internal,
        campaign_key, path, page_group, host, device_type, browser, os, bot. No column holds nulls.
        """
        return self.read(url, referrer, user_agent).to_batch()

    def read(self, url: Any, referrer: Any, user_agent: Any) -> Enriched:
        """Reads string columns (Arrow arrays, chunked or not, dictionary-encoded or not) of equal length.

        A column may be None, and any value null. Raises InputError when no column is given, they differ in length or
        one holds no text.
        """
        size = common_length(url, referrer, user_agent)
        url_codes, urls = distinct("url", url, size)
        referrer_codes, referrers = distinct("referrer", referrer, size)
        agent_codes, user_agents = distinct("user_agent", user_agent, size)

        bases, marks, base_of, marks_of, keys = self._read_urls(urls)
        came_from = [self._referrers[text] for text in referrers]
        agents = [self._agents[text] for text in user_agents]

        row_base = base_of[url_codes]
        touch, touches = self._touches_of(
            spread(row_base, [base.site for base in bases]),
            Coded(marks_of[url_codes], marks),
            spread(referrer_codes, came_from),
            spread(agent_codes, [agent.app for agent in agents]),
        )
        return Enriched(
            touch,
            touches,
            keys[url_codes],
            path=spread(row_base, [base.path for base in bases]),
            page_group=spread(row_base, [base.page_group for base in bases]),
            host=spread(row_base, [base.host for base in bases]),
            device_type=spread(agent_codes, [agent.device_type for agent in agents]),
            browser=spread(agent_codes, [agent.browser for agent in agents]),
            os=spread(agent_codes, [agent.os for agent in agents]),
            bot=np.array([agent.bot for agent in agents], np.bool_)[agent_codes],
        )

    def _read_urls(
        self, urls: list[str | None]
    ) -> tuple[list[_Base], list[QueryMarks], Codes, Codes, npt.NDArray[np.int64]]:
        """(bases, marks, base of each URL, marks of each URL, campaign key of each URL)."""
        base_of, marks_of, keys = [], [], []
        bases: dict[str, int] = {}
        marks: dict[QueryMarks, int] = {NO_MARKS.marks: 0}
        for url in urls:
            before, query = halves(url)
            base_of.append(bases.setdefault(before, len(bases)))
            if "=" not in query or self._bases[before].opaque:
                marks_of.append(0)
                keys.append(0)
                continue
            found, key = self._marks_and_key(query)
            marks_of.append(marks.setdefault(found, len(marks)))
            keys.append(key)
        return (
            [self._bases[before] for before in bases],
            list(marks),
            np.array(base_of, np.int32),
            np.array(marks_of, np.int32),
            np.array(keys, np.int64),
        )

    def _marks_and_key(self, query: str) -> tuple[QueryMarks, int]:
        """`read_query` by way of the query's shape: without what counts for nothing, and with click ids taken out.

        Click ids differ with every click while the rest repeats, so what was read of one click serves the next.
        """
        names = self._names
        taken: list[tuple[str, str]] = []
        kept = []
        for part in query.split("&"):
            name, _, value = part.partition("=")
            use = names[name]
            if use == _CLICK and value.isascii() and value.replace("-", "").replace("_", "").isalnum():
                taken.append((name, value))
                kept.append(f"{name}={_CLICK_ID}")
            elif use:
                kept.append(part)
        if not kept:
            return NO_MARKS.marks, 0
        marks, key, text = self._queries["&".join(kept)]
        if not text:
            return marks, key
        for name, value in taken:
            text = text.replace(f"{name}={_CLICK_ID}", f"{name}={value.lower()}")
        return marks, key_hash(text)

    def _read_base(self, before: str) -> _Base:
        head = read_head(before)
        path = clean_path(head)
        return _Base(site_of(head.host), path, self._pages.group(path), head.host, head.opaque)

    def _read_query(self, shape: str) -> tuple[QueryMarks, int, str]:
        """(marks of a query's shape, its campaign key, the key's text where that still needs the click ids)."""
        marks, text = read_query(shape, self._table)
        # Equal marks share one object: a campaign's many queries then cost the cache no more than their texts.
        marks = self._marks[marks]
        return (marks, 0, text) if _CLICK_ID in text else (marks, key_hash(text), "")

    def _read_name(self, name: str) -> int:
        if name in self._table.clicks:
            return _CLICK
        return _KEEP if known_name(name.lower(), self._table.parameters) else _DROP

    def _read_referrer(self, text: str | None) -> ReferrerMarks:
        return read_referrer(text, self._table)

    def _read_agent(self, text: str | None) -> _Agent:
        bot = self._bots.matches(text)
        return _Agent(device_type(text), browser(text), os(text), bot, self._table.app_of(text))

    def _touches_of(
        self,
        site: Coded[str],
        marks: Coded[QueryMarks],
        referrer: Coded[ReferrerMarks],
        app: Coded[InApp | None],
    ) -> tuple[Codes, list[Touch | None]]:
        """(code of each row's touch, the touches). Only what can matter is combined: a tagged URL needs no referrer."""
        by_url = [self._campaigns[one] for one in marks.book]
        untagged = np.array([touch is None for touch in by_url], np.bool_)[marks.codes]
        arrived, tagged = np.flatnonzero(untagged), np.flatnonzero(~untagged)
        touch = np.empty(len(marks.codes), np.int32)

        term_of, terms = self._terms_for(by_url, marks.codes[tagged], referrer.book, referrer.codes[tagged])
        codes, both = pairs(marks.codes[tagged], term_of)
        touch[tagged] = codes
        touches = [_with_term(by_url[url], terms[term]) for url, term in both]

        ways, came = pairs(site.codes[arrived], referrer.codes[arrived])
        codes, both = pairs(ways, app.codes[arrived])
        touch[arrived] = codes + len(touches)
        for way, using in both:
            on, back = came[way]
            parts = site.book[on], referrer.book[back], app.book[using]
            touches.append(self._arrivals[parts])
        final, book = coded(touches)
        return final[touch], book

    def _terms_for(
        self, by_url: list[Touch | None], url_codes: Codes, referrers: list[ReferrerMarks], referrer_codes: Codes
    ) -> tuple[Codes, list[str]]:
        """(code of the search words that the referrer adds to each tagged row, the words; code 0 adds none)."""
        sources = {"": 0}
        wanted = [searched_source(touch, self._table) if touch else "" for touch in by_url]
        wanted_codes = np.array([sources.setdefault(source, len(sources)) for source in wanted], np.int32)
        terms = {"": 0}
        term_codes = np.array([terms.setdefault(one.term, len(terms)) for one in referrers], np.int32)
        given_codes = np.array([sources.get(one.source, 0) if one.term else 0 for one in referrers], np.int32)
        given = given_codes[referrer_codes]
        adds = (given > 0) & (given == wanted_codes[url_codes])
        return np.where(adds, term_codes[referrer_codes], 0).astype(np.int32), list(terms)

    def _read_campaign(self, marks: QueryMarks) -> Touch | None:
        return campaign_touch(marks, self._table)

    def _read_arrival(self, parts: tuple[str, ReferrerMarks, InApp | None]) -> Touch | None:
        return arrival_touch(*parts, self._table)


def _with_term(touch: Touch | None, term: str) -> Touch | None:
    return touch._replace(term=term) if touch is not None and term else touch
