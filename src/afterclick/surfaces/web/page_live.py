"""The Live page: what arrives now, kept up to date by its stream, by reloading where no script runs."""

from __future__ import annotations

import contextlib
from collections.abc import Callable, Mapping
from typing import Any, Final
from urllib.parse import quote, urlencode

import msgspec
from jinja2 import Environment
from starlette.concurrency import run_in_threadpool
from starlette.requests import Request
from starlette.responses import HTMLResponse, Response
from starlette.routing import Route

from afterclick.analyse import handles, opening
from afterclick.collect.live.feed import KEPT, Feed, Now, Row
from afterclick.collect.live.following import Follower, Tail
from afterclick.core import clock
from afterclick.core.errors import AfterclickError
from afterclick.store.live.calls import Balance
from afterclick.surfaces.viz import connect, live, live_rules, states
from afterclick.surfaces.viz.markup import Html, el
from afterclick.surfaces.viz.voice import Voice
from afterclick.surfaces.web import live_rule_cards
from afterclick.surfaces.web.address import LOOKS, Address
from afterclick.surfaces.web.asker import Asker
from afterclick.surfaces.web.frame import badge, navigation
from afterclick.surfaces.web.live_address import PATH, Asked
from afterclick.surfaces.web.live_stream import LiveStream, Look, News, Source
from afterclick.surfaces.web.taste import Taste

RELOAD: Final = 10
"""Seconds between two loads of the page where no script runs."""
SHEETS: Final = ("chart", "lists", "live")
_NEAR: Final = 5
_LOOKED_BACK: Final = 100
"""Visitors offered to be followed, and the rows they are taken from."""
_FLEETING: Final = {"cache-control": "no-store", "vary": "Cookie, Accept-Language"}
_STATES: Final = ("connecting", "open", "held", "paused", "lost", "polling", "overflow")


