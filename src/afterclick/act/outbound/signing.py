"""Proof that a call comes from this store and is fresh: HMAC-SHA256 over the instant and the body."""

from __future__ import annotations

import hashlib
import hmac
import secrets
from collections.abc import Iterable
from pathlib import Path
from typing import Final

from afterclick.core.errors import StoreError
from afterclick.store import disk

HEADER: Final = "Afterclick-Signature"
TOLERANCE_S: Final = 300
FILE: Final = "signing.key"


def secret(store: Path) -> str:
    """The store's signing secret, made at first use and readable by its owner only. Raises StoreError if others can read it."""
    path = store / FILE
    with disk.explained(path):
        if not path.exists():
            disk.write_synced(path, f"{secrets.token_hex(32)}\n".encode(), 0o600)
        if path.stat().st_mode & 0o077:
            raise StoreError(f"others can read {path}", hint=f"chmod 600 {path}", path=str(path), code="open_secret")
        return path.read_text("ascii").strip()


def sign(body: bytes, key: str, at_s: int) -> str:
    """The header's value: `t=<seconds>,v1=<hex>`."""
    return f"t={at_s},v1={_digest(body, key, at_s)}"


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
