"""`afterclick segments`: asked, saved, renamed, deleted, undone, taken, traced, handed over."""

from __future__ import annotations

from pathlib import Path

import pytest
from click.testing import CliRunner, Result

from afterclick.surfaces.cli.main import group
from support.shop import Shop


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    shop = Shop()
    for number in range(6):
        shop.add(f"v{number}", f"{number}h", "Page Viewed", url="https://x.example/")
        shop.add(f"v{number}", f"{number + 30}h", "Page Viewed", url="https://x.example/", user=f"u{number}")
        if number % 2:
            shop.add(f"v{number}", f"{number + 31}h", "Order Completed", revenue=1000, order_id=f"o{number}")
    shop.open(tmp_path / "s").close()
    return tmp_path / "s"


def run(folder: Path, *words: str) -> Result:
    return CliRunner().invoke(group, [*words, "--store", str(folder), "--lang", "en"], catch_exceptions=True)


def test_segments_are_saved_asked_and_changed(folder: Path) -> None:
    assert "“Buyers”: 3 visitors" in run(folder, "segments", "save", "Buyers", "visitor.orders >= 1").output
    listed = run(folder, "segments", "--range", "all")
    assert listed.exit_code == 0
    assert "visitor" in listed.output
    assert "Buyers" in listed.output
    asked = run(folder, "segment", "--rule", "Buyers", "--range", "all")
    assert asked.exit_code == 0
    assert "3 visitors (50.0%)" in asked.output
    assert "/segments?rule=Buyers" in asked.output
    kpi = run(folder, "kpi", "--segment", "Buyers", "--range", "all")
    assert "3 visitors placed 3 orders" in kpi.output
    assert "Buyers" in kpi.output.splitlines()[-1] + kpi.output
    assert run(folder, "segments", "rename", "Buyers", "Shoppers").exit_code == 0
    assert run(folder, "segments", "delete", "Shoppers").exit_code == 0
    assert "Shoppers" in run(folder, "segments", "undo").output
    wrong = run(folder, "segments", "save", "X", 'cont("A") > 1')
    assert wrong.exit_code == 2
    assert "count" in wrong.output
    unknown = run(folder, "kpi", "--segment", "Shopers")
    assert unknown.exit_code == 2
    assert "Shoppers" in unknown.output


def test_lists_are_taken_and_members_handed_over(folder: Path, tmp_path: Path) -> None:
    taken = run(folder, "segments", "take", "visitor.orders >= 1", "--as", "First buyers")
    assert "“First buyers” holds 3 visitors" in taken.output
    out = tmp_path / "audience.csv"
    assert run(folder, "segments", "export", "First buyers", "-o", str(out)).exit_code == 0
    lines = out.read_text("utf-8-sig").splitlines()
    assert lines[0] == "visitor,user_id,anonymous_id,email_sha256"
    assert sorted(line.split(",")[1] for line in lines[1:]) == ["u1", "u3", "u5"]
    assert "Deleted the list" in run(folder, "segments", "delete", "First buyers").output
    assert run(folder, "segments", "export", "First buyers", "-o", str(out)).exit_code == 2


def test_one_visitor_is_traced_through_a_segment(folder: Path) -> None:
    traced = run(folder, "segments", "trace", 'count("Page Viewed", 1d) >= 1', "v1", "--format", "csv")
    assert traced.exit_code == 0
    assert [line.split(",")[:2] for line in traced.output.splitlines()[1:]] == [
        ["2026-01-01T01:00:00Z", "true"],
        ["2026-01-02T01:00:00.000001Z", "false"],
        ["2026-01-02T07:00:00Z", "true"],
    ]
    table = run(folder, "segments", "trace", "visitor.orders >= 1", "u1")
    assert "1 change; in the segment now: yes" in table.output
    assert run(folder, "segments", "trace", "visitor.orders >= 1", "nobody").exit_code == 2
