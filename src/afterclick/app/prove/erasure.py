"""Erasure is complete: a person who is in every part of a store is found in all of them, and after it in none."""

from __future__ import annotations

import random
import shutil
import threading
from collections.abc import Sequence
from contextlib import closing
from pathlib import Path
from typing import Any, Final

import msgspec

from afterclick.act import acts_file
from afterclick.analyse.handles import mask
from afterclick.analyse.kpi import Kpi
from afterclick.analyse.visitor import Visitor
from afterclick.app import kept_acts, kept_words
from afterclick.app.people import erasing
from afterclick.app.people.forms import Needles
from afterclick.app.people.traces import Search, Trace
from afterclick.app.people.whose import person_of
from afterclick.app.prove import planted, planted_acts
from afterclick.app.prove.proof import Check, Proof, Tell, check, step
from afterclick.app.workspace import Workspace
from afterclick.app.workspace import open as open_store
from afterclick.collect.privacy.policy import Policy
from afterclick.collect.wire.canonical import Canonical
from afterclick.collect.wire.canonical import encode as encoded
from afterclick.collect.wire.request import WireRequest
from afterclick.core import clock
from afterclick.core.errors import SpecError
from afterclick.core.event import Event, Rejected
from afterclick.core.money import to_minor
from afterclick.core.spans import MINUTE
from afterclick.decide.states_file import StatesFile
from afterclick.store import tombstones
from afterclick.store.automations import LiveRule, Show, Words
from afterclick.store.documents import Board
from afterclick.store.live import database
from afterclick.store.live.calls import TailCall
from afterclick.store.live.tail import Tail
from afterclick.store.privacy import Privacy
from afterclick.store.tombstones import Tombstones

_OTHERS: Final = 40
_SPACES: Final = ("u:", "a:", "e:")
_SPENT: Final = 10_000
_PARTS: Final = (
    ".parquet", "log/rejects/", "projection/", database.FILE, acts_file.FILE, "segments/", "afterclick.toml",
    "documents/undo.jsonl", "documents/automations.jsonl",
)
"""What the person is planted in: each of these must be named by the search before, and none after."""


def look(shop: Workspace, given: Sequence[str], space: str, folder: Path, tell: Tell) -> Proof:
    """Search every file of a store for ids, and for all that the store knows to be of the same people.

    Whether the search finds what is there is tried first, on files made under `folder`. An id that no event carries is
    searched for as it was given; of a short one only whole values.
    """
    began = clock.ticks()
    ids = tuple(dict.fromkeys(one for text in given for one in _ids(shop, text, space)))
    tell(step("erasure_planted"))
    missed = planted.missed(folder, ids)
    checks = [check("erasure_planted", missed, n=planted.places(ids))]
    tell(step("erasure_searched"))
    needles = Needles(ids)
    search = Search(shop.store.path, needles)
    found = [_said(one) for one in search.run()]
    checks.append(check("erasure_searched", found, files=search.files, megabytes=round(search.bytes / 1e6, 1)))
    known = Tombstones.load(shop.store.path)
    open_ = [mask(text) for text in given if not any(known.erased(one[:2], one[2:]) for one in _spelled(text, space))]
    checks.append(check("erasure_tombstones", open_, n=len(given)))
    return Proof("erasure", 0, tuple(checks), clock.ticks() - began, ("erasure_short",) if needles.short else ())


def _ids(shop: Workspace, text: str, space: str) -> tuple[str, ...]:
    spelled = _spelled(text, space)
    try:
        found = person_of(shop.context(), text, space)
    except SpecError:
        return spelled
    return tuple(dict.fromkeys((*spelled, *found.ids)))


def _spelled(text: str, space: str) -> tuple[str, ...]:
    return (space + text,) if space else tuple(one + text for one in _SPACES)


def _said(one: Trace) -> str:
    return f"{one.file}: {one.place} ({one.form}, {one.id})"


