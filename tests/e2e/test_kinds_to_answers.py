"""Files of other kinds beside the events: they bring what they tell of, and move no number of what visitors did."""

from __future__ import annotations

import json
from datetime import timedelta
from decimal import Decimal
from itertools import product

import pyarrow as pa
import pytest
from click.testing import CliRunner

import afterclick
from afterclick import Channels, Data, Doctor, Funnel, JourneyMap, Kpi
from afterclick.app.demo import Shop, write
from afterclick.core import clock
from afterclick.core.names import OF_NOBODY
from afterclick.surfaces.cli.main import group

ASKED = [
    kind(range=span, compare=compare)
    for kind, (span, compare) in product(
        (Kpi, JourneyMap, Channels), (("28d", "prev"), ("all", "none"), ("7d", "prev"))
    )
] + [Funnel(steps=("Product Viewed", "Product Added", "Order Completed"), range="28d")]


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    return tmp_path_factory.mktemp("kinds")


@pytest.fixture(scope="module")
def shop(folder):
    path = write(Shop(events=10_000, seed=5), folder / "files")
    with afterclick.open(folder / "store", write=True, create=True) as opened:
        opened.define(name="Hanbit Fashion", timezone="Asia/Seoul", currency="KRW", example=True)
        opened.import_files(path)
        yield opened


KEPT = (
    "channel", "visitors", "new_visitors", "sessions", "events", "pageviews", "bounced", "engaged_sessions", "orders",
    "buyers", "new_buyers", "gross", "refunds", "revenue", "previous_visitors", "previous_orders",
)  # fmt: skip
"""Of questions that read costs too, what is made of behaviour alone."""


def answers(shop):
    """Many answers, without what says only which store they were asked of and without figures made of costs."""
    found = {}
    for spec in ASKED:
        result = shop.ask(spec)
        about = {name: result.about.get(name) for name in ("range", "compare", "currency", "start_at", "end_at")}
        if isinstance(spec, JourneyMap | Funnel):
            told = [result.frame.to_pylist(), *(part.to_pylist() for _, part in sorted(result.parts.items()))]
            found[spec.key] = told, dict(result.figures), about
        else:
            told = [{name: row.get(name) for name in KEPT} for row in result.frame.to_pylist()]
            found[spec.key] = told, {name: result.figures.get(name) for name in KEPT}, about
    return found


def people(shop):
    return shop.ask(Data()).figures["visitors"]


def checks(shop):
    return {row["check"]: row["count"] for row in shop.ask(Doctor()).frame.to_pylist()}


def costs_file(folder, shop):
    """Costs of days before, among and after those of the visits, in a currency of their own."""
    first, last = shop.context().snapshot.behaved
    begin, end = clock.to_datetime(first) - timedelta(days=40), clock.to_datetime(last) + timedelta(days=30)
    days = [begin + timedelta(days=day) for day in range(0, (end - begin).days, 3)]
    path = folder / "ads.csv"
    rows = [
        f"{day.date()},{source},cpc,spring,{10 + n % 7}.5,{100 + n},{n}"
        for n, day in enumerate(days)
        for source in ("naver", "google")
    ]
    path.write_text("date,source,medium,campaign,cost,impressions,clicks\n" + "\n".join(rows) + "\n")
    return path, len(rows)


def test_costs_and_catalogue_move_nothing_that_visitors_did(folder, shop):
    old, visitors, doctor, figures = answers(shop), people(shop), checks(shop), shop.ask(Data()).figures
    path, bills = costs_file(folder, shop)
    assert shop.import_files(path, constants={"currency": "USD"}).stored == bills
    products = folder / "products.csv"
    products.write_text("product_id,name,price,brand,updated_at\nP1,a,5 EUR,b,2011-01-01\nP2,c,6 EUR,b,\n")
    assert shop.import_files(products).stored == 2
    assert answers(shop) == old
    assert people(shop) == visitors
    # Costs of days after the last visit wait for the visits.
    context = shop.context()
    last = str(clock.to_datetime(context.snapshot.behaved[1]).astimezone(context.zone).date())
    lines = [line.split(",") for line in path.read_text().splitlines()[1:]]
    spent = sum(Decimal(line[4]) for line in lines if line[0] <= last)
    whole = shop.ask(Kpi(range="2020-01-01..2030-12-31", compare="none")).figures
    assert whole["cost"] == spent
    assert checks(shop) == doctor
    now = shop.ask(Data())
    assert now.figures["events"] == figures["events"] + bills + 2
    assert now.figures["nobody"] == figures["nobody"]
    told = {row["event"]: row for row in now.frame.to_pylist()}
    assert {name: (told[name]["events"], told[name]["visitors"], told[name]["system"]) for name in OF_NOBODY} == {
        "Ad Cost Reported": (bills, 0, True),
        "Product Updated": (2, 0, True),
    }
    assert sum(row["events"] for row in told.values()) == now.figures["events"]
    assert {"ads", "products"} <= {row["source"] for row in now.parts["imports"].to_pylist()}


