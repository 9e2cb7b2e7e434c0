"""Who pushes: the store's key pair (RFC 8292), and messages sealed so that a push service cannot read them (RFC 8291)."""

from __future__ import annotations

import base64
import binascii
from typing import Final, NamedTuple

import http_ece  # type: ignore[import-untyped]
import msgspec
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.asymmetric.utils import decode_dss_signature
from cryptography.hazmat.primitives.hashes import SHA256
from cryptography.hazmat.primitives.serialization import Encoding, PublicFormat

from afterclick.act.outbound.target import Target
from afterclick.act.secrets import VAPID, Secrets

VALID_S: Final = 12 * 3600
"""How long a proof of ours counts; push services take at most a day."""
MOST_BYTES: Final = 3993
"""Of a message before it is sealed: 4096 that every push service takes, less header, padding and tag."""

_CURVE: Final = ec.SECP256R1()
_POINT: Final = 65
_SECRET: Final = 16
_KEY_TEXT: Final = 200


class Subscriber(NamedTuple):
    """A browser that said yes: where to call and the two keys it gave."""

    endpoint: str
    point: bytes
    secret: bytes


class Pair:
    """The store's keys; a browser's subscription is bound to the public one."""

    def __init__(self, private: str) -> None:
        self._private = ec.derive_private_key(int(private, 16), _CURVE)

    @classmethod
    def of_store(cls, kept: Secrets) -> Pair:
        """The pair of a store, made at first use. Raises StoreError."""
        return cls(kept.made(VAPID, _made))

    @property
    def public(self) -> str:
        """What a page gives the browser as `applicationServerKey`."""
        return _encoded(self._private.public_key().public_bytes(Encoding.X962, PublicFormat.UncompressedPoint))

    def proof(self, where: Target, contact: str, now_s: int) -> str:
        """The Authorization header for a push service: a token for its origin alone, signed with ES256."""
        scheme = f"{where.scheme}://{where.authority}"
        claims = {"aud": scheme, "exp": now_s + VALID_S, **({"sub": contact} if contact else {})}
        head = {"typ": "JWT", "alg": "ES256"}
        told = ".".join(_encoded(msgspec.json.encode(part)) for part in (head, claims))
        r, s = decode_dss_signature(self._private.sign(told.encode(), ec.ECDSA(SHA256())))
        return f"vapid t={told}.{_encoded(r.to_bytes(32, 'big') + s.to_bytes(32, 'big'))}, k={self.public}"


def subscriber(address: str) -> Subscriber:
    """A subscription as JSON text, `{"endpoint", "keys": {"p256dh", "auth"}}`. Raises ValueError."""
    try:
        found = msgspec.json.decode(address, type=_Given)
        point, secret = _decoded(found.keys.p256dh), _decoded(found.keys.auth)
        # A point beside the curve would give the message's key away.
        ec.EllipticCurvePublicKey.from_encoded_point(_CURVE, point)
    except (msgspec.MsgspecError, binascii.Error, ValueError) as error:
        raise ValueError(f"this is no push subscription: {error}") from None
    if len(point) != _POINT or len(secret) != _SECRET:
        raise ValueError("this is no push subscription: its keys have the wrong length")
    return Subscriber(found.endpoint, point, secret)


def sealed(content: bytes, to: Subscriber) -> bytes:
    """A message that only this browser can open, with a fresh key of its own (aes128gcm)."""
    body: bytes = http_ece.encrypt(
        content, private_key=ec.generate_private_key(_CURVE), dh=to.point, auth_secret=to.secret, version="aes128gcm"
    )
    return body


class _Keys(msgspec.Struct):
    p256dh: str
    auth: str


class _Given(msgspec.Struct):
    endpoint: str
    keys: _Keys


def _made() -> str:
    return f"{ec.generate_private_key(_CURVE).private_numbers().private_value:064x}"


def _encoded(content: bytes) -> str:
    return base64.urlsafe_b64encode(content).decode().rstrip("=")


def _decoded(text: str) -> bytes:
    plain = text.strip()[:_KEY_TEXT].rstrip("=").replace("+", "-").replace("/", "_")
    return base64.b64decode(plain + "=" * (-len(plain) % 4), altchars=b"-_", validate=True)
