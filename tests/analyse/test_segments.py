"""Segments as questions: members, figures, people, the scope of every other question, lists, and what is degenerate."""

from __future__ import annotations

import random
from itertools import product

import pytest

import afterclick
from afterclick import Barriers, Channels, Funnel, JourneyMap, Kpi, Rfm, Segment, Segments, Top, Visitors
from afterclick.analyse.rfm_scores import NAMES
from afterclick.analyse.segments.group import FIGURES
from afterclick.analyse.segments.names import rule_of
from afterclick.core.errors import NotEnoughData, SpecError
from afterclick.store import segment_lists
from support.shop import Shop

BUYERS = "visitor.orders >= 1"
KEEN = 'count("Product Viewed"[price >= 20000], 7d) >= 1'


def shop_of(seed: int = 3, visitors: int = 40) -> Shop:
    draw, shop = random.Random(seed), Shop()
    for number in range(visitors):
        minute = draw.randrange(0, 20 * 24 * 60)
        for visit in range(draw.randrange(1, 5)):
            tag = draw.choice(["", "?utm_source=naver&utm_medium=cpc"])
            more = {"device": draw.choice(["mobile", "desktop"])}
            shop.add(f"v{number}", f"{minute}m", "Page Viewed", url=f"https://x.example/{tag}", **more)
            if draw.random() < 0.7:
                price = draw.choice([100.0, 25000.0])
                shop.add(f"v{number}", f"{minute + 1}m", "Product Viewed", price=price, product_id="p1", **more)
            if draw.random() < 0.3:
                order = {"revenue": 5000 * draw.randrange(1, 9), "order_id": f"o{number}-{visit}"}
                shop.add(f"v{number}", f"{minute + 3}m", "Order Completed", **order)
            if draw.random() < 0.1:
                shop.add(f"v{number}", f"{minute + 4}m", "Order Refunded", revenue=1000, order_id=f"o{number}-{visit}")
            minute += draw.randrange(1, 3000)
    return shop


@pytest.fixture(scope="module")
def store(tmp_path_factory):
    with shop_of().open(tmp_path_factory.mktemp("segments") / "s") as shop:
        shop.segments.save("Buyers", BUYERS)
        shop.segments.save("Keen", KEEN)
        yield shop


@pytest.mark.parametrize("rule", ["Buyers", KEEN, f"!({BUYERS})"])
@pytest.mark.parametrize("where", [(), ('device_type == "mobile"',)])
@pytest.mark.parametrize("days", ["all", "2026-01-08..2026-01-14"])
def test_figures_are_those_of_every_other_question_asked_of_the_segment(store, rule, where, days) -> None:
    found = store.ask(Segment(rule=rule, range=days, where=where))
    here = store.ask(Kpi(segment=(rule,), range=days, where=where, compare="none"))
    rows = {row["metric"]: row for row in found.frame.to_pylist()}
    for name in FIGURES:
        expected = here.figures[name]
        assert rows[name]["value"] == (None if expected is None else pytest.approx(float(expected))), name
    assert here.about["segments"] == [rule]
    assert here.about["filters"] == list(where)


def test_every_cell_s_people_are_as_many_as_its_number(store) -> None:
    found = store.ask(Segment(rule="Keen", against="Buyers", range="all"))
    assert len(found.people("members")) == found.figures["members"]
    assert len(found.people("others")) == found.figures["compared"]
    rows = {row["metric"]: row for row in found.frame.to_pylist()}
    for side, column in (("", "value"), ("side=other;", "other")):
        for name in ("visitors", "buyers"):
            assert len(found.people(f"{side}metric={name}")) == rows[name][column]
    before = 0
    for row in found.parts["trend"].to_pylist():
        assert len(found.people(f"interval={row['interval']};part=entered")) == row["entered"]
        assert len(found.people(f"interval={row['interval']};part=gone")) == row["gone"]
        assert before + row["entered"] - row["gone"] == row["members"]
        before = row["members"]
    assert before == found.figures["members"]
    assert "segment_overlap" in {note.code for note in found.notes}
    for lang in ("en", "ko"):
        assert "Keen" in found.sentence(lang)
        assert found.people("members").text.say(lang)
        assert all(note.say(lang) for note in found.notes)


def test_two_segments_meet_and_a_segment_and_the_rest_add_up(store) -> None:
    both = store.ask(Kpi(segment=("Buyers", "Keen"), range="all"))
    one = store.ask(Kpi(segment=(f"{BUYERS} && {KEEN}",), range="all"))
    assert both.figures["visitors"] == one.figures["visitors"] > 0
    found = store.ask(Segment(rule="Buyers", range="all"))
    rest = store.ask(Kpi(segment=(f"!({BUYERS})",), range="all")).figures
    everyone = store.ask(Kpi(range="all")).figures
    for name in ("visitors", "sessions", "orders", "revenue"):
        row = next(row for row in found.frame.to_pylist() if row["metric"] == name)
        assert row["other"] == pytest.approx(float(rest[name]))
        assert row["value"] + row["other"] == pytest.approx(float(everyone[name]))


