"""Rules and journeys read from files that people write: TOML or JSON, one document or a list of them."""

from __future__ import annotations

import sys
import tomllib
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any, Final

import msgspec

from afterclick.app.automation_places import Document
from afterclick.core.errors import UsageError
from afterclick.core.mismatch import mismatch
from afterclick.core.said import Said
from afterclick.store.automations import Journey, LiveRule

_KINDS: Final[Mapping[str, type[LiveRule] | type[Journey]]] = {"rule": LiveRule, "journey": Journey}


def of_file(kind: str, file: Path) -> list[Document]:
    """The documents of a file (`-` is stdin). Raises UsageError naming what cannot be read."""
    return documents_of(kind, _read(file), str(file))


def documents_of(kind: str, values: Mapping[str, Any], source: str) -> list[Document]:
    """The documents of a file: one by itself, or a list under `rules` or `journeys`. Raises UsageError naming the field."""
    listed: object = values.get(f"{kind}s", [values])
    if not isinstance(listed, Sequence) or isinstance(listed, str):
        raise UsageError(Said("refusals.is_a_list", source=source, kind=kind), hint=f"[[{kind}s]]")
    found: list[Document] = []
    for i, one in enumerate(listed):
        try:
            found.append(msgspec.convert(one, _KINDS[kind]))
        except msgspec.ValidationError as error:
            where = f"{kind}s[{i}]" if len(listed) > 1 else kind
            path, said = mismatch(error)
            place = f"{source}: {where}.{path}".rstrip(".")
            wrong = Said("refusals.in_field", name=place, message=said)
            raise UsageError(wrong, hint=Said("refusals.see_automations_docs")) from None
    if not found:
        raise UsageError(
            Said("refusals.holds_no_kind", source=source, kind=kind), hint=Said("refusals.write_documents", kind=kind)
        )
    return found


def _read(file: Path) -> Mapping[str, Any]:
    try:
        text = sys.stdin.read() if str(file) == "-" else file.read_text("utf-8-sig")
    except FileNotFoundError:
        raise UsageError(Said("refusals.no_input_file", file=file), hint=Said("refusals.name_toml_or_stdin")) from None
    except UnicodeDecodeError:
        raise UsageError(Said("refusals.input_no_utf8", file=file), hint=Said("refusals.name_toml")) from None
    try:
        found = msgspec.json.decode(text) if text.lstrip().startswith("{") else tomllib.loads(text)
    except (tomllib.TOMLDecodeError, msgspec.DecodeError) as error:
        raise UsageError(
            Said("refusals.document_unreadable", file=file, error=error), hint=Said("refusals.see_automations_example")
        ) from None
    if not isinstance(found, dict):
        raise UsageError(Said("refusals.holds_no_document", file=file), hint=Said("refusals.see_automations_example"))
    return found
