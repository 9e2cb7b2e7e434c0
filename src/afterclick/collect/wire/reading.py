"""JSON of one event read with patience: where a typed decoder gives up, plain values that are then looked at one by one."""

from __future__ import annotations

import json
from typing import Any, Final

import msgspec

from afterclick.collect.wire import limits
from afterclick.collect.wire.limits import Broken, NotFinite
from afterclick.collect.wire.request import WireError
from afterclick.collect.wire.shape import Shape

_DIGITS: Final = 19
"""Digits that a number of 63 bits can have."""

_VALUES: Final = 100_000
"""Patience is slow: so many values take as long as a body may keep all others waiting."""

NOT_JSON: Final = (msgspec.DecodeError, UnicodeDecodeError)
"""What a decoder raises for bytes that are no JSON of the wanted form; msgspec's ValidationError is a DecodeError."""


def _digits(text: str) -> int | str:
    return int(text) if len(text) <= _DIGITS else text


def _constant(_: str) -> NotFinite:
    return NotFinite()


_PATIENT: Final = json.JSONDecoder(parse_int=_digits, parse_constant=_constant, strict=False)


def patient(body: bytes) -> Any:
    """Any JSON, with NaN and infinity as `NotFinite`, long numbers as text, halves of surrogate pairs as they are.

    Raises Broken: `bad_encoding`, `bad_json`, `too_deep`, `too_large`.
    """
    if len(body) > _VALUES and limits.values(body) > _VALUES:
        raise Broken("too_large", f"no strict JSON, and more than {_VALUES:,} values to look at one by one")
    try:
        return _PATIENT.decode(body.decode())
    except UnicodeDecodeError as error:
        raise Broken("bad_encoding", f"byte {error.start:,} is no UTF-8") from None
    except ValueError as error:
        raise Broken("bad_json", f"no JSON: {_short(error)}") from None
    except RecursionError:
        raise Broken("too_deep", "objects and lists nested too deeply") from None


def too_deep(shape: Shape) -> WireError:
    """The error for a body that no decoder gets to the bottom of."""
    return WireError(413, "too_deep", "objects and lists nested too deeply", shape)


def as_original(value: Any) -> bytes:
    """Plain values as JSON again, for the dead letters."""
    return json.dumps(value, ensure_ascii=True, default=lambda _: "NaN").encode()


def _short(error: ValueError) -> str:
    # The message of the decoder quotes nothing of the body.
    return str(error).partition("\n")[0][:120]
