"""What of a rule or a journey decides whom it reaches and when, as a digest: what was run over history may be switched on."""

from __future__ import annotations

import hashlib
from typing import Any, Final

import msgspec

from afterclick.store.automations import Journey, LiveRule

_BESIDE: Final = frozenset({"words", "show", "cost", "state", "on_since", "tested", "name", "version"})
"""Keys that reach nobody else and at no other time: how a message reads, what it costs, where the document stands."""


def fingerprint(document: LiveRule | Journey) -> str:
    """16 hexadecimal digits; equal for documents that differ in words, looks, cost or name alone."""
    content = [type(document).__name__, _kept(msgspec.to_builtins(document))]
    return hashlib.sha256(msgspec.json.encode(content, order="deterministic")).hexdigest()[:16]


def _kept(value: Any) -> Any:
    if isinstance(value, dict):
        # The name of a way or an arm is what a visitor is drawn into; that of the document itself stands outside.
        inner = "weight" in value or "share" in value
        return {key: _kept(each) for key, each in value.items() if key not in _BESIDE or (inner and key == "name")}
    if isinstance(value, str):
        # Browsers send the ends of lines in either way.
        return value.replace("\r\n", "\n")
    return [_kept(each) for each in value] if isinstance(value, list) else value
