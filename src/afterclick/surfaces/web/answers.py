"""One request turned into cards: the question is asked, what came of it is drawn, and the page knows if it is whole."""

from __future__ import annotations

import hashlib
import itertools
import logging
from collections.abc import Callable, Mapping
from typing import Any, Final
from urllib.parse import urlencode

import msgspec

from afterclick.core.errors import AfterclickError, NotEnoughData, SpecError
from afterclick.core.result import Result
from afterclick.core.spec import Spec
from afterclick.surfaces.viz import drawer, states
from afterclick.surfaces.viz.markup import Html, el
from afterclick.surfaces.viz.voice import Voice
from afterclick.surfaces.web.address import Address
from afterclick.surfaces.web.pages import Page
from afterclick.surfaces.web.taste import Taste
from afterclick.surfaces.web.work import Work

PATIENCE: Final = 0.25
"""Seconds a page waits for its cards."""
LIMIT: Final = 60.0
"""Seconds after which a card says that it takes too long."""

_LOG: Final = logging.getLogger("afterclick.web")
_NUMBERS: Final = itertools.count(1)


class Outcome(msgspec.Struct, frozen=True):
    """What came of a question: a result, a problem of the asker's, a fault of ours, or nothing yet."""

    result: Result | None = None
    problem: AfterclickError | None = None
    fault: bool = False
    request: str = ""

    @property
    def whole(self) -> bool:
        """Whether the answer stands, so that it may be kept by the browser."""
        return self.result is not None or isinstance(self.problem, NotEnoughData)


async def ask(work: Work, spec: Spec, fingerprint: str, seconds: float) -> Outcome:
    """The outcome after at most `seconds`; a fault is logged under a number that the card shows."""
    running = await work.settle(spec, fingerprint, seconds)
    if running is None:
        return Outcome()
    error = running.exception()
    if error is None:
        return Outcome(result=running.result())
    request = f"{next(_NUMBERS):06d}"
    if isinstance(error, AfterclickError):
        return Outcome(problem=error, request=request)
    _LOG.error("request %s: %s failed", request, spec.key_word, exc_info=error)
    return Outcome(fault=True, request=request)


def voice_of(address: Address, taste: Taste, info: Mapping[str, Any]) -> Voice:
    """The voice of a page: its numbers lead to the visitors behind them, at the same address."""
    return Voice(
        lang=taste.lang,
        currency=str(info.get("currency") or ""),
        zone=str(info.get("timezone") or "UTC"),
        prefix="m",
        people=_behind(address),
        go=address.href,
    )


def _behind(address: Address) -> Callable[[str], str]:
    """Where the visitors of a cell stand: `people` comes last in an address, so the rest is written once."""
    here = address.href()
    start = here + ("&" if "?" in here else "?")
    return lambda cell: f"{start}{urlencode({'people': cell})}#drawer"


def cards(page: Page, address: Address, outcome: Outcome, info: Mapping[str, Any], voice: Voice) -> Html:
    """The cards of the page, or what stands in their place."""
    if info.get("last_at") is None and outcome.result is None:
        return states.no_data(voice)
    result = outcome.result
    if result is None:
        return _instead(page, address, outcome, voice)
    if page.name == "map" and not result.about.get("visitors", 1):
        return states.none_here(voice, _wider(address, voice))
    view = address.looks.get("view", "chart")
    wanted = [address.card] if address.card in page.cards else list(page.cards)
    drawn = [(name, page.cards[name](result, voice, view)) for name in wanted]
    return el("div", {"class": "cards"}, [el("div", {"id": f"card-{name}"}, card) for name, card in drawn if card])


def _instead(page: Page, address: Address, outcome: Outcome, voice: Voice) -> Html:
    if isinstance(outcome.problem, NotEnoughData):
        return states.none_here(voice, _wider(address, voice))
    if outcome.problem is not None or outcome.fault:
        return states.error(outcome.problem, voice, request=outcome.request, retry=address.href())
    part = address.href(path=f"/{page.name}.part")
    return states.skeleton(page.name, part, address.href({"wait": "1"}), voice)


def _wider(address: Address, voice: Voice) -> list[tuple[str, str]]:
    """What would let more in: all days, and every filter left out once."""
    ways = []
    if getattr(address.spec, "range", "all") != "all":
        ways.append((voice.text("empty.widen"), address.href({"range": "all"})))
    where: tuple[str, ...] = getattr(address.spec, "where", ())
    for i, text in enumerate(where[:8]):
        rest = where[:i] + where[i + 1 :]
        ways.append((voice.text("empty.without", what=text[:80]), address.href({"where": rest})))
    return ways


def people(address: Address, outcome: Outcome, voice: Voice) -> Html | None:
    """The drawer of the cell the address names; None where it names none or there is no answer."""
    if not address.people or outcome.result is None:
        return None
    close = address.href()
    try:
        behind = outcome.result.people(address.people)
    except SpecError as error:
        return drawer.failed(error.message, error.hint, close, voice)
    offset = min((address.page - 1) * drawer.PAGE, max(0, len(behind) - 1) // drawer.PAGE * drawer.PAGE)
    number = offset // drawer.PAGE + 1
    more = offset + drawer.PAGE < len(behind)
    query = {"people": address.people, "view": None}
    question = {**query, "question": address.spec.key_word}
    ways = drawer.Ways(
        close=close,
        csv=address.href(question, path="/people.csv"),
        json=address.href(question, path="/people.json"),
        before=address.href({"people": address.people, "page": str(number - 1)}) + "#drawer" if number > 1 else "",
        after=address.href({"people": address.people, "page": str(number + 1)}) + "#drawer" if more else "",
        filters=_filters(address, voice),
    )
    return drawer.drawer(behind, offset, ways, voice)


def _filters(address: Address, voice: Voice) -> tuple[tuple[str, str], ...]:
    """For a cell of one channel or device: the same page with only it, and without it."""
    named = dict(part.partition("=")[::2] for part in address.people.split(";"))
    found = [(field, named[field]) for field in ("channel", "device_type") if named.get(field)]
    if not found or not hasattr(address.spec, "where"):
        return ()
    field, value = found[0]
    where: tuple[str, ...] = address.spec.where
    literal = msgspec.json.encode(value).decode()
    what = voice.name(field, value)[:60]
    return (
        (voice.text("drawer.only", what=what), address.href({"where": (*where, f"{field} == {literal}")})),
        (voice.text("drawer.without", what=what), address.href({"where": (*where, f"{field} != {literal}")})),
    )


def etag(*parts: object) -> str:
    """A weak validator: equal parts give equal pages, byte for byte before compression."""
    text = "\x1f".join(str(part) for part in parts)
    return f'W/"{hashlib.sha256(text.encode()).hexdigest()[:24]}"'
