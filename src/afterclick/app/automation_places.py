"""What becomes of a rule or a journey, and of its place among the others, when another one is written over it."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import msgspec

from afterclick.app.automation_print import fingerprint
from afterclick.store.automations import Journey, LiveRule

Document = LiveRule | Journey


def placed(known: Mapping[str, Document], place: str, document: Document | None) -> dict[str, Document]:
    """The documents with one in the place of another; None takes it away, a new one comes last."""
    found: dict[str, Document] = {}
    for name, each in known.items():
        if name != place:
            found[name] = each
        elif document is not None:
            found[document.name] = document
    if document is not None:
        found.setdefault(document.name, document)
    return found


def renewed(document: Document, before: Document | None) -> Document:
    """The document as it is kept: where it stands comes from the one before, not from who writes."""
    if before is None:
        fresh: dict[str, Any] = {"state": "draft", "on_since": 0, "tested": ""}
        return msgspec.structs.replace(document, **fresh)
    same = fingerprint(document) == fingerprint(before)
    stays = before.state == "on" and same
    changes: dict[str, Any] = {
        "state": before.state if same or before.state != "on" else "paused",
        "on_since": before.on_since if stays else 0 if before.state == "on" else before.on_since,
        "tested": before.tested,
    }
    if isinstance(before, Journey):
        content = msgspec.structs.replace(document, version=before.version, **changes)
        changed = content != msgspec.structs.replace(before, **changes)
        changes["version"] = before.version + (1 if changed and before.on_since else 0)
        if changed and before.on_since and not stays:
            changes["on_since"] = 0
    return msgspec.structs.replace(document, **changes)
