"""Rules and journeys read from files that people write: TOML or JSON, one document or a list of them."""

from __future__ import annotations

import sys
import tomllib
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any, Final

import msgspec

from afterclick.app.automations import Document
from afterclick.core.errors import UsageError
from afterclick.store.automations import Journey, LiveRule

_KINDS: Final[Mapping[str, type[LiveRule] | type[Journey]]] = {"rule": LiveRule, "journey": Journey}


def of_file(kind: str, file: Path) -> list[Document]:
    """The documents of a file (`-` is stdin). Raises UsageError naming what cannot be read."""
    return documents_of(kind, _read(file), str(file))


def documents_of(kind: str, values: Mapping[str, Any], source: str) -> list[Document]:
    """The documents of a file: one by itself, or a list under `rules` or `journeys`. Raises UsageError naming the field."""
    listed: object = values.get(f"{kind}s", [values])
    if not isinstance(listed, Sequence) or isinstance(listed, str):
        raise UsageError(f"{source}: {kind}s is a list of documents", hint=f"[[{kind}s]]")
    found: list[Document] = []
    for i, one in enumerate(listed):
        try:
            found.append(msgspec.convert(one, _KINDS[kind]))
        except msgspec.ValidationError as error:
            where = f"{kind}s[{i}]" if len(listed) > 1 else kind
            raise UsageError(f"{source}: {where}: {error}", hint="see docs/automations.md for the fields") from None
    if not found:
        raise UsageError(f"{source} holds no {kind}", hint=f"write [[{kind}s]] with a name")
    return found


def _read(file: Path) -> Mapping[str, Any]:
    try:
        text = sys.stdin.read() if str(file) == "-" else file.read_text("utf-8-sig")
    except FileNotFoundError:
        raise UsageError(f"there is no file {file}", hint="name a TOML or JSON file, or - for stdin") from None
    except UnicodeDecodeError:
        raise UsageError(f"{file} is no UTF-8 text", hint="name a TOML or JSON file") from None
    try:
        found = msgspec.json.decode(text) if text.lstrip().startswith("{") else tomllib.loads(text)
    except (tomllib.TOMLDecodeError, msgspec.DecodeError) as error:
        raise UsageError(f"{file} cannot be read: {error}", hint="see docs/automations.md for an example") from None
    if not isinstance(found, dict):
        raise UsageError(f"{file} holds no document", hint="see docs/automations.md for an example")
    return found
