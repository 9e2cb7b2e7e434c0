"""What SDKs do that breaks a naive collector: the quirks 1 to 8 of the wire format, each as it was recorded."""

from __future__ import annotations

import gzip
import json

import pytest

from afterclick.collect.wire import special
from afterclick.collect.wire.answers import Outcome, answer
from support.wire import CHROME, NOW, basic, codes, one, request, rows, take

SECOND = 1_000_000


class Known:
    def knows(self, key: str) -> bool:
        return key == "WK"


def message(number: int, **fields: object) -> dict[str, object]:
    stamp = f"2026-09-21T13:33:{10 + number:02d}.000Z"
    sent = "2026-09-21T13:33:20.000Z"
    return {"messageId": f"q-{number}", "anonymousId": "device-00000000-aa", "timestamp": stamp, "sentAt": sent, **fields}


def test_quirk_1_the_time_of_an_event_does_not_depend_on_when_it_arrives() -> None:
    page = message(1, type="page")
    identify = message(2, type="identify", userId="kim-10")
    first = [one(take("/v1/i", identify, at=NOW)), one(take("/v1/p", page, at=NOW + 80_000))]
    assert [event.original_at for event in first] == [NOW - 8 * SECOND, NOW - 9 * SECOND]
    # Each is put right by the clock of its own request, so the page stays the earlier one.
    assert first[1].occurred_at < first[0].occurred_at


def test_quirk_2_a_page_view_before_the_log_in_may_bear_the_users_id() -> None:
    event = one(take("/v1/p", message(1, type="page", userId="kim-10")))
    assert (event.type, event.anonymous_id, event.user_id) == ("page", "device-00000000-aa", "kim-10")
    assert event.event == "Page Viewed"


def test_quirk_3_an_alias_of_an_id_with_itself_links_nothing_else() -> None:
    taken = take("/v1/a", message(1, type="alias", userId="kim-10", previousId="kim-10"))
    row = rows([taken]).table.to_pylist()[0]
    # The id of the device stays beside the user's, as on every other event; no id named kim-10 is made of a device.
    assert (row["anonymous_id"], row["user_id"]) == ("device-00000000-aa", "kim-10")
    alone = take("/v1/a", {"messageId": "q-9", "userId": "kim-10", "previousId": "kim-10", "type": "alias"})
    row = rows([alone]).table.to_pylist()[0]
    assert (row["anonymous_id"], row["user_id"]) == (None, "kim-10")


def test_quirk_3_an_alias_of_two_ids_is_an_edge_between_them() -> None:
    taken = take("/v1/alias", {"messageId": "q-1", "userId": "kim-10", "previousId": "device-1"})
    row = rows([taken]).table.to_pylist()[0]
    assert (row["event"], row["anonymous_id"], row["user_id"]) == ("Aliased", "device-1", "kim-10")


@pytest.mark.parametrize("lib", ["posthog-python", "posthog-node"])
def test_the_two_ids_of_a_posthog_alias_come_either_way_round(lib: str) -> None:
    ids = {"distinct_id": "anon-5", "alias": "kim-10"}
    if lib == "posthog-node":
        ids = {"distinct_id": "kim-10", "alias": "anon-5"}
    event = {"event": "$create_alias", "uuid": "u-1", "distinct_id": ids["distinct_id"], "properties": {"$lib": lib, **ids}}
    row = rows([take("/batch/", {"api_key": "phc", "batch": [event]})]).table.to_pylist()[0]
    assert (row["type"], row["anonymous_id"], row["user_id"]) == ("alias", "anon-5", "kim-10")


def test_quirk_4_posthogs_device_is_the_anonymous_id_though_the_view_bears_the_user() -> None:
    properties = {"distinct_id": "kim-10", "$device_id": "01a20000-a64b-7e7b-89bc-000000000001", "$user_id": "kim-10"}
    event = {"event": "$pageview", "uuid": "u-1", "properties": properties}
    found = one(take("/e/", {"api_key": "phc", "batch": [event]}))
    assert (found.anonymous_id, found.user_id) == ("01a20000-a64b-7e7b-89bc-000000000001", "kim-10")