@pytest.mark.parametrize(
    "question",
    [
        JourneyMap(range="all"), Channels(range="all"), Top(range="all"), Visitors(range="all"), Barriers(range="all"),
        Funnel(steps=("Page Viewed", "Order Completed"), range="all"),
    ],
    ids=lambda question: question.key_word,
)  # fmt: skip
def test_any_question_can_be_asked_of_a_segment_and_of_nobody(store, question) -> None:
    def asked(*segment: str):
        return store.ask(type(question)(**{**fields(question), "segment": segment}))

    whole, buyers = asked(), asked("Buyers")
    assert buyers.about["segments"] == ["Buyers"]
    count = "visitors" if "visitors" in whole.figures else "started"
    if count in whole.figures:
        assert buyers.figures[count] < whole.figures[count] or not whole.figures[count]
    nobody = asked('count("Page Viewed") > 1000')
    assert not nobody.figures.get(count)


def fields(question) -> dict:
    return {field.name: getattr(question, field.name) for field in type(question).fields()}


def test_saved_segments_side_by_side_and_one_that_cannot_be_asked(store) -> None:
    found = {row["name"]: row for row in store.ask(Segments(range="all")).frame.to_pylist()}
    for name in ("Buyers", "Keen"):
        alone = store.ask(Segment(rule=name, range="all"))
        assert found[name]["members"] == alone.figures["members"]
        assert found[name]["revenue"] == alone.figures["revenue"]
    store.segments.save("Odd", 'performed("No Such Event")')
    try:
        result = store.ask(Segments(range="all"))
        rows = {row["name"]: row for row in result.frame.to_pylist()}
        assert "No Such Event" in rows["Odd"]["problem"]
        assert rows["Odd"]["members"] is None
        assert rows["Buyers"]["members"] == found["Buyers"]["members"]
        with pytest.raises(SpecError, match="No Such Event"):
            store.ask(Kpi(segment=("Odd",)))
    finally:
        store.segments.delete("Odd")


def test_names_are_told_from_rules_and_mistyped_ones_from_both(store) -> None:
    context = store.context()
    assert rule_of(context, " Buyers ", "rule").text == BUYERS
    with pytest.raises(SpecError) as caught:
        store.ask(Kpi(segment=("Buyer",)))
    assert (caught.value.path, "Buyers" in caught.value.hint) == ("segment", True)
    with pytest.raises(SpecError) as caught:
        store.ask(Segment(rule='count("Product Viewd") > 1'))
    assert "Product Viewed" in caught.value.hint
    for wrong in (("",), ("Buyers",) * 21, ("x" * 3000,)):
        with pytest.raises(SpecError) as caught:
            Kpi(segment=wrong)
        assert caught.value.path == "segment"
    with pytest.raises(SpecError, match=r"cannot be summed|no field"):
        store.ask(Segment(rule='sum("Product Viewed", colour) > 1'))


def test_scores_are_those_of_the_value_report(store) -> None:
    report = store.ask(Rfm(range="all"))
    for name in NAMES:
        found = store.ask(Segment(rule=f'rfm.name == "{name}"', range="all"))
        assert found.figures["members"] == len(report.people(f"name={name}"))
    for recency, frequency in product(range(1, 6), repeat=2):
        rule = f"rfm.recency == {recency} && rfm.frequency == {frequency}"
        found = store.ask(Segment(rule=rule, range="all"))
        assert found.figures["members"] == len(report.people(f"R{recency}F{frequency}"))
    for band in (1, 5):
        rich = store.ask(Segment(rule=f"rfm.money == {band}", range="all"))
        assert rich.figures["members"] == len(report.people(f"money={band}"))


def test_a_condition_may_name_a_segment_as_well(store) -> None:
    one = store.ask(Kpi(where=("segment: Buyers", 'device_type == "mobile"'), range="all"))
    other = store.ask(Kpi(segment=("Buyers",), where=('device_type == "mobile"',), range="all"))
    assert one.figures["visitors"] == other.figures["visitors"] > 0
    assert one.figures["revenue"] == other.figures["revenue"]


def test_a_change_is_seen_at_once_and_can_be_undone(tmp_path) -> None:
    with shop_of(5, 12).open(tmp_path) as shop:
        shop.segments.save("Group", BUYERS)
        buyers = shop.ask(Kpi(segment=("Group",), range="all")).figures["visitors"]
        sessions = shop.context()._kept
        assert any(key[0] == "sessions" for key in sessions)
        shop.segments.save("Group", f"!({BUYERS})")
        assert any(key[0] == "sessions" for key in shop.context()._kept)
        others = shop.ask(Kpi(segment=("Group",), range="all")).figures["visitors"]
        assert buyers + others == shop.ask(Kpi(range="all")).figures["visitors"]
        assert shop.segments.undo() == {"Group": BUYERS}
        assert shop.ask(Kpi(segment=("Group",), range="all")).figures["visitors"] == buyers
        shop.segments.rename("Group", "Buyers")
        assert list(shop.segments.saved()) == ["Buyers"]
        for wrong in (lambda: shop.segments.rename("Group", "X"), lambda: shop.segments.delete("Group"),
                      lambda: shop.segments.save("  ", BUYERS), lambda: shop.segments.save("rest", BUYERS),
                      lambda: shop.segments.save("X", "visitor.orders")):  # fmt: skip
            with pytest.raises(SpecError):
                wrong()
        with afterclick.open(tmp_path) as again:
            assert again.segments.saved() == {"Buyers": BUYERS}


