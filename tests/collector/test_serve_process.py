"""`afterclick serve` as a process: its keys, a second one beside it, signals, few files, damaged settings."""

from __future__ import annotations

import contextlib
import json
import os
import signal
import socket
import threading
import time
from pathlib import Path

import pytest
from click.testing import CliRunner

import afterclick
from afterclick.store.access import FILE, Access
from afterclick.store.live.reader import TailReader
from afterclick.surfaces.cli.main import group
from afterclick.surfaces.cli.server import GRACE_S
from support.served import basic
from support.serving import Serving, serving


def found(store: Path) -> list[str]:
    reader = TailReader(store)
    try:
        return [json.loads(body)["event_id"] for call in reader.read(0, 10**9) for body in call.bodies]
    finally:
        reader.close()


def refused(store: Path, *more: str) -> tuple[int, str]:
    """How the command ends that cannot serve."""
    done = CliRunner().invoke(group, ["serve", "--store", str(store), "--port", "0", *more])
    assert isinstance(done.exception, SystemExit)
    return done.exit_code, done.output


class Sender:
    """Sends events one after the other until it is refused a connection; what was acknowledged is kept."""

    def __init__(self, server: Serving, name: str) -> None:
        self.acknowledged: list[str] = []
        self.statuses: list[int] = []
        self._server = server
        self._name = name
        self._thread = threading.Thread(target=self._run)
        self._thread.start()

    def _run(self) -> None:
        for i in range(100_000):
            name = f"{self._name}-{i}"
            try:
                status = self._server.track(name)
            except (OSError, ConnectionError, ValueError):
                return
            self.statuses.append(status)
            if status == 200:
                self.acknowledged.append(name)

    def wait(self) -> None:
        self._thread.join(30)
        assert not self._thread.is_alive()


def test_cases_12_15_16_a_server_s_life(tmp_path: Path) -> None:
    store = tmp_path / "shop"
    with serving(store) as server:
        assert f"A new store, still empty: {store}" in server.out
        assert server.out.count("ac_write_") >= 1
        assert server.out.count("ac_owner_") == 1
        assert f"curl -u {server.key}:" in server.out

        code, said = refused(store)
        assert code == 2, "case 12"
        assert f"pid {server.process.pid}" in said
        assert "--read-only" in said
        with serving(store, "--read-only") as beside:
            assert beside.ask("GET", "/data")[0] == 200
            assert beside.track("read-only", server.key) == 404

        senders = [Sender(server, f"s{i}") for i in range(3)]
        time.sleep(0.3)
        os.kill(server.process.pid, signal.SIGSTOP)
        time.sleep(1.5)
        stood = [len(one.acknowledged) for one in senders]
        os.kill(server.process.pid, signal.SIGCONT)
        deadline = time.monotonic() + 60
        while not all(len(one.acknowledged) > n for one, n in zip(senders, stood, strict=True)):
            assert time.monotonic() < deadline, "case 16: it goes on where it stood"
            time.sleep(0.05)
        begun = time.monotonic()
        assert server.end() == 0
        assert time.monotonic() - begun < 10, "case 15"
        for one in senders:
            one.wait()
        assert {status for one in senders for status in one.statuses} == {200}, "no 5xx for what was accepted"
        assert [line["what"] for line in server.log if line["what"] not in ("minute", "deciding")] == ["collecting", "stopped"]
    everything = found(store)
    assert len(everything) == len(set(everything))
    assert {name for one in senders for name in one.acknowledged} <= set(everything)
    with serving(store) as again:
        assert again.out.count("ac_") == 0, "keys are shown once"
        assert again.track("s0-0", server.key) == 200
        state = json.loads(again.ask("GET", "/healthz")[1])
        balance = state["balance"]
        assert balance["received"] == balance["stored"] + balance["duplicates"] + balance["rejected"]
        assert balance["stored"] == len(everything)
        assert balance["duplicates"] >= 1


def test_case_15_a_second_signal_ends_it_at_once(tmp_path: Path) -> None:
    with serving(tmp_path / "shop") as server, socket.create_connection(("127.0.0.1", server.port)) as client:
        assert server.track("kept") == 200
        key = basic(server.key)
        client.sendall(f"POST /v1/track HTTP/1.1\r\nHost: a\r\nAuthorization: {key}\r\nContent-Length: 9\r\n\r\nabc".encode())
        time.sleep(0.3)
        server.process.send_signal(signal.SIGTERM)
        time.sleep(0.5)
        assert server.process.poll() is None, "it waits for the request under way"
        begun = time.monotonic()
        assert server.end() == 128 + signal.SIGTERM
        assert time.monotonic() - begun < GRACE_S - 1
    assert found(tmp_path / "shop") == ["kept"]


