"""Fitted models as plain JSON files beside the log: a hash tells what was changed, and what is not known is refused."""

from __future__ import annotations

import hashlib
import os
from pathlib import Path
from typing import Any, Final

import msgspec

from afterclick.core.errors import StoreError
from afterclick.store import disk

SCHEMA: Final = 1
"""The number of this layout; a file of another one is not read."""
FOLDER: Final = "models"
MOST: Final = 256
"""Files that are kept; the oldest go first."""


class Training(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """What a model was fitted on: days, how many rows, of which columns, and the SHA-256 of them."""

    first_day: str
    last_day: str
    as_of: str
    rows: int
    features: tuple[str, ...]
    digest: str


class Kept(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """A model file: its kind, the question it belongs to, its training, and what was fitted."""

    schema: int
    kind: str
    spec: dict[str, Any]
    training: Training
    fitted: dict[str, Any]


class _File(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    sha256: str
    model: msgspec.Raw


def path_of(folder: Path, kind: str, spec: dict[str, Any]) -> Path:
    """Where the model of a kind and a question lies in a store."""
    key = hashlib.sha256(msgspec.json.encode(spec, order="sorted")).hexdigest()[:16]
    return folder / FOLDER / f"{kind}-{key}.json"


def load(path: Path) -> Kept | None:
    """The model of a file, None where there is none. Raises StoreError `model_refused` for one that was replaced,
    is of another layout, or is no model file of ours."""
    try:
        content = path.read_bytes()
    except FileNotFoundError:
        return None
    except OSError as error:
        raise disk.explain(error, path) from error
    try:
        file = msgspec.json.decode(content, type=_File)
        if hashlib.sha256(bytes(file.model)).hexdigest() != file.sha256:
            raise _refused(path, "its content is not what was written")
        found = msgspec.json.decode(file.model, type=Kept)
    except msgspec.MsgspecError:
        raise _refused(path, "it is no model of this layout") from None
    if found.schema != SCHEMA:
        raise _refused(path, f"its layout is {found.schema}, this afterclick knows {SCHEMA}")
    return found


def save(path: Path, model: Kept) -> bool:
    """Write a model; False where the disk does not let us: it is then fitted again the next time."""
    body = msgspec.json.encode(model, order="deterministic")
    file = _File(hashlib.sha256(body).hexdigest(), msgspec.Raw(body))
    unfinished = path.with_name(f"{path.name}.{os.getpid()}{disk.TEMPORARY}")
    try:
        path.parent.mkdir(exist_ok=True)
        unfinished.write_bytes(msgspec.json.encode(file))
        unfinished.replace(path)
        _prune(path.parent)
    except OSError:
        return False
    return True


def _prune(folder: Path) -> None:
    files = sorted(folder.glob("*.json"), key=lambda file: file.stat().st_mtime_ns)
    for file in files[:-MOST]:
        file.unlink(missing_ok=True)


def _refused(path: Path, why: str) -> StoreError:
    return StoreError(
        f"the model {path.name} is refused: {why}", hint="delete it; it is fitted again", path=str(path), code="model_refused"
    )