def test_a_list_stays_as_it_was_and_ids_can_be_taken_off_it(tmp_path) -> None:
    shop_of(6, 15).open(tmp_path).close()
    with afterclick.open(tmp_path, write=True) as shop:
        head = shop.segments.take(BUYERS, "First")
        assert head.visitors == shop.ask(Kpi(segment=("First",), range="all")).figures["buyers"] > 0
        late = Shop().add("late", "25d", "Page Viewed", url="https://x.example/", event_id="x1")
        late.add("late", "25d1m", "Order Completed", revenue=1, order_id="late", event_id="x2")
        shop.append(late.events)
        assert shop.ask(Segment(rule="First", range="all")).figures["members"] == head.visitors
        assert shop.ask(Segment(rule=BUYERS, range="all")).figures["members"] == head.visitors + 1
        with pytest.raises(SpecError, match="taken"):
            shop.segments.take(BUYERS, "First")
        ids = segment_lists.ids(tmp_path, "First")
        assert segment_lists.forget(tmp_path, ids[:2]) == 2
        assert segment_lists.ids(tmp_path, "First") == ids[2:]
        shop.forget()
        assert shop.ask(Segment(rule='member("First")', range="all")).figures["members"] == head.visitors - 2
        (tmp_path / "segments" / "stray.parquet").write_bytes(b"no list")
        assert [one.name for one in shop.segments.lists()] == ["First"]
        shop.segments.drop("First")
        with pytest.raises(SpecError, match="no list"):
            shop.ask(Segment(rule='member("First")', range="all"))


def test_any_arrival_order_gives_the_same_members(tmp_path) -> None:
    answers = []
    for turn in range(2):
        shop = shop_of(7, 15)
        if turn:
            random.Random(1).shuffle(shop.events)
        with shop.open(tmp_path / str(turn)) as store:
            found = store.ask(Segment(rule=f"{KEEN} || {BUYERS}", range="all"))
            answers.append((found.figures, found.frame.to_pylist(), sorted(
                row["visitor"] for row in found.people("members").table().to_pylist())))  # fmt: skip
    assert answers[0] == answers[1]


EVERY_KIND = (
    f'({KEEN} || sum("Order Completed", revenue) > 0 || since("Page Viewed") >= 0s) && !session.paid'.replace("0s", "1m"),
    'sequence("Page Viewed" then "Page Viewed" within 1d) || reached("Page Viewed" then "Page Viewed") >= 1',
    'sequence("Page Viewed" then not "Page Viewed" within 1m)',
    "basket.value >= 0 && !has(basket.abandoned_at) && visitor.revenue >= 0 && visitor.sessions >= 1",
    'rfm.recency >= 1 || visitor.stage == "Attract" || first_touch.channel == "direct" || !has(last_touch.source)',
)  # fmt: skip


@pytest.mark.parametrize("rule", EVERY_KIND)
@pytest.mark.parametrize("zone", ["UTC", "America/New_York"])
def test_degenerate_stores_answer_without_numbers_that_are_none(tmp_path, rule, zone) -> None:
    with Shop().open(tmp_path / "empty") as shop, pytest.raises(NotEnoughData):
        shop.ask(Segment(rule="visitor.known"))
    rule = rule.replace(KEEN, 'performed("Page Viewed", 7d)').replace("Order Completed", "Page Viewed")
    one = Shop().add("v", "66d7h", "Page Viewed", url="https://x.example/")
    same = Shop()
    for number in range(5):
        currency = ["KRW", "USD"][number % 2]
        same.add(f"v{number % 2}", "66d7h", "Page Viewed", url="https://x.example/", revenue=1, currency=currency)
    for name, shop in (("one", one), ("same", same)):
        with shop.open(tmp_path / name, timezone=zone) as store:
            for days in ("all", "28d", "2026-03-08..2026-03-08"):
                found = store.ask(Segment(rule=rule, range=days, interval="hour" if days != "28d" else "auto"))
                text = found.to_json()
                assert "NaN" not in text
                assert "Infinity" not in text
                assert found.figures["members"] <= found.figures["everyone"]
                assert found.sentence("ko")
            assert store.ask(Segments(range="all")).sentence()


def test_sums_over_several_currencies_are_missing_and_said_so(tmp_path) -> None:
    shop = Shop()
    for number, currency in enumerate(("KRW", "USD")):
        shop.add(f"v{number}", "1h", "Order Completed", revenue=5, order_id=f"o{number}", currency=currency)
    with shop.open(tmp_path) as store:
        for rule in ('sum("Order Completed", revenue) >= 0', "visitor.revenue >= 0"):
            found = store.ask(Segment(rule=rule, range="all"))
            assert found.figures["members"] == 0
            assert "segment_mixed" in {note.code for note in found.notes}
            assert found.figures["revenue"] is None
