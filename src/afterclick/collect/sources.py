"""From what a person names (files, a folder, a frame) to the files to read, refusing what must not be opened."""

from __future__ import annotations

import hashlib
import os
import stat
from collections import Counter
from collections.abc import Iterable, Sequence
from pathlib import Path
from typing import Final, NamedTuple

from afterclick.core.errors import InputError

KINDS: Final = {
    ".csv": "csv",
    ".tsv": "csv",
    ".psv": "csv",
    ".txt": "csv",
    ".jsonl": "json",
    ".ndjson": "json",
    ".json": "json",
    ".parquet": "parquet",
    ".pq": "parquet",
    ".feather": "arrow",
    ".arrow": "arrow",
}
"""Kinds of files by the end of their name, `.gz` behind it allowed for text."""

FILES_LIMIT: Final = 10_000
_SUPPORTED = "CSV, TSV, JSON lines, JSON, Parquet and Arrow files can be read, text also as .gz"
_OTHERS: Final = {
    b"PK\x03\x04": ("a zip archive or a spreadsheet", "unpack it, or save the sheet as CSV (UTF-8)"),
    b"\xd0\xcf\x11\xe0": ("an old spreadsheet", "save the sheet as CSV (UTF-8)"),
    b"BZh": ("bzip2", "unpack it first"),
    b"\xfd7zXZ": ("xz", "unpack it first"),
    b"\x28\xb5\x2f\xfd": ("zstandard", "unpack it first"),
    b"%PDF": ("a PDF", "export the table as CSV"),
    b"SQLite format 3": ("an SQLite database", "export the table as CSV"),
}


class SourceFile(NamedTuple):
    """One file to read: where it lies, the name it is reported by, its kind (`csv`, `json`, `parquet`, `arrow`)."""

    path: Path
    name: str
    kind: str
    zipped: bool
    size: int

    def sha256(self) -> str:
        """SHA-256 of the bytes of the file, hex."""
        with self.path.open("rb") as file:
            return hashlib.file_digest(file, "sha256").hexdigest()


def find(paths: str | Path | Sequence[str | Path]) -> tuple[list[SourceFile], list[str]]:
    """The files behind paths in the order of their names, and what was left aside in folders.

    A folder stands for its files of a supported kind, at any depth. Raises InputError for what is missing, empty, of no
    supported kind, no regular file, or a link that leads out of its folder.
    """
    given = [paths] if isinstance(paths, (str, Path)) else list(paths)
    if not given:
        raise InputError("nothing was named to import", hint="name files or a folder")
    found: list[SourceFile] = []
    skipped: list[str] = []
    for item in given:
        path = Path(item)
        if path.is_dir():
            inside, aside = _folder(path)
            found += inside
            skipped += aside
        else:
            found.append(_file(path, path.name))
    once = {file.path.resolve(): file for file in reversed(found)}
    kept = [file for file in found if once[file.path.resolve()] is file]
    names = Counter(file.name for file in kept)
    # Files of one name in several folders are told apart by their paths.
    return [file._replace(name=str(file.path)) if names[file.name] > 1 else file for file in kept], skipped


def _folder(folder: Path) -> tuple[list[SourceFile], list[str]]:
    root = folder.resolve()
    found: list[SourceFile] = []
    skipped: list[str] = []
    for path in _walk(folder, root):
        name = path.relative_to(folder).as_posix()
        if _kind(path) is None:
            skipped.append(name)
            continue
        if len(found) >= FILES_LIMIT:
            raise InputError(
                f"{folder} holds more than {FILES_LIMIT:,} files",
                hint="import it in parts, or join the files first",
                path=str(folder),
            )
        found.append(_file(path, name))
    if not found:
        raise InputError(f"{folder} holds no file that can be read", hint=_SUPPORTED, path=str(folder))
    return found, skipped


def _walk(folder: Path, root: Path) -> Iterable[Path]:
    for base, folders, files in os.walk(folder):
        folders.sort()
        for name in [*folders, *files]:
            path = Path(base, name)
            if path.is_symlink() and not path.resolve().is_relative_to(root):
                raise InputError(
                    f"{path} is a link that leads out of {folder}",
                    hint="copy the file into the folder, or name it by its own path",
                    path=str(path),
                )
        folders[:] = [name for name in folders if not name.startswith((".", "_"))]
        yield from (Path(base, name) for name in sorted(files) if not name.startswith((".", "_")))


def _kind(path: Path) -> tuple[str, bool] | None:
    name = path.name.lower()
    zipped = name.endswith(".gz")
    kind = KINDS.get(Path(name.removesuffix(".gz")).suffix)
    return (kind, zipped) if kind and not (zipped and kind in ("parquet", "arrow")) else None


def _file(path: Path, name: str) -> SourceFile:
    try:
        status = path.stat()
    except FileNotFoundError:
        raise InputError(f"there is no file {path}", hint="check the path", path=str(path)) from None
    except (OSError, ValueError) as error:
        raise InputError(
            f"{path} cannot be opened: {error}", hint="check path and permissions", path=str(path)
        ) from None
    if not stat.S_ISREG(status.st_mode):
        raise InputError(
            f"{path} is no regular file", hint="devices and pipes are not read: write a file first", path=str(path)
        )
    if status.st_size == 0:
        raise InputError(f"{path} is empty", hint="export it again, or leave it out", path=str(path))
    try:
        with path.open("rb") as file:
            head = file.read(16)
    except OSError as error:
        raise InputError(
            f"{path} cannot be read: {error.strerror}", hint="check its permissions", path=str(path)
        ) from None
    for magic, (what, advice) in _OTHERS.items():
        if head.startswith(magic):
            raise InputError(f"{path} is {what}", hint=advice, path=str(path))
    kind = _kind(path) or _by_content(head)
    if kind is None:
        raise InputError(f"{path} is of no supported kind", hint=_SUPPORTED, path=str(path))
    _matches(path, kind, head)
    return SourceFile(path, name, kind[0], kind[1], status.st_size)


def _by_content(head: bytes) -> tuple[str, bool] | None:
    if head.startswith(b"PAR1"):
        return "parquet", False
    return ("json", False) if head.lstrip()[:1] in (b"{", b"[") else None


def _matches(path: Path, kind: tuple[str, bool], head: bytes) -> None:
    expected = {"parquet": b"PAR1", "arrow": b"ARROW1"}.get(kind[0], b"\x1f\x8b" if kind[1] else b"")
    if not head.startswith(expected):
        raise InputError(
            f"{path} is not what its name says",
            hint="it does not begin like such a file: export it again, or rename it",
            path=str(path),
        )
    if kind[0] in ("csv", "json") and not kind[1] and head.startswith((b"\x1f\x8b", b"PAR1", b"ARROW1")):
        raise InputError(f"{path} is no text", hint="rename it to what it is: .gz, .parquet or .arrow", path=str(path))
