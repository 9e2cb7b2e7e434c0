"""Web push: one sealed message to one browser, at most once; a subscription that ended is never tried again."""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Collection, Mapping
from typing import Any, Final

import msgspec

from afterclick.act.channels import vapid
from afterclick.act.channels.vapid import Pair
from afterclick.act.message import Message, Outcome
from afterclick.act.outbound.call import Receipt
from afterclick.act.outbound.target import target
from afterclick.core import clock
from afterclick.core.errors import UsageError
from afterclick.core.said import Said

TTL_S: Final = 24 * 3600
_LONGEST_TTL_S: Final = 28 * 24 * 3600
_TOPIC: Final = 32
_SECOND: Final = 1_000_000
_ENDED: Final = (404, 410)
_REFUSED: Final = (429, 503)
"""Answers that say: not taken, come back."""
_URGENCIES: Final = ("very-low", "low", "normal", "high")

Post = Callable[[str, bytes, Mapping[str, str]], Receipt]
"""`post(url, body, headers)`: one call of `act.outbound`, which refuses addresses of the own network."""


class Push:
    """The channel."""

    at_least_once = False

    def __init__(
        self, pair: Callable[[], Pair], post: Post, *, contact: str = "", inside: Collection[str] = ()
    ) -> None:
        """`pair` gives the store's keys, which are made when they are first needed; `contact` is how a push service may
        reach the operator: an e-mail address or a page. `inside` are hosts of the own network that the operator lists."""
        self._pair = pair
        self._post = post
        self._contact = contact if not contact or ":" in contact else f"mailto:{contact}"
        self._inside = inside

    def deliver(self, message: Message) -> Outcome:
        """Push it. An address that ended is `gone`; what may have been taken without a word is `uncertain`."""
        try:
            to = vapid.subscriber(message.address)
            where = target(to.endpoint, self._inside)
        except UsageError as error:
            return Outcome.failure(error.said)
        except ValueError as error:
            return Outcome("gone", str(error))
        headers = {
            "Authorization": self._pair().proof(where, self._contact, clock.now() // _SECOND),
            "Content-Encoding": "aes128gcm",
            "Content-Type": "application/octet-stream",
            "TTL": str(_ttl(message.headers.get("ttl_s", ""))),
            "Topic": _topic(message),
            "Urgency": _urgency(message),
        }
        try:
            return _outcome(self._post(to.endpoint, vapid.sealed(_content(message), to), headers))
        except UsageError as error:
            return Outcome.failure(error.said)


def _outcome(receipt: Receipt) -> Outcome:
    told = receipt.problem or f"answered {receipt.status}"
    if receipt.delivered:
        return Outcome("sent", told)
    if receipt.status in _ENDED:
        return Outcome("gone", told)
    if receipt.status in _REFUSED or not receipt.reached:
        return Outcome("retry", told, receipt.retry_after_s)
    if receipt.status == 0 or receipt.status >= 500:
        # A gateway may have passed it on before it gave up.
        return Outcome("uncertain", told)
    return Outcome("failed", told)


def _content(message: Message) -> bytes:
    """What the page's worker shows; the text is cut where all of it would not fit."""
    words = message.words
    shown: dict[str, Any] = {
        "action_id": message.action_id, "title": words.title, "body": words.body, "url": words.url,
        "image": words.image, "button": words.button, "code": words.code,
        "lang": message.headers.get("lang", "") or words.lang,
    }  # fmt: skip
    if footer := message.headers.get("footer", ""):
        shown["footer"] = footer
    shown = {name: text for name, text in shown.items() if text}
    body, text = msgspec.json.encode(shown), words.body
    while len(body) > vapid.MOST_BYTES and text:
        text = text[: min(len(text) * 7 // 8, vapid.MOST_BYTES)]
        body = msgspec.json.encode({**shown, "body": f"{text}…"})
    if len(body) > vapid.MOST_BYTES:
        raise UsageError(Said("refusals.push_too_long"), hint=Said("refusals.shorten_push"), path="words")
    return body


def _ttl(given: str) -> int:
    return min(int(given), _LONGEST_TTL_S) if given.isdigit() and len(given) < 10 else TTL_S


def _topic(message: Message) -> str:
    """Messages of one journey replace each other while a device is off, so that nobody wakes up to five of them."""
    intent = message.intent
    key = message.headers.get("topic", "") or intent.journey or intent.rule or message.action_id
    return hashlib.sha256(key.encode()).hexdigest()[:_TOPIC]


def _urgency(message: Message) -> str:
    given = message.headers.get("urgency", "")
    return given if given in _URGENCIES else "normal" if message.intent.advertising else "high"
