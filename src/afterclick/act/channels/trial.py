"""A test send: one message to one's own address, put together and handed over exactly as a visitor's would be."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Final, NamedTuple

from afterclick.act import templates
from afterclick.act.message import Deliver, Message, Outcome
from afterclick.act.outbox.intent import Intent
from afterclick.core import clock
from afterclick.core.errors import SpecError
from afterclick.decide.rules.problem import Problem
from afterclick.store.automations import Send, Words

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
    headers: Mapping[str, str] | None = None,
) -> Tested:
    """Send it. No gate is asked and nothing is counted: the address is the operator's own. Raises SpecError for a channel
    that leads to no address."""
    if channel not in CHANNELS:
        raise SpecError(f"nothing can be tried on {channel!r}", hint=", ".join(CHANNELS), path="channel")
    seen = templates.preview(words, values, words.lang, channel=channel)
    if seen.words is None:
        return Tested(None, seen.problems, Outcome("failed", "the words cannot be put together"))
    at = clock.now()
    send = Send(channel=channel, words=(words,), to=address, advertising=False)  # type: ignore[arg-type]
    intent = Intent(action_id=f"test{at:x}", visitor="", send=send, at=at, journey="test", values=dict(values))
    message = Message(intent.action_id, channel, address, seen.words, intent, headers or {}, at)
    return Tested(seen.words, seen.problems, channels[channel].deliver(message))
