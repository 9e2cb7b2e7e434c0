"""Who may do what: every route for every role, made from the routes; forms of other places, foreign hosts, guesses."""

from __future__ import annotations

import hmac
from collections.abc import Iterator
from typing import Any

import pytest
from drawn import FakeShop
from starlette.applications import Starlette
from starlette.routing import Route
from starlette.testclient import TestClient

import afterclick
from afterclick.act.unsubscribe import Subscription
from afterclick.core import clock, i18n
from afterclick.store.access import Access
from afterclick.surfaces.web import create_app, guard
from afterclick.surfaces.web.guesses import MOST, WINDOW, Guesses
from afterclick.surfaces.web.unsubscribe_route import UnsubscribeRoute

HOST = "shop.example"
SAID = tuple(i18n.text("en", f"guard.{why}") + "\n" for why in ("token", "look", "guesses", "elsewhere"))
OPEN = {"/u/{token}"}
"""Addresses where what one is given says all: links to opt out."""
SAME = {"origin": f"http://{HOST}", "host": HOST}


class Figures:
    """A collector's state, as far as the dashboard asks for it."""

    def health(self) -> tuple[bool, dict[str, Any]]:
        return True, {}

    def metrics(self) -> str:
        return "afterclick_up 1\n"


@pytest.fixture(scope="module")
def access(tmp_path_factory: pytest.TempPathFactory) -> Access:
    return Access(tmp_path_factory.mktemp("guard"))


@pytest.fixture(scope="module")
def tokens(access: Access, tmp_path_factory: pytest.TempPathFactory) -> dict[str, str]:
    revoked = access.make("owner")
    access.revoke(revoked.grant.id)
    other_site = Access(tmp_path_factory.mktemp("other")).make("owner")
    made = {role: access.make(role).secret for role in ("owner", "analyst", "write")}
    return {"nobody": "", "revoked": revoked.secret, "other site": other_site.secret, **made}


@pytest.fixture(scope="module")
def app(access: Access, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Starlette]:
    with afterclick.open(tmp_path_factory.mktemp("empty") / "shop", write=True, create=True) as shop:
        yield create_app(shop, access=access, collecting=Figures(), opting_out=OPTING_OUT)


OPTING_OUT = UnsubscribeRoute(lambda _: Subscription("", "email"), lambda _: None)


def routes() -> list[Route]:
    made = create_app(FakeShop(), collecting=Figures(), opting_out=OPTING_OUT)
    return [route for route in made.routes if isinstance(route, Route)]


def example(path: str) -> str:
    filled = path
    for name, value in (("{name}", "app.css"), ("{question}", "map"), ("{inner:path}", "x"), ("{token}", "x")):
        filled = filled.replace(name, value)
    assert "{" not in filled, "say what stands for this name"
    return filled


STREAM = "/live/events"
"""It does not end: the test below asks for it without the right, and those of its page with it."""
MATRIX = [(one.path, method) for one in routes() if one.path != STREAM for method in sorted(one.methods or ())]


@pytest.mark.parametrize(("path", "method"), MATRIX)
def test_case_93_every_route_for_every_role(
    app: Starlette, tokens: dict[str, str], path: str, method: str
) -> None:
    least = guard.POLICIES[path][method]
    client = TestClient(app, follow_redirects=False)
    for who, token in tokens.items():
        headers = {"host": HOST, **({"authorization": f"Bearer {token}"} if token else {})}
        answer = client.request(method, example(path), headers=SAME | headers)
        allowed = who == "owner" or least == "public" or (who == "analyst" and least in ("analyst", "machine"))
        if allowed:
            # A form without its own token is refused by the form, behind the guard.
            assert answer.status_code not in (401, 405, 421, 429), (who, answer.status_code)
            assert answer.status_code < 500
            assert answer.text not in SAID, who
        else:
            assert answer.status_code in ((403,) if who == "analyst" else (401, 429)), (who, answer.status_code)
            assert method == "HEAD" or answer.text in SAID


