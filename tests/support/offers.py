"""A served shop whose rules decide: the two rules the project began with, and what a page asks and is told."""

from __future__ import annotations

import contextlib
import http.client
import json
import queue
import socket
import threading
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import msgspec
import pytest

import afterclick
from afterclick.store.automations import Arm, LiveRule, Show, Words
from afterclick.surfaces.collector import decisions
from support.deciding import until
from support.served import Served, served

SIGN_UP = LiveRule(
    name="sign-up", state="on", once="visitor",
    when="session.pages >= 4 && visitor.sessions == 1 && session.portal && !visitor.known",
    show=Show(
        kind="popup",
        words=(
            Words(lang="en", title="Join in", body="Members get **free** shipping.", button="Sign up", url="/join"),
            Words(lang="ko", title="회원 혜택", body="회원은 배송비가 없습니다.", button="가입하기", url="/join"),
        ),
    ),
)  # fmt: skip
GAP = LiveRule(
    name="free-shipping", state="on", once="session", when="basket.value >= 20000 && basket.value < 30000",
    show=Show(
        kind="slot", placement="cart",
        words=(Words(title="Nearly there", body="Only {{ 30000 | minus: basket.value | money }} more for free shipping."),),
    ),
)  # fmt: skip
ARMS = LiveRule(
    name="greeting", state="on", once="ever", when="visitor.known",
    arms=(
        Arm(name="hello", weight=0.5, show=Show(kind="toast", words=(Words(title="Hello {{ visitor.name }}"),))),
        Arm(name="hi", weight=0.5, show=Show(kind="toast", words=(Words(title="Hi {{ visitor.name }}"),))),
    ),
)  # fmt: skip
RULES = (SIGN_UP, GAP, ARMS)
PORTAL = "https://shop.example/?utm_source=naver&utm_medium=cpc&utm_campaign=spring"


def prepare(folder: Path, rules: Sequence[LiveRule] = RULES, **more: Any) -> Path:
    """A store with rules that are on."""
    with afterclick.open(folder, write=True, create=True) as shop:
        shop.define(
            own_domains=["shop.example", "127.0.0.1", "localhost"], currency="KRW", timezone="Asia/Seoul",
            rules=[msgspec.to_builtins(rule) for rule in rules], **more,
        )  # fmt: skip
    return folder


@contextmanager
def deciding(
    folder: Path, rules: Sequence[LiveRule] = RULES, budget_s: float = 60.0, **how: Any
) -> Iterator[Served]:
    """A served store that decides by these rules, with more patience than pages have."""
    with pytest.MonkeyPatch.context() as patch, served(prepare(folder, rules), **how) as shop:
        patch.setattr(decisions, "BUDGET_S", budget_s)
        until(lambda: shop.live.deciding.decider.ready)
        yield shop


def page(number: int, visitor: str, url: str = "https://shop.example/p") -> dict[str, Any]:
    return {
        "type": "page", "messageId": f"{visitor}-p{number}", "anonymousId": visitor, "context": {"page": {"url": url}}
    }  # fmt: skip


def added(number: int, visitor: str, price: int) -> dict[str, Any]:
    product = {"product_id": f"s{number}", "price": price, "currency": "KRW", "quantity": 1}
    return {
        "type": "track", "event": "Product Added", "messageId": f"{visitor}-a{number}", "anonymousId": visitor,
        "properties": product,
    }  # fmt: skip


def decide(shop: Served, visitor: str = "", event: Any = None, **more: Any) -> dict[str, Any]:
    """What /v1/decide answers to a page."""
    body = {"writeKey": shop.key, "anonymousId": visitor, "placements": ["cart"], **more}
    answer = shop.ask("POST", "/v1/decide", body if event is None else {**body, "event": event}, {"content-type": "text/plain"})
    assert answer.status == 200, answer.body
    return answer.json()  # type: ignore[no-any-return]


class Stream:
    """An open stream: what it was told, as a browser takes it apart."""

    def __init__(self, shop: Served, headers: Mapping[str, str] | None = None, **query: str) -> None:
        self._connection = http.client.HTTPConnection("127.0.0.1", shop.port, timeout=120)
        fields = {"writeKey": shop.key, **query}
        query_text = "&".join(f"{name}={value}" for name, value in fields.items())
        self._connection.request("GET", f"/v1/stream?{query_text}", headers=dict(headers or {}))
        self._sock = self._connection.sock
        self.answer = self._connection.getresponse()
        self.messages: queue.Queue[tuple[str, str, Any]] = queue.Queue()
        self.last = ""
        self._reading = threading.Thread(target=self._read, daemon=True)
        self._reading.start()

    def _read(self) -> None:
        fields: dict[str, str] = {}
        try:
            for line in iter(self.answer.readline, b""):
                name, _, value = line.decode().rstrip("\n").partition(": ")
                if line == b"\n":
                    self.last = fields.get("id", self.last)
                    if "event" in fields:
                        self.messages.put((self.last, fields["event"], json.loads(fields["data"])))
                    fields = {}
                else:
                    fields[name] = value
        except (OSError, ValueError, AttributeError, http.client.HTTPException):
            pass
        self.messages.put(("", "end", None))

    def next(self) -> tuple[str, Any]:
        """The next message but for its id."""
        _, name, data = self.messages.get(timeout=60)
        return name, data

    def close(self) -> None:
        """Leave, as a page does that is closed."""
        sock = self._sock
        with contextlib.suppress(OSError):
            sock.shutdown(socket.SHUT_RDWR)
        self._reading.join(60)
        self.answer.close()
        self._connection.close()
        sock.close()
