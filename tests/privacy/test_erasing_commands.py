"""`afterclick erase`, `export` and `prove erasure` as people type them, and while a server collects."""

from __future__ import annotations

import json
import subprocess
import sys
import threading
import time
from pathlib import Path

import pytest
from click.testing import CliRunner

import afterclick
from afterclick.app.people.forms import Needles
from afterclick.app.people.traces import Search
from afterclick.app.prove.sender import Sender
from afterclick.app.prove.served import Served
from afterclick.core import clock
from afterclick.surfaces.cli.main import group
from support.shop import Shop

IDS = ("u:kim-0001", "a:device-a", "a:device-b", "e:kim@mail.example")


def shop_at(folder: Path) -> Path:
    made = Shop()
    made.add("device-a", "0", "Signed Up", user="kim-0001", email="kim@mail.example", url="https://s.example/")
    made.add("lee", "1m", "Order Completed", order_id="o2", revenue=7, currency="KRW", url="https://s.example/")
    with made.open(folder / "shop"):
        return folder / "shop"


def run(*words: str, given: str = "") -> tuple[int, str]:
    done = CliRunner().invoke(group, [*words, "--lang", "en"], input=given)
    return done.exit_code, done.output


def test_erase_says_what_would_go_and_asks(tmp_path):
    store = shop_at(tmp_path)
    code, said = run("erase", "kim-0001", "--store", str(store), given="n\n")
    assert code == 0
    assert "3 ids and 1 event are this person's" in said
    assert "Nothing was erased." in said
    code, said = run("erase", "kim-0001", "--store", str(store), given="y\n")
    assert code == 0
    assert "Erased: 3 ids, 1 event" in said
    assert run("prove", "erasure", "kim-0001", "device-a", "--store", str(store))[0] == 0


def test_prove_erasure_names_file_and_place_and_exits_with_1(tmp_path):
    store = shop_at(tmp_path)
    code, said = run("prove", "erasure", "kim-0001", "--user", "--store", str(store))
    assert code == 1
    assert "projection/" in said
    assert "new.arrow" in said
    assert ".parquet: column user_id" in said
    code, told = run("prove", "erasure", "kim-0001", "--store", str(store), "--format", "json")
    assert code == 1
    proof = json.loads(told[told.index("{") :])
    assert proof["held"] is False
    assert [one["name"] for one in proof["checks"]] == ["erasure_planted", "erasure_searched", "erasure_tombstones"]


def test_wrong_words_are_explained(tmp_path):
    store = shop_at(tmp_path)
    for words in (("erase",), ("erase", "nobody", "--yes")):
        code, said = run(*words, "--store", str(store))
        assert code == 2
        assert "--user" in said or "ID..." in said
    assert run("export", "--person", "kim-0001", "-o", str(tmp_path / "kim.txt"), "--store", str(store))[0] == 2
    code, said = run("erase", "kim-0001", "--server", "http://127.0.0.1:1", "--yes")
    assert code == 1
    assert "does not answer" in said


def test_export_writes_what_is_held(tmp_path):
    store = shop_at(tmp_path)
    out = tmp_path / "kim.json"
    code, said = run("export", "--person", "kim@mail.example", "--email", "-o", str(out), "--store", str(store))
    assert code == 0
    assert "3 ids, 1 event" in said
    assert json.loads(out.read_text())["events"][0]["event"] == "Signed Up"


def test_a_person_as_python_asks_for_them(tmp_path):
    with afterclick.open(shop_at(tmp_path), write=True) as shop:
        assert shop.person("kim-0001")["about"]["format"] == 1
        assert shop.erase("kim-0001").to_dict()["left"] == []


@pytest.fixture
def served(tmp_path):
    store = shop_at(tmp_path)
    server = Served(store, tmp_path / "log.txt").prepare()
    server.start()
    yield server
    server.stop()


def _sent(device: str, number: int, **more: object) -> dict[str, object]:
    told = {"type": "track", "event": "Product Viewed", "anonymousId": device, "messageId": f"{device}-{number}"}
    return {**told, "timestamp": clock.iso(clock.now()), **more}


def test_case_48_erased_by_a_running_server_while_their_events_stream_in(served, tmp_path):
    ended, taken, refused = threading.Event(), [], []

    def stream() -> None:
        sender = Sender(served.address, served.key)
        number = 0
        while not ended.is_set():
            number += 1
            answer = sender.send([_sent("device-b", number, userId="kim-0001"), _sent("choi", number)])
            taken.append((answer.status, answer.body.get("accepted")))
            if answer.status != 200:
                refused.append(answer.body)
            time.sleep(0.01)
        sender.close()

    thread = threading.Thread(target=stream)
    thread.start()
    try:
        while len(taken) < 20:
            time.sleep(0.05)
        assert taken[0] == (200, 2)
        code, said = run("erase", "kim-0001", "--store", str(served.store), "--yes")
        assert code == 2
        assert "--server" in said
        code, said = run("erase", "kim-0001", "--server", served.address, "--yes")
        assert code == 0, said
        assert "Erased: 4 ids" in said
    finally:
        ended.set()
        thread.join()
    assert {status for status, _ in taken} == {200}, [*refused, (tmp_path / "log.txt").read_text()[-4000:]]
    assert taken[-1] == (200, 1), "the other's event is taken, hers is not"
    beside = subprocess.run(
        [sys.executable, "-m", "afterclick", "prove", "erasure", "kim-0001", "--store", str(served.store), "--lang", "en"],
        capture_output=True, text=True, check=False,
    )  # fmt: skip
    assert beside.returncode == 0, beside.stdout + beside.stderr
    served.stop()
    assert Search(served.store, Needles(IDS)).run() == []
    assert "kim" not in (tmp_path / "log.txt").read_text()
    with afterclick.open(served.store) as shop:
        snapshot = shop.store.snapshot()
        events = snapshot.log_rows(range(snapshot.rows), ("anonymous_id",))["anonymous_id"].to_pylist()
        assert events.count("choi") == len(taken)
        assert set(events) == {"lee", "choi"}
        assert not [one for one in shop.store.verify() if one.severity == "damaged"]


def test_case_93_an_analyst_and_a_foreign_page_erase_nobody(served):
    import http.client

    def post(headers: dict[str, str], body: str = '{"id":"kim-0001","sure":true}') -> int:
        connection = http.client.HTTPConnection("127.0.0.1", served.port, timeout=20)
        connection.request("POST", "/api/erase", body, headers)
        status = connection.getresponse().status
        connection.close()
        return status

    assert post({"Origin": "https://evil.example"}) == 403
    assert post({"Origin": "null"}) == 403
    good = {"Authorization": "Bearer none"}
    assert post(good, "[]") == 422
    assert post(good, '{"id":" "}') == 422
    assert post(good, '{"id":"' + "x" * 5000 + '"}') == 422
    assert post(good, '{"id":"nobody"}') == 422
    assert post(good, '{"id":"kim-0001"}') == 200, "told, not done"
    with afterclick.open(served.store) as shop:
        assert shop.whose("kim-0001")["events"] == 1