class _Trial:
    """A shop with one person in every part of it, and others who must stay."""

    def __init__(self, seed: int, folder: Path) -> None:
        rng = random.Random(seed)  # noqa: S311 - cases, not secrets
        mark = f"{rng.getrandbits(40):010x}"
        self.user, self.email = f"kim-{mark}", f"kim.{mark}@mail.example"
        self.devices = (f"dev-{mark}-one", f"dev-{mark}-two")
        self.ids = (f"u:{self.user}", f"e:{self.email}", *(f"a:{one}" for one in self.devices))
        self.path = folder / "shop"
        self.begin = clock.now() - 3 * 24 * 60 * MINUTE
        self.number = 0

    def event(self, name: str, **more: Any) -> Event:
        """The next event, a minute after the one before."""
        self.number += 1
        at = self.begin + self.number * MINUTE
        return Event(event_id=f"trial-{self.number}", event=name, occurred_at=at, received_at=at, source="trial", **more)

    def build(self) -> None:
        """Put the person into log, rejects, lists, definitions, boards and models."""
        first, second = self.devices
        with open_store(self.path, write=True, create=True) as shop:
            shop.append(self._imported())
            self._reject(shop)
            shop.link(f"a:{first}", f"a:{second}")
            shop.save("Kim", Visitor(id=f"u:{self.user}"))
            shop.segments.save("Buyers", "visitor.orders >= 1")
            shop.segments.take("Buyers", "Buyers then")
            shop.desk.put_board(Board(name="Calls", text=f"ask {self.email} again"))
            shop.desk.put_board(Board(name="Calls 2"))
            rule = LiveRule(name=f"Call {self.user}", when="session.pages >= 3", show=Show(words=(Words(title=self.email),)))
            shop.automations.put(rule)
            shop.automations.put(msgspec.structs.replace(rule, priority=1), was=rule.name)
        with open_store(self.path, write=True) as shop, closing(Tail.open(self.path)) as tail:
            taker = Taker(self.path, tail)
            taker.take([self.live(first, user_id=self.user), self.live("someone", url=f"https://s.example/u/{self.user}")])
            shop.store.seal(tail)
            taker.take([self.live(second, email=self.email), self.live("someone-else")])
            planted_acts.plant(self.path, f"a:{first}", self.live(first, user_id=self.user, email=self.email))

    def _imported(self) -> list[Event]:
        first, second = self.devices
        own = [
            self.event("Page Viewed", anonymous_id=first, url="https://s.example/"),
            self.event("Signed Up", anonymous_id=first, user_id=self.user, email=self.email),
            self.event("Page Viewed", anonymous_id=second),
            self._order(first, self.user, "o-kim"),
            self.event("Order Refunded", order_id="o-kim", amount=to_minor(_SPENT), currency="KRW"),
        ]
        others = [self._order(f"other-{number}", None, f"o-{number}") for number in range(_OTHERS)]
        told = self.event("Signed Up", anonymous_id="friend", properties={"referred_by": self.user, "note": f"by {self.email}"})
        return [*own, *others, told]

    def _order(self, device: str, user: str | None, order: str) -> Event:
        return self.event(
            "Order Completed", anonymous_id=device, user_id=user, order_id=order, amount=to_minor(_SPENT), currency="KRW"
        )

    def _reject(self, shop: Workspace) -> None:
        row = msgspec.json.encode({"time": "yesterday", "user": self.user, "mail": self.email}).decode()
        with shop.store.transaction("trial") as transaction:
            one = Rejected(id="trial", at=self.begin, source="trial", code="bad_time", message="no time", original=row)
            transaction.reject([one])
            transaction.commit({"read": 1})

    def live(self, device: str, **more: Any) -> Canonical:
        """The next event as a tracker sends it."""
        made = self.event("Product Viewed")
        return Canonical(
            event_id=made.event_id, type="track", event=made.event, anonymous_id=device, occurred_at=made.occurred_at,
            received_at=made.occurred_at, **more,
        )  # fmt: skip


