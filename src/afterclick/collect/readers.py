"""The one door to foreign data: paths, a folder or a frame in, one reader per file out."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from afterclick.collect import table_reader
from afterclick.collect.chunks import Reader
from afterclick.collect.csv_reader import CsvReader
from afterclick.collect.json_reader import JsonReader
from afterclick.collect.sources import SourceFile, find


def open_source(source: Any, encoding: str = "") -> tuple[list[Reader], list[str]]:
    """Readers in the order of the files' names, and the files of a folder that were left aside.

    `source` is a path, several paths, a folder or a data frame. Raises InputError, before anything is stored, for what
    is missing, empty, unreadable, too wide, of no supported kind or outside of its folder.
    """
    if not _paths(source):
        return [table_reader.frame(source)], []
    files, skipped = find(source)
    return [_reader(file, encoding) for file in files], skipped


def _paths(source: Any) -> bool:
    if isinstance(source, (str, Path)):
        return True
    return isinstance(source, (list, tuple)) and all(isinstance(item, (str, Path)) for item in source)


def _reader(file: SourceFile, encoding: str) -> Reader:
    if file.kind == "parquet":
        return table_reader.parquet(file)
    if file.kind == "arrow":
        return table_reader.arrow(file)
    return CsvReader(file, encoding) if file.kind == "csv" else JsonReader(file, encoding)
