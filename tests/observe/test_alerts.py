"""Alerts: what is usual, what rings and why, nobody told twice; a quiet series rings no more often than stated."""

from __future__ import annotations

import json
from datetime import date, timedelta

import numpy as np
import pytest
from click.testing import CliRunner

import afterclick
from afterclick import Alerts
from afterclick.core import clock, spans
from afterclick.core.errors import SpecError
from afterclick.observe.alerts.asking import figure_of, question_of
from afterclick.observe.alerts.baseline import FACTORS, usual
from afterclick.observe.alerts.history import Fired, History
from afterclick.store.documents import Alert
from afterclick.surfaces.cli.main import group
from support.shop import DAY0, Shop

DAY = date(2026, 6, 15)
WEEKS = 8


def series(draw, weeks=WEEKS, factor=(1.0, 1.1, 1.2, 1.1, 1.3, 0.7, 0.6)):
    """A day and the weeks before it, weekdays of different size."""
    days = [DAY - timedelta(days=ago) for ago in range(7 * weeks + 1)]
    return {day: float(draw(factor[day.weekday()])) for day in days}


def naive_usual(values, day, weeks, factor):
    """The same in plain lists: median of the weekday's roots, 1.4826 x median distance of every day from its own."""

    def middle(found):
        found = sorted(found)
        half = len(found) // 2
        return found[half] if len(found) % 2 else (found[half - 1] + found[half]) / 2

    roots = {d: (values[d] + 0.375) ** 0.5 for d in (day - timedelta(days=a) for a in range(1, 7 * weeks + 1))}
    medians = {w: middle([r for d, r in roots.items() if d.weekday() == w]) for w in range(7)}
    scale = max(1.4826 * middle([abs(r - medians[d.weekday()]) for d, r in roots.items()]), 0.5)
    centre = medians[day.weekday()]
    low, high = max(centre - factor * scale, 0.375**0.5), centre + factor * scale
    return centre**2 - 0.375, low**2 - 0.375, high**2 - 0.375


@pytest.mark.parametrize("seed", range(5))
def test_what_is_usual_equals_the_same_in_plain_lists(seed):
    rng = np.random.default_rng(seed)
    values = series(lambda size: rng.poisson(400 * size))
    found = usual(values, DAY, WEEKS, "0.01")
    assert (found.middle, found.low, found.high) == pytest.approx(naive_usual(values, DAY, WEEKS, 3.687))


@pytest.mark.parametrize("false_rate", ["0.05", "0.01"])
@pytest.mark.parametrize("level", [4, 60, 5000])
def test_a_quiet_series_of_counts_rings_no_more_often_than_stated(false_rate, level):
    rng, rings, runs = np.random.default_rng(7), 0, 800
    for _ in range(runs):
        values = series(lambda size: rng.poisson(level * size))
        found = usual(values, DAY, WEEKS, false_rate)
        rings += not found.low <= values[DAY] <= found.high
    # Three standard errors of a share of the stated size.
    stated = float(false_rate)
    assert rings / runs <= stated + 3 * (stated * (1 - stated) / runs) ** 0.5


def test_a_planted_drop_is_found_and_an_ordinary_day_is_not():
    rng, found = np.random.default_rng(3), 0
    for _ in range(200):
        values = series(lambda size: rng.poisson(300 * size))
        values[DAY] = float(rng.poisson(300 * 0.5))
        bounds = usual(values, DAY, WEEKS, "0.01")
        found += values[DAY] < bounds.low
    assert found >= 198


def test_the_factors_are_the_quantiles_they_claim_to_be():
    rng = np.random.default_rng(1)
    drawn = rng.standard_normal((20_000, 8, 7))
    median = np.median(drawn, axis=1, keepdims=True)
    scale = 1.4826 * np.median(np.abs(drawn - median).reshape(len(drawn), -1), axis=1)
    away = np.abs(rng.standard_normal(len(drawn)) - median[:, 0, 0]) / scale
    assert np.quantile(away, 0.95) == pytest.approx(FACTORS[8]["0.05"], rel=0.03)
    assert np.quantile(away, 0.99) == pytest.approx(FACTORS[8]["0.01"], rel=0.06)


def test_too_few_weeks_and_a_constant_series_say_why():
    short = {DAY - timedelta(days=ago): 5.0 for ago in range(7 * 3 + 1)}
    assert usual(short, DAY, WEEKS, "0.01").reason == "few_weeks"
    level = series(lambda _: 0.25)
    assert usual(level, DAY, WEEKS, "0.01").reason == "constant"
    counts = series(lambda _: 0.0)
    found = usual(counts, DAY, WEEKS, "0.01")
    assert (found.low, found.reason) == (0.0, "")
    assert found.high < 20


@pytest.mark.parametrize(
    ("text", "message"),
    [("", "names no number"), ("data[channel].sessions", "column=value"), ("data.sessions", "names no number")],
)
def test_a_path_that_names_no_number_is_refused(text, message):
    with pytest.raises(SpecError, match=message):
        figure_of(text)


def test_a_question_is_an_address_or_json():
    assert question_of("kpi?range=7d") == question_of(question_of("kpi?range=7d").to_json())
    with pytest.raises(SpecError) as refused:
        question_of("kpis")
    assert "kpi" in refused.value.hint