def test_case_21_with_64_open_files_it_says_503_and_keeps_what_it_acknowledged(tmp_path: Path) -> None:
    store = tmp_path / "shop"

    with serving(store, ahead=("sh", "-c", 'ulimit -n 64; exec "$@"', "sh")) as server:
        acknowledged, statuses = [], []
        with contextlib.ExitStack() as stack:
            held = [stack.enter_context(socket.create_connection(("127.0.0.1", server.port), timeout=10)) for _ in range(100)]
            time.sleep(0.3)
            for i, client in enumerate(held):
                body = json.dumps({"event": "Few", "userId": "u1", "messageId": f"few-{i}"}).encode()
                head = f"POST /v1/track HTTP/1.1\r\nHost: a\r\nAuthorization: {basic(server.key)}\r\n"
                with contextlib.suppress(OSError):
                    client.sendall(f"{head}Content-Length: {len(body)}\r\n\r\n".encode() + body)
            for i, client in enumerate(held):
                with contextlib.suppress(OSError):
                    status = client.recv(4096)[9:12].decode()
                    statuses.append(status)
                    if status == "200":
                        acknowledged.append(f"few-{i}")
        assert set(statuses) - {""} == {"200", "503"}
        time.sleep(0.5)
        assert server.ask("GET", "/healthz")[0] == 200
        assert server.end() == 0
    assert sorted(found(store)) == sorted(acknowledged)


def test_case_43_one_key_floods_and_a_restart_does_not_free_it(tmp_path: Path) -> None:
    store = tmp_path / "shop"
    afterclick.open(store, write=True, create=True).close()
    access = Access(store)
    slow, other = access.make("write", source="flood", rate=2), access.make("write", source="calm", rate=0)

    def flood(server: Serving, n: int) -> int:
        events = [{"type": "track", "event": "Flood", "userId": "u", "messageId": f"f{n}-{i}"} for i in range(40)]
        return server.ask("POST", "/v1/batch", {"batch": events}, {"authorization": basic(slow.secret)})[0]

    with serving(store) as server:
        assert flood(server, 1) == 200, "a batch larger than the bucket passes"
        assert flood(server, 2) == 429
        assert server.track("calm-1", other.secret) == 200
        connection = socket.create_connection(("127.0.0.1", server.port), timeout=10)
        with connection:
            head = f"POST /v1/track HTTP/1.1\r\nHost: a\r\nAuthorization: {basic(slow.secret)}\r\n"
            connection.sendall(f"{head}Content-Length: 2\r\n\r\n{{}}".encode())
            said = connection.recv(4096).lower()
        assert said.startswith(b"http/1.1 429 ")
        assert int(said.split(b"retry-after: ")[1].split(b"\r\n")[0]) >= 10
        assert server.end() == 0
    with serving(store) as again:
        assert flood(again, 3) == 429
        assert again.track("calm-2", other.secret) == 200
    assert not [name for name in found(store) if name.startswith(("f2", "f3"))]


@pytest.mark.parametrize("what", ["open secret", "unknown key", "wrong type", "no token", "short token"])
def test_case_98_what_is_wrong_with_the_settings_ends_it_with_2_and_is_named(tmp_path: Path, what: str) -> None:
    store = tmp_path / "shop"
    afterclick.open(store, write=True, create=True).close()
    more: tuple[str, ...] = ()
    if what == "open secret":
        Access(store).first()
        (store / FILE).chmod(0o644)
        named = "access.json"
    elif what == "unknown key":
        (store / "afterclick.toml").write_text('timezones = "UTC"\n')
        named = "timezones"
    elif what == "wrong type":
        (store / "afterclick.toml").write_text("id_cap = true\n")
        named = "id_cap"
    else:
        more = ("--host", "0.0.0.0") if what == "no token" else ("--token", "secret")
        named = "--token" if what == "no token" else "shorter"
    code, said = refused(store, *more)
    assert code == 2
    assert named in said
