"""Events in the address of an image: opened mails, pages without script."""

from __future__ import annotations

from typing import Final

from afterclick.collect.wire import segment
from afterclick.collect.wire.credentials import query_of
from afterclick.collect.wire.read import Read
from afterclick.collect.wire.request import WireError, WireRequest
from afterclick.collect.wire.shape import Shape
from afterclick.collect.wire.unpack import of_base64

SHAPE: Final = Shape("pixel")


def read(body: bytes, request: WireRequest, kind: str) -> Read:
    """The message in the field `data`, base64 of JSON, of the type that the path names. Raises WireError."""
    data = query_of(request.query).get("data", "")
    plain = of_base64((body or data.encode("ascii", "replace")).strip())
    if not plain:
        raise WireError(400, "bad_form", "the image has no data", SHAPE)
    return segment.read(plain, request, kind, SHAPE)