def shop_of(path, drop):
    """Nine weeks of twenty visits a day by two channels; on the last day paid search brings nothing if `drop`."""
    made = Shop()
    for day in range(63):
        for visit in range(20):
            paid = visit < 14
            if paid and drop and day == 62:
                continue
            url = "https://shop.example/" + ("?utm_source=naver&utm_medium=cpc" if paid else "")
            device = "mobile" if visit % 2 else "desktop"
            made.add(f"v{visit}", f"{day}d{visit + 1}h", "Page Viewed", url=url, device=device)
    made.add("v19", "62d20h1m", "Order Completed", order_id="o1", revenue=50)
    return made.open(path / "store")


def test_a_drop_rings_with_the_channel_that_carried_it_and_only_once(tmp_path):
    with shop_of(tmp_path, drop=True) as shop:
        shop.desk.put_alert(Alert(name="Visits", question="kpi", figure="sessions", kind="unusual", direction="less"))
        shop.desk.put_alert(Alert(name="Orders", question="kpi?range=1d", figure="orders", below=5, cooldown="2d"))
        now = DAY0 + 63 * spans.DAY + spans.HOUR
        with clock.held_at(now):
            result, fired = shop.desk.check()
            rows = {row["alert"]: row for row in result.frame.to_pylist()}
            assert rows["Visits"]["state"] == rows["Orders"]["state"] == "ringing"
            assert (rows["Visits"]["value"], rows["Visits"]["days"]) == (6.0, "2026-03-04..2026-03-04")
            assert rows["Visits"]["low"] == pytest.approx(naive_usual({**_twenty(), _last(): 6.0}, _last(), 8, 3.687)[1])
            causes = [
                (row["field"], row["value"], row["effect"])
                for row in result.parts["causes"].to_pylist()
                if row["alert"] == "Visits"
            ]
            assert causes[0] == ("channel", "paid_search", -14.0)
            assert ("device_type", "desktop", -7.0) in causes
            assert sorted(one.alert for one in fired) == ["Orders", "Visits"]
            again = shop.desk.check()
            assert (again.fired, again.result.figures["cooling"], again.result.figures["ringing"]) == ([], 2, 2)
        with clock.held_at(now + spans.DAY + 1):
            # One day later the visits may be told again, the orders cool down for two.
            assert [one.alert for one in shop.desk.check().fired] == ["Visits"]
        assert [one.alert for one in History(tmp_path / "store").read()].count("Visits") == 2


def _last():
    return date(2026, 3, 4)


def _twenty():
    return {_last() - timedelta(days=ago): 20.0 for ago in range(64)}


def test_an_ordinary_day_is_quiet(tmp_path):
    with shop_of(tmp_path, drop=False) as shop:
        shop.desk.put_alert(Alert(name="Visits", question="kpi", figure="sessions", kind="unusual"))
        paid = "data[channel=paid_search].sessions"
        shop.desk.put_alert(Alert(name="Paid", question="channels?range=7d", figure=paid, above=100))
        result, fired = shop.desk.check()
        assert [row["state"] for row in result.frame.to_pylist()] == ["quiet", "quiet"]
        assert fired == []
        assert not (tmp_path / "store" / "alerts").exists()
        assert "2 alerts are quiet" in result.sentence()


def test_a_broken_alert_silences_no_other(tmp_path):
    with shop_of(tmp_path, drop=True) as shop:
        shop.desk.put_alert(Alert(name="Good", question="kpi?range=1d", figure="sessions", below=10))
        shop.desk.put_alert(Alert(name="Bad", question="kpi", figure="reveneu", below=5))
        result, fired = shop.desk.check()
        rows = {row["alert"]: row for row in result.frame.to_pylist()}
        assert (rows["Bad"]["state"], rows["Bad"]["reason"]) == ("unknown", "alert_broken")
        assert "reveneu" in rows["Bad"]["problem"]
        assert [one.alert for one in fired] == ["Good"]
        with pytest.raises(SpecError, match="no alert 'Goo'"):
            shop.ask(Alerts(name=("Goo",)))


def test_a_torn_line_of_the_history_is_none(tmp_path):
    history = History(tmp_path)
    one = Fired(alert="A", at=1, days="", value=1.0)
    assert history.record([one], {"A": 10}) == [one]
    with history.path.open("ab") as file:
        file.write(b'{"alert":"B","at":2')
    assert history.read() == [one]
    later = Fired(alert="A", at=11, days="", value=2.0)
    assert history.record([later, Fired(alert="A", at=5, days="", value=3.0)], {"A": 10}) == [later]
    assert history.read() == [one, later]


def test_the_command_checks_lists_adds_and_removes(tmp_path):
    with shop_of(tmp_path, drop=True):
        pass
    end = ["--store", str(tmp_path / "store"), "--lang", "en"]

    def run(*words):
        return CliRunner().invoke(group, ["alerts", *words, *end])

    assert run("check").exit_code == 0
    assert run("add", "Orders", "--question", "kpi?range=1d", "--figure", "orders", "--below", "5").exit_code == 0
    assert run("add", "Nothing", "--question", "kpi", "--figure", "orders").exit_code == 2
    dry = run("check", "--dry-run", "--format", "json")
    assert (dry.exit_code, [one["alert"] for one in json.loads(dry.stdout)["fired"]]) == (1, ["Orders"])
    assert run("check").exit_code == 1
    assert run("check").exit_code == 0
    assert json.loads(run("list", "--format", "json").stdout)[0]["below"] == 5.0
    assert "[[alerts]]" in (tmp_path / "store" / "afterclick.toml").read_text("utf-8")
    assert run("remove", "Orders").exit_code == 0
    assert run("remove", "Orders").exit_code == 2
    with afterclick.open(tmp_path / "store") as shop:
        assert shop.desk.undo() == "alert Orders"
        assert list(shop.desk.alerts) == ["Orders"]
