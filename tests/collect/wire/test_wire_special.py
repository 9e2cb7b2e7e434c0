"""What SDKs ask for before they send, and the paths that bring events."""

from __future__ import annotations

import json

import pytest

from afterclick.collect.wire.decode import collects, decode
from afterclick.collect.wire.request import WireError
from afterclick.collect.wire.special import is_special, special
from support.wire import Everybody, request

KINDS = ("track", "page", "identify", "group", "alias", "screen")
POST = [
    *("/v1/batch", "/v1/import", "/v1/b", "/b", "/beacon/v1/batch", "/batch/", "/e/", "/i/v1/analytics/events"),
    *(f"/v1/{kind}" for kind in KINDS),
    *(f"/v1/{kind[0]}" for kind in KINDS),
    *(f"/api/s/{kind}" for kind in KINDS),
    *("/mp/collect", "/com.snowplowanalytics.snowplow/tp2", "/matomo.php", "/piwik.php"),
]
GET = ["/v1/pixel/track", "/v1/pixel/p", "/i", "/matomo.php", "/piwik.php"]


class Sites:
    def knows(self, key: str) -> bool:
        return key == "WK"


def told(path: str, headers: dict[str, str] | None = None, method: str = "GET") -> tuple[int, dict[str, object]]:
    assert is_special(path.partition("?")[0])
    found = special(request(path, method=method, headers=headers), Sites())
    assert found is not None
    return found.status, json.loads(found.body)


@pytest.mark.parametrize(("method", "path"), [*(("POST", path) for path in POST), *(("GET", path) for path in GET)])
def test_every_documented_path_brings_events(method: str, path: str) -> None:
    assert collects(method, path)
    assert not is_special(path)
    assert not collects("PUT", path)


def test_other_paths_bring_none() -> None:
    assert not any(collects("POST", path) for path in ("/", "/v1/decide", "/v1/x", "/static/b", "/api/s/", "/v1/batch/x"))
    with pytest.raises(WireError) as found:
        decode(request("/v1/decide", {}), Everybody())
    assert found.value.status == 404


def test_segments_script_learns_where_to_send_and_that_it_may_batch() -> None:
    status, body = told("/v1/projects/WK/settings", {"host": "shop.example:8420"})
    assert status == 200
    assert body == {
        "integrations": {
            "Segment.io": {
                "apiKey": "WK",
                "apiHost": "shop.example:8420/v1",
                "protocol": "http",
                "deliveryStrategy": {"strategy": "batching", "config": {"size": 10, "timeout": 1000}},
            }
        }
    }
    _, secure = told("/v1/projects/WK/settings", {"host": "shop.example", "x-forwarded-proto": "https"})
    assert secure["integrations"]["Segment.io"]["protocol"] == "https"  # type: ignore[index]
    assert told("/v1/projects/other/settings")[0] == 401


@pytest.mark.parametrize("host", ["", "evil.example/path", 'a"b', "a b", "x" * 300, "a\r\nb"])
def test_a_host_that_is_none_is_not_handed_on(host: str) -> None:
    _, body = told("/v1/projects/WK/settings", {"host": host})
    assert "apiHost" not in body["integrations"]["Segment.io"]  # type: ignore[index]


def test_posthog_learns_that_there_is_nothing_to_load() -> None:
    status, body = told("/array/WK/config")
    assert (status, body["supportedCompression"], body["hasFeatureFlags"]) == (200, ["gzip", "gzip-js"], False)
    assert told("/array/other/config")[0] == 401
    for path in ("/flags/?v=4", "/flags/?v=2", "/decide/"):
        assert told(path, method="POST") == (200, {"flags": {}, "featureFlags": {}, "errorsWhileComputingFlags": False})
