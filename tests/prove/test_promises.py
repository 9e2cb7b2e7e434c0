"""The promises of the README, each tried at a small size by its own command; a trial that tries nothing keeps nothing."""

from __future__ import annotations

import json

import pytest
from click.testing import CliRunner

from afterclick.app.prove import recovery
from afterclick.app.prove.proof import Check, Proof, check
from afterclick.surfaces.cli.main import group

pytestmark = pytest.mark.slow
SMALL = {
    "durability": ["--kills", "3", "--power-cuts", "0", "--failed-syncs", "0", "--full-disks", "0"],
    "dedup": ["--events", "2000", "--restarts", "2"],
    "order": ["--events", "600", "--shuffles", "2"],
    "recovery": ["--tries", "20"],
    "limits": ["--half-open", "100", "--streams", "30"],
    "ssrf": [],
    "tenants": [],
    "quiet": [],
    "sends": ["--kill-at", "answered", "--kill-at", "mail_half", "--people", "2", "--month-people", "3"],
    "day": ["--hours", "12", "--speed", "1440", "--rate", "300", "--restarts", "2"],
}


@pytest.mark.parametrize("how", ["flip", "torn", "zeros", "more"])
def test_a_file_can_be_hurt_again_after_it_became_shorter(tmp_path, how):
    file = tmp_path / "new.arrow"
    file.write_bytes(b"whole")
    recovery._apply(file, recovery.Damage(file, "torn", 2))
    before = file.read_bytes()
    recovery._apply(file, recovery.Damage(file, how, 4))
    assert before == b"wh"
    assert file.read_bytes() != before


@pytest.mark.timeout(900)  # kills and restarts of real processes, on a machine that may be busy
@pytest.mark.parametrize("promise", list(SMALL))
def test_promise(promise, tmp_path):
    words = ["prove", promise, *SMALL[promise], "--seed", "7", "--dir", str(tmp_path), "--format", "json"]
    done = CliRunner().invoke(group, words)
    assert done.stdout, (done.exception, done.stderr)
    told = json.loads(done.stdout)
    broken = {one["name"]: one["broken"] for one in told["checks"] if not one["held"]}
    assert (done.exit_code, told["held"], broken) == (0, True, {})
    assert told["checks"]


def test_every_promise_of_the_group_is_tried_here():
    listed = CliRunner().invoke(group, ["prove", "--help"]).output
    for name in SMALL:
        assert f"  {name} " in listed


def test_a_broken_check_breaks_the_promise_and_so_does_a_trial_without_any():
    kept, broken = check("ssrf_names", [], n=1), check("ssrf_names", ["x"] * 30, n=1)
    assert (kept.held, broken.held, len(broken.broken), broken.figures["broken"]) == (True, False, 20, 30)
    assert Proof("a", 1, (kept,), 0.0).held
    assert not Proof("a", 1, (kept, broken), 0.0).held
    assert not Proof("a", 1, (), 0.0).held
    assert not Proof("a", 1, (Check("x", False, {}),), 0.0).held


def test_a_broken_promise_ends_with_1_and_says_what_broke_it(monkeypatch):
    from afterclick.app.prove import ssrf

    monkeypatch.setattr(ssrf, "_refused", lambda url, answers: "0x7f" not in url)
    done = CliRunner().invoke(group, ["prove", "ssrf", "--lang", "en"])
    assert done.exit_code == 1
    assert "✗" in done.stdout
    assert "0x7f" in done.stdout
    assert "Broken: ssrf" in done.stdout
