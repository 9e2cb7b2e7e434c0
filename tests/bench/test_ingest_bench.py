"""The bench of the collector measures what it says: its client counts every answer, each row has its yardstick."""

import asyncio
import json
import threading
from concurrent.futures import ThreadPoolExecutor

import msgspec.structs
import pytest

from afterclick.app.bench import ingest
from afterclick.app.bench.ingest_client import Order, Sent, _go, event, request
from afterclick.app.bench.ingest_sqlite import seconds
from afterclick.app.bench.ingest_tail import fill
from afterclick.app.bench.run import PARTS
from afterclick.store.live.reader import TailReader
from support.tail_writer import prepare


def finished(work):
    """What a coroutine gives, on a thread of its own: another test of this process may have a loop running."""
    with ThreadPoolExecutor(1) as threads:
        return threads.submit(asyncio.run, work).result()


class Server:
    """Answers each request after a while, in two pieces; every tenth is refused."""

    def __init__(self, pause: float = 0.0) -> None:
        self.pause = pause
        self.bodies: list[bytes] = []
        self.most = self.now = 0

    async def serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        try:
            while head := await reader.readuntil(b"\r\n\r\n"):
                size = int(head.lower().split(b"content-length: ")[1].split(b"\r\n")[0])
                self.bodies.append(await reader.readexactly(size))
                refused = len(self.bodies) % 10 == 0
                self.now += 1
                self.most = max(self.most, self.now)
                await asyncio.sleep(self.pause)
                self.now -= 1
                status = b"503 Service Unavailable" if refused else b"200 OK"
                writer.write(b"HTTP/1.1 " + status + b"\r\ncontent-le")
                await writer.drain()
                await asyncio.sleep(0)
                writer.write(b"ngth: 4\r\n\r\nab")
                await writer.drain()
                writer.write(b"cd")
        except (asyncio.IncompleteReadError, asyncio.CancelledError, ConnectionError):
            pass
        finally:
            writer.close()


async def run(server: Server, **order):
    listening = await asyncio.start_server(server.serve, "127.0.0.1", 0)
    async with listening:
        return await _go(Order(port=listening.sockets[0].getsockname()[1], **order))


def test_the_client_counts_every_answer_and_sends_no_event_twice() -> None:
    server = Server()
    sent = finished(run(server, requests=300, events=3, connections=8, key="k"))
    ids = [one["messageId"] for body in server.bodies for one in json.loads(body)["batch"]]
    assert len(set(ids)) == len(ids) == 900
    assert sent.refused == 30
    assert sent.requests == 300 - 60 == len(sent.latencies)
    assert server.most <= 8
    assert sent.latencies == sorted(sent.latencies)
    assert sent.latency(0.5) <= sent.latency(0.99) <= sent.latencies[-1]


def test_what_a_client_tells_is_short_and_keeps_its_quantiles() -> None:
    sent = Sent(seconds=1.0, requests=50_000, latencies=[float(number) for number in range(50_000)], refused=0)
    thin = sent.thinned()
    assert len(thin.latencies) == 2_000
    for share in (0.0, 0.5, 0.99, 0.999):
        assert abs(thin.latency(share) - sent.latency(share)) <= 25
    assert msgspec.structs.replace(sent, latencies=[1.0]).thinned().latencies == [1.0]


def test_at_a_rate_of_its_own_waiting_counts_from_when_a_request_was_due() -> None:
    sent = finished(run(Server(pause=0.02), requests=100, connections=1, rate=400.0, key="k"))
    # One connection does 50 a second at most: the last of 100 was due after a quarter second and came after two.
    assert sent.latencies[-1] > 1.0
    quick = finished(run(Server(pause=0.001), requests=200, connections=32, rate=400.0, key="k"))
    assert quick.latency(0.5) < sent.latency(0.5)
    assert 0.3 < quick.seconds < 20


def test_an_event_has_the_size_that_the_measurements_speak_of() -> None:
    order = Order(port=1, requests=1, key="ac_write_" + "x" * 32)
    assert 1100 <= len(json.dumps(event("0" * 36), separators=(",", ":"))) <= 1400
    assert request(order, 7) != request(order, 8)
    assert request(order, 7).endswith(b"}")


def test_the_yardstick_stores_what_it_says(tmp_path) -> None:
    assert seconds(tmp_path / "a.db", 10, 20, 4) > 0
    assert (tmp_path / "a.db").stat().st_size > 10 * 20 * 1000


def test_the_killed_tail_holds_the_events_it_was_told_to(tmp_path) -> None:
    store = prepare(tmp_path / "shop")
    fill(store, 1_000)
    calls = TailReader(store).read(0, 10_000)
    assert sum(len(call.bodies) for call in calls) == 1_000
    assert len({body for call in calls for body in call.bodies}) == 1_000


@pytest.mark.slow
def test_every_row_of_the_ingest_part_is_measured(tmp_path) -> None:
    said: list[str] = []
    sizes = ingest.Sizes(single=400, batches=60, seconds=1.0, tail=2_000, rest=False)
    rows = ingest.ingest_rows(tmp_path / "bench", 1, said.append, sizes)
    assert [row.bound for row in rows] == [ingest.SINGLE_BOUND, ingest.BATCH_BOUND, None, 0.010, 5.0]
    assert all(row.seconds > 0 for row in rows)
    assert [row.against_seconds is not None for row in rows] == [True, True, True, False, False]
    assert not any("refused" in row.note for row in rows)
    assert said[0] == "ingest, run 1"
    assert "ingest" in PARTS
    assert threading.active_count() < 20
