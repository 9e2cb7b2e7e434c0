"""A store without a disk, so that the command line is tested for itself; its answers are made by hand."""

from __future__ import annotations

from decimal import Decimal
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
import pytest
from click.testing import CliRunner

import afterclick
from afterclick.core.result import Note, People, Result, Text
from afterclick.core.spec import Spec
from afterclick.surfaces.cli import main as cli_main  # noqa: F401 - the entry point must import

STAGES = ["Attract", "Convert", "구매", "Delight"]


def answer(spec: Spec) -> Result:
    """A map of four stages with known figures; its sentence is a text of the catalogue that always exists."""
    frame = pa.table(
        {
            "stage": STAGES,
            "entered": [17_962, 479, 100, 0],
            "onward": [479, 100, 0, 0],
            "open": [2_370, 9, 0, 0],
            "lost": [15_113, 370, 100, 0],
            "onward_rate": [0.02667, 0.20877, 0.0, None],
            "highest": [17_149, 249, 1_146, 141],
            "dwell_seconds": [90.0, 3600.0, None, None],
            "lost_value": [Decimal("12.50"), None, Decimal(0), Decimal(-3)],
        }
    )
    channels = pa.table({"stage": ["Attract"], "channel": ["=cmd|' /C calc'!A0"], "visitors": [7]})
    return Result(
        spec,
        frame,
        sentence=Text("count.visitors", {"n": 17_962}),
        figures={"visitors": 17_962, "conversion_rate": None, "revenue": Decimal("1234.5")},
        parts={"channels": channels},
        notes=(),
        about={"unit": "visitors", "range": "2026-08-31..2026-09-27", "timezone": "UTC", "currency": "KRW"},
        people=people,
    )


def people(cell: str) -> People:
    """Thirty visitors behind every cell but one."""
    if cell == "stage=Nowhere":
        return People(np.arange(0), described, Text("count.visitors", {"n": 0}))
    return People(np.arange(30), described, Text("count.visitors", {"n": 30}))


def described(labels: np.ndarray) -> pa.Table:
    return pa.table({"visitor": [f"a:{label}" for label in labels], "orders": [int(label) for label in labels]})


class FakeShop:
    """What the command line calls of a workspace, with a list of what it was called with."""

    def __init__(self) -> None:
        self.calls: list[tuple[str, Any]] = []

    def __enter__(self) -> FakeShop:
        return self

    def __exit__(self, *_: object) -> None:
        self.calls.append(("close", None))

    def ask(self, spec: Spec) -> Result:
        self.calls.append(("ask", spec))
        return answer(spec)

    def link(self, first: str, second: str) -> None:
        self.calls.append(("link", (first, second)))

    def unlink(self, first: str, second: str) -> None:
        self.calls.append(("unlink", (first, second)))


@pytest.fixture
def shop(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> FakeShop:
    """The fake store behind `afterclick.open`, in a working directory that looks like a store."""
    fake = FakeShop()

    def opened(path: Path, **options: Any) -> FakeShop:
        fake.calls.append(("open", (path, options)))
        return fake

    monkeypatch.setattr(afterclick, "open", opened, raising=False)
    (tmp_path / "log").mkdir()
    (tmp_path / "log" / "format").write_text("1\n")
    monkeypatch.chdir(tmp_path)
    for name in ("AFTERCLICK_STORE", "AFTERCLICK_LANG", "AFTERCLICK_PORT", "NO_COLOR", "LC_ALL", "LANG"):
        monkeypatch.delenv(name, raising=False)
    return fake


@pytest.fixture
def runner() -> CliRunner:
    """Runs commands in this process; stdout and stderr apart."""
    return CliRunner()


__all__ = ["STAGES", "FakeShop", "Note", "answer", "people"]
