"""Progress on stderr: one line that renews itself on a terminal, a line now and then elsewhere."""

from __future__ import annotations

from afterclick.core import clock
from afterclick.surfaces.cli.screen import Screen

_ON_TERMINAL, _ELSEWHERE = 0.1, 10.0
"""Seconds between two lines."""


class Progress:
    """Counts rows and says how many a second. Call it with the rows done so far and all of them."""

    def __init__(self, screen: Screen) -> None:
        self._screen = screen
        self._began = clock.ticks()
        self._said = self._began
        self._open = False

    def __call__(self, what: str, done: int, total: int = 0) -> None:
        """Say where the work stands, unless that was said a moment ago; a total of 0 is not known."""
        now = clock.ticks()
        if now - self._said < (_ON_TERMINAL if self._screen.err.is_terminal else _ELSEWHERE):
            return
        self._said = now
        self._write(self._line(what, done, total, now))

    def end(self) -> float:
        """Close the line; the seconds since the start."""
        if self._open:
            self._screen.err.file.write("\r\x1b[K")
            self._screen.err.file.flush()
        return clock.ticks() - self._began

    def _line(self, what: str, done: int, total: int, now: float) -> str:
        speed = round(done / max(now - self._began, 1e-6))
        share = done / total if total else None
        key = "progress" if share is None else "progress_share"
        return " ".join(filter(None, (what, self._screen.text(key, rows=done, speed=speed, share=share))))

    def _write(self, line: str) -> None:
        if not self._screen.err.is_terminal:
            self._screen.tell(line)
            return
        self._open = True
        self._screen.err.file.write("\r\x1b[K" + line[: self._screen.err.width - 1])
        self._screen.err.file.flush()
