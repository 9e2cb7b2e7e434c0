"""What reaches the eye: widths, bars, colour, encodings, CSV cells."""

from __future__ import annotations

import csv
import datetime as dt
import io
import os
import pty
import subprocess
import sys
from decimal import Decimal

import pyarrow as pa
import pytest
from hypothesis import given
from hypothesis import strategies as st
from rich.cells import cell_len

from afterclick.surfaces.cli import cells, tables
from afterclick.surfaces.cli.screen import GAP, Screen, bar, fitted


@given(st.floats(0, 1), st.integers(1, 40))
def test_a_bar_is_as_long_as_its_share(share: float, width: int) -> None:
    drawn = bar(share, width, ascii_only=False)
    assert len(drawn) <= width
    assert abs(len(drawn.rstrip("▏▎▍▌▋▊▉")) - share * width) <= 1
    assert bar(share, width, ascii_only=True) == "#" * round(share * width)


def test_bars_at_the_ends() -> None:
    assert bar(0, 8, False) == ""
    assert bar(1, 8, False) == "█" * 8
    assert bar(0.5, 8, False) == "████"
    assert bar(1 / 64, 8, False) == "▏"
    assert bar(7, 2, False) == "██"


@pytest.mark.parametrize(
    ("name", "value", "unit", "english", "korean"),
    [
        ("entered", 1234, "", "1,234", "1,234"),
        ("onward_rate", 0.02667, "", "2.67%", "2.67%"),
        ("onward_rate", None, "", "–", "–"),
        ("dwell_seconds", 68_400.0, "", "19 h", "19시간"),
        ("seconds_from_first_p50", 90.0, "", "1 min 30 s", "1분 30초"),
        ("revenue", Decimal(107_800), "", "₩107,800", "107,800원"),
        ("value", 0.5, "rate", "50.0%", "50.0%"),
        ("previous_onward_rate", 0.5, "", "50.0%", "50.0%"),
        ("system", True, "", "yes", "예"),
        ("day", dt.date(2026, 9, 1), "", "1 Sep 2026", "2026년 9월 1일"),
        ("per_day", [1, 22_000], "", "1 22,000", "1 22,000"),
        ("event", "Order Completed", "", "Order Completed", "Order Completed"),
        ("thin", float("nan"), "", "–", "–"),
    ],
)
def test_cells_read_by_their_names(name: str, value: object, unit: str, english: str, korean: str) -> None:
    assert cells.read(name, value, "en", "KRW", unit) == english
    assert cells.read(name, value, "ko", "KRW", unit) == korean


def test_changes_are_points_of_rates_and_percent_of_amounts() -> None:
    assert cells.change("rate", 0.005, "en") == "+0.50 pt"
    assert cells.change("count", 0.084, "en") == "+8.4%"


def test_korean_columns_line_up(capsys: pytest.CaptureFixture[str]) -> None:
    screen = Screen.of("ko", plain=True)
    screen.table(["단계", "방문자"], [["유입", "1,204"], ["Close", "7"]], [True, False])
    lines = [line for line in capsys.readouterr().out.splitlines() if line.strip()]
    ends = {cell_len(line.rstrip()) for line in lines if not set(line.strip()) <= {"─", " "}}
    assert len(ends) == 1


@given(
    st.lists(st.tuples(st.text("ab 단", max_size=14), st.text("x단", max_size=9)), min_size=1, max_size=7),
    st.integers(20, 120),
)
def test_columns_fit_the_window_with_whole_cells(columns: list[tuple[str, str]], room: int) -> None:
    headings, row = [heading for heading, _ in columns], [cell for _, cell in columns]
    widths = fitted(headings, [row], room)
    assert 1 <= len(widths) <= len(columns)
    assert len(widths) == 1 or sum(widths) + GAP * len(widths) <= room
    for width, heading, cell in zip(widths, headings, row, strict=False):
        assert cell_len(cell) <= width <= max(cell_len(heading), cell_len(cell))


