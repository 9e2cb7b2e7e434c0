"""The words of every language, one TOML file each: id -> text, grouped by section."""

from __future__ import annotations

import functools
import tomllib
from collections.abc import Iterator, Mapping
from importlib import resources
from types import MappingProxyType
from typing import Any, Final

LANGUAGES: Final = ("en", "ko")
"""The first is what a missing text falls back to."""


@functools.cache
def load(lang: str) -> Mapping[str, str]:
    """All texts of a language by dotted id: `glossary.visitor`. Raises KeyError for an unknown language."""
    if lang not in LANGUAGES:
        raise KeyError(lang)
    file = resources.files(__name__) / f"{lang}.toml"
    return MappingProxyType(dict(_flat(tomllib.loads(file.read_text("utf-8")), "")))


def _flat(table: Mapping[str, Any], prefix: str) -> Iterator[tuple[str, str]]:
    for key, value in table.items():
        if isinstance(value, dict):
            yield from _flat(value, f"{prefix}{key}.")
        elif isinstance(value, str):
            yield f"{prefix}{key}", value
        else:
            raise TypeError(f"{prefix}{key} is no text")
