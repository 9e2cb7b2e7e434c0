"""One request turned into cards: each question is asked, what came of it is drawn, and the page knows if it is whole."""

from __future__ import annotations

import asyncio
import hashlib
import itertools
import logging
from collections.abc import Callable, Mapping, Sequence
from typing import Any, Final
from urllib.parse import urlencode

import msgspec

from afterclick.core.errors import AfterclickError, NotEnoughData
from afterclick.core.result import Result
from afterclick.core.spec import Spec
from afterclick.surfaces.viz import states
from afterclick.surfaces.viz.markup import Html, el, join
from afterclick.surfaces.viz.voice import Voice
from afterclick.surfaces.web.address import Address
from afterclick.surfaces.web.marks import acts, condition_of
from afterclick.surfaces.web.page import Card, Page, scoped
from afterclick.surfaces.web.pages import named
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


class Asked(msgspec.Struct, frozen=True):
    """A card of a page with its question, or with what was wrong in it."""

    name: str
    card: Card
    spec: Spec
    problem: AfterclickError | None = None


def plan(page: Page, address: Address) -> list[Asked]:
    """The cards of the page in order, each with its question; only one where the address asks for one."""
    cards = page.opening if address.missing else page.cards
    # Beside `people`, `card` says whose visitors are shown, and the page stays whole.
    if address.card in cards and not address.people:
        cards = {address.card: cards[address.card]}
    made = []
    for name, card in cards.items():
        try:
            spec = card.question(address.spec, page.looked(address.looks))
        except AfterclickError as error:
            made.append(Asked(name, card, address.spec, error))
        else:
            made += [Asked(name, card, spec)] if spec is not None else []
    return made


async def ask_all(work: Work, cards: Sequence[Asked], fingerprint: str, seconds: float) -> dict[str, Outcome]:
    """What came of each card's question; all wait at the same time, equal questions run once."""
    specs = {each.spec.key: each.spec for each in cards if each.problem is None}
    outcomes = await asyncio.gather(*(ask(work, spec, fingerprint, seconds) for spec in specs.values()))
    by_key = dict(zip(specs, outcomes, strict=True))
    return {
        each.name: Outcome(problem=each.problem, request="-") if each.problem else by_key[each.spec.key] for each in cards
    }


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


Automate = Callable[[Voice, str], Html | None]
"""(voice, recommended action) -> the button that drafts an automation of it; None where there is none."""


def voice_of(
    page: Page,
    address: Address,
    taste: Taste,
    info: Mapping[str, Any],
    card: Asked | None = None,
    automate: Automate | None = None,
) -> Voice:
    """The voice of a page, or of one of its cards: its numbers lead to the visitors behind them, at the same address."""
    own = card is not None and (card.card.ask is not None or card.card.choose is not None)
    spec = card.spec if card else address.spec
    plainly = Voice(lang=taste.lang)
    return Voice(
        lang=taste.lang,
        currency=str(info.get("currency") or ""),
        zone=str(info.get("timezone") or "UTC"),
        automate=(lambda action: automate(plainly, action)) if automate else None,
        prefix=f"c-{card.name}" if card else "c",
        people=_behind(address, card.name if card and own else ""),
        go=address.href,
        looks=page.looked(address.looks),
        to=lambda name, fields: elsewhere(name, address, fields),
        acts=lambda cell, where: acts(cell, where or condition_of(cell, spec), page),
    )


def elsewhere(name: str, address: Address, fields: Mapping[str, Any]) -> str:
    """The address of another page with the same scope, language and theme; empty where there is no such page.

    What that page needs and nobody gives here is left to be asked there.
    """
    page = named(name)
    if page is None:
        return ""
    looks = {look: value for look, value in address.looks.items() if look in ("lang", "theme")}
    looks |= {look: fields[look] for look, values in page.looks.items() if fields.get(look, values[0]) != values[0]}
    given = {field: value for field, value in fields.items() if field not in page.looks}
    missing = frozenset(field.name for field in page.kind.fields() if field.required) - set(given)
    if missing and page.start is None:
        return ""
    try:
        spec = scoped(page.kind, address.spec, **{field: getattr(page.start, field) for field in missing} | given)
    except AfterclickError:
        return ""
    return Address(path=page.path, spec=spec, inner=page.inner, missing=missing, looks=looks, own=page.looks).href()


