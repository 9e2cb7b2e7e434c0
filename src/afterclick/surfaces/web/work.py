"""Questions run in a few threads; one question asked twice runs once, and its answer is kept while the data stays."""

from __future__ import annotations

import asyncio
import contextlib
import threading
from collections import OrderedDict
from concurrent.futures import Future, ThreadPoolExecutor
from typing import Final

from afterclick.core.result import Result
from afterclick.core.spec import Spec
from afterclick.surfaces.web.asker import Asker

KEPT: Final = 32
"""Answers kept; a Result holds its tables and the masks of the people behind them."""


class Work:
    """Answers by (question, fingerprint of the data): running, or done and kept."""

    def __init__(self, asker: Asker, threads: int = 2) -> None:
        self._asker = asker
        self._pool = ThreadPoolExecutor(threads, thread_name_prefix="question")
        self._lock = threading.Lock()
        self._known: OrderedDict[tuple[str, str], Future[Result]] = OrderedDict()

    def start(self, spec: Spec, fingerprint: str) -> Future[Result]:
        """The answer to come. A failed question is not kept: asked again it runs again."""
        key = spec.key, fingerprint
        with self._lock:
            found = self._known.get(key)
            if found is not None and not (found.done() and found.exception()):
                self._known.move_to_end(key)
                return found
            made = self._known[key] = self._pool.submit(self._asker.ask, spec)
            settled = [old for old, future in self._known.items() if future.done()]
            for old in settled[: max(0, len(self._known) - KEPT)]:
                del self._known[old]
        return made

    async def settle(self, spec: Spec, fingerprint: str, seconds: float) -> Future[Result] | None:
        """The question if it ends within `seconds`, well or not; None while it runs on."""
        running = self.start(spec, fingerprint)
        loop, settled = asyncio.get_running_loop(), asyncio.Event()

        def ring(_: Future[Result]) -> None:
            # The page may have been answered, and its loop closed, long before a slow question ends.
            with contextlib.suppress(RuntimeError):
                loop.call_soon_threadsafe(settled.set)

        running.add_done_callback(ring)
        try:
            await asyncio.wait_for(settled.wait(), seconds)
        except TimeoutError:
            return None
        return running

    def close(self) -> None:
        """No further questions; those that wait are dropped, those that run are not waited for."""
        self._pool.shutdown(wait=False, cancel_futures=True)
