"""Journeys and messages in a running `afterclick serve`: events come in, calls and mails go out, a crash between."""

import json
import re
import signal
import time
from collections.abc import Callable
from pathlib import Path

from click.testing import CliRunner

import afterclick
from afterclick import Reconcile
from afterclick.act import acts_file
from afterclick.core import names
from afterclick.store import definitions
from afterclick.store.automations import LiveRule
from afterclick.store.definitions import Definitions
from afterclick.store.live.reader import TailReader
from afterclick.surfaces.cli.main import group
from support.mail import Box, mail_server
from support.messages import receiver
from support.served import basic
from support.serving import Serving, serving

RULE = """
timezone = "Asia/Seoul"
outbound = ["{host}"]

[[rules]]
name = "Tell the desk"
when = 'count("Product Viewed") >= 2'
once = "visitor"
state = "on"
call = "http://{host}/desk"

[[journeys]]
name = "Basket"
state = "on"
entry = {{event = "Product Added", when = "basket.value >= 20000"}}
goal = ["Order Completed"]

[[journeys.steps]]
wait = {{span = "2s"}}

[[journeys.steps]]
[journeys.steps.branch]
when = "basket.value >= 40000"
then = [{{set = {{size = "large"}}}}]
otherwise = [{{set = {{size = "small"}}}}]

[[journeys.steps]]
[journeys.steps.send]
channel = "webhook"
to = "http://{host}/basket"
advertising = false
words = [{{title = "{{{{ run.size }}}}"}}]

[[journeys.steps]]
send = {{channel = "email", words = [{{title = "Your basket", body = "{{{{ basket.value }}}}"}}]}}

[delivery]
sender = "Example shop"
from_email = "shop@example.com"
smtp = "127.0.0.1:{mail}"
smtp_tls = "none"
quiet = []
"""


def store(path: Path, host: str, mail: int) -> Path:
    with afterclick.open(path, create=True, write=True):
        pass
    definitions.save(path, Definitions.from_toml(RULE.format(host=host, mail=mail)))
    return path


class Visitor:
    """Somebody who sends events to a server."""

    def __init__(self, name: str) -> None:
        self.name = name
        self._sent = 0

    def does(self, server: Serving, key: str, event: str, user: str = "", **properties: object) -> None:
        self._sent += 1
        kind = "identify" if event == "identify" else "track"
        body = {"type": kind, "event": event, "anonymousId": self.name, "messageId": f"{self.name}-{self._sent}"}
        body |= {"traits" if kind == "identify" else "properties": properties}
        if user:
            body["userId"] = user
        assert server.ask("POST", f"/v1/{kind}", body, {"authorization": basic(key)})[0] == 200

    def adds(self, server: Serving, key: str, price: int) -> None:
        self.does(server, key, "Product Added", product_id=f"p{price}", price=price, quantity=1, currency="KRW")


def until(true: Callable[[], object], seconds: float = 120) -> None:
    end = time.monotonic() + seconds
    while not true():
        assert time.monotonic() < end, "it never came true"
        time.sleep(0.05)


def ready(server: Serving) -> None:
    def decides() -> bool:
        return json.loads(server.ask("GET", "/healthz")[1])["deciding"]["ready"]

    until(decides)


def of(heard: list, path: str, visitor: str) -> list[dict]:
    found = [json.loads(body) for where, _, body in list(heard) if where == path]
    return [one for one in found if one["visitor"] in (f"a:{visitor}", f"u:{visitor}")]


def test_a_rule_calls_a_journey_waits_sends_and_survives_a_kill(tmp_path) -> None:
    box = Box()
    with receiver() as (host, heard), mail_server(box) as mail:
        path = store(tmp_path / "shop", host, mail)
        with serving(path) as server:
            key = server.key
            ready(server)
            for name in ("v1", "v2", "v3"):
                Visitor(name).does(server, key, "identify", user=f"u{name}", email=f"{name}@example.com")
            Visitor("v1").does(server, key, "Consent Given", user="uv1", purpose="marketing")
            one, two, three = Visitor("w1"), Visitor("w2"), Visitor("w3")
            for _ in range(3):
                one.does(server, key, "Product Viewed", product_id="p")
            until(lambda: of(heard, "/desk", "w1"))
            one.adds(server, key, 50_000)
            two.adds(server, key, 30_000)
            two.does(server, key, "Order Completed", order_id="o2", revenue=30_000, currency="KRW")
            until(lambda: of(heard, "/basket", "w1"))
            three.adds(server, key, 25_000)
            # The entry is on disk once the run is; then nothing is said to anybody.
            until(lambda: _runs(path) >= 3)
            page = server.ask("GET", "/automations/journey/Basket?lang=en")[1].decode()
            assert "Came in so far: 3" in page
            assert "reached the goal 1" in page
            server.process.send_signal(signal.SIGKILL)
            server.process.wait()
        with serving(path) as server:
            until(lambda: of(heard, "/basket", "w3"))
            time.sleep(1)
            assert server.end() == 0
        assert [call["words"]["title"] for call in of(heard, "/basket", "w1")] == ["large"]
        assert [call["words"]["title"] for call in of(heard, "/basket", "w3")] == ["small"]
        assert of(heard, "/basket", "w2") == []
        assert len({call["action_id"] for call in of(heard, "/desk", "w1")}) == 1
        assert box.taken == []  # nobody of them has an address, or agreed
    assert told(path, names.MESSAGE_SENT) == 3
    assert told(path, names.MESSAGE_SUPPRESSED) == 2
    shown = CliRunner().invoke(group, ["journeys", "show", "Basket", "--store", str(path), "--lang", "en"])
    assert "went through 2" in shown.output
    with afterclick.open(path) as shop:
        lines = {row["line"]: row["status"] for row in shop.ask(Reconcile()).frame.to_pylist()}
    assert lines["messages"] == "ok"
    assert "failed" not in lines.values()