@pytest.mark.parametrize("token", ["nobody", "revoked", "other site", "write"])
def test_case_93_no_stream_without_the_right(app: Starlette, tokens: dict[str, str], token: str) -> None:
    client = TestClient(app, client=("192.0.2.77", 1))
    headers = {"host": HOST, "cookie": f"{guard.COOKIE}={tokens[token]}"}
    assert client.get("/live/events", headers=headers).status_code in (401, 429)


def test_case_93_a_route_without_a_policy_is_refused_when_the_server_starts() -> None:
    async def nothing(_: object) -> None:
        return None

    with pytest.raises(LookupError, match="/new"):
        guard.check([Route("/new", nothing)])
    with pytest.raises(LookupError, match="DELETE"):
        guard.check([Route("/saved", nothing, methods=["DELETE"])])
    guard.check(routes())


def test_every_change_wants_an_owner_and_no_page_takes_a_change() -> None:
    for path, policy in guard.POLICIES.items():
        for method, least in policy.items():
            if method not in ("GET", "HEAD") and path not in OPEN:
                assert least == "owner", path
            assert (least == "public") == (path in OPEN), path
    assert {path for path, policy in guard.POLICIES.items() if "POST" in policy} >= {"/saved", "/desk", "/segment"}


def test_programs_of_this_machine_ask_for_the_state_without_a_token_and_proxies_do_not(app: Starlette) -> None:
    client = TestClient(app, client=("127.0.0.1", 5000))
    assert client.get("/healthz").status_code == 200
    assert client.get("/metrics").text == "afterclick_up 1\n"
    assert client.get("/").status_code == 401
    assert client.get("/healthz", headers={"x-forwarded-for": "192.0.2.7"}).status_code == 401
    client = TestClient(app, client=("192.0.2.7", 5000))
    assert client.get("/healthz").status_code == 401


@pytest.mark.parametrize(
    "headers",
    [
        {},
        {"origin": "null"},
        {"origin": "https://evil.example"},
        {"origin": f"http://{HOST}.evil.example"},
        {"origin": f"http://evil.example/{HOST}"},
        {"sec-fetch-site": "cross-site"},
        {"sec-fetch-site": "same-site"},
    ],
)
@pytest.mark.parametrize("path", ["/saved", "/desk", "/segment"])
def test_case_91_a_form_of_another_place_changes_nothing_though_the_cookie_comes_along(
    app: Starlette, tokens: dict[str, str], path: str, headers: dict[str, str]
) -> None:
    client = TestClient(app, follow_redirects=False)
    cookie = f"{guard.COOKIE}={tokens['owner']}"
    answer = client.post(path, data={"name": "x"}, headers={"host": HOST, "cookie": cookie, **headers})
    assert answer.status_code == 403


@pytest.mark.parametrize("host", ["evil.example", "127.0.0.1.evil.example", "", "[::2]"])
def test_case_91_a_rebound_name_is_not_served_where_no_token_is_wanted(host: str) -> None:
    client = TestClient(create_app(FakeShop()))
    for path in ("/", "/healthz", "/data.json"):
        assert client.get(path, headers={"host": host}).status_code == 421


def test_case_91_no_page_of_this_server_can_be_framed_and_cookies_stay_at_home(
    app: Starlette, tokens: dict[str, str]
) -> None:
    client = TestClient(app, follow_redirects=False)
    page = client.get("/", headers={"authorization": f"Bearer {tokens['analyst']}"})
    assert page.headers["x-frame-options"] == "DENY"
    assert "frame-ancestors 'none'" in page.headers["content-security-policy"]
    welcome = client.get("/", params={"token": tokens["analyst"]})
    assert welcome.status_code == 303
    assert tokens["analyst"] not in welcome.headers["location"]
    cookie = welcome.headers["set-cookie"].lower()
    assert "httponly" in cookie
    assert "samesite=lax" in cookie


class Wall:
    """A clock that stands until it is moved."""

    def __init__(self, monkeypatch: pytest.MonkeyPatch) -> None:
        self.at = 1000.0
        monkeypatch.setattr(clock, "ticks", lambda: self.at)


