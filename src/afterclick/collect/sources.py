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
from afterclick.core.said import Said

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
_SUPPORTED = Said("refusals.supported_files")
_AS_CSV = Said("refusals.table_as_csv")
_UNPACK = Said("refusals.unpack_first")
_OTHERS: Final = {
    b"PK\x03\x04": (Said("refusals.a_zip_or_sheet"), Said("refusals.unpack_or_save")),
    b"\xd0\xcf\x11\xe0": (Said("refusals.a_old_sheet"), Said("refusals.save_as_csv")),
    b"BZh": (Said("refusals.a_bzip2"), _UNPACK),
    b"\xfd7zXZ": (Said("refusals.a_xz"), _UNPACK),
    b"\x28\xb5\x2f\xfd": (Said("refusals.a_zstandard"), _UNPACK),
    b"%PDF": (Said("refusals.a_pdf"), _AS_CSV),
    b"SQLite format 3": (Said("refusals.a_sqlite"), _AS_CSV),
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
        raise InputError(Said("refusals.nothing_to_import"), hint=Said("refusals.name_files"))
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
                Said("refusals.too_many_files", folder=str(folder), files_limit=FILES_LIMIT),
                hint=Said("refusals.import_parts"),
                path=str(folder),
            )
        found.append(_file(path, name))
    if not found:
        raise InputError(Said("refusals.folder_unreadable", folder=str(folder)), hint=_SUPPORTED, path=str(folder))
    return found, skipped


def _walk(folder: Path, root: Path) -> Iterable[Path]:
    for base, folders, files in os.walk(folder):
        folders.sort()
        for name in [*folders, *files]:
            path = Path(base, name)
            if path.is_symlink() and not path.resolve().is_relative_to(root):
                raise InputError(
                    Said("refusals.link_leads_out", path=str(path), folder=str(folder)),
                    hint=Said("refusals.copy_file_in"),
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
    at = str(path)
    try:
        status = path.stat()
    except FileNotFoundError:
        raise InputError(Said("refusals.no_file", path=at), hint=Said("refusals.check_path"), path=at) from None
    except (OSError, ValueError) as error:
        hint = Said("refusals.check_path_rights")
        raise InputError(Said("refusals.cannot_open", path=at, error=str(error)), hint=hint, path=at) from None
    if not stat.S_ISREG(status.st_mode):
        raise InputError(Said("refusals.no_regular_file", path=at), hint=Said("refusals.no_devices"), path=at)
    if status.st_size == 0:
        raise InputError(Said("refusals.path_empty", path=at), hint=Said("refusals.export_or_leave"), path=at)
    try:
        with path.open("rb") as file:
            head = file.read(16)
    except OSError as error:
        hint = Said("refusals.check_permissions")
        wrong = Said("refusals.path_unreadable_why", path=at, strerror=error.strerror)
        raise InputError(wrong, hint=hint, path=at) from None
    for magic, (what, advice) in _OTHERS.items():
        if head.startswith(magic):
            raise InputError(Said("refusals.path_is", path=at, what=what), hint=advice, path=at)
    kind = _kind(path) or _by_content(head)
    if kind is None:
        raise InputError(Said("refusals.no_supported_kind", path=at), hint=_SUPPORTED, path=at)
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
            Said("refusals.not_its_name", path=str(path)),
            hint=Said("refusals.not_so_begun"),
            path=str(path),
        )
    if kind[0] in ("csv", "json") and not kind[1] and head.startswith((b"\x1f\x8b", b"PAR1", b"ARROW1")):
        raise InputError(
            Said("refusals.path_no_text", path=str(path)),
            hint=Said("refusals.rename_file"),
            path=str(path),
        )
