"""Compiles kernels into the cache as a process of its own: `python -m afterclick.analyse.kernels.warming MODULE...`."""

from __future__ import annotations

import importlib
import sys

from afterclick.analyse.kernels import compiled


def main(modules: list[str]) -> None:
    """Compile the kernels of these modules."""
    for module in modules:
        importlib.import_module(module)
    compiled.warm()


if __name__ == "__main__":
    main(sys.argv[1:])