@pytest.fixture
def wall(monkeypatch: pytest.MonkeyPatch) -> Wall:
    return Wall(monkeypatch)


def test_case_92_five_guesses_a_minute_and_then_not_even_the_right_token_is_looked_at(
    access: Access, tokens: dict[str, str], wall: Wall
) -> None:
    app = create_app(FakeShop(), access=access)
    right = {"authorization": f"Bearer {tokens['owner']}"}
    known, guesser = TestClient(app, client=("192.0.2.1", 1)), TestClient(app, client=("192.0.2.1", 2))
    assert known.get("/healthz", headers={"authorization": f"Bearer {tokens['analyst']}"}).status_code == 200
    for i in range(MOST):
        assert guesser.get("/healthz", headers={"authorization": f"Bearer guess{i}"}).status_code == 401
    refused = guesser.get("/healthz", headers=right)
    assert refused.status_code == 429
    assert 1 <= int(refused.headers["retry-after"]) <= WINDOW
    for place in ({"cookie": f"{guard.COOKIE}=guess"}, {}):
        assert guesser.get("/healthz?token=guess", headers=place).status_code == 429
    assert known.get("/healthz", headers={"authorization": f"Bearer {tokens['analyst']}"}).status_code == 200
    other = TestClient(app, client=("192.0.2.2", 1))
    assert other.get("/healthz", headers=right).status_code == 200
    wall.at += WINDOW
    assert guesser.get("/healthz", headers=right).status_code == 200


def test_case_92_guesses_of_one_network_count_together_and_the_table_is_bounded() -> None:
    guesses = Guesses()
    for i in range(MOST):
        guesses.wrong(f"2001:db8:0:1::{i:x}", 10.0)
    assert guesses.wait("2001:db8:0:1:ffff::9", 11.0) > 0
    assert guesses.wait("2001:db8:0:2::1", 11.0) == 0
    for _ in range(MOST):
        guesses.wrong("::ffff:192.0.2.9", 10.0)
    assert guesses.wait("192.0.2.9", 11.0) > 0
    for i in range(10_000):
        guesses.wrong(f"10.{i >> 16}.{i >> 8 & 255}.{i & 255}", 12.0)
    assert len(guesses._wrong) <= 4096


def test_case_92_tokens_are_compared_in_constant_time(
    access: Access, tokens: dict[str, str], monkeypatch: pytest.MonkeyPatch
) -> None:
    compared: list[tuple[object, object]] = []
    true = hmac.compare_digest
    monkeypatch.setattr(hmac, "compare_digest", lambda a, b: compared.append((a, b)) or true(a, b))
    client = TestClient(create_app(FakeShop(), token="a-token-of-the-command-line", access=access))
    assert client.get("/healthz", headers={"authorization": "Bearer a-token-of-the-command-line"}).status_code == 200
    assert client.get("/healthz", headers={"authorization": f"Bearer {tokens['owner']}"}).status_code == 200
    assert len(compared) >= 3


def test_case_92_a_token_that_is_no_text_is_wrong_and_no_failure(app: Starlette) -> None:
    client = TestClient(app, client=("192.0.2.50", 1))
    assert client.get("/healthz", params="token=%ff%fe").status_code == 401
    assert client.get("/healthz", headers={"authorization": b"Bearer \xff\xfe"}).status_code == 401
    assert client.get("/healthz", headers={"cookie": 'afterclick_token="\\"; a=b'}).status_code == 401


@pytest.mark.parametrize("origin", ["http://[", "http://[::1", "null", "http://" + "a" * 300])
def test_an_origin_that_is_none_is_refused_and_breaks_nothing(app: Starlette, tokens: dict[str, str], origin: str) -> None:
    client = TestClient(app, follow_redirects=False)
    client.cookies.set(guard.COOKIE, tokens["owner"])
    assert client.post("/saved", headers={"host": HOST, "origin": origin}).status_code == 403
