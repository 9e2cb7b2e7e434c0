"""The table by which values of a wrong type are read, or told apart from what cannot be read at all."""

from __future__ import annotations

from typing import Any, Final

import msgspec

from afterclick.collect.wire.limits import Broken

_EMPTY: Final[tuple[Any, ...]] = ("", [], False)
"""What senders write for no object; an empty list of PHP is `[]`."""

_KINDS: Final = {str: "text", int: "a number", float: "a number", list: "a list", dict: "an object"}


def text(value: Any, path: str) -> str | None:
    """Text from text or a number; None for nothing. Raises Broken for yes and no, objects and lists."""
    if value is None or value.__class__ is str:
        return value
    if value.__class__ is int:
        return str(value)
    if value.__class__ is float:
        return str(int(value)) if value.is_integer() and abs(value) < 1e15 else repr(value)
    raise Broken("wrong_type", f"{path} holds {_kind(value)} where text belongs", path)


def instant(value: Any) -> Any:
    """Text or a number as it is, so that the clocks can read it; anything else is a time nobody can read."""
    return value if value is None or value.__class__ in (str, int, float) else "unreadable"


def mapping(value: Any, path: str) -> dict[str, Any] | None:
    """An object, also one that came as JSON text; None for nothing. Raises Broken for everything else."""
    if value is None or value.__class__ is dict:
        return value
    if value in _EMPTY:
        return None
    if value.__class__ is str and value[:1] == "{":
        try:
            return msgspec.json.decode(value, type=dict[str, Any])
        except (msgspec.DecodeError, RecursionError):
            pass
    raise Broken("wrong_type", f"{path} holds {_kind(value)} where an object belongs", path)


def _kind(value: Any) -> str:
    if value is True or value is False:
        return "yes or no"
    return _KINDS.get(type(value), "something unknown")
