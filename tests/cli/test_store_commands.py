"""The commands against a store on disk: import, questions, rejects, links, rebuild, the example shop, the server."""

from __future__ import annotations

import json
import re
import signal
import subprocess
import sys
import urllib.request
from pathlib import Path

import pytest
from click.testing import CliRunner, Result
from starlette.testclient import TestClient

import afterclick
from afterclick.surfaces.cli.main import group
from afterclick.surfaces.web import create_app

HEAD = "timestamp,anonymous_id,event,url,order_id,revenue,email\n"
GOOD = """2026-09-01T09:00:00Z,a1,Page Viewed,https://shop.example/?utm_source=naver&utm_medium=cpc,,,
2026-09-01T09:01:00Z,a1,Product Added,https://shop.example/cart,,,
2026-09-01T09:02:00Z,a1,Order Completed,https://shop.example/thanks,o1,12.50,x@y.example
2026-09-01T10:00:00Z,a2,Page Viewed,https://shop.example/,,,
"""
BAD = "03.09.2026 10:00,a3,Page Viewed,https://shop.example/,,,\n"


@pytest.fixture(autouse=True)
def place(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> Path:
    """An empty working directory, and nothing of this machine's environment in the way."""
    monkeypatch.chdir(tmp_path)
    for name in ("AFTERCLICK_STORE", "AFTERCLICK_LANG", "AFTERCLICK_PORT", "LC_ALL", "LANG"):
        monkeypatch.delenv(name, raising=False)
    (tmp_path / "events.csv").write_text(HEAD + GOOD + BAD)
    return tmp_path


def run(*words: str) -> Result:
    return CliRunner().invoke(group, list(words))


def answer(*words: str) -> str:
    done = run(*words)
    assert done.exit_code == 0, done.output
    return done.stdout


@pytest.fixture
def store(place: Path) -> Path:
    """The events above in a store named `shop`."""
    answer("import", "events.csv", "--store", "shop")
    return place / "shop"


def test_import_shows_the_map_the_counts_and_what_to_type_next() -> None:
    done = run("import", "events.csv", "--store", "shop")
    assert done.exit_code == 0
    assert re.search(r"occurred_at\s+timestamp\s+2026-09-01T09:00:00Z", done.stderr)
    assert "5 rows read from 1 file" in done.stdout
    assert "4 stored" in done.stdout
    assert "1 × bad_time" in done.stdout
    assert "events.csv, row 5:" in done.stdout
    commands = [line.split("#")[0].split() for line in done.stdout.splitlines() if line.startswith("  afterclick")]
    assert ["afterclick", "map", "--store", "shop", "--range", "all"] in commands
    for command in commands:
        if command[1] != "serve":
            assert run(*command[1:]).exit_code == 0


def test_the_same_file_again_adds_nothing(store: Path) -> None:
    again = answer("import", "events.csv", "--store", "shop")
    assert "0 stored" in again
    assert "5 already there" in again or "4 already there" in again


def test_dry_run_stores_nothing_and_makes_nothing(place: Path) -> None:
    done = answer("import", "events.csv", "--store", "shop", "--dry-run")
    assert "Nothing was stored" in done
    assert "occurred_at" in done, "with --dry-run the map is the result"
    assert not (place / "shop").exists()


def test_a_map_is_written_edited_and_read(place: Path) -> None:
    answer("import", "events.csv", "--store", "shop", "--dry-run", "--write-map", "shop.toml")
    text = (place / "shop.toml").read_text()
    assert 'occurred_at = "timestamp"' in text
    again = run("import", "events.csv", "--store", "shop", "--write-map", "shop.toml")
    assert (again.exit_code, again.stdout) == (2, "")
    assert "not overwritten" in again.stderr
    (place / "shop.toml").write_text(text.replace('email = "email"\n', ""))
    assert "shop.toml" in run("import", "events.csv", "--store", "shop", "--map", "shop.toml").stderr
    with afterclick.open("shop") as shop:
        assert shop.doctor().figures["wrong"] >= 0
        ids = shop.ask(afterclick.Data()).figures["ids"]
    assert ids == 2


@pytest.mark.parametrize(
    ("name", "content", "words", "says"),
    [
        ("empty.csv", "", (), "empty"),
        ("picture.csv", "\x89PNG\r\n\x1a\n\0\0\0", (), "picture.csv"),
        ("two.csv", "a,b\n1,2\n", (), ""),
        ("good.csv", HEAD + GOOD, ("--map", "missing.toml"), "missing.toml"),
        ("good.csv", HEAD + GOOD, ("--map", "good.csv"), "TOML"),
    ],
)
def test_what_cannot_be_imported_is_exit_2_and_leaves_no_store(
    place: Path, name: str, content: str, words: tuple[str, ...], says: str
) -> None:
    (place / name).write_text(content)
    done = run("import", name, "--store", "fresh", *words)
    assert (done.exit_code, done.stdout) == (2, "")
    assert says in done.stderr
    assert "Next:" in done.stderr
    assert not (place / "fresh").exists()


def test_import_needs_a_named_store_and_a_file_that_is_there() -> None:
    done = run("import", "events.csv")
    assert done.exit_code == 2
    assert "--store" in done.stderr
    assert run("import", "nowhere.csv", "--store", "shop").exit_code == 2


def test_import_as_json_adds_up() -> None:
    found = json.loads(answer("import", "events.csv", "--store", "shop", "--format", "json"))
    assert found["read"] == found["stored"] + found["duplicates"] + found["rejected"] == 5
    assert found["map"]["columns"]["occurred_at"] == "timestamp"


def test_import_speaks_korean() -> None:
    done = run("import", "events.csv", "--store", "shop", "--lang", "ko")
    assert "저장 4건" in done.stdout
    assert "열을 다음과 같이 읽었습니다" in done.stderr


def test_the_store_is_found_by_variable_and_by_place(store: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    missing = run("map")
    assert (missing.exit_code, missing.stdout) == (2, "")
    assert "afterclick demo" in missing.stderr
    monkeypatch.setenv("AFTERCLICK_STORE", str(store))
    assert run("map").exit_code == 0
    monkeypatch.delenv("AFTERCLICK_STORE")
    monkeypatch.chdir(store)
    assert run("map").exit_code == 0


def test_an_empty_store_is_exit_3(place: Path) -> None:
    with afterclick.open(place / "bare", write=True, create=True):
        pass
    done = run("map", "--store", "bare")
    assert (done.exit_code, done.stdout) == (3, "")
    assert "Next:" in done.stderr


@pytest.mark.parametrize(
    ("words", "path"),
    [
        (("map", "--range", "all"), "/map.json?range=all"),
        (("map", "--range", "all"), "/api/map.json?range=all"),
        (("kpi", "--identity", "raw"), "/api/kpi.json?identity=raw"),
        (("data",), "/data.json"),
        (("channels", "--lang", "ko"), "/api/channels.json?lang=ko"),
        (("funnel", "Page Viewed", "Product Added"), "/api/funnel.json?steps=Page+Viewed&steps=Product+Added"),
    ],
)
def test_json_is_exactly_what_the_api_answers(store: Path, words: tuple[str, ...], path: str) -> None:
    printed = json.loads(answer(*words, "--store", "shop", "--format", "json"))
    with afterclick.open(store) as shop, TestClient(create_app(shop), base_url="http://127.0.0.1") as client:
        served = client.get(path).json()
    # A page's address answers its further cards besides.
    served.pop("cards", None)
    for found in (printed, served):
        assert found["about"].pop("elapsed_ms") >= 0
    assert printed == served


def test_every_table_ends_with_an_address_that_answers(store: Path) -> None:
    with afterclick.open(store) as shop, TestClient(create_app(shop), base_url="http://127.0.0.1") as client:
        for word in ("map", "kpi", "channels", "data", "doctor"):
            address = answer(word, "--store", "shop").splitlines()[-1]
            assert address.startswith("http://127.0.0.1:8420/")
            assert client.get(address.removeprefix("http://127.0.0.1:8420")).status_code == 200, address


def test_people_are_as_many_as_the_number(store: Path) -> None:
    frame = json.loads(answer("map", "--store", "shop", "--format", "json"))["data"]
    for row in frame:
        cell = f"stage={row['stage']};part=entered"
        found = json.loads(answer("map", "--store", "shop", "--people", cell, "--format", "json"))
        assert found["count"] == len(found["data"]) == row["entered"]
    wrong = run("map", "--store", "shop", "--people", "stage=Atract;part=entered")
    assert (wrong.exit_code, wrong.stdout) == (2, "")


def test_rejects_are_listed_shown_and_replayed(store: Path, place: Path) -> None:
    assert "1 × bad_time" in answer("rejects", "list", "--store", "shop")
    (one,) = json.loads(answer("rejects", "list", "--store", "shop", "--format", "json"))
    assert json.loads(one["original"])["timestamp"] == "03.09.2026 10:00"
    assert "03.09.2026 10:00" in answer("rejects", "show", one["id"], "--store", "shop")
    assert one["id"] in answer("rejects", "list", "--store", "shop", "--format", "csv")
    unknown = run("rejects", "show", "nothing", "--store", "shop")
    assert (unknown.exit_code, unknown.stdout) == (2, "")
    answer("import", "events.csv", "--store", "other", "--dry-run", "--write-map", "mended.toml")
    text = (place / "mended.toml").read_text()
    (place / "mended.toml").write_text(re.sub(r'time_unit = ".*"', 'time_unit = "%d.%m.%Y %H:%M"', text))
    assert "1 stored" in answer("rejects", "replay", "--map", "mended.toml", "--store", "shop")
    assert "Nothing was rejected" in answer("rejects", "list", "--store", "shop")
    assert len(json.loads(answer("rejects", "list", "--all", "--store", "shop", "--format", "json"))) == 1


def test_link_and_unlink_change_the_visitors_and_back(store: Path) -> None:
    def visitors() -> int:
        found = json.loads(answer("kpi", "--range", "2026-09-01..2026-09-01", "--store", "shop", "--format", "json"))
        return int(found["figures"]["visitors"])

    before = visitors()
    answer("link", "a1", "a2", "--store", "shop")
    assert visitors() == before - 1
    answer("unlink", "a1", "a2", "--store", "shop")
    assert visitors() == before
    stranger = run("link", "a1", "nobody-here", "--store", "shop")
    assert (stranger.exit_code, stranger.stdout) == (2, "")


def test_rebuild_changes_no_answer(store: Path) -> None:
    before = json.loads(answer("map", "--store", "shop", "--format", "json"))
    assert "4 events" in answer("rebuild", "--store", "shop")
    after = json.loads(answer("map", "--store", "shop", "--format", "json"))
    assert (before["data"], before["figures"]) == (after["data"], after["figures"])


def test_a_second_writer_is_refused_with_exit_2(store: Path) -> None:
    with afterclick.open(store, write=True):
        writer, reader = (
            subprocess.run(
                [sys.executable, "-m", "afterclick", word, "--store", str(store)],
                capture_output=True,
                text=True,
                timeout=60,
                check=False,
            )
            for word in ("rebuild", "map")
        )
    assert (writer.returncode, writer.stdout) == (2, "")
    assert "Next:" in writer.stderr
    assert reader.returncode == 0, reader.stderr


def test_doctor_and_data_say_what_is_wrong(store: Path) -> None:
    assert "rejected" in answer("doctor", "--store", "shop")
    assert "bad_time" in answer("data", "--part", "rejects", "--store", "shop")
    checks = json.loads(answer("doctor", "--store", "shop", "--format", "json"))["data"]
    assert {row["check"]: row["count"] for row in checks}["rejected"] == 1


def test_version_names_the_parts() -> None:
    assert {line.split()[0] for line in answer("version").splitlines()} >= {"afterclick", "python", "numba"}


@pytest.mark.slow
def test_demo_is_made_once_served_and_stopped(place: Path) -> None:
    words = [sys.executable, "-m", "afterclick", "demo", "--events", "10000", "--dir", "shop", "--port", "0"]
    for again in (False, True):
        process = subprocess.Popen(
            [*words, "--no-browser"], stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True, cwd=place
        )
        assert process.stdout is not None
        address = ""
        while not address:
            line = process.stdout.readline()
            assert line or process.poll() is None, process.communicate()
            address = "".join(re.findall(r"http://\S+", line))
        with urllib.request.urlopen(address, timeout=60) as page:
            assert page.status == 200
            assert "<html" in page.read().decode()
        with urllib.request.urlopen(address + "map.json", timeout=60) as page:
            assert json.load(page)["about"]["example"] is True
        asked = run("map", "--store", "shop")
        assert asked.exit_code == 0, "a question from another process is answered while the server runs"
        process.send_signal(signal.SIGINT)
        _, told = process.communicate(timeout=60)
        assert process.returncode == 0, told
        assert ("Using the example shop" in told) == again
    assert sorted(path.name for path in place.iterdir()) == ["events.csv", "shop"]
    other = run("demo", "--events", "20000", "--dir", "shop", "--no-serve")
    assert (other.exit_code, other.stdout) == (2, "")


def test_demo_leaves_other_folders_alone(store: Path, place: Path) -> None:
    for folder in (store, place):
        done = run("demo", "--events", "10000", "--dir", str(folder), "--no-serve")
        assert done.exit_code == 2
        assert "--dir" in done.stderr
