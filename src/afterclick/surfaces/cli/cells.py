"""How wide a cell stands on a terminal, beside what it reads."""

from __future__ import annotations

from rich.cells import cell_len

from afterclick.surfaces.viz.cells import change, read, stands_left, unit_of

__all__ = ["change", "read", "stands_left", "unit_of", "width"]


def width(text: str) -> int:
    """Columns that a text takes on a terminal: wide characters take two."""
    return cell_len(text)
