"""From the generated shop through files, import, store, pages and command line: one set of figures everywhere."""

from __future__ import annotations

import json
from decimal import Decimal
from urllib.parse import parse_qsl, urlencode

import duckdb
import pytest
from click.testing import CliRunner
from starlette.testclient import TestClient

import afterclick
from afterclick import Channels, Data, Funnel, JourneyMap, Kpi
from afterclick.app.demo import Shop, write
from afterclick.core import spec as specs
from afterclick.surfaces.cli.main import group
from afterclick.surfaces.web import create_app

ALL = {"range": "all", "compare": "none"}
FUNNEL = ("Product Viewed", "Product Added", "Checkout Started", "Order Completed")


@pytest.fixture(scope="module")
def made(tmp_path_factory):
    folder = tmp_path_factory.mktemp("demo")
    path = write(Shop(events=30_000, seed=11), folder / "files")
    with afterclick.open(folder / "store", write=True, create=True) as shop:
        shop.define(name="Hanbit Fashion", timezone="Asia/Seoul", currency="KRW", example=True)
        report = shop.import_files(path)
    return folder / "store", path, report


@pytest.fixture
def shop(made):
    with afterclick.open(made[0]) as opened:
        yield opened


@pytest.fixture(scope="module")
def facts(made):
    """Counted from the generated file with plain SQL, before anything of the product touched it."""
    source = duckdb.read_parquet(str(made[1]))
    sql = {
        "rows": "SELECT count(*) FROM rows_made",
        "orders": "SELECT count(DISTINCT order_id) FROM rows_made WHERE event = 'Order Completed'",
        "gross": "SELECT sum(revenue) FROM rows_made WHERE event = 'Order Completed'",
        "refunds": "SELECT coalesce(sum(revenue), 0) FROM rows_made WHERE event = 'Order Refunded'",
        "bots": "SELECT count(*) FROM rows_made "
        "WHERE regexp_matches(lower(user_agent), 'bot|spider|crawl|headless|externalhit')",
        "two": "SELECT count(*) FROM (SELECT user_id FROM rows_made WHERE user_id IS NOT NULL AND anonymous_id IS NOT NULL "
        "GROUP BY user_id HAVING count(DISTINCT anonymous_id) > 1)",
    }
    return {name: source.query("rows_made", query).fetchall()[0][0] for name, query in sql.items()}


def test_nothing_is_lost_on_the_way(made, facts, shop):
    report = made[2]
    assert (report.read, report.stored, report.rejected, report.duplicates) == (facts["rows"], facts["rows"], 0, 0)
    figures = shop.ask(Data()).figures
    assert (figures["events"], figures["bots_events"]) == (facts["rows"], facts["bots"])


def test_orders_refunds_and_revenue_are_those_of_the_file(facts, shop):
    figures = shop.ask(Kpi(bots="in", **ALL)).figures
    assert figures["orders"] == facts["orders"]
    assert (figures["gross"], figures["refunds"]) == (Decimal(facts["gross"]), Decimal(facts["refunds"]))
    assert figures["revenue"] == figures["gross"] - figures["refunds"]
    assert figures["visitors"] * figures["conversion_rate"] == pytest.approx(figures["orders"])


def test_people_on_two_devices_become_one_visitor(facts, shop):
    assert facts["two"] > 20
    raw = shop.ask(Kpi(identity="raw", bots="in", **ALL)).figures["visitors"]
    stitched = shop.ask(Kpi(bots="in", **ALL)).figures["visitors"]
    assert raw - stitched >= facts["two"]
    crossings = shop.ask(JourneyMap(**ALL)).parts["crossings"].to_pylist()
    assert any(row["by"] == "device_type" for row in crossings)


def test_a_conversion_rate_and_channels_as_planted(shop):
    figures = shop.ask(Kpi(**ALL)).figures
    assert 0.01 < figures["buyer_rate"] < 0.06
    assert 60_000 < figures["aov"] < 120_000
    channels = {row["channel"]: row["sessions"] for row in shop.ask(Channels(**ALL)).frame.to_pylist()}
    assert {"paid_search", "organic_search", "paid_social", "messenger", "email", "direct", "push"} <= set(channels)


def test_every_people_list_has_its_numbers_length(shop):
    result = shop.ask(JourneyMap())
    for row in result.frame.to_pylist():
        for part in ("entered", "onward", "open", "lost", "skipped", "highest"):
            people = result.people(f"stage={row['stage']};part={part}")
            assert len(people) == row[part] == people.table().num_rows
    assert len(result.people("visitors")) == result.figures["visitors"]
    for row in result.parts["crossings"].to_pylist():
        ends = f"from={row['from_stage']}:{row['from_value']};to={row['to_stage']}:{row['to_value']}"
        assert len(result.people(f"crossing={row['by']};{ends}")) == row["visitors"]


@pytest.mark.parametrize(
    "spec",
    [
        JourneyMap(),
        Kpi(where=('device_type == "mobile"',)),
        Channels(by="source", range="all"),
        Funnel(steps=FUNNEL, within="3d", by="device_type", where=('channel in ["paid_search", "organic_search"]',)),
        Data(),
    ],
    ids=lambda spec: spec.key_word,
)
def test_python_command_line_and_json_api_give_the_same_answer(made, shop, spec):
    wanted = json.loads(shop.ask(spec).to_json())
    client = TestClient(create_app(shop), base_url="http://127.0.0.1:8420")
    answer = client.get(f"/api/{spec.key_word}.json?{spec.to_url()}")
    assert answer.status_code == 200
    options = [part for name, value in parse_qsl(spec.to_url()) for part in (f"--{name.replace('_', '-')}", value)]
    run = CliRunner().invoke(group, [spec.key_word, "--store", str(made[0]), "--format", "json", *options])
    assert run.exit_code == 0, run.stderr
    for got in (answer.json(), json.loads(run.stdout)):
        assert specs.from_json(json.dumps(got["spec"])) == spec
        for part in ("spec", "data", "parts", "figures", "notes", "sentence"):
            assert got[part] == wanted[part], part


def test_the_page_answers_with_what_json_says(made, shop):
    client = TestClient(create_app(shop), base_url="http://127.0.0.1:8420")
    query = urlencode({"range": "all", "wait": "1", "lang": "ko"})
    page = client.get(f"/?{query}")
    assert page.status_code == 200
    figures = shop.ask(JourneyMap(range="all")).figures
    assert f"{figures['visitors']:,}" in page.text
    assert "여정 지도" in page.text
    assert client.get(f"/?{query}", headers={"if-none-match": page.headers["etag"]}).status_code == 304
