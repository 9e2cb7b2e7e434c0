"""JSON lines that carry their own checksum, so that a torn or flipped one is known for what it is."""

from __future__ import annotations

import zlib

_HEAD = b'{"crc":"'
_BODY = len(_HEAD) + 8 + 2


def seal(body: bytes) -> bytes:
    """A JSON object's bytes with the CRC-32 of all that follows it as first member, without a line end."""
    if not body.startswith(b"{") or body == b"{}" or b"\n" in body:
        raise ValueError("only a JSON object in one line can be sealed")
    return b'%s%08x",%s' % (_HEAD, zlib.crc32(body), body[1:])


def unseal(line: bytes) -> bytes | None:
    """The object's bytes as they were sealed, or None if this is not a whole and unchanged line."""
    if not line.startswith(_HEAD) or line[_BODY - 2 : _BODY] != b'",':
        return None
    body = b"{" + line[_BODY:]
    return body if line[len(_HEAD) : _BODY - 2] == b"%08x" % zlib.crc32(body) else None