def test_profiles_and_messages_make_no_sessions(folder, shop):
    old, visitors, bots = answers(shop), people(shop), checks(shop)["bots"]
    users = [text[2:] for text in shop.context().snapshot.book("id").all.to_pylist() if text.startswith("u:")][:50]
    members = folder / "members.csv"
    lines = [f"{user},{user}@mail.example,{n % 5},yes" for n, user in enumerate(users)]
    members.write_text("customer_id,email,tier,email_consent\n" + "\n".join(lines) + "\n")
    assert shop.import_files(members).stored == len(users)
    mail = folder / "mail.csv"
    last = clock.to_datetime(shop.context().snapshot.behaved[1])
    sent, opened = (last + timedelta(days=9)).isoformat(), (last + timedelta(days=9, hours=1)).isoformat()
    mail.write_text(
        "message_id,campaign,email,sent_at,opened_at,machine_open\n"
        + "".join(f"m{n},Spring,{user}@mail.example,{sent},{opened},{n % 2}\n" for n, user in enumerate(users))
    )
    assert shop.import_files(mail).stored == 2 * len(users)
    assert answers(shop) == old
    # The e-mails are those of known members, so nobody new is there.
    assert people(shop) == visitors
    told = {row["event"]: row["visitors"] for row in shop.ask(Data()).frame.to_pylist()}
    assert (told["Message Sent"], told["Identified"] >= len(users)) == (len(users), True)
    assert checks(shop)["bots"] - bots == len(users) // 2


def test_feedback_is_behaviour_of_those_who_gave_it(folder, shop):
    users = [text[2:] for text in shop.context().snapshot.book("id").all.to_pylist() if text.startswith("u:")][:20]
    last = clock.to_datetime(shop.context().snapshot.behaved[1])
    path = folder / "nps.csv"
    path.write_text(
        "submitted_at,user_id,nps_score,comment\n"
        + "".join(f"{(last - timedelta(hours=n)).isoformat()},{user},{n % 11},fine\n" for n, user in enumerate(users))
    )
    assert shop.import_files(path).stored == 20
    told = {row["event"]: row for row in shop.ask(Data()).frame.to_pylist()}["Feedback Submitted"]
    assert (told["visitors"], told["system"]) == (20, False)


def test_the_log_alone_brings_everything_back(shop):
    old, data = answers(shop), shop.ask(Data()).frame
    shop.rebuild()
    assert answers(shop) == old
    assert isinstance(data, pa.Table)
    assert shop.ask(Data()).frame.to_pylist() == data.to_pylist()


def test_the_command_says_the_kind_and_refuses_a_wrong_one(folder):
    runner = CliRunner()
    ads = folder / "few.csv"
    ads.write_text("date,campaign,cost\n2026-01-01,a,5\n2026-01-02,a,6\n")
    store = str(folder / "cli")
    refused = runner.invoke(group, ["import", str(ads), "--store", store, "--kind", "customers"])
    assert (refused.exit_code, "--kind costs" in refused.output) == (2, True)
    unsaid = runner.invoke(group, ["import", str(ads), "--store", store])
    assert (unsaid.exit_code, "--set utm_source" in unsaid.output) == (2, True)
    wrong = runner.invoke(group, ["import", str(ads), "--store", store, "--set", "utm_source"])
    assert wrong.exit_code == 2
    taken = runner.invoke(
        group, ["import", str(ads), "--store", store, "--set", "utm_source=naver", "--format", "json"]
    )
    assert taken.exit_code == 0, taken.output
    report = json.loads(taken.stdout)
    assert (report["stored"], report["map"]["kind"], report["nobody"]) == (2, "costs", 0)
    shown = runner.invoke(group, ["import", str(ads), "--store", store, "--set", "utm_source=naver"])
    assert "costs" in shown.output
    assert "2 already there" in shown.output
