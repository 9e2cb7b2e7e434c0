"""Where the real files for development lie: the folder that AFTERCLICK_DATA names."""

from __future__ import annotations

import os
from pathlib import Path

import pytest


def data_folder(name: str) -> Path:
    """A folder of the development data; the test skips, and says how to get it, where there is none."""
    base = os.environ.get("AFTERCLICK_DATA")
    if not base:
        pytest.skip("AFTERCLICK_DATA names no folder with the development data (see CONTRIBUTING.md)")
    folder = Path(base) / name
    if not folder.is_dir():
        pytest.skip(f"AFTERCLICK_DATA has no {name}")
    return folder
