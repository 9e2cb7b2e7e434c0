"""Text files of any common encoding as a stream of valid UTF-8, without a second pass over the file.

Bytes that are no text in the file's encoding come through as private code points (`BAD_BYTE` + the byte), so that the
rows they stand in, and no others, can be rejected with their bytes intact.
"""

from __future__ import annotations

import codecs
import gzip
import io
import re
import zlib
from typing import Any, BinaryIO, Final

from afterclick.collect.sources import SourceFile
from afterclick.core.errors import InputError
from afterclick.core.said import Said

BAD_BYTE: Final = 0x10FF00
"""Code point of an undecodable byte 0; the last page of the last private plane, which no text uses."""

BAD_PATTERN: Final = re.compile("[\U0010ff00-\U0010ffff]")
_BLOCK: Final = 1 << 20
_BOMS: Final = (
    (codecs.BOM_UTF8, "utf-8"),
    (codecs.BOM_UTF32_LE, "utf-32-le"),
    (codecs.BOM_UTF16_LE, "utf-16-le"),
    (codecs.BOM_UTF16_BE, "utf-16-be"),
)


def _keep_bytes(error: UnicodeError) -> tuple[str, int]:
    if not isinstance(error, UnicodeDecodeError):
        raise error
    return "".join(chr(BAD_BYTE + byte) for byte in error.object[error.start : error.end]), error.end


codecs.register_error("afterclick.keep_bytes", _keep_bytes)


def original_bytes(text: str, encoding: str) -> bytes:
    """The bytes that were decoded to `text`."""
    parts = re.split("([\U0010ff00-\U0010ffff]+)", text)
    return b"".join(
        bytes(ord(mark) - BAD_BYTE for mark in part) if place % 2 else part.encode(encoding)
        for place, part in enumerate(parts)
    )


class Utf8Stream(io.RawIOBase):
    """A readable stream of UTF-8 over the bytes of a file.

    The encoding is the given one, that of a byte order mark, or else UTF-8 until bytes say that it is CP949. `bad` tells
    whether undecodable bytes have come through, `encoding` what is being read, `last` the bytes before the end.
    """

    def __init__(self, raw: BinaryIO, name: str, encoding: str = "") -> None:
        self._raw = raw
        self._name = name
        self._rest = b""
        self._ended = False
        self.bad = False
        self.last = b""
        head = self._read(4096)
        self.encoding, skip = _named(head) if not encoding else (encoding, 0)
        if encoding:
            skip = next((len(bom) for bom, of in _BOMS if head.startswith(bom) and of == encoding.lower()), 0)
        elif not self.encoding and _binary(head):
            raise InputError(Said("refusals.no_text_file", name=name), hint=Said("refusals.binary_data"), path=name)
        self._head = head[skip:]
        # While only ASCII has come, UTF-8 and CP949 say the same.
        self._decoder = self._start(self.encoding) if self.encoding else None

    def readable(self) -> bool:
        return True

    def readinto(self, buffer: object) -> int:
        view = memoryview(buffer).cast("B")  # type: ignore[arg-type]
        while not self._rest and not self._ended:
            self._rest = self._next()
            self.last = self._rest[-64:] or self.last
        taken = min(len(view), len(self._rest))
        view[:taken] = self._rest[:taken]
        self._rest = self._rest[taken:]
        return taken

    def close(self) -> None:
        self._raw.close()
        super().close()

    def _read(self, size: int) -> bytes:
        try:
            return self._raw.read(size)
        except (gzip.BadGzipFile, EOFError, zlib.error) as error:
            raise InputError(
                Said("refusals.file_damaged", name=self._name, error=str(error)),
                hint=Said("refusals.copy_again"),
                path=self._name,
            ) from None
        except OSError as error:
            raise InputError(
                Said("refusals.input_unreadable", name=self._name, error=str(error)),
                hint=Said("refusals.check_disk"),
                path=self._name,
            ) from None

    def _next(self) -> bytes:
        block = self._head or self._read(_BLOCK)
        self._head = b""
        if not block:
            self._ended = True
            return self._decoded(b"", final=True) if self._decoder else b""
        if self._decoder is None:
            if block.isascii():
                return block
            # A character may be cut at the end of the block; the choice needs whole ones.
            self.encoding = _guess(block)
            self._decoder = self._start(self.encoding)
        return self._decoded(block, final=False)

    def _start(self, encoding: str) -> codecs.IncrementalDecoder:
        return codecs.getincrementaldecoder(encoding)("afterclick.keep_bytes")

    def _decoded(self, block: bytes, *, final: bool) -> bytes:
        assert self._decoder is not None
        text = self._decoder.decode(block, final)
        encoded = text.encode()
        if b"\xf4\x8f" in encoded and BAD_PATTERN.search(text):
            self.bad = True
        return encoded


def _named(head: bytes) -> tuple[str, int]:
    for bom, encoding in _BOMS:
        if head.startswith(bom):
            return encoding, len(bom)
    # UTF-16 without a mark: every other byte of Latin text is zero.
    if len(head) >= 4 and head[1] == 0 == head[3] and head[0] and head[2]:
        return "utf-16-le", 0
    if len(head) >= 4 and head[0] == 0 == head[2] and head[1] and head[3]:
        return "utf-16-be", 0
    return "", 0


def _binary(head: bytes) -> bool:
    control = sum(byte < 32 and byte not in (9, 10, 12, 13, 27) for byte in head)
    return control > len(head) // 10


def _guess(block: bytes) -> str:
    as_utf8 = block.decode("utf-8", "replace")
    bad = as_utf8.count("\ufffd")
    if bad * 2 <= len(as_utf8) - len(as_utf8.encode("ascii", "ignore")):
        return "utf-8"
    return "cp949" if block.decode("cp949", "replace").count("\ufffd") < bad else "utf-8"


def open_text(file: SourceFile, encoding: str = "") -> Utf8Stream:
    """The file as a stream of UTF-8, unpacked if it is gzip. Raises InputError when it is no text."""
    try:
        raw: Any = gzip.GzipFile(file.path) if file.zipped else file.path.open("rb")
    except OSError as error:
        raise InputError(
            Said("refusals.path_unreadable", path=file.path, error=str(error)),
            hint=Said("refusals.check_permissions"),
            path=file.name,
        ) from None
    try:
        return Utf8Stream(raw, file.name, encoding)
    except BaseException:
        raw.close()
        raise
