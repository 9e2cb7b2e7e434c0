"""Writes TOML, which the standard library only reads: plain values, tables, and a comment before each key."""

from __future__ import annotations

import json
import math
import re
from collections.abc import Mapping, Sequence
from typing import Any

_BARE = re.compile(r"[A-Za-z0-9_-]+")
_WIDTH = 100


def text(
    values: Mapping[str, Any], comments: Mapping[str, str], head: str = "", *, blocks: Sequence[str] = ()
) -> str:
    """A TOML document: `comments` by key stand before it, mappings become tables at the end, and so do the lists of
    mappings named in `blocks`, an entry each.

    Values are texts, numbers, booleans, sequences and mappings of these. Raises ValueError for anything else
    (also for a text with a lone surrogate, which no file can hold).
    """
    parts = [_comment(head)] if head else []
    tables = {key: value for key, value in values.items() if isinstance(value, Mapping)}
    listed = {key: values[key] for key in blocks if values.get(key)}
    for key, value in values.items():
        if key not in tables and key not in listed:
            parts.append(_comment(comments.get(key, "")) + f"{_key(key)} = {_value(value, wrap=True)}\n")
    for key, table in tables.items():
        lines = "".join(f"{_key(name)} = {_value(value, wrap=True)}\n" for name, value in table.items())
        parts.append(_comment(comments.get(key, "")) + f"[{_key(key)}]\n{lines}")
    for key, entries in listed.items():
        for i, entry in enumerate(entries):
            lines = "".join(f"{_key(name)} = {_value(value, wrap=True)}\n" for name, value in entry.items())
            parts.append((_comment(comments.get(key, "")) if i == 0 else "") + f"[[{_key(key)}]]\n{lines}")
    document = "\n".join(parts)
    document.encode("utf-8")
    return document


def _comment(lines: str) -> str:
    return "".join(f"# {line}".rstrip() + "\n" for line in lines.splitlines())


def _key(key: str) -> str:
    return key if _BARE.fullmatch(key) else _quoted(key)


def _quoted(value: str) -> str:
    # A JSON string is a TOML string but for DEL, which TOML wants escaped.
    return json.dumps(value, ensure_ascii=False).replace("\x7f", "\\u007f")


def _value(value: Any, *, wrap: bool = False) -> str:
    if isinstance(value, bool):
        return "true" if value else "false"
    if isinstance(value, int) or (isinstance(value, float) and math.isfinite(value)):
        return repr(value)
    if isinstance(value, str):
        return _quoted(value)
    if isinstance(value, Mapping):
        return "{" + ", ".join(f"{_key(key)} = {_value(inner)}" for key, inner in value.items()) + "}"
    if isinstance(value, Sequence):
        items = [_value(item) for item in value]
        line = "[" + ", ".join(items) + "]"
        if wrap and len(line) > _WIDTH:
            return "[\n" + "".join(f"  {item},\n" for item in items) + "]"
        return line
    raise ValueError(f"{value!r} cannot stand in a TOML file")
