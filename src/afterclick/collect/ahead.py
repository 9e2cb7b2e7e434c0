"""Work of a producer done in a thread of its own, a little ahead of its consumer."""

from __future__ import annotations

import queue
import threading
from collections.abc import Callable, Generator, Iterator
from contextvars import copy_context
from typing import Generic, TypeVar

T = TypeVar("T")


class _End(Generic[T]):
    """What closes the queue: nothing, or the error that the producer ended with."""

    def __init__(self, error: BaseException | None) -> None:
        self.error = error


def ahead(produce: Callable[[], Iterator[T]], depth: int = 1) -> Generator[T, None, None]:
    """The items of `produce()`, made in a thread that is up to `depth` items ahead.

    What it raises is raised here. The thread ends when the consumer does, and sees the same held clock.
    """
    items: queue.Queue[T | _End[T]] = queue.Queue(depth)
    stop = threading.Event()

    def put(item: T | _End[T]) -> bool:
        while not stop.is_set():
            try:
                items.put(item, timeout=0.1)
            except queue.Full:
                continue
            return True
        return False

    def work() -> None:
        source: Iterator[T] = iter(())
        error: BaseException | None = None
        try:
            source = produce()
            for item in source:
                if not put(item):
                    break
        except BaseException as caught:  # noqa: BLE001  handed over to the consumer whatever it is
            error = caught
        finally:
            close = getattr(source, "close", None)
            if close is not None:
                close()
        put(_End(error))

    worker = threading.Thread(target=copy_context().run, args=(work,), name="afterclick-ahead", daemon=True)
    worker.start()
    try:
        while True:
            item = items.get()
            if isinstance(item, _End):
                if item.error is not None:
                    raise item.error
                return
            yield item
    finally:
        stop.set()
        worker.join()
