"""An alarm told to the addresses its alert names: signed JSON, the same key at every try, never into the own network."""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Final, NamedTuple

import msgspec

from afterclick.act.outbound import call, signing
from afterclick.act.outbound.call import Receipt
from afterclick.core import clock
from afterclick.core.errors import UsageError
from afterclick.observe.alerts.history import Fired
from afterclick.store.documents import Alert

TRIES: Final = 3
_SECOND: Final = 1_000_000

Post = Callable[[str, bytes, Mapping[str, str]], Receipt]
"""`post(url, body, headers)`: one call."""


class Told(NamedTuple):
    """What came of telling one address: `problem` is empty where it said that it knows."""

    alert: str
    url: str
    status: int
    problem: str


def tell(store: Path, fired: Sequence[Fired], alerts: Mapping[str, Alert], post: Post) -> list[Told]:
    """Tell every address of every alarm, each up to TRIES times; one that fails keeps nobody else from hearing."""
    return [
        _tell(one, url, signing.secret(store), post) for one in fired for url in alerts[one.alert].post
    ]


def poster(inside: Sequence[str]) -> Post:
    """The real thing: calls of `act.outbound`, with the hosts that the operator lists."""

    def post(url: str, body: bytes, headers: Mapping[str, str]) -> Receipt:
        return call.post(url, body, headers, inside=inside)

    return post


def _tell(fired: Fired, url: str, secret: str, post: Post) -> Told:
    body = msgspec.json.encode({**msgspec.to_builtins(fired), "fired_at": clock.iso(fired.at)})
    key = hashlib.sha256(f"{fired.alert}\x1f{fired.at}\x1f{url}".encode()).hexdigest()[:32]
    receipt = Receipt(0)
    for _ in range(TRIES):
        headers = {
            "Content-Type": "application/json",
            "Idempotency-Key": key,
            signing.HEADER: signing.sign(body, secret, clock.now() // _SECOND),
        }
        try:
            receipt = post(url, body, headers)
        except UsageError as error:
            return Told(fired.alert, url, 0, error.message)
        if receipt.delivered or 400 <= receipt.status < 500:
            break
    problem = "" if receipt.delivered else receipt.problem or f"answered {receipt.status}"
    return Told(fired.alert, url, receipt.status, problem)
