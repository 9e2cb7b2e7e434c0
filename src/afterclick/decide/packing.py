"""A visitor's state as few bytes: msgpack, whole numbers as differences, each touch written once."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from decimal import Decimal
from typing import Any, Final

import msgspec
from msgspec.msgpack import Ext

from afterclick.analyse.context import TOUCH_FIELDS
from afterclick.analyse.segments.state_machines import VisitorState
from afterclick.core.errors import StoreFormat
from afterclick.decide.rules.asked import KEY_BYTES

FORMAT: Final = 1
_EXACT: Final = 1
_WHOLE: Final = 2
_NO_TOUCH: Final = -1
_DIRECT: Final = -2
_encoder: Final = msgspec.msgpack.Encoder()
_decoder: Final = msgspec.msgpack.Decoder()


def encode(parts: list[Any]) -> bytes:
    """Plain values and what `plain` made of others, as bytes."""
    return _encoder.encode(parts)


def decode(packed: bytes) -> list[Any]:
    """The parts again. Raises StoreFormat for what `encode` of this format did not write."""
    try:
        parts = _decoder.decode(packed)
    except msgspec.DecodeError as error:
        raise StoreFormat("a kept state cannot be read", hint="it is learnt anew from the log") from error
    if not isinstance(parts, list) or not parts or parts[0] != FORMAT:
        raise StoreFormat("a kept state of another format", hint="it is learnt anew from the log")
    return parts


def keys(joined: bytes) -> list[bytes]:
    """Short names written one after another."""
    return [joined[i : i + KEY_BYTES] for i in range(0, len(joined), KEY_BYTES)]


def plain(value: Any, at: int) -> Any:
    """A value as msgpack takes it: exact numbers marked as such, lists of whole numbers as their differences from `at`."""
    if isinstance(value, Decimal):
        return Ext(_EXACT, str(value).encode())
    if isinstance(value, list | tuple):
        if value and all(one is None or type(one) is int for one in value):
            return Ext(_WHOLE, whole_out(value, at))
        return [plain(one, at) for one in value]
    return value


def back(value: Any, at: int) -> Any:
    """What `plain` was given; tuples come back as lists."""
    if isinstance(value, Ext):
        data = bytes(value.data)
        return Decimal(data.decode()) if value.code == _EXACT else whole_in(data, at)
    return [back(one, at) for one in value] if isinstance(value, list) else value


def whole_out(values: Iterable[int | None], base: int) -> bytes:
    """Whole numbers as the differences of each from the one before it (of the first from `base`), seven bits a byte."""
    out = bytearray()
    for value in values:
        if value is None:
            out.append(0)
            continue
        step = value - base
        rest = ((step << 1) if step >= 0 else ((-step << 1) - 1)) + 1
        while rest > 127:
            out.append(rest & 127 | 128)
            rest >>= 7
        out.append(rest)
        base = value
    return bytes(out)


def whole_in(data: bytes, base: int) -> list[int | None]:
    """What `whole_out` wrote."""
    found: list[int | None] = []
    rest = shift = 0
    for byte in data:
        rest |= (byte & 127) << shift
        if byte & 128:
            shift += 7
            continue
        if rest:
            step = rest - 1
            base += step >> 1 if not step & 1 else -((step + 1) >> 1)
        found.append(base if rest else None)
        rest = shift = 0
    return found


def state_out(state: VisitorState, at: int) -> list[Any]:
    """The state of a visitor whose last event was at `at`."""
    visits, basket, session = state.visits, state.basket, state.visits.session
    known: list[Mapping[str, Any]] = []
    touches = [
        _touch_number(touch, known, state)
        for touch in (session.get("touch"), visits.first_touch, visits.last_touch, visits.carried)
    ]
    instants = [
        visits.last_at, visits.seen, session.get("end"), session.get("start"), visits.began, visits.first_at,
        basket.changed_at or None, state.last_order_at,
    ]  # fmt: skip
    own = session.get("touch_own")
    counts = [
        visits.sessions, visits.events, visits.pages, session.get("events"), session.get("pages"), session.get("orders"),
        None if own is None else int(own), state.stage, int(state.known), state.ordered, *touches,
    ]  # fmt: skip
    return [
        whole_out(instants, at), b"".join(whole_out([count], 0) for count in counts),
        [[touch.get(name) for name in TOUCH_FIELDS] for touch in known],
        visits.campaign, visits.origin, state.sold, state.refunds,
        [plain([*key, *line], at) for key, line in basket.lines.items()],
        list(state.orders), plain(list(state.orders.values()), 0),
        list(state.traits), [plain([list(part) for part in zip(*held, strict=True)], at) for held in state.traits.values()],
    ]  # fmt: skip


def state_in(state: VisitorState, parts: list[Any], at: int) -> None:
    """What `state_out` wrote, into a fresh state; traits nobody asks for any more are left out."""
    visits, basket = state.visits, state.basket
    touches = [dict(zip(TOUCH_FIELDS, values, strict=True)) for values in parts[2]]
    counts = [whole_in(bytes(part), 0)[0] for part in _single(parts[1])]
    last_at, seen, end, start, began, first_at, changed_at, state.last_order_at = whole_in(parts[0], at)
    visits.last_at, visits.seen, visits.began, visits.first_at = last_at or 0, seen or 0, began or 0, first_at or 0
    basket.changed_at = changed_at or 0
    visits.sessions, visits.events, visits.pages = counts[0] or 0, counts[1] or 0, counts[2] or 0
    now, visits.first_touch, visits.last_touch, visits.carried = (
        _touch(number, touches, state) for number in counts[10:14]
    )
    if visits.sessions:
        visits.session = {
            "start": start, "end": end, "events": counts[3], "pages": counts[4], "orders": counts[5], "touch": now,
        }  # fmt: skip
        if counts[6] is not None:
            visits.session["touch_own"] = bool(counts[6])
    state.stage, state.known, state.ordered = -1 if counts[7] is None else counts[7], bool(counts[8]), counts[9] or 0
    visits.campaign, visits.origin, state.sold, state.refunds = parts[3:7]
    basket.lines = {}
    for line in parts[7]:
        product, variant, pieces, price = back(line, at)
        basket.lines[(product, variant)] = [pieces, price]
    state.orders = dict(zip(parts[8], back(parts[9], 0), strict=True))
    wanted = state.bounds.traits if state.bounds else None
    for name, held in zip(parts[10], parts[11], strict=True):
        if wanted is None or name in wanted:
            state.traits[name] = list(zip(*back(held, at), strict=True))


def _single(data: bytes) -> list[bytes]:
    """Numbers written one by one."""
    found, begin = [], 0
    for i, byte in enumerate(data):
        if not byte & 128:
            found.append(data[begin : i + 1])
            begin = i + 1
    return found


def _touch_number(touch: Mapping[str, Any] | None, known: list[Mapping[str, Any]], state: VisitorState) -> int:
    if touch is None:
        return _NO_TOUCH
    if touch is state.setting.direct or touch == state.setting.direct:
        return _DIRECT
    if touch not in known:
        known.append(touch)
    return known.index(touch)


def _touch(number: int | None, touches: list[dict[str, Any]], state: VisitorState) -> Mapping[str, Any] | None:
    if number is None or number == _NO_TOUCH:
        return None
    return state.setting.direct if number == _DIRECT else touches[number]
