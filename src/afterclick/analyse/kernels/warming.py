"""Compiles kernels into the cache as a process of its own: `python -m afterclick.analyse.kernels.warming MODULE...`."""

from __future__ import annotations

import importlib
import os
import sys
import threading
import time

from afterclick.analyse.kernels import compiled


def main(modules: list[str]) -> None:
    """Compile the kernels of these modules, and stop when nobody waits for them any more."""
    threading.Thread(target=_end_with, args=(os.getppid(),), daemon=True).start()
    for module in modules:
        importlib.import_module(module)
    compiled.warm()


def _end_with(parent: int) -> None:
    while os.getppid() == parent:
        time.sleep(0.5)
    os._exit(1)


if __name__ == "__main__":
    main(sys.argv[1:])
