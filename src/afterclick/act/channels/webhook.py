"""Webhooks: a signed call to an address that the operator wrote down, the same key at every try, at least once."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Final

import msgspec

from afterclick.act.channels.push import Post
from afterclick.act.message import Message, Outcome
from afterclick.act.outbound import signing
from afterclick.act.outbound.call import Receipt
from afterclick.core import clock
from afterclick.core.errors import UsageError

MOST_BYTES: Final = 64 * 1024
_GONE: Final = 410
_SECOND: Final = 1_000_000

Keys = Callable[[int], Sequence[str]]
"""`keys(now_s)`: the secrets that sign now, the newest first."""


class Webhook:
    """The channel: what the receiver has under one `Idempotency-Key` it has once, however often it is called."""

    at_least_once = True

    def __init__(self, keys: Keys, post: Post) -> None:
        self._keys = keys
        self._post = post

    def deliver(self, message: Message) -> Outcome:
        """Call it. Whatever is no yes is tried again by the sender's plan, but for `410 Gone` and a refused address."""
        body = content(message)
        if len(body) > MOST_BYTES:
            return Outcome("failed", f"the call would be longer than {MOST_BYTES // 1024} kB")
        now_s = clock.now() // _SECOND
        headers = {
            "Content-Type": "application/json",
            "Idempotency-Key": message.action_id,
            "User-Agent": "afterclick",
            signing.HEADER: signing.sign(body, self._keys(now_s), now_s),
        }
        try:
            return _outcome(self._post(message.address, body, headers))
        except UsageError as error:
            return Outcome.failure(error.said)


def content(message: Message) -> bytes:
    """The JSON of a call: who and why, and the words as they were put together; the same at every try."""
    intent, words = message.intent, message.words
    told = {
        "action_id": message.action_id,
        "type": "rule" if intent.rule else "journey",
        "name": intent.rule or intent.journey,
        "run": intent.run,
        "step": intent.step,
        "visitor": intent.visitor,
        "decided_at": clock.iso(intent.at),
        "values": intent.values,
        "words": {name: getattr(words, name) for name in words.__struct_fields__ if getattr(words, name)},
    }
    return msgspec.json.encode({name: value for name, value in told.items() if value not in ("", {})})


def _outcome(receipt: Receipt) -> Outcome:
    told = receipt.problem or f"answered {receipt.status}"
    if receipt.delivered:
        return Outcome("sent", told)
    if receipt.status == _GONE:
        return Outcome("gone", told)
    return Outcome("retry", told, receipt.retry_after_s)