def _behind(address: Address, card: str) -> Callable[[str], str]:
    """Where the visitors of a cell stand: `people` comes last in an address, so the rest is written once."""
    here = address.href()
    start = here + ("&" if "?" in here else "?")
    more = {"card": card} if card else {}
    return lambda cell: f"{start}{urlencode({'people': cell, **more})}#drawer"


def cards(
    page: Page,
    address: Address,
    asked: Sequence[Asked],
    outcomes: Mapping[str, Outcome],
    info: Mapping[str, Any],
    taste: Taste,
    automate: Automate | None = None,
) -> Html:
    """The cards of the page, or what stands in their place."""
    voice = voice_of(page, address, taste, info)
    if info.get("last_at") is None and all(outcome.result is None for outcome in outcomes.values()):
        return states.no_data(voice)
    if asked and all(_hollow(each, outcomes[each.name]) for each in asked):
        return states.none_here(voice, _wider(address, voice))
    return el(
        "div",
        {"class": "cards"},
        [
            _boxed(each, _drawn(page, address, each, outcomes[each.name], info, taste, automate))
            for each in asked
            if each.name not in _repeated(outcomes)
        ],
    )


def _repeated(outcomes: Mapping[str, Outcome]) -> set[str]:
    """The cards whose problem another card names already: one wrong word in the question is told once."""
    told: set[str] = set()
    again = set()
    for name, outcome in outcomes.items():
        if outcome.problem is not None:
            again |= {name} if outcome.problem.message in told else set()
            told.add(outcome.problem.message)
    return again


def card(
    page: Page,
    address: Address,
    asked: Sequence[Asked],
    outcomes: Mapping[str, Outcome],
    info: Mapping[str, Any],
    taste: Taste,
    automate: Automate | None = None,
) -> Html:
    """The one card that was asked for, to be put in the place of its skeleton."""
    return join(_drawn(page, address, each, outcomes[each.name], info, taste, automate) for each in asked)


def _boxed(asked: Asked, made: Html | None) -> Html | None:
    css = "half" if asked.card.half else None
    return el("div", {"id": f"card-{asked.name}", "class": css}, made) if made else None


def _hollow(asked: Asked, outcome: Outcome) -> bool:
    """Whether there is nothing in this range or filter."""
    if isinstance(outcome.problem, NotEnoughData):
        return True
    return outcome.result is not None and not asked.card.bare and not outcome.result.about.get("visitors", 1)


def _drawn(
    page: Page,
    address: Address,
    asked: Asked,
    outcome: Outcome,
    info: Mapping[str, Any],
    taste: Taste,
    automate: Automate | None,
) -> Html | None:
    voice = voice_of(page, address, taste, info, asked, automate)
    if _hollow(asked, outcome):
        return states.none_here(voice, _wider(address, voice))
    if outcome.result is not None:
        return asked.card.draw(outcome.result, voice, address.looks.get("view", "chart"))
    if outcome.problem is not None or outcome.fault:
        return states.error(outcome.problem, voice, request=outcome.request, retry=address.href())
    part = address.href({"card": asked.name}, path=f"/{page.name}.part")
    return states.skeleton(part, address.href({"wait": "1"}), voice)


def late(address: Address, voice: Voice) -> Html:
    """A card whose answer did not come within the limit."""
    problem = AfterclickError(voice.text("errors.too_long", s=int(LIMIT)), hint=voice.text("errors.too_long_hint"))
    return states.error(problem, voice, request="", retry=address.href())


def _wider(address: Address, voice: Voice) -> list[tuple[str, str]]:
    """What would let more in: all days, and every filter left out once."""
    ways = []
    if getattr(address.spec, "range", "all") != "all":
        ways.append((voice.text("empty.widen"), address.href({"range": "all"})))
    where: tuple[str, ...] = getattr(address.spec, "where", ())
    for i, text in enumerate(where[:8]):
        rest = where[:i] + where[i + 1 :]
        ways.append((voice.text("empty.without", what=text[:80]), address.href({"where": rest})))
    asked: tuple[str, ...] = getattr(address.spec, "segment", ())
    for i, text in enumerate(asked[:8]):
        rest = asked[:i] + asked[i + 1 :]
        ways.append((voice.text("empty.without", what=text[:80]), address.href({"segment": rest})))
    return ways


def etag(*parts: object) -> str:
    """A weak validator: equal parts give equal pages, byte for byte before compression."""
    text = "\x1f".join(str(part) for part in parts)
    return f'W/"{hashlib.sha256(text.encode()).hexdigest()[:24]}"'