TEXTS = st.text(st.characters(codec="utf-8", exclude_characters="\0"))


@given(st.lists(st.tuples(TEXTS, st.integers(-5, 5)), max_size=5))
def test_csv_survives_any_text_and_runs_none(rows: list[tuple[str, int]]) -> None:
    table = pa.table(
        {"word": pa.array([word for word, _ in rows], pa.string()), "n": pa.array([n for _, n in rows], pa.int64())}
    )
    found = list(csv.reader(io.StringIO(tables.csv_text(table), newline="")))
    assert found[0] == ["word", "n"]
    assert [int(n) for _, n in found[1:]] == [n for _, n in rows]
    for (written, _), (word, _) in zip(found[1:], rows, strict=True):
        assert written.removeprefix("'") == word.removeprefix("'")
        assert not written.startswith(("=", "+", "-", "@", "\t", "\r"))


def test_csv_instants_are_utc() -> None:
    table = pa.table({"at": pa.array([1_788_220_800_000_000, None], pa.timestamp("us", "Asia/Seoul"))})
    assert tables.csv_text(table) == "at\n2026-09-01T00:00:00Z\n\n"


@given(st.lists(st.lists(st.text(), min_size=2, max_size=2), max_size=4))
def test_markdown_rows_keep_their_columns(rows: list[list[str]]) -> None:
    written = tables.markdown(["a", "b"], rows, [True, False])
    lines = written.split("\n")
    assert len(lines) == len(rows) + 2
    for line in lines:
        bare = line.replace("\\\\", "").replace("\\|", "")
        assert bare.count("|") == 3


SHOWN = """
from afterclick.core.result import Result, Text
from afterclick.core.spec import Spec
from afterclick.surfaces.cli import render, views
from afterclick.surfaces.cli.screen import Screen
import pyarrow as pa

class Asked(Spec, frozen=True, kw_only=True, forbid_unknown_fields=True):
    key_word = "asked"

views.VIEWS["asked"] = views.View(("stage", "n"), "n")
frame = pa.table({"stage": ["유입", "Close"], "n": [10, 5]})
found = Result(Asked(), frame, sentence=Text("count.visitors", {"n": 10}))
render.result(found, Screen.of("en", plain=False), "table")
"""


def on_a_terminal(**environ: str) -> str:
    """The output of SHOWN with a terminal of 80 columns as its stdout."""
    leader, follower = pty.openpty()
    base = {name: value for name, value in os.environ.items() if name not in ("NO_COLOR", "TERM", "LC_ALL", "LANG")}
    process = subprocess.Popen(
        [sys.executable, "-c", SHOWN],
        stdout=follower,
        env={**base, "TERM": "xterm-256color", "COLUMNS": "80", "PYTHONIOENCODING": "utf-8", **environ},
    )
    os.close(follower)
    got = b""
    while True:
        try:
            chunk = os.read(leader, 4096)
        except OSError:  # Linux: the other end is closed
            break
        if not chunk:
            break
        got += chunk
    os.close(leader)
    assert process.wait(timeout=60) == 0
    return got.decode(environ.get("PYTHONIOENCODING", "utf-8"))


def test_a_terminal_gets_bars() -> None:
    shown = on_a_terminal()
    first, second = (next(line for line in shown.splitlines() if word in line) for word in ("유입", "Close"))
    assert (first.count("█"), second.count("█")) == (16, 8)
    assert all(cell_len(line) <= 80 for line in shown.replace("\r", "").split("\n") if "http" not in line)


def test_no_color_is_honoured() -> None:
    assert "\x1b[3" not in on_a_terminal(NO_COLOR="1")


def test_an_ascii_terminal_gets_ascii_bars() -> None:
    shown = on_a_terminal(PYTHONIOENCODING="ascii")
    assert shown.isascii()
    assert "#" * 16 in shown
