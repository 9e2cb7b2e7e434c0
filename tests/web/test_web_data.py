"""Data beside the pages: JSON, CSV, the API of every question, the people behind a number."""

from __future__ import annotations

import csv
import io

import pytest
from drawn import HOSTILE, FakeShop, journey_result
from starlette.testclient import TestClient

from afterclick.analyse.journey_map import JourneyMap
from afterclick.core.spec import kinds
from afterclick.surfaces.web import create_app
from afterclick.surfaces.web.forms import cell, csv_lines


def rows_of(text: str) -> list[list[str]]:
    assert text.startswith("\ufeff")
    return list(csv.reader(io.StringIO(text[1:])))


def test_page_json_is_the_result_itself(client: TestClient) -> None:
    answer = client.get("/map.json?lang=ko&range=7d")
    assert answer.headers["content-type"] == "application/json"
    api = client.get("/api/map.json?lang=ko&range=7d")
    assert api.text == journey_result(JourneyMap(range="7d")).to_json("ko")
    cards = answer.json().pop("cards")
    assert answer.json() == {**api.json(), "cards": cards}
    assert list(cards) == ["barriers", "feedback"]
    assert cards["barriers"] == client.get("/api/barriers.json?lang=ko&range=7d").json()


def test_numbers_of_page_json_csv_and_drawer_agree(client: TestClient) -> None:
    data = client.get("/map.json").json()
    rows = rows_of(client.get("/map.csv").text)
    shown = client.get("/?lang=en&wait=1").text
    place = rows[0].index("entered")
    assert [row["entered"] for row in data["data"]] == [int(row[place]) for row in rows[1:]]
    assert all(f"{row['entered']:,}" in shown for row in data["data"])
    assert client.get("/people.json?people=buyers").json()["count"] == 3_829


@pytest.mark.parametrize("word", sorted(kinds()))
def test_every_question_has_an_api(client: TestClient, word: str) -> None:
    known = {field.name for field in kinds()[word].fields()}
    answer = client.get(f"/api/{word}.json?nonsense=1")
    assert answer.status_code == 422
    assert answer.json()["error"]["path"] == "nonsense"
    assert known


def test_data_refuses_what_a_page_forgives(client: TestClient) -> None:
    for path in (
        "/map.json?range=nope",
        "/map.csv?range=nope",
        "/api/map.json?range=nope",
        "/people.json?people=buyers&range=nope",
    ):
        answer = client.get(path)
        assert answer.status_code == 422
        assert answer.json()["error"]["path"] == "range"
        assert answer.json()["error"]["hint"]


def test_unknown_questions_cards_and_cells(client: TestClient) -> None:
    assert client.get("/api/mapp.json").json()["error"]["hint"] == "did you mean 'map'?"
    assert client.get("/map.csv?card=chanels").json()["error"]["hint"] == "did you mean 'channels'?"
    assert client.get("/people.json").json()["error"]["path"] == "people"
    assert client.get("/people.json?people=nobody").status_code == 422
    assert client.get("/people.json?people=buyers&page=0").status_code == 422
    assert client.get("/map.json?range=today").json()["error"]["code"] == "no_data"


def test_json_is_304_too(client: TestClient, shop: FakeShop) -> None:
    tag = client.get("/map.json").headers["etag"]
    assert client.get("/map.json", headers={"if-none-match": tag}).status_code == 304
    shop.fingerprint = "f2"
    assert client.get("/map.json", headers={"if-none-match": tag}).status_code == 200


def test_people_in_pages_of_fifty(client: TestClient) -> None:
    first = client.get("/people.json?people=buyers&lang=en").json()
    assert len(first["data"]) == 50
    assert first["next_page"] == 2
    assert first["spec"]["question"] == "map"
    last = client.get("/people.json?people=buyers&page=77").json()
    assert len(last["data"]) == 29
    assert last["next_page"] is None
    assert client.get("/people.json?people=buyers&page=9999").json()["data"] == []


def test_people_csv_holds_them_all_and_no_formula(client: TestClient) -> None:
    answer = client.get("/people.csv?people=buyers")
    rows = rows_of(answer.text)
    assert len(rows) == 3_830
    assert rows[0][:2] == ["visitor", "known_as"]
    assert 'filename="afterclick-map-visitors.csv"' in answer.headers["content-disposition"]
    assert rows[1][rows[0].index("last_seen_at")] == "2026-09-27T05:03:00Z"


def test_every_part_is_a_csv_without_formulas() -> None:
    with TestClient(create_app(FakeShop(hostile=True), hosts=("testserver",))) as client:
        for page, parts in (("map", journey_result().parts), ("data", ("checks", "rejects", "properties", "days"))):
            for part in parts:
                rows = rows_of(client.get(f"/{page}.csv", params={"card": part}).text)
                assert len(rows) > 1
                assert len({len(row) for row in rows}) == 1
                assert not any(text.startswith(("=", "+", "@", "\t", "\r")) for row in rows for text in row)
        events = rows_of(client.get("/data.csv").text)
        assert any(row[0] == "'" + HOSTILE[7] for row in events)


def test_numbers_are_never_quoted_as_text() -> None:
    assert cell(-12) == -12
    assert cell(-0.5) == -0.5
    assert cell("-12") == "'-12"
    assert cell(None) == ""
    assert cell(True) == "true"
    assert cell([1, 2]) == "1 2"


def test_an_empty_list_still_has_its_heads() -> None:
    table = journey_result().frame.slice(0, 0)
    assert "".join(csv_lines([table])).startswith("\ufeffstage,")


def test_schema_and_health(client: TestClient, shop: FakeShop) -> None:
    schema = client.get("/schema.json").json()
    assert set(schema["questions"]) == set(kinds())
    assert schema["questions"]["map"]["title"].startswith("The journey map")
    health = client.get("/healthz").json()
    assert health["status"] == "ok"
    assert health["last_at"] == "2026-09-27T05:03:00Z"
    assert shop.asked == []


def test_the_export_menu_holds_the_same_question_for_python_and_the_command_line(client: TestClient) -> None:
    body = client.get("/", params={"lang": "en", "range": "7d", "where": 'source == "it\'s"', "touchpoints": "9"}).text
    assert "shop.ask(afterclick.JourneyMap(touchpoints=9, range=&#39;7d&#39;" in body
    assert "afterclick map --store DIR --touchpoints 9 --range 7d --where" in body
