"""Proof, made by a shop's own server, that a page belongs to a user: what it shows may then name that user."""

from __future__ import annotations

import hashlib
import hmac
import re
import secrets
from typing import Final

from afterclick.act.secrets import Secrets
from afterclick.core import spans

KEY: Final = "page_key"
"""Name of the secret that the shop's server and this one share."""
LONGEST_S: Final = 7 * 86_400
"""Seconds that a token may be good for at most."""

_TOKEN: Final = re.compile(r"1\.([0-9]{1,12})\.([0-9a-f]{64})")
_ABOUT: Final = "afterclick page 1"
_KEY_BYTES: Final = 32


def key_of_store(kept: Secrets) -> str:
    """The store's key, made at first use. Raises StoreError."""
    return kept.made(KEY, lambda: secrets.token_hex(_KEY_BYTES))


def token(key: str, user_id: str, until_s: int) -> str:
    """The token of a user, good until an instant (s since 1970): `1.<until>.<HMAC-SHA256 in hexadecimal>`.

    The HMAC is that of "afterclick page 1\\n<until>\\n<user id>" in UTF-8 under the key as it is written.
    """
    said = f"{_ABOUT}\n{until_s}\n{user_id}".encode()
    return f"1.{until_s}.{hmac.new(key.encode(), said, hashlib.sha256).hexdigest()}"


def verify(key: str, user_id: str, given: str, now: int) -> bool:
    """Is it the token of this user, and good at an instant (µs UTC)? None is good for longer than a week ahead."""
    found = _TOKEN.fullmatch(given)
    if not key or not user_id or found is None:
        return False
    until_s = int(found[1])
    if not now < until_s * spans.SECOND <= now + (LONGEST_S + 3600) * spans.SECOND:
        return False
    return hmac.compare_digest(given, token(key, user_id, until_s))
