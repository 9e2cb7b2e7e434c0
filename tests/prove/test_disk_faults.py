"""`prove durability` on a disk that forgets, fails and fills up: it holds, and a server that lies is caught."""

import pytest

from afterclick.app.prove import disk_faults, durability
from afterclick.app.prove.durability import Sizes
from afterclick.app.prove.faults.mounted import missing
from afterclick.app.prove.load import Load
from afterclick.app.prove.proof import Step
from afterclick.app.prove.sender import Reply

pytestmark = [
    pytest.mark.fuse,
    pytest.mark.skipif(bool(missing()), reason="needs /dev/fuse, libfuse 3 and mfusepy"),
    pytest.mark.slow,
]


def test_cases_4_to_6_a_power_cut_a_refused_sync_and_a_full_disk_under_load(tmp_path) -> None:
    said: list[Step] = []
    proof = durability.prove(7, tmp_path, Sizes(kills=0, power_cuts=1, failed_syncs=1, full_disks=1), said.append)
    assert proof.held, [check for check in proof.checks if not check.held]
    names = [check.name for check in proof.checks]
    assert names == [f"durability_{fault}{end}" for fault in ("cut", "sync", "full") for end in ("", "_starts")]
    assert all(check.figures["acknowledged"] > 0 for check in proof.checks[::2])
    assert len(said) == 3
    assert proof.left_out == ()


def test_a_promise_of_what_was_never_stored_is_found_out(tmp_path, monkeypatch) -> None:
    real = Load._run

    def lying(load: Load, seed: int) -> None:
        invented = [{"messageId": f"invented-{seed}"}]
        load._ledger.note(invented, Reply(200, {}, 0.0))
        real(load, seed)

    monkeypatch.setattr(Load, "_run", lying)
    checks = disk_faults.prove(3, tmp_path, 1, 0, 0, lambda _: None)
    assert not checks[0].held
    assert any("lost: invented" in line for line in checks[0].broken)


def test_where_no_such_disk_can_be_mounted_it_says_so(tmp_path, monkeypatch) -> None:
    monkeypatch.setattr(durability.mounted, "missing", lambda: "no_fuse")
    proof = durability.prove(1, tmp_path, Sizes(kills=0, power_cuts=1), lambda _: None)
    assert proof.left_out == ("no_fuse",)
    assert not proof.held
