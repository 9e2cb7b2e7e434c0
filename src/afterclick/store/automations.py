"""What people wrote down to be done by itself: on-site rules and journeys, and how messages may leave the house."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import Annotated, Final, Literal

import msgspec
from msgspec import Meta

from afterclick.core import spans

Duration = Annotated[str, Meta(pattern=spans.DURATION_PATTERN)]
MaybeDuration = Annotated[str, Meta(pattern=r"^(\d{1,7}(ms|s|m|h|d|w))?$")]
ClockTime = Annotated[str, Meta(pattern=r"^([01]\d|2[0-3]):[0-5]\d$")]
MaybeClockTime = Annotated[str, Meta(pattern=r"^(([01]\d|2[0-3]):[0-5]\d)?$")]
Share = Annotated[float, Meta(ge=0, le=1)]
Live = Literal["draft", "on", "paused"]
Channel = Literal["email", "push", "webhook", "onsite", "export"]
CHANNELS: Final = ("email", "push", "webhook", "onsite", "export")
"""Ways a journey reaches somebody."""


class _Document(msgspec.Struct, frozen=True, forbid_unknown_fields=True, omit_defaults=True, kw_only=True):
    pass


class Words(_Document, frozen=True, kw_only=True):
    """A message in one language; `title` is the subject of an e-mail, `body` may hold Liquid, `code` is a coupon.

    `lang` "" fits every visitor; otherwise the first whose language the visitor speaks, else the first of all.
    """

    lang: str = ""
    title: str = ""
    body: str = ""
    button: str = ""
    url: str = ""
    image: str = ""
    code: str = ""


class Show(_Document, frozen=True, kw_only=True):
    """What a page shows: how it looks, where (`placement` is the name of a slot, "" = anywhere), and for how long at most."""

    kind: Literal["banner", "popup", "slot", "toast"] = "banner"
    placement: str = ""
    words: tuple[Words, ...] = ()
    ttl: Duration = "10m"
    theme: Literal["auto", "light", "dark"] = "auto"
    colour: str = ""


class Arm(_Document, frozen=True, kw_only=True):
    """One version of what a rule shows; `weight` is its share among the arms, which sum to 1."""

    name: str
    weight: Share
    show: Show | None = None


class LiveRule(_Document, frozen=True, kw_only=True):
    """Something done the moment a condition over one visitor comes true.

    `on` are event names that may fire it (empty = whatever `when` asks for); `once` session, visitor, ever or a span;
    of the rules of one `group` only the one with the highest `priority` fires on an event; `cooldown` is the least time
    between two firings of rules of the group (of this rule, without a group) for one visitor. `holdout_rate` of the
    visitors get nothing, for the comparison. Exactly one of: `show` (or `arms`, each with what it shows), `enter` the
    journey of this name, `emit` an event of this name, `call` this address. `on_since` is the instant (ms UTC) from
    which it fires, set when it is switched on. `cost` is what one firing costs, `tested` the fingerprint of the rule
    that was last run over history.
    """

    name: str
    when: str
    on: tuple[str, ...] = ()
    once: str = "session"
    state: Live = "draft"
    priority: int = 0
    group: str = ""
    cooldown: MaybeDuration = ""
    holdout_rate: Share = 0.0
    show: Show | None = None
    arms: tuple[Arm, ...] = ()
    enter: str = ""
    emit: str = ""
    call: str = ""
    cost: float = 0.0
    on_since: int = 0
    tested: str = ""


class Wait(_Document, frozen=True, kw_only=True):
    """Exactly one of: `span`; `until` a local time of day ("10:00", the next one; `weekdays` 1 = Monday narrow it);
    `event` a step (`Order Completed[revenue > 0]`) or `condition` a rule, with the `timeout` after which it goes on anyway."""

    span: MaybeDuration = ""
    until: MaybeClockTime = ""
    weekdays: tuple[Annotated[int, Meta(ge=1, le=7)], ...] = ()
    event: str = ""
    condition: str = ""
    timeout: MaybeDuration = ""


class Send(_Document, frozen=True, kw_only=True):
    """One message. `advertising` messages need consent to marketing and heed quiet hours; others are about the order
    itself. `to` is the address of a webhook, or the name of an audience. `resend`: an e-mail of unknown outcome goes again."""

    channel: Channel
    words: tuple[Words, ...] = ()
    show: Show | None = None
    to: str = ""
    tags: tuple[str, ...] = ()
    advertising: bool = True
    resend: bool = False
    cost: float = 0.0


class Node(_Document, frozen=True, kw_only=True):
    """One step of a journey: exactly one of its fields. `set` notes values on the run, which templates may show;
    `branch` goes on with `then` or `otherwise` and comes back behind them; `split` parts visitors by a stable draw."""

    wait: Wait | None = None
    send: Send | None = None
    branch: Branch | None = None
    split: tuple[Way, ...] = ()
    set: dict[str, str] = {}
    exit: bool = False


class Branch(_Document, frozen=True, kw_only=True):
    """Which way, by a rule asked the moment the run comes here."""

    when: str
    then: tuple[Node, ...] = ()
    otherwise: tuple[Node, ...] = ()


class Way(_Document, frozen=True, kw_only=True):
    """One way of a split; the shares of all sum to 1."""

    name: str
    share: Share
    steps: tuple[Node, ...] = ()


class Entry(_Document, frozen=True, kw_only=True):
    """Who enters: at an `event` (a step) that somebody does for whom `when` holds; the moment the rule `when` comes true;
    everybody of a `segment` at a `daily` local time ("10:00"). `rules` with `enter` bring visitors in as well."""

    event: str = ""
    when: str = ""
    segment: str = ""
    daily: MaybeClockTime = ""


class Journey(_Document, frozen=True, kw_only=True):
    """A flow of steps for one visitor, that goes on by itself over days.

    `again`: never, after_exit, a span since the last entry, or `key:FIELD` (one run per value of a field of the event).
    `goal` and `leave` are steps (`Order Completed`) looked at whenever they happen: they end the run and its timers.
    A timer overdue by more than `grace` is skipped. A run keeps the `version` it began with. `tested` is the fingerprint
    of the journey that was last run over history.
    """

    name: str
    version: Annotated[int, Meta(ge=1)] = 1
    state: Live = "draft"
    entry: Entry = Entry()
    again: str = "after_exit"
    goal: tuple[str, ...] = ()
    leave: tuple[str, ...] = ()
    steps: tuple[Node, ...] = ()
    grace: Duration = "1h"
    holdout_rate: Share = 0.0
    on_since: int = 0
    tested: str = ""


class Cap(_Document, frozen=True, kw_only=True):
    """At most so many messages to one visitor per `day` or `week` of the visitor's calendar, or in any span (`7d`); of one
    channel or tag where they are named."""

    most: Annotated[int, Meta(ge=0)]
    per: str = "day"
    channel: Literal["", "email", "push", "webhook", "onsite", "export"] = ""
    tag: str = ""


class Delivery(_Document, frozen=True, kw_only=True):
    """How messages leave, and what holds them back. Passwords stand in secrets.toml, never here.

    `quiet` are local times of the visitor between which advertising waits (or is dropped: `quiet_mode`). `preset` "kr"
    adds the Korean rules for advertising: label, sender, free opt-out, consent for the night, renewed every two years.
    `holdout_rate` of all visitors get no journey at all. `smtp` is host:port; `base_url` is where this server can be
    reached, for links to opt out.
    """

    sender: str = ""
    company: str = ""
    phone: str = ""
    address: str = ""
    from_email: str = ""
    reply_to: str = ""
    smtp: str = ""
    smtp_tls: Literal["starttls", "tls", "none"] = "starttls"
    smtp_user: str = ""
    base_url: str = ""
    push_contact: str = ""
    preset: Literal["", "kr"] = ""
    quiet: Annotated[tuple[ClockTime, ...], Meta(max_length=2)] = ("21:00", "08:00")
    quiet_mode: Literal["hold", "drop"] = "hold"
    caps: tuple[Cap, ...] = (Cap(most=2, per="day"), Cap(most=5, per="week"))
    holdout_rate: Share = 0.0
    per_second: Annotated[int, Meta(ge=1, le=10_000)] = 50


def nodes(steps: Sequence[Node], place: str = "") -> Iterator[tuple[str, Node]]:
    """Every node with its place, depth first: `0`, `1.then.0`, `2.b.0` (way b of the split at 2)."""
    for i, node in enumerate(steps):
        here = f"{place}{i}"
        yield here, node
        if node.branch is not None:
            yield from nodes(node.branch.then, f"{here}.then.")
            yield from nodes(node.branch.otherwise, f"{here}.otherwise.")
        for way in node.split:
            yield from nodes(way.steps, f"{here}.{way.name}.")