def test_a_mail_goes_to_who_agreed_and_says_what_lies_in_the_basket(tmp_path) -> None:
    box = Box()
    with receiver() as (host, heard), mail_server(box) as mail:
        path = store(tmp_path / "shop", host, mail)
        with serving(path) as server:
            key = server.key
            ready(server)
            agreed, silent = Visitor("v1"), Visitor("v2")
            agreed.does(server, key, "identify", user="u1", email="one@example.com")
            agreed.does(server, key, "Consent Given", user="u1", purpose="marketing")
            silent.does(server, key, "identify", user="u2", email="two@example.com")
            agreed.adds(server, key, 42_000)
            silent.adds(server, key, 42_000)
            until(lambda: len(of(heard, "/basket", "v1")) == 1 and len(of(heard, "/basket", "v2")) == 1)
            until(lambda: box.taken)
            assert server.end() == 0
        [(_, to, content, _)] = box.taken
        assert to == ["one@example.com"]
        assert b"42" in content


def _runs(path: Path) -> int:
    connection = acts_file.reader(path)
    try:
        return int(connection.execute("SELECT count(*) FROM entries").fetchone()[0])
    finally:
        connection.close()


def told(path: Path, event: str) -> int:
    """How many events of a name lie in the tail of a store that is too young to be sealed."""
    bodies = [json.loads(body) for call in TailReader(path).read(0, 100_000) for body in call.bodies]
    return sum(body["event"] == event for body in bodies)


def test_a_failed_call_is_sent_again_by_a_button_of_the_page(tmp_path) -> None:
    box = Box()
    with receiver() as (host, heard), mail_server(box) as mail:
        path = store(tmp_path / "shop", host, mail)
        heard.answers += [(410, {})]
        with serving(path) as server:
            ready(server)
            visitor = Visitor("v1")
            for _ in range(2):
                visitor.does(server, server.key, "Product Viewed", product_id="p")
            until(lambda: of(heard, "/desk", "v1"))
            until(lambda: b"action_id" in server.ask("GET", "/automations?lang=en")[1])
            page = server.ask("GET", "/automations?lang=en")[1].decode()
            csrf, action = (re.findall(rf'name="{name}" value="([^"]+)"', page)[-1] for name in ("csrf", "action_id"))
            form = f"csrf={csrf}&what=resend&channel=webhook&lang=en&action_id="
            kind = {"content-type": "application/x-www-form-urlencoded", "origin": f"http://127.0.0.1:{server.port}"}
            assert server.post_form("/automation", form + "a" * 24, kind) in (400, 404, 422)
            assert server.post_form("/automation", form + action, kind) == 303
            until(lambda: len(of(heard, "/desk", "v1")) == 2)
            assert len({call["action_id"] for call in of(heard, "/desk", "v1")}) == 1
            assert server.end() == 0


def test_who_asks_for_nothing_pays_nothing_and_the_past_is_known_when_somebody_does(tmp_path) -> None:
    with receiver() as (host, heard):
        path = tmp_path / "shop"
        with afterclick.open(path, create=True, write=True):
            pass
        definitions.save(path, Definitions(outbound=(host,)))
        with serving(path) as server:
            health = json.loads(server.ask("GET", "/healthz")[1])["deciding"]
            assert (health["resting"], health["ready"]) == (True, True)
            visitor = Visitor("v1")
            for _ in range(2):
                visitor.does(server, server.key, "Product Viewed")
            assert json.loads(server.ask("GET", "/healthz")[1])["deciding"]["visitors"] == 0
            rule = LiveRule(name="Third", when='count("Product Viewed") >= 3', state="on", call=f"http://{host}/desk")
            definitions.save(path, Definitions(outbound=(host,), rules=(rule,)))
            until(lambda: json.loads(server.ask("GET", "/healthz")[1])["deciding"]["visitors"] == 1)
            ready(server)
            assert of(heard, "/desk", "v1") == []
            visitor.does(server, server.key, "Product Viewed")
            until(lambda: of(heard, "/desk", "v1"))
            assert server.end() == 0
