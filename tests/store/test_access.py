"""Keys and tokens: digests only, made once, mode 0600, revoked at once."""

from __future__ import annotations

import json
import stat
import threading
from pathlib import Path

import pytest

from afterclick.core.errors import StoreError, UsageError
from afterclick.store.access import DEFAULT_RATE, FILE, SECRET_BYTES, Access


def test_a_new_store_gets_its_keys_once_and_only_their_digests_are_kept(tmp_path: Path) -> None:
    access = Access(tmp_path)
    assert not access.exists
    made = access.first()
    assert [(one.grant.role, one.grant.source, one.grant.rate) for one in made] == [
        ("write", "web", DEFAULT_RATE),
        ("owner", "", 0),
    ]
    content = (tmp_path / FILE).read_text()
    for one in made:
        assert one.secret not in content
        assert len(one.secret.split("_", 2)[2]) >= SECRET_BYTES
    assert stat.S_IMODE((tmp_path / FILE).stat().st_mode) == 0o600
    assert access.first() == []
    assert Access(tmp_path).first() == []


def test_case_42_a_write_key_opens_collecting_alone_and_a_token_opens_none_of_it(tmp_path: Path) -> None:
    access = Access(tmp_path)
    write, owner = access.first()
    assert access.writer(write.secret) == write.grant
    assert access.reader(write.secret) is None
    assert access.reader(owner.secret) == owner.grant
    assert access.writer(owner.secret) is None
    for wrong in ("", write.secret[:-1], write.secret + "x", write.secret.upper(), "\ud800", write.grant.digest):
        assert access.find(wrong) is None


def test_case_42_a_revoked_key_is_gone_for_a_server_that_runs(tmp_path: Path) -> None:
    server, terminal = Access(tmp_path), Access(tmp_path)
    made = terminal.make("write", source="shop", origins=("https://Shop.example/",), rate=7)
    assert server.writer(made.secret) is None
    assert server.refresh()
    assert server.writer(made.secret) == made.grant
    assert made.grant.origins == ("https://shop.example",)
    terminal.revoke(made.grant.id)
    assert server.refresh()
    assert server.writer(made.secret) is None
    assert not server.refresh()
    again = terminal.make("write")
    assert again.grant.id != made.grant.id, "the id of a revoked key is not given again"


def test_revoking_what_is_not_there_names_what_is(tmp_path: Path) -> None:
    access = Access(tmp_path)
    access.first()
    with pytest.raises(UsageError, match="write9") as caught:
        access.revoke("write9")
    assert "write1" in caught.value.hint


@pytest.mark.parametrize("mode", [0o644, 0o640, 0o604, 0o602])
def test_case_98_a_file_that_others_can_read_is_refused_with_the_command_that_mends_it(tmp_path: Path, mode: int) -> None:
    Access(tmp_path).first()
    (tmp_path / FILE).chmod(mode)
    with pytest.raises(UsageError, match=FILE) as caught:
        Access(tmp_path)
    assert caught.value.exit_code == 2
    assert "chmod 600" in caught.value.hint


@pytest.mark.parametrize(
    "content",
    ["", "{", "[]", '{"version":2,"grants":[]}', '{"version":1,"grants":[{"id":"a","role":"king","digest":""}]}',
     '{"version":1,"grants":[{"id":"a","role":"owner","digest":"zz"}]}',
     '{"version":1,"grants":[{"id":"a","role":"owner","digest":"00"}]}'],
)  # fmt: skip
def test_case_98_a_file_that_cannot_be_read_is_refused_and_never_taken_for_no_file(tmp_path: Path, content: str) -> None:
    (tmp_path / FILE).write_text(content)
    (tmp_path / FILE).chmod(0o600)
    with pytest.raises(StoreError, match="cannot be read") as caught:
        Access(tmp_path)
    assert caught.value.exit_code == 2
    assert (tmp_path / FILE).read_text() == content


@pytest.mark.parametrize("origin", ["shop.example", "ftp://shop.example", "https://", "*", "https://a/b", "null"])
def test_an_origin_that_is_none_is_refused(tmp_path: Path, origin: str) -> None:
    with pytest.raises(UsageError, match="no web origin"):
        Access(tmp_path).make("write", origins=(origin,))


def test_two_at_once_lose_no_key(tmp_path: Path) -> None:
    def make() -> None:
        access = Access(tmp_path)
        for _ in range(5):
            access.make("write")

    threads = [threading.Thread(target=make) for _ in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    ids = [grant["id"] for grant in json.loads((tmp_path / FILE).read_text())["grants"]]
    assert len(ids) == len(set(ids)) == 20
