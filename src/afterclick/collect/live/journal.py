"""What the server says of itself while it runs: one line of JSON per fact, without content of events, ids or keys."""

from __future__ import annotations

import logging
import threading
import traceback
from pathlib import PurePath
from typing import IO, Final

import msgspec

from afterclick.core import clock

_LONGEST: Final = 300
_MINUTE: Final = 60.0
_SORTS: Final = 256

Fact = str | int | float | bool | None


class Journal:
    """Writes lines to a stream, from any thread; a stream that is closed or full is no reason to stop serving.

    JSON escapes line ends and control characters, so that no text can forge a second line or steer a terminal.
    """

    def __init__(self, stream: IO[str]) -> None:
        self._stream = stream
        self._lock = threading.Lock()

    def write(self, what: str, **facts: Fact) -> None:
        """One fact: `what` happened, with numbers and short texts of the program's own."""
        short = {name: fact[:_LONGEST] if isinstance(fact, str) else fact for name, fact in facts.items()}
        line = msgspec.json.encode({"at": clock.iso(clock.now()), "what": what, **short}).decode()
        # msgspec leaves DEL and the C1 controls as they are; some terminals obey the latter.
        safe = "".join(char if " " <= char < "\x7f" or char > "\x9f" else f"\\u{ord(char):04x}" for char in line)
        with self._lock:
            try:
                self._stream.write(safe + "\n")
                self._stream.flush()
            except (OSError, ValueError):
                return


class JournalHandler(logging.Handler):
    """Hands what a library logs to the journal: its own words, and of an exception where it came up, never what it says,
    since that may quote an event.
    """

    def __init__(self, journal: Journal) -> None:
        super().__init__(logging.WARNING)
        self._journal = journal
        self._said: dict[str, tuple[float, int]] = {}

    def emit(self, record: logging.LogRecord) -> None:
        """One record; of equal ones one a minute with the number of the others, so that no sender can fill a disk."""
        facts = _facts(record)
        key, at = "\x1f".join(map(str, facts.values())), clock.ticks()
        last, others = self._said.get(key, (at - 2 * _MINUTE, 0))
        if at - last < _MINUTE:
            self._said[key] = last, others + 1
            return
        if len(self._said) >= _SORTS:
            self._said.clear()
        self._said[key] = at, 0
        self._journal.write("server", **facts, **({"others": others} if others else {}))


def _facts(record: logging.LogRecord) -> dict[str, str]:
    level = record.levelname.lower()
    error = record.exc_info[1] if record.exc_info else None
    if error is None:
        return {"level": level, "said": str(record.msg).strip()}
    frames = traceback.extract_tb(error.__traceback__)
    places = " < ".join(f"{PurePath(frame.filename).name}:{frame.lineno}" for frame in reversed(frames[-4:]))
    return {"level": level, "kind": type(error).__name__, "place": places}
