"""What a store keeps beside its log: lists, boards, saved questions, alarms, models; and a person taken out of them."""

from __future__ import annotations

import shutil
from pathlib import Path
from typing import Any, Final

import msgspec

from afterclick.act.channels import audience
from afterclick.app import automation_undo
from afterclick.app.people.forms import Needles
from afterclick.app.people.redaction import Redaction
from afterclick.learn import kept
from afterclick.observe.alerts import history
from afterclick.observe.boards import undo
from afterclick.store import definitions, disk, manifest, segment_lists
from afterclick.store.definitions import Definitions
from afterclick.store.store import Store
from afterclick.store.undo import FOLDER

_BEFORE: Final = "before.json"
_NAMED: Final = ("alerts", "boards", "rules", "journeys")
"""Lists of documents of which each has a name of its own."""


def clean(store: Store, needles: Needles, redaction: Redaction) -> list[str]:
    """Take a person out of everything beside the log; the names of files that were changed or removed.

    Models go altogether: they were fitted on rows that are gone, and are fitted again when they are asked for.
    """
    folder = store.path
    done = _models(folder)
    if segment_lists.forget(folder, set(needles.ids)):
        done.append(segment_lists.FOLDER)
    done += audience.forget(folder, needles.ids)
    named = (
        (segment_lists.FOLDER, _BEFORE), (FOLDER, undo.FILE), (FOLDER, automation_undo.FILE), (history.FOLDER, history.FILE),
    )  # fmt: skip
    for path in (folder / place / name for place, name in named):
        if _lines(path, redaction):
            done.append(str(path.relative_to(folder)))
    if _definitions(store, redaction):
        done.append(definitions.FILE)
    return done + _set_aside(folder, needles)


def _models(folder: Path) -> list[str]:
    paths = sorted((folder / kept.FOLDER).glob("*"))
    for path in paths:
        path.unlink(missing_ok=True)
    return [kept.FOLDER] if paths else []


def _lines(path: Path, redaction: Redaction) -> bool:
    """Blot a person out of a file of JSON, one value a line; False where there is nothing of them."""
    with disk.explained(path):
        try:
            lines = path.read_bytes().splitlines(keepends=True)
        except FileNotFoundError:
            return False
        fresh = [_line(line, redaction) for line in lines]
        if fresh == lines:
            return False
        disk.write_synced(path, b"".join(fresh))
    return True


def _line(line: bytes, redaction: Redaction) -> bytes:
    try:
        value: Any = msgspec.json.decode(line)
    except msgspec.MsgspecError:
        # A line that a crash tore: nothing can be read from it, so nothing is kept of it.
        return b""
    blotted = redaction.value("", value)
    return line if blotted == value else msgspec.json.encode(blotted) + (b"\n" if line.endswith(b"\n") else b"")


def _definitions(store: Store, redaction: Redaction) -> bool:
    path = store.path / definitions.FILE
    with disk.explained(path):
        text = path.read_text("utf-8-sig") if path.exists() else ""
    values = msgspec.to_builtins(definitions.parse(text.encode()))
    blotted = redaction.value("", values)
    if blotted != values:
        store.save_definitions(msgspec.convert(_distinct(blotted), Definitions))
        return True
    if redaction.value("", text) != text:
        # Only a comment says it; the file is written anew, with comments of ours.
        store.save_definitions(msgspec.convert(values, Definitions))
        return True
    return False


def _distinct(values: dict[str, Any]) -> dict[str, Any]:
    """Names must differ, also those that said who somebody was."""
    seen: set[str] = set()
    saved = []
    for name, question in values["saved"]:
        fresh, n = name, 1
        while fresh in seen:
            n += 1
            fresh = f"{name} {n}"
        seen.add(fresh)
        saved.append((fresh, question))
    return {**values, "saved": saved, **{key: _named_apart(values[key]) for key in _NAMED}}


def _named_apart(documents: list[dict[str, Any]]) -> list[dict[str, Any]]:
    seen: set[str] = set()
    found = []
    for one in documents:
        fresh, n = one["name"], 1
        while fresh in seen:
            n += 1
            fresh = f"{one['name']} {n}"
        seen.add(fresh)
        found.append({**one, "name": fresh})
    return found


def _set_aside(folder: Path, needles: Needles) -> list[str]:
    """Remove what a crash left and nobody acknowledged, where it speaks of the person or cannot be looked into."""
    done = []
    for path in sorted((folder / "log").glob(f"{manifest.TORN}*")):
        if path.is_dir():
            shutil.rmtree(path)
            done.append(str(path.relative_to(folder)))
        elif any(raw in path.read_bytes() for _, raw, _ in needles.encoded):
            path.unlink()
            done.append(str(path.relative_to(folder)))
    return done