class LiveRoutes:
    """The handlers of the page. A `feed` is filled by this process; without one the page follows the tail on disk."""

    def __init__(
        self,
        asker: Asker,
        feed: Feed | None,
        tail: Tail | None,
        templates: Environment,
        version: str,
        firing: Callable[[], live_rules.Counts] | None = None,
    ) -> None:
        """`firing` tells what rules did since the server began, where they run in this process."""
        self._asker = asker
        self._firing = firing
        self._collects = feed is not None
        self._tail = tail
        self._follower = Follower(tail) if feed is None and tail is not None else None
        self._feed = feed or (self._follower.feed if self._follower else Feed())
        self._templates = templates
        self._version = version
        self.stream = LiveStream(Source(str(self._feed.epoch), self._look, self._written, self._cards_of))

    def routes(self) -> list[Route]:
        """The addresses."""
        return [
            Route(PATH, self._page),
            Route(f"{PATH}.part", self._part),
            Route(f"{PATH}.json", self._json),
            Route(f"{PATH}/events", self.stream),
        ]

    def _now(self) -> Now:
        if self._follower is not None:
            # What cannot be read now is told by the card that reads the tail anyway.
            with contextlib.suppress(AfterclickError):
                self._follower.catch_up()
        return self._feed.now()

    def _balance(self) -> Balance | None:
        return self._tail.balance() if self._tail is not None else None

    def _balance_card(self, voice: Voice) -> Html | None:
        try:
            found = self._balance()
        except AfterclickError as problem:
            return states.error(problem, voice, request="", retry=PATH)
        return live.balance(found, voice) if found is not None else None

    def _voice(self, lang: str, info: Mapping[str, Any]) -> Voice:
        return Voice(lang=lang, currency=str(info.get("currency") or ""), zone=str(info.get("timezone") or "UTC"))

    # The stream.

    def _look(self, after: int, most: int) -> News:
        if self._follower is not None:
            self._follower.catch_up()
        position = self._feed.position
        rows = self._feed.recent(most, after=after) if most and position > after else []
        position = rows[0].number if rows else position
        return News(rows, max(0, position - after - len(rows)) if most else 0, position)

    def _written(self, news: News, look: Look) -> str:
        voice = self._voice(look.lang, self._asker.info())
        more = live.skipped(news.skipped, voice) if news.skipped else ""
        return str(live.listed(news.rows, voice, _who)) + str(more)

    def _cards_of(self, look: Look) -> Mapping[str, str]:
        voice = self._voice(look.lang, self._asker.info())
        made = self._cards(self._now(), voice, look.view, Asked({}, None, "", False))
        return {name: str(card) for name, card in made.items()}

    def _cards(self, now: Now, voice: Voice, view: str, asked: Asked) -> dict[str, Html]:
        """The cards beside the feed, by name, in their order."""
        made = {
            "now": live.figures(now, self._feed.recent(1), voice),
            "minutes": live.bars(now, voice, asked.minute_href, view, asked.minute),
            "pages": live.ranked(now.pages, voice, "pages"),
            "origins": live.ranked(now.origins, voice, "origins"),
            "senders": live.ranked(now.senders, voice, "senders"),
            "refused": live.refusals(now.refusals, voice),
        }
        if self._firing is not None:
            made["rules"] = live_rules.firing(self._firing(), live_rule_cards.converted(self._asker, voice), voice)
        balance = self._balance_card(voice)
        return made | ({"balance": balance} if balance is not None else {})

    # The page.

    async def _page(self, request: Request) -> Response:
        asked = Asked.of(request, clock.now())
        address = Address(path=PATH, spec=opening.visitor(), looks=dict(asked.looks))
        taste = Taste.of(request, address)
        shown = await run_in_threadpool(self._whole, asked, taste, address, str(request.base_url).rstrip("/"))
        answer = HTMLResponse(shown, headers=_FLEETING)
        taste.keep(answer, address)
        return answer

    async def _part(self, request: Request) -> Response:
        """The cards and the rows alone, for a script that has no stream."""
        asked = Asked.of(request, clock.now())
        lang = Taste.of(request, Address(path=PATH, spec=opening.visitor(), looks=dict(asked.looks))).lang
        base = str(request.base_url).rstrip("/")
        body, _ = await run_in_threadpool(self._body, asked, lang, base, self._asker.info())
        return HTMLResponse(body, headers=_FLEETING)

    async def _json(self, request: Request) -> Response:
        asked = Asked.of(request, clock.now())
        body = await run_in_threadpool(self._data, asked)
        return Response(msgspec.json.encode(body), media_type="application/json", headers={"cache-control": "no-store"})

    def _data(self, asked: Asked) -> dict[str, Any]:
        now, balance = self._now(), self._balance()
        rows = self._feed.recent(minute=asked.minute, text=asked.text)
        return {
            **{name: getattr(now, name) for name in ("active", "active_more", "events")},
            "at": clock.iso(now.at),
            "since": clock.iso(now.since),
            "repeated_since": clock.iso(now.repeated_since),
            "collects": self._collects,
            "minutes": [{**minute._asdict(), "at": clock.iso(minute.at)} for minute in now.minutes],
            **{name: getattr(now, name)._asdict() for name in ("pages", "origins", "senders")},
            "refusals": [{**each._asdict(), "at": clock.iso(each.at)} for each in now.refusals],
            "balance": balance._asdict() if balance else None,
            "rows": [{**row._asdict(), "at": clock.iso(row.at), "who": _who(row.who)[0] if row.who else ""} for row in rows],
        }

    def _whole(self, asked: Asked, taste: Taste, address: Address, base: str) -> str:
        info = self._asker.info()
        voice = self._voice(taste.lang, info)
        body, after = self._body(asked, taste.lang, base, info)
        view = asked.looks.get("view", "chart")
        moving = asked.minute is None and (self._collects or self._tail is not None)
        return self._templates.get_template("live.html").render(
            t=voice.text,
            lang=taste.lang,
            theme=taste.theme,
            version=self._version,
            sheets=SHEETS,
            nav=navigation(None, address, voice, here="live"),
            badge=badge(info, voice),
            example=bool(info.get("example")),
            reload=RELOAD if moving and not asked.paused else 0,
            stream=f"{PATH}/events?{urlencode({'lang': taste.lang, 'view': view})}" if moving else "",
            part=f"{PATH}.part?{urlencode({'lang': taste.lang, 'view': view})}",
            after=f"{self._feed.epoch}-{after}",
            paused=asked.paused,
            pause=asked.href(pause=None if asked.paused else "1"),
            back="" if asked.minute is None else asked.href(minute=None),
            state=self._state(asked, voice),
            states=[(name, voice.text(f"live.state_{name}")) for name in _STATES],
            menus=_menus(asked, taste, voice),
            body=body,
        )

    def _state(self, asked: Asked, voice: Voice) -> str:
        """What holds without a script."""
        if not self._collects and self._tail is None:
            return voice.text("live.state_reads")
        if asked.minute is not None:
            return voice.text("live.state_still")
        if asked.paused:
            return voice.text("live.state_paused")
        return voice.text("live.state_reloads", s=RELOAD)

    def _body(self, asked: Asked, lang: str, base: str, info: Mapping[str, Any]) -> tuple[Html, int]:
        """The cards, and the number of the newest row among them."""
        voice, now = self._voice(lang, info), self._now()
        position = self._feed.position
        if not position and not now.refusals and not now.events:
            what = el("p", {"class": "finding"}, voice.text("live.nothing" if self._collects else "live.nothing_read"))
            how = connect.connect(base, voice, first=True) if self._collects else None
            return el("div", {"class": "cards"}, el("div", None, what, how), self._followed(asked, voice)), 0
        rows = self._feed.recent(KEPT, minute=asked.minute, text=asked.text)
        made = self._cards(now, voice, asked.looks.get("view", "chart"), asked)
        feed = self._listed(rows, now, asked, voice)
        boxes = [_box(name, made.pop(name)) for name in ("now", "minutes")] + [_box("feed", feed)]
        boxes += [_box(name, card, half=name not in ("balance", "rules")) for name, card in made.items()]
        boxes += [followed] if (followed := self._followed(asked, voice)) is not None else []
        if self._collects:
            boxes.append(_box("connect", connect.connect(base, voice, first=False)))
        return el("div", {"class": "cards"}, boxes), position

    def _followed(self, asked: Asked, voice: Voice) -> Html | None:
        seen = dict.fromkeys(row.who for row in self._feed.recent(_LOOKED_BACK) if row.who)
        near = [(handles.shown(who), asked.href(who=handles.handle(who)) + "#card-trace") for who in list(seen)[:_NEAR]]
        card = live_rule_cards.followed(self._asker, asked.who, PATH, asked.hidden(), voice, near)
        return _box("trace", card) if card is not None else None

    def _listed(self, rows: list[Row], now: Now, asked: Asked, voice: Voice) -> Html:
        minute = next((each for each in now.minutes if each.at == asked.minute), None)
        title = voice.text("live.feed")
        if minute is not None:
            shown = minute.events if asked.text else len(rows)
            title = live.minute_head(minute.at, minute.events, shown, voice)
        return live.feed(rows, voice, _who, title=title, asked=asked.text, hidden=asked.hidden())


def _box(name: str, card: Html, *, half: bool = False) -> Html:
    return el("div", {"id": f"card-{name}", "class": "half" if half else None}, card)


def _who(who: str) -> tuple[str, str]:
    """An id as it may be shown, and the page of its visitor."""
    return handles.shown(who), f"/visitor/{quote(handles.handle(who), safe='')}"


def _menus(asked: Asked, taste: Taste, voice: Voice) -> list[dict[str, Any]]:
    """Theme, language and drawing or tables, each a list of links."""
    now = {"theme": taste.theme, "lang": taste.lang, "view": asked.looks.get("view", "chart")}
    texts = {"lang": {"en": "English", "ko": "한국어"}}
    return [
        {
            "name": name,
            "text": voice.text(f"frame.{name}"),
            "items": [
                {
                    "text": texts.get(name, {}).get(value) or voice.text(f"frame.{name}_{value}"),
                    "href": asked.href(**{name: value}),
                    "here": now[name] == value,
                    "lang": value if name == "lang" else "",
                    "key": "k" if name == "view" and now[name] != value else "",
                }
                for value in LOOKS[name]
            ],
        }
        for name in ("view", "theme", "lang")
    ]
