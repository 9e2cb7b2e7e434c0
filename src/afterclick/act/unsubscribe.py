"""Links that end a channel for one visitor without signing in: they say nothing about whom, and nobody can make one up."""

from __future__ import annotations

import base64
import binascii
import hashlib
import secrets
from collections.abc import Callable
from typing import Final, NamedTuple

from cryptography.exceptions import InvalidTag
from cryptography.hazmat.primitives.ciphers.aead import AESSIV

from afterclick.act.secrets import UNSUBSCRIBE, Secrets
from afterclick.collect.wire.canonical import Canonical
from afterclick.core import names

PATH: Final = "/u/"

_KEY_BYTES: Final = 32
_LONGEST: Final = 2048
_ABOUT: Final = b"afterclick unsubscribe 1"
_BETWEEN: Final = "\x1f"


class Subscription(NamedTuple):
    """A visitor (a key such as `u:42`) and the channel that is to end."""

    visitor: str
    channel: str


class Tokens:
    """Tokens of one store. They are its secret's encryption (AES-SIV, RFC 5297) of visitor and channel, always the same for
    the same, so that no address tells a user id to who reads logs of servers on the way."""

    def __init__(self, key: str) -> None:
        self._cipher = AESSIV(bytes.fromhex(key))

    @classmethod
    def of_store(cls, kept: Secrets) -> Tokens:
        """With the store's secret, made at first use. Raises StoreError."""
        return cls(kept.made(UNSUBSCRIBE, lambda: secrets.token_hex(_KEY_BYTES)))

    @staticmethod
    def reader(kept: Secrets) -> Callable[[str], Subscription | None]:
        """`read(token)` of a store, which makes no secret: before the first link was made there is none to read."""

        def read(token: str) -> Subscription | None:
            key = kept.get(UNSUBSCRIBE)
            return Tokens(key).read(token) if key else None

        return read

    def token(self, visitor: str, channel: str) -> str:
        """The token of a visitor and a channel, safe in an address."""
        sealed = self._cipher.encrypt(f"{channel}{_BETWEEN}{visitor}".encode(), [_ABOUT])
        return base64.urlsafe_b64encode(sealed).decode().rstrip("=")

    def read(self, token: str) -> Subscription | None:
        """Whom and what a token is about; None for one that is not from here."""
        if not token.isascii() or not 0 < len(token) <= _LONGEST:
            return None
        try:
            sealed = base64.b64decode(token + "=" * (-len(token) % 4), altchars=b"-_", validate=True)
            channel, _, visitor = self._cipher.decrypt(sealed, [_ABOUT]).decode().partition(_BETWEEN)
        except (InvalidTag, ValueError, binascii.Error):
            return None
        return Subscription(visitor, channel)

    def link(self, base_url: str, visitor: str, channel: str) -> str:
        """The address to put into a message; "" where nobody said where this server can be reached."""
        return f"{base_url.rstrip('/')}{PATH}{self.token(visitor, channel)}" if base_url else ""


def event(subscription: Subscription, at: int) -> Canonical:
    """What is collected when somebody opts out at an instant (µs UTC): gate and reports hear it like any other event."""
    space, _, given = subscription.visitor.partition(":")
    told = _BETWEEN.join((*subscription, str(at)))
    return Canonical(
        event_id="unsub-" + hashlib.sha256(told.encode()).hexdigest()[:26],
        type="track",
        event=names.MESSAGE_UNSUBSCRIBED,
        anonymous_id=given if space == "a" else None,
        user_id=given if space == "u" else None,
        email=given if space == "e" else None,
        properties={"channel": subscription.channel, "by": "link"},
        original_at=at,
        occurred_at=at,
        received_at=at,
    )
