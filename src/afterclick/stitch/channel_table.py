"""The table a channel is read from: known hosts, click ids, source names, payment hosts and a site's own rows."""

from __future__ import annotations

import hashlib
import re
from collections.abc import Iterator, Mapping
from functools import cache, cached_property
from typing import Any, Final

import msgspec

from afterclick.core.errors import SpecError, nearest_or_known
from afterclick.core.said import Said, Spoken
from afterclick.stitch.address import clean_host, read_head
from afterclick.stitch.channel_hosts import (
    CAMPAIGN_PARAMETERS,
    CLICK_IDS,
    HOSTS,
    IN_APP,
    OPENING_NAMES,
    PAYMENT_HOSTS,
    PORTALS,
    SOURCES,
)
from afterclick.stitch.channel_rules import CHANNELS, GROUPS, WORDS, ChannelRules
from afterclick.stitch.host_index import HostIndex, HostRow, Place, is_below

_PUNCTUATION: Final = re.compile(r"[\W_]+")
_MOST_SOURCES_KEPT: Final = 20_000
_SOURCE_GROUPS: Final = (*GROUPS.values(), "")


class ClickId(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """A click id in the URL: what it implies where utm_source and utm_medium say nothing. `ad` = somebody paid."""

    name: str
    medium: str
    source: str = ""
    network: str = ""
    ad: bool = False


class SourceName(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """A spelling in utm_source, the source meant, and its group (search, social, video, shopping, ai)."""

    name: str
    source: str
    group: str = ""


class InApp(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """Text of a user agent, any case, that names the app whose browser it is."""

    text: str
    channel: str
    source: str


class ChannelTable(msgspec.Struct, frozen=True, dict=True, forbid_unknown_fields=True, kw_only=True):
    """Everything that decides a channel, as data of one store; `fingerprint` changes when any of it does.

    `default()` knows the public hosts, `from_toml` puts a site's rows before them. Own hosts and payment hosts are
    no source. `fbclid_is_paid` counts fbclid and igshid as ad clicks; `paid_medium_first` reads kakao / cpc as an
    ad and not as a message.
    """

    hosts: tuple[HostRow, ...] = ()
    click_ids: tuple[ClickId, ...] = ()
    sources: tuple[SourceName, ...] = ()
    in_app: tuple[InApp, ...] = ()
    own_domains: tuple[str, ...] = ()
    payment_hosts: tuple[str, ...] = ()
    words: dict[str, tuple[str, ...]] = {}
    message_parameter: str = "ac_message"
    fbclid_is_paid: bool = False
    paid_medium_first: bool = False

    @staticmethod
    def default() -> ChannelTable:
        """The built-in rows; one shared object."""
        return _default()

    @staticmethod
    def from_toml(section: Mapping[str, Any]) -> ChannelTable:
        """A site's `[channels]` section merged into the default: its rows come first, its options win.

        Raises SpecError with `path` at what is unknown, of the wrong type, or names no channel, group or rule.
        """
        try:
            own = msgspec.convert(dict(section), ChannelTable)
        except msgspec.ValidationError as error:
            message, _, place = str(error).partition(" - at `$")
            hint: Spoken = ""
            if "unknown field" in message:
                hint = Said("refusals.fields_here", names=list(ChannelTable.__struct_fields__))
            raise SpecError(message, path="channels" + place.rstrip("`"), hint=hint) from None
        _check_names(own)
        base = _default()
        return msgspec.structs.replace(
            own,
            hosts=(*_tidy_hosts(own.hosts), *base.hosts),
            click_ids=(*_tidy_clicks(own.click_ids), *base.click_ids),
            sources=(*own.sources, *base.sources),
            in_app=(*own.in_app, *base.in_app),
            own_domains=_tidy_domains("own_domains", own.own_domains),
            payment_hosts=(*_tidy_domains("payment_hosts", own.payment_hosts), *base.payment_hosts),
            message_parameter=own.message_parameter.lower(),
        )

    def fingerprint(self) -> str:
        """16 hexadecimal digits over every row and option."""
        return hashlib.blake2b(msgspec.json.encode(self, order="deterministic"), digest_size=8).hexdigest()

    @cached_property
    def clicks(self) -> dict[str, ClickId]:
        """Click ids by parameter name; of several in one URL the first of this order counts, ad ones first."""
        rows: dict[str, ClickId] = {}
        for row in self.click_ids:
            paid_now = self.fbclid_is_paid and row.network == "meta"
            rows.setdefault(row.name, msgspec.structs.replace(row, medium="cpc", ad=True) if paid_now else row)
        return dict(sorted(rows.items(), key=lambda item: not item[1].ad))

    @cached_property
    def parameters(self) -> frozenset[str]:
        """Every query parameter of a URL that says where a visit came from, lower-case."""
        return frozenset((*CAMPAIGN_PARAMETERS, *self.clicks, self.message_parameter))

    @cached_property
    def rules(self) -> ChannelRules:
        """The compiled rules of this table's words."""
        return ChannelRules(self.words, paid_medium_first=self.paid_medium_first)

    def place(self, host: str, path: str = "") -> Place | None:
        """The row of the longest known part of a referring host and path; None for a stranger."""
        return self._index.find(host, path)

    def is_own(self, host: str) -> bool:
        """Is this host one of `own_domains` or below one?"""
        return is_below(host, self._own)

    def is_payment(self, host: str) -> bool:
        """Is this a host that a visit only passes through to pay?"""
        return is_below(host, self._payment)

    def source_of(self, name: str) -> tuple[str, str]:
        """(source meant, its group) of a lower-case utm_source: `naver_sa` and `m.naver.com` are naver, search."""
        found = self._sources_seen.get(name)
        if found is None:
            if len(self._sources_seen) >= _MOST_SOURCES_KEPT:
                self._sources_seen.clear()
            found = self._sources_seen[name] = self._find_source(name)
        return found

    def is_portal(self, source: str) -> bool:
        """Is the source one of the portals of `session.portal`?"""
        return self.source_of(source)[0] in PORTALS

    def app_of(self, user_agent: str | None) -> InApp | None:
        """The app whose in-app browser this user agent is."""
        if not user_agent:
            return None
        text = user_agent.lower()
        return next((app for app in self.in_app if app.text.lower() in text), None)

    def _find_source(self, name: str) -> tuple[str, str]:
        known = self._names.get(_PUNCTUATION.sub("", name))
        if known is not None:
            return known
        place = self.place(clean_host(name)) if "." in name else None
        if place is not None:
            group = GROUPS.get(place.channel, "")
            return place.source, group or self._names.get(place.source, ("", ""))[1]
        opening = _PUNCTUATION.split(name, maxsplit=1)[0]
        return self._names.get(opening, (name, "")) if opening in OPENING_NAMES else (name, "")

    @cached_property
    def _index(self) -> HostIndex:
        return HostIndex(self.hosts)

    @cached_property
    def _own(self) -> frozenset[str]:
        return frozenset(self.own_domains)

    @cached_property
    def _payment(self) -> frozenset[str]:
        return frozenset(self.payment_hosts)

    @cached_property
    def _sources_seen(self) -> dict[str, tuple[str, str]]:
        return {}

    @cached_property
    def _names(self) -> dict[str, tuple[str, str]]:
        names: dict[str, tuple[str, str]] = {}
        for name in self.sources:
            names.setdefault(_PUNCTUATION.sub("", name.name.lower()) or name.name, (name.source, name.group))
        for row in self.hosts:
            names.setdefault(_PUNCTUATION.sub("", row.source), (row.source, GROUPS.get(row.channel, "")))
        return names


@cache
def _default() -> ChannelTable:
    return ChannelTable(
        hosts=tuple(_read_hosts(HOSTS)),
        click_ids=tuple(ClickId(*row) for row in CLICK_IDS),
        sources=tuple(
            SourceName(name, source, group) for (group, source), names in _read_rows(SOURCES) for name in names
        ),
        in_app=tuple(InApp(*row) for row in IN_APP),
        payment_hosts=tuple(sorted(PAYMENT_HOSTS)),
    )


def _read_rows(text: str) -> Iterator[tuple[list[str], list[str]]]:
    for line in text.splitlines():
        if line:
            words, _, names = line.partition(": ")
            yield words.split(), names.split()


def _read_hosts(text: str) -> Iterator[HostRow]:
    for (channel, source, *terms), names in _read_rows(text):
        for name in names:
            host, slash, path = name.partition("/")
            yield HostRow(host, channel, source, slash + path, tuple(terms[0].split(",")) if terms else ())


def _check_names(own: ChannelTable) -> None:
    """Refuses a channel, group or rule that no report knows."""
    rows: list[tuple[str, str, tuple[str, ...]]] = []
    rows += [(f"hosts[{at}].channel", row.channel, CHANNELS) for at, row in enumerate(own.hosts)]
    rows += [(f"in_app[{at}].channel", app.channel, CHANNELS) for at, app in enumerate(own.in_app)]
    rows += [(f"sources[{at}].group", name.group, _SOURCE_GROUPS) for at, name in enumerate(own.sources)]
    rows += [(f"words.{rule}", rule, tuple(WORDS)) for rule in own.words]
    for place, given, allowed in rows:
        if given not in allowed:
            hint = nearest_or_known(given, filter(None, allowed), "refusals.known")
            raise SpecError(Said("refusals.not_known_here", given=given), path=f"channels.{place}", hint=hint)


def _tidy_hosts(rows: tuple[HostRow, ...]) -> Iterator[HostRow]:
    """A site's rows as the index wants them: `https://M.Shop.example/Deals/` is `m.shop.example`, `/deals`."""
    for at, row in enumerate(rows):
        name, wild, _ = row.host.partition(".*")
        host = _host(name)
        if not host:
            raise SpecError(
                Said("refusals.no_host", host=row.host),
                path=f"channels.hosts[{at}].host",
                hint=Said("refusals.such_as_blog"),
            )
        path = (row.path or (read_head(name).path if "/" in name else "")).rstrip("/").lower()
        path = path if path.startswith("/") or not path else f"/{path}"
        yield msgspec.structs.replace(row, host=host + wild, path=path, source=row.source.strip().lower())


def _host(name: str) -> str:
    """The host a person meant by an address, a host or a single label such as `localhost`; "" for none."""
    return read_head(name).host or ("" if "/" in name else clean_host(name))


def _tidy_clicks(rows: tuple[ClickId, ...]) -> Iterator[ClickId]:
    for row in rows:
        yield msgspec.structs.replace(row, name=row.name.strip().lower(), source=row.source.strip().lower())


def _tidy_domains(field: str, names: tuple[str, ...]) -> tuple[str, ...]:
    hosts = tuple(_host(name) for name in names)
    if "" in hosts:
        at = hosts.index("")
        raise SpecError(
            Said("refusals.no_host", host=names[at]),
            path=f"channels.{field}[{at}]",
            hint=Said("refusals.such_as_shop"),
        )
    return hosts
