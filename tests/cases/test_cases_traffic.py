"""Cases that show only from the request to the report: a process that stood still, names, machines, no network."""

from __future__ import annotations

import contextlib
import json
import os
import signal
import subprocess
import sys
import threading
import time
import unicodedata
from pathlib import Path
from typing import Any

import numpy as np
import pytest

import afterclick
from afterclick import Data, Kpi
from afterclick.core import clock
from afterclick.core.errors import StoreLocked
from afterclick.store import current
from afterclick.store.columns import MOST_PROPERTIES
from afterclick.store.live.reader import TailReader
from support import alone
from support.served import Served, served
from support.serving import serving

ALL: dict[str, Any] = {"range": "all", "compare": "none"}
CHROME = "Mozilla/5.0 (Windows NT 10.0; Win64; x64) AppleWebKit/537.36 (KHTML, like Gecko) {} Safari/537.36"


@pytest.fixture(autouse=True)
def at_once(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(current, "REFRESH_S", 0.0)


def test_case_16_a_process_that_stood_still_goes_on_and_nobody_wrote_meanwhile(tmp_path: Path) -> None:
    store, told = tmp_path / "shop", {}
    with serving(store) as server:
        assert server.track("before") == 200
        server.process.send_signal(signal.SIGSTOP)

        def send(name: str) -> None:
            told[name] = server.track(name)

        waiting = [threading.Thread(target=send, args=(f"during-{i}",)) for i in range(4)]
        for thread in waiting:
            thread.start()
        with pytest.raises(StoreLocked, match=str(server.process.pid)):
            afterclick.open(store, write=True)
        time.sleep(1.5)
        assert not told
        server.process.send_signal(signal.SIGCONT)
        for thread in waiting:
            thread.join(20)
        assert set(told.values()) == {200}
        assert server.track("before") == 200, "a retry, counted once"
        assert server.track("after") == 200
        assert server.ask("GET", "/healthz")[0] == 200
        assert server.end() == 0
    reader = TailReader(store)
    names = [json.loads(body)["event_id"] for call in reader.read(0, 10**6) for body in call.bodies]
    assert sorted(names) == sorted(["before", "after", *told])
    assert tuple(reader.balance()) == (7, 6, 1, 0)
    reader.close()


def test_case_34_a_new_key_in_each_event_grows_neither_columns_nor_memory(tmp_path: Path) -> None:
    """Keys that nobody sent before, in many calls and segments: the commonest keep columns, all stay in the log."""
    held, columns = [], []
    with served(tmp_path / "shop") as server:
        shop = server.live.shop
        for turn in range(24):
            events = [
                {"type": "track", "event": "Odd", "userId": f"u{i % 7}", "properties": {f"k{turn}x{i}": i, "size": "L"}}
                for i in range(400)
            ]
            assert server.send("/v1/batch", {"batch": events}).json()["accepted"] == 400
            assert shop.ask(Kpi(**ALL)).figures["visitors"] == 7
            columns.append(len(shop.store.snapshot().property_names))
            if turn % 3 == 2:
                shop.store.seal(server.live.tail)
                while shop.store.compact() is not None:
                    pass
            pieces = shop.store.snapshot().pieces
            held.append(sum(column.nbytes for piece in pieces for column in piece.columns.values()) / (400 * (turn + 1)))
        snapshot = shop.store.snapshot()
        assert "size" in snapshot.property_names
        assert max(columns) <= 5 * MOST_PROPERTIES, f"{columns}"
        assert len(snapshot.property_names) <= len(snapshot.pieces) * (MOST_PROPERTIES + 10)
        assert held[-1] < 3 * held[2], f"bytes a row: {held}"
        texts = snapshot.log_rows(np.arange(snapshot.rows), ["properties"])["properties"].to_pylist()
        assert len({key for text in texts for key in json.loads(text)}) == 24 * 400 + 1, "every key is in the log"
        names = snapshot.property_names
        shop.rebuild()
        assert shop.store.snapshot().property_names == names, "which are the commonest does not hang on how rows were joined"


KOREAN = "쪽지 여닫기"
NAMES = (
    unicodedata.normalize("NFC", KOREAN),
    unicodedata.normalize("NFD", KOREAN),
    unicodedata.normalize("NFC", KOREAN) + "\x00",
    f"\x00{unicodedata.normalize('NFD', KOREAN)}",
)


def test_case_37_one_korean_word_in_every_form_is_one_group_in_reports(tmp_path: Path) -> None:
    with served(tmp_path / "shop") as shop:
        _words(shop)


def _words(shop: Served) -> None:
    odd = ["🛒👩‍👩‍👧‍👦", "\u202egpj.exe", "\u200b\u200b", "zero\u200bwidth"]
    for number, name in enumerate([*NAMES, *odd]):
        answer = shop.track(f"word-{number}", event=name, anonymousId=f"word-{number % 3}", properties={"낱말": name})
        assert (answer.status, answer.json()["accepted"]) == (200, 1), repr(name)
    found = {row["event"]: row["events"] for row in shop.live.shop.ask(Data(**ALL)).frame.to_pylist()}
    assert found[KOREAN] == len(NAMES)
    assert {name for name in found if unicodedata.normalize("NFC", name) == KOREAN} == {KOREAN}
    assert found["🛒👩‍👩‍👧‍👦"] == 1
    bad = shop.send("/v1/track", b'{"type":"track","event":"\\ud800","userId":"u1","messageId":"half"}')
    assert (bad.status, bad.json()["errors"][0]["code"]) == (200, "bad_text")
    assert shop.send("/v1/track", b'\xef\xbb\xbf{"type":"track","event":"Bom","userId":"u1"}').json()["accepted"] == 1
    assert shop.send("/v1/track", b'{"type":"track","event":"\xff","userId":"u1"}').status in (200, 400)
    # Refused while it is still being sent, which its sender may see as a cut connection.
    with contextlib.suppress(ConnectionError):
        assert shop.track("long", event="x" * 10_000_000).status == 413
    assert shop.ask("GET", "/healthz").status == 200


MACHINES = {
    "robot": "Mozilla/5.0 (compatible; Googlebot/2.1; +http://www.google.com/bot.html)",
    "headless": CHROME.format("HeadlessChrome/155.0.0.0"),
    "monitor": "Mozilla/5.0+(compatible; UptimeRobot/2.0; http://www.uptimerobot.com/)",
    "preview": "facebookexternalhit/1.1 (+http://www.facebook.com/externalhit_uatext.php)",
}


def test_case_47_machines_are_flagged_left_out_and_counted_again_when_asked_for(tmp_path: Path) -> None:
    with served(tmp_path / "shop") as server:
        at = clock.iso(clock.now())
        for name, agent in {**MACHINES, "person": CHROME.format("Chrome/155.0.0.0")}.items():
            page = {"url": "https://shop.example/", "referrer": "https://www.google.com/"}
            context = {"page": page, "userAgent": agent}
            event = {"type": "page", "anonymousId": name, "messageId": name, "timestamp": at, "context": context}
            assert server.send("/v1/page", event).json()["accepted"] == 1
        asked = [server.live.shop.ask(Kpi(bots=bots, **ALL)).figures["visitors"] for bots in ("out", "in")]
        assert asked == [1, 1 + len(MACHINES)]
        assert tuple(server.live.tail.balance()) == (5, 5, 0, 0), "a flag is no reject: nothing is lost"


def test_case_100_import_collector_and_questions_work_where_there_is_no_network(tmp_path: Path) -> None:
    """In a namespace of its own where the system allows that; where not, every call to another machine is an error."""
    wrap = ["unshare", "-rn", "--"]
    try:
        cut = subprocess.run([*wrap, "true"], check=False, capture_output=True).returncode == 0
    except FileNotFoundError:
        cut = False
    environ = {name: text for name, text in os.environ.items() if "proxy" not in name.lower()}
    done = subprocess.run(
        [*(wrap if cut else []), sys.executable, alone.__file__, str(tmp_path), "cut" if cut else ""],
        check=False, capture_output=True, text=True, timeout=60, env=environ,
    )  # fmt: skip
    assert done.returncode == 0, done.stderr
    told = json.loads(done.stdout)
    assert told["foreign"] == []
    assert told["probe"] is True, "the watch itself must see a call to another machine"
    assert (told["imported"], told["accepted"], told["visitors"], told["page"]) == (2, 1, 3, 200)
