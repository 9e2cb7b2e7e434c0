"""Proof that a call comes from this store and is fresh: HMAC-SHA256 over the instant and the body."""

from __future__ import annotations

import hashlib
import hmac
import secrets
from collections.abc import Iterable
from pathlib import Path
from typing import Final

from afterclick.act import turns
from afterclick.core.errors import StoreError
from afterclick.core.said import Said
from afterclick.store import disk

HEADER: Final = "Afterclick-Signature"
TOLERANCE_S: Final = 300
FILE: Final = "signing.key"
KEPT_DAYS: Final = 7
"""How long the secret before the last change still signs, so that receivers can take the new one when it suits them."""

_DAY_S: Final = 86_400
_MODE: Final = 0o600


def secret(store: Path) -> str:
    """The store's signing secret, made at first use and readable by its owner only. Raises StoreError if others can read it."""
    return _lines(store)[0]


def secrets_of(store: Path, now_s: int) -> tuple[str, ...]:
    """What calls are signed with: the secret, and the one before it for KEPT_DAYS after the change. Raises StoreError."""
    newest, *former = _lines(store)
    kept = (line.partition(" ") for line in former)
    return newest, *(key for key, _, until in kept if until.isdigit() and now_s < int(until))


def rotate(store: Path, now_s: int) -> str:
    """Make a new secret, and give it back; the one before signs beside it for KEPT_DAYS. Raises StoreError."""
    secret(store)
    fresh = secrets.token_hex(32)
    path = store / FILE
    with turns.turn(store, turns.SECRETS), disk.explained(path):
        before = path.read_text("ascii").split("\n")[0]
        disk.write_synced(path, f"{fresh}\n{before} {now_s + KEPT_DAYS * _DAY_S}\n".encode(), _MODE)
    return fresh


def _lines(store: Path) -> list[str]:
    path = store / FILE
    with disk.explained(path):
        if not path.exists():
            with turns.turn(store, turns.SECRETS):
                if not path.exists():
                    disk.write_synced(path, f"{secrets.token_hex(32)}\n".encode(), _MODE)
        if path.stat().st_mode & 0o077:
            raise StoreError(
                Said("refusals.others_read", path=str(path)),
                hint=Said("refusals.chmod", path=str(path)),
                path=str(path),
                code="open_secret",
            )
        return path.read_text("ascii").split("\n")[:2]


def sign(body: bytes, key: str | Iterable[str], at_s: int) -> str:
    """The header's value: `t=<seconds>,v1=<hex>`, with one `v1` for each of the keys."""
    keys = (key,) if isinstance(key, str) else key
    return ",".join([f"t={at_s}", *(f"v1={_digest(body, one, at_s)}" for one in keys)])


def verify(value: str, body: bytes, keys: Iterable[str], now_s: int) -> bool:
    """What a receiver checks: signed with any of `keys` (two while one replaces the other), at most 300 s ago or ahead."""
    parts = [part.partition("=") for part in value.split(",")]
    times = [text for name, _, text in parts if name == "t"]
    given = [text for name, _, text in parts if name == "v1"]
    if len(times) != 1 or not times[0].isdigit() or abs(now_s - int(times[0])) > TOLERANCE_S:
        return False
    right = [_digest(body, key, int(times[0])) for key in keys]
    # Every pair is compared, so that time tells nothing of which key fitted.
    fits = [hmac.compare_digest(one.encode(), other.encode()) for one in right for other in given]
    return any(fits)


def _digest(body: bytes, key: str, at_s: int) -> str:
    return hmac.new(key.encode(), f"{at_s}.".encode() + body, hashlib.sha256).hexdigest()
