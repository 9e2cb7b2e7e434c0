"""A test send: one message to one's own address, put together and handed over exactly as a visitor's would be."""

from __future__ import annotations

from collections.abc import Mapping
from functools import partial
from typing import Any, Final, NamedTuple

from afterclick.act import templates
from afterclick.act.gate.verdict import Go
from afterclick.act.message import Deliver, Outcome
from afterclick.act.outbox.composing import compose
from afterclick.act.outbox.intent import Intent
from afterclick.core import clock
from afterclick.core.errors import SpecError
from afterclick.core.said import Said
from afterclick.decide.rules.problem import Problem
from afterclick.store.automations import Delivery, Send, Words

CHANNELS: Final = ("email", "push", "webhook")
"""Channels that lead to an address somebody can name."""


class Tested(NamedTuple):
    """What was sent, None where the words cannot be put together; what is wrong with them; what came of it."""

    words: Words | None
    problems: tuple[Problem, ...]
    outcome: Outcome


def send_test(
    channels: Mapping[str, Deliver],
    channel: str,
    words: Words,
    address: str,
    values: Mapping[str, Any],
    *,
    lang: str = "",
    delivery: Delivery | None = None,
    advertising: bool = False,
) -> Tested:
    """Send it. No gate is asked and nothing is counted: the address is the operator's own. Raises SpecError for a channel
    that leads to no address.

    `lang` stands for words of no language. Advertising carries all that `delivery` adds to it; its link to opt out is about
    nobody and leads to a page that says so.
    """
    if channel not in CHANNELS:
        raise SpecError(Said("refusals.cannot_try", channel=channel), hint=", ".join(CHANNELS), path="channel")
    spoken = words.lang or lang
    seen = templates.preview(words, values, spoken, channel=channel)
    if seen.words is None:
        return Tested(None, seen.problems, Outcome.failure(Said("refusals.words_broken")))
    at = clock.now()
    send = Send(channel=channel, words=(words,), to=address, advertising=advertising)  # type: ignore[arg-type]
    intent = Intent(action_id=f"test{at:x}", visitor="", send=send, at=at, journey="test", values=dict(values))
    message = compose(
        intent, Go(address, spoken), delivery or Delivery(), seen.words, at=at, links=partial(_to_nobody, delivery)
    )
    return Tested(seen.words, seen.problems, channels[channel].deliver(message))


def _to_nobody(delivery: Delivery | None, _visitor: str, channel: str) -> str:
    home = delivery.base_url.rstrip("/") if delivery is not None else ""
    return f"{home}/u/test" if home and channel == "email" else ""