class Taker:
    """Live events through the policy into the tail, as a server takes them; it is a server to an erasure, too."""

    def __init__(self, store: Path, tail: Tail) -> None:
        self.tail = tail
        self._store = store
        self.policy = Policy.of_store(store, Privacy())
        self._mutex = threading.Lock()
        self._request = WireRequest("POST", "/v1/batch", "", {}, b"", clock.now())

    def quiesce(self) -> None:
        """As a server's: from now on nobody who was erased is admitted, and who was admitted is in the tail."""
        with self._mutex:
            self.policy.reload()

    def forget(self, ids: Sequence[str]) -> None:
        """Nothing is decided here; what an earlier server kept of its visitors goes with its file."""
        StatesFile(self._store).remove()
        kept_acts.forget_offline(self._store, ids)

    def blot(self, blotting: kept_words.Blotting) -> bool:
        """As a server's that sends nothing just now."""
        return kept_words.blot_offline(self._store, blotting)

    def resend(self, action_id: str, channel: str) -> bool:  # noqa: ARG002 - as a server's
        """Nothing is sent here."""
        return False

    def take(self, events: Sequence[Canonical]) -> int:
        """Store what the policy admits; how many events that were."""
        with self._mutex:
            kept = [one for event in events if (one := self.policy.admit(event, self._request)) is not None]
            if kept:
                ids = tuple(one.event_id for one in kept)
                bodies = tuple(encoded(one) for one in kept)
                self.tail.commit([TailCall(clock.now(), "trial", bodies, ids, tuple(range(len(kept))))])
            return len(kept)


def prove(seed: int, folder: Path, tell: Tell) -> Proof:
    """Plant a person everywhere, copy the store, erase them while their events still stream in, and look again."""
    began = clock.ticks()
    trial = _Trial(seed, folder)
    needles = Needles(trial.ids)
    tell(step("erasure_planted"))
    checks = [check("erasure_planted", planted.missed(folder, trial.ids), n=planted.places(trial.ids))]
    trial.build()
    tell(step("erasure_before"))
    named = {one.file for one in Search(trial.path, needles).run()}
    missing = [part for part in _PARTS if not any(part in name for name in named)]
    checks.append(check("erasure_before", missing, n=len(_PARTS)))
    shutil.copytree(trial.path, folder / "backup")
    tell(step("erasure_after"))
    checks += _erased(trial, needles)
    tell(step("erasure_restored"))
    checks.append(_restored(trial, needles, folder / "backup"))
    return Proof("erasure", seed, tuple(checks), clock.ticks() - began)


def _erased(trial: _Trial, needles: Needles) -> list[Check]:
    """Erase while the person's events and others' stream in."""
    ended = threading.Event()
    refused: list[int] = []
    with open_store(trial.path, write=True) as shop, closing(Tail.open(trial.path)) as tail:
        taker = Taker(trial.path, tail)
        shop.live = taker
        stream = threading.Thread(target=_stream, args=(trial, taker, ended, refused), name="afterclick-prove-stream")
        stream.start()
        try:
            shop.erase(trial.user)
        finally:
            ended.set()
            stream.join()
        again = taker.take([trial.live(trial.devices[0], user_id=trial.user, email=trial.email)])
        brought = shop.append([trial.event("Page Viewed", user_id=trial.user)])
        shop.store.seal(tail)
    left = [_said(one) for one in Search(trial.path, needles).run()]
    checks = [check("erasure_after", left, files=len(list(trial.path.rglob("*"))))]
    came = [what for what, n in (("live", again), ("import", brought)) if n]
    checks.append(check("erasure_refused", [*came, *(["stream"] if refused[:1] == [0] else [])], n=len(refused)))
    with open_store(trial.path) as shop:
        figures = shop.ask(Kpi(range="all", compare="none")).figures
    wrong = [] if (figures["orders"], figures["revenue"]) == (_OTHERS, _OTHERS * _SPENT) else [f"{figures}"]
    checks.append(check("erasure_totals", wrong, orders=_OTHERS))
    return checks


def _stream(trial: _Trial, taker: Taker, ended: threading.Event, refused: list[int]) -> None:
    while not ended.wait(0.01):
        event = trial.live(trial.devices[1], user_id=trial.user, url=f"https://s.example/{trial.user}")
        taker.take([trial.live("passer-by")])
        refused += [] if taker.take([event]) else [1]


def _restored(trial: _Trial, needles: Needles, backup: Path) -> Check:
    """A copy from before, with the tombstones of today: whoever was erased is found by them and erased again."""
    for name in (tombstones.FILE, tombstones.KEY):
        shutil.copy2(trial.path / name, backup / name)
    with open_store(backup, write=True) as shop:
        erasing.again(shop)
    return check("erasure_restored", [_said(one) for one in Search(backup, needles).run()], files=len(list(backup.rglob("*"))))
