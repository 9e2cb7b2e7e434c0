"""The bytes of a body as its sender meant them: told by their first bytes, inflated under a cap, taken out of a form."""

from __future__ import annotations

import base64
import binascii
import zlib
from typing import Final
from urllib.parse import parse_qsl

import pyarrow as pa

from afterclick.collect.wire.limits import BODY_BYTES
from afterclick.collect.wire.request import WireError, WireRequest

_GZIP: Final = b"\x1f\x8b"
_ZSTD: Final = b"\x28\xb5\x2f\xfd"
_ZLIB: Final = (b"\x78\x01", b"\x78\x5e", b"\x78\x9c", b"\x78\xda")
_OPENING: Final = (b"{", b"[")
_BOM: Final = b"\xef\xbb\xbf"
_PLAIN: Final = frozenset({"", "identity", "utf-8", "aws-chunked"})
_PACKED: Final = {"gzip": "gzip", "x-gzip": "gzip", "deflate": "zlib", "zstd": "zstd", "br": "brotli"}


def unpack(request: WireRequest) -> bytes:
    """The body in plain bytes. Raises WireError: `too_large` (413), `bad_encoding` (400)."""
    body = request.body
    if len(body) > BODY_BYTES:
        raise _too_large()
    if body[:1] in _OPENING and not request.query and "content-encoding" not in request.headers:
        return body
    declared = request.headers.get("content-encoding", "").strip().lower()
    kind = _kind(body)
    if declared not in _PLAIN or kind:
        body = _inflated(body, declared, kind)
    if body[:5] == b"data=":
        body = _of_form(body)
    elif "compression=base64" in request.query:
        body = _base64(body)
    return body[3:] if body[:3] == _BOM else body


def _kind(body: bytes) -> str:
    head = body[:4]
    if head[:1] in _OPENING:
        return ""
    return (
        "gzip"
        if head[:2] == _GZIP
        else "zstd"
        if head == _ZSTD
        else "zlib"
        if head[:2] in _ZLIB
        else ""
    )


def _inflated(body: bytes, declared: str, kind: str) -> bytes:
    if declared not in _PLAIN and declared not in _PACKED:
        raise WireError(400, "bad_encoding", f"nobody here reads the encoding {declared[:40]!r}")
    said = _PACKED.get(declared, "")
    if said and said not in (kind, "brotli"):
        if said != "zlib":
            raise WireError(400, "bad_encoding", f"the body is said to be {said} and is not")
        # "deflate" is sent with and without the head of zlib.
        kind = "raw"
    plain = _stream(body, kind or said) if (kind or said) in ("zstd", "brotli") else _zlib(body, kind)
    if _kind(plain):
        raise WireError(400, "bad_encoding", "packed twice")
    return plain


def _zlib(body: bytes, kind: str) -> bytes:
    inflater = zlib.decompressobj({"gzip": 31, "zlib": 15, "raw": -15}[kind])
    try:
        plain = inflater.decompress(body, BODY_BYTES + 1)
    except zlib.error:
        raise WireError(400, "bad_encoding", f"the body is damaged {kind}") from None
    if len(plain) > BODY_BYTES:
        raise _too_large()
    if not inflater.eof:
        raise WireError(400, "bad_encoding", f"the {kind} body ends too early")
    if inflater.unused_data:
        raise WireError(400, "bad_encoding", f"something follows the {kind} body")
    return plain


def _stream(body: bytes, kind: str) -> bytes:
    try:
        with pa.CompressedInputStream(pa.BufferReader(body), kind) as stream:
            plain: bytes = stream.read(BODY_BYTES + 1)
    except (OSError, ValueError):
        raise WireError(400, "bad_encoding", f"the body is damaged {kind}") from None
    if len(plain) > BODY_BYTES:
        raise _too_large()
    return plain


def _of_form(body: bytes) -> bytes:
    """The field `data` of a form: JSON, or JSON in base64."""
    try:
        fields = dict(parse_qsl(body.decode("ascii"), max_num_fields=16))
    except (ValueError, UnicodeDecodeError):
        raise WireError(400, "bad_form", "the form cannot be read") from None
    data = fields.get("data", "").strip()
    if data[:1] in ("{", "["):
        return data.encode()
    return _base64(data.encode())


def _base64(data: bytes) -> bytes:
    found = of_base64(data)
    if found is None:
        raise WireError(400, "bad_form", "the data are neither JSON nor base64")
    if _kind(found):
        return _zlib(found, _kind(found)) if _kind(found) != "zstd" else _stream(found, "zstd")
    return found


def of_base64(data: bytes) -> bytes | None:
    """What base64 of either alphabet, with or without its padding, stands for; None where it is none."""
    plain = data.strip().replace(b" ", b"+").translate(bytes.maketrans(b"-_", b"+/"))
    try:
        return base64.b64decode(plain + b"=" * (-len(plain) % 4), validate=True)
    except (binascii.Error, ValueError):
        return None


def _too_large() -> WireError:
    return WireError(413, "too_large", f"the body is larger than {BODY_BYTES >> 20} MB")