@pytest.mark.parametrize(
    ("properties", "ids"),
    [
        ({"$is_server": True, "$lib": "posthog-python"}, (None, "kim-10")),
        ({"$lib": "web"}, ("kim-10", None)),
        ({"$lib": "posthog-python", "$process_person_profile": False}, ("kim-10", None)),
        ({"$lib": "web", "$is_identified": True}, (None, "kim-10")),
        ({"$anon_distinct_id": "device-1"}, ("device-1", "kim-10")),
        ({"$device_id": "kim-10"}, ("kim-10", None)),
    ],
)
def test_an_id_of_posthog_alone_is_a_customer_or_a_device(
    properties: dict[str, object], ids: tuple[str | None, str | None]
) -> None:
    event = {"event": "Paid", "uuid": "u-1", "distinct_id": "kim-10", "properties": properties}
    found = one(take("/batch/", {"api_key": "phc", "batch": [event]}))
    assert (found.anonymous_id, found.user_id) == ids


def test_a_server_that_hands_on_the_id_of_a_browser_names_the_device() -> None:
    device = "01a20000-a64b-7e7b-89bc-000000000001"
    event = {"event": "Paid", "uuid": "u-1", "distinct_id": device, "properties": {"$is_server": True}}
    found = one(take("/batch/", {"api_key": "phc", "batch": [event]}))
    assert (found.anonymous_id, found.user_id) == (device, None)


def test_quirk_5_a_beacon_has_its_key_in_the_address_or_the_body() -> None:
    batch = {"batch": [message(1, type="track", event="Leaving")]}
    assert take("/beacon/v1/batch?writeKey=WK", batch, headers={"content-type": "text/plain"}).key == "WK"
    assert take("/v1/b", {**batch, "writeKey": "WK"}, headers={"content-type": "text/plain"}).key == "WK"


def test_quirk_6_a_favicon_is_no_event() -> None:
    found = special.special(request("/favicon.ico", method="GET"), Known())
    assert found is not None
    assert (found.status, found.body) == (204, b"")


def test_quirk_7_the_answer_says_what_became_of_each_event_though_sdks_ignore_it() -> None:
    taken = take("/v1/batch", {"batch": [message(1, type="track", event="A"), message(2, type="explode")]})
    told = json.loads(answer(taken.shape, Outcome(len(taken.events), 0, taken.refusals)).body)
    assert (told["status"], told["success"], told["accepted"], told["rejected"]) == (1, True, 1, 1)
    assert told["errors"][0] | {"message": ""} == {"index": 1, "code": "unknown_type", "message": "", "path": "type"}
    assert codes(taken) == [(1, "unknown_type", "type")]


def test_quirk_8_rudderstack_is_told_to_load_nothing_from_its_vendor() -> None:
    asked = request("/sourceConfig/?writeKey=WK", method="GET", headers={"authorization": basic("WK")})
    found = special.special(asked, Known())
    assert found is not None
    told = json.loads(found.body)
    assert told["source"]["writeKey"] == "WK"
    assert told["source"]["config"]["statsCollection"] == {"errors": {"enabled": False}, "metrics": {"enabled": False}}
    assert (told["source"]["destinations"], told["source"]["dataplanes"]) == ([], {})
    stranger = special.special(request("/sourceConfig/", method="GET", headers={"authorization": basic("no")}), Known())
    assert stranger is not None
    assert stranger.status == 401


def test_posthog_packs_without_saying_so() -> None:
    plain = {"api_key": "phc", "batch": [{"event": "E", "uuid": "u", "distinct_id": "kim-10"}]}
    body = gzip.compress(json.dumps(plain).encode())
    assert one(take("/e/?compression=gzip-js", body, headers={"content-type": "text/plain"})).event_id == "u"


def test_rudderstacks_session_and_header_clock_are_heeded() -> None:
    page = {"type": "page", "messageId": "m", "anonymousId": "d-123", "originalTimestamp": "2026-09-21T13:33:00Z"}
    page["context"] = {"sessionId": 1790, "userAgent": CHROME}  # type: ignore[assignment]
    event = one(take("/v1/page", page, headers={"SentAt": "2026-09-21T13:33:15Z"}))
    assert (event.session_id, event.sent_at) == ("1790", NOW - 5 * SECOND)
    assert event.occurred_at == NOW - 15 * SECOND
