"""Friction, twins, search words and the comparison beside a touchpoint, on logs small enough to count by hand."""

from __future__ import annotations

import pytest

from afterclick import JourneyMap, Kpi, Touchpoint, Touchpoints
from afterclick.analyse.beside import difference
from afterclick.analyse.troubles import error_names, pace, slow_rows
from afterclick.core.errors import SpecError
from afterclick.core.moments import Share
from support.shop import Shop

ALL = {"range": "all", "compare": "none"}
HOST = "https://shop.example"


def page(shop, visitor, when, path, **more):
    return shop.add(visitor, when, "Page Viewed", url=f"{HOST}{path}", **more)


def parts_of(result):
    return {part["part"]: (part["hits"], part["n"]) for part in result.parts["friction"].to_pylist()}


def test_friction_is_forty_of_leaving_thirty_of_errors_fifteen_of_loops_and_fifteen_of_slowness(tmp_path):
    """SEMANTICS 11: four visits to /pay with 6 views; 2 end there, 1 has an error, 1 goes back and forth, 1 of 30 is slow."""
    shop = Shop()
    page(shop, "v1", "0", "/pay")
    page(shop, "v2", "0", "/pay")
    shop.add("v2", "20s", "Payment Failed", url=f"{HOST}/pay")
    page(shop, "v2", "40s", "/home")
    for step, path in enumerate(("/pay", "/help", "/pay", "/home")):
        page(shop, "v3", f"{step}m", path)
    for step, path in enumerate(("/pay", "/home", "/home/x", "/pay")):
        page(shop, "v4", f"{step}m", path)
    with shop.open(tmp_path / "s") as store:
        found = store.ask(Touchpoint(name="/pay", **ALL))
        assert parts_of(found) == {
            "exit_rate": (2, 6), "error_rate": (1, 4), "loop_rate": (1, 4), "slow_rate": (0, 0),
        }  # fmt: skip
        assert found.figures["friction"] == pytest.approx(100 * (0.4 * 2 / 6 + 0.3 / 4 + 0.15 / 4))
        assert (found.figures["exits"], found.figures["entries"], found.figures["visitors"]) == (2, 4, 4)
        assert found.figures["slow_rate"] is None
        assert "touchpoint_untimed" in {note.code for note in found.notes}
        assert [len(found.people(cell)) for cell in ("errors", "loops", "slow", "exits")] == [1, 1, 0, 2]


def test_the_error_belongs_to_its_page_to_the_action_before_it_and_to_itself(tmp_path):
    shop = Shop()
    page(shop, "v1", "0", "/checkout")
    shop.add("v1", "20s", "Coupon Entered", url=f"{HOST}/checkout")
    shop.add("v1", "40s", "Coupon Denied", url=f"{HOST}/checkout")
    shop.add("v1", "60s", "Address Entered", url=f"{HOST}/checkout")
    with shop.open(tmp_path / "s") as store:
        hits = {
            name: parts_of(store.ask(Touchpoint(name=name, **ALL)))["error_rate"]
            for name in ("/checkout", "Coupon Entered", "Coupon Denied", "Address Entered")
        }
    assert hits == {"/checkout": (1, 1), "Coupon Entered": (1, 1), "Coupon Denied": (1, 1), "Address Entered": (0, 1)}


def test_the_same_action_within_ten_seconds_is_a_retry_and_later_it_is_none(tmp_path):
    shop = Shop()
    for visitor, gap in (("v1", "10s"), ("v2", "11s")):
        page(shop, visitor, "0", "/pay")
        page(shop, visitor, gap, "/pay")
    page(shop, "v3", "0", "/items/1")
    page(shop, "v3", "3s", "/items/2")
    with shop.open(tmp_path / "s") as store:
        assert parts_of(store.ask(Touchpoint(name="/pay", **ALL)))["error_rate"] == (1, 2)
        assert parts_of(store.ask(Touchpoint(name="/items/*", **ALL)))["error_rate"] == (0, 1)


def test_leaving_from_a_goal_is_no_friction(tmp_path):
    shop = Shop()
    page(shop, "v1", "0", "/pay")
    page(shop, "v1", "1m", "/thanks")
    shop.add("v1", "61s", "Order Completed", revenue=10, order_id="o1", url=f"{HOST}/thanks")
    with shop.open(tmp_path / "s") as store:
        thanks = store.ask(Touchpoint(name="/thanks", **ALL)).figures
        assert (thanks["goal"], thanks["exit_rate"], thanks["friction"]) == (True, 1.0, 0.0)
        pay = store.ask(Touchpoint(name="/pay", **ALL)).figures
        assert (pay["goal"], pay["exit_rate"], pay["friction"]) == (False, 0.0, 0.0)


def test_a_page_is_slow_beyond_twice_the_median_of_its_own_group_from_thirty_views_on(tmp_path):
    shop = Shop()
    for number in range(29):
        page(shop, f"v{number}", "0", f"/items/{number}", load_ms=100)
    page(shop, "w1", "0", "/items/90", load_ms=201)
    page(shop, "w2", "0", "/items/91", load_ms=200)
    page(shop, "w3", "0", "/other", load_ms=9000)
    page(shop, "w4", "0", "/items/92")
    with shop.open(tmp_path / "s") as store:
        context = store.context()
        assert int(slow_rows(context).sum()) == 1
        assert [int((pace(context) == kind).sum()) for kind in (0, 1, 2)] == [2, 30, 1]
        items = store.ask(Touchpoint(name="/items/*", **ALL))
        assert parts_of(items)["slow_rate"] == (1, 31)
        assert [row["visitor"] for row in items.people("slow").table().to_pylist()] == ["a:w1"]


def test_twenty_nine_timed_views_have_no_usual_time(tmp_path):
    shop = Shop()
    for number in range(28):
        page(shop, f"v{number}", "0", f"/items/{number}", load_ms=100)
    page(shop, "w1", "0", "/items/90", load_ms=5000)
    with shop.open(tmp_path / "s") as store:
        assert not slow_rows(store.context()).any()
        assert store.ask(Touchpoint(name="/items/*", **ALL)).figures["slow_rate"] is None


def test_load_times_as_text_are_read_and_other_texts_are_none(tmp_path):
    shop = Shop()
    for number in range(31):
        page(shop, f"v{number}", "0", "/a", load_time="1.5" if number else "4")
    page(shop, "w", "0", "/a", load_time="soon")
    with shop.open(tmp_path / "s") as store:
        assert int(slow_rows(store.context()).sum()) == 1


def test_errors_are_known_by_the_words_of_the_store(tmp_path):
    shop = Shop()
    names = ("Form Error", "paymentDeclined", "결제 실패", "Terror Film Viewed", "Product Viewed", "Insufficient Funds")
    for name in names:
        shop.add("v", "0", name)
    shop.add("v", "1m", "Message Failed")
    with shop.open(tmp_path / "a") as store:
        context = store.context()
        found = {context.names()[0][code] for code, error in enumerate(error_names(context)) if error}
        assert found == {"Form Error", "paymentDeclined", "결제 실패"}
    with shop.open(tmp_path / "b", errors=["insufficient"]) as store:
        context = store.context()
        found = {context.names()[0][code] for code, error in enumerate(error_names(context)) if error}
        assert found == {"Insufficient Funds"}


def test_an_event_that_comes_with_each_view_of_its_page_is_one_touchpoint_with_it(tmp_path):
    shop = Shop()
    for number in range(3):
        page(shop, f"v{number}", "0", f"/items/{number}", load_ms=4000)
        shop.add(f"v{number}", "4.9s", "Product Viewed", url=f"{HOST}/items/{number}")
        page(shop, f"v{number}", "1m", "/cart")
    with shop.open(tmp_path / "s") as store:
        rows = store.ask(Touchpoints(**ALL)).frame.to_pylist()
        assert [(row["touchpoint"], row["twin"], row["visitors"], row["views"]) for row in rows] == [
            ("/cart", "", 3, 3), ("/items/*", "Product Viewed", 3, 3),
        ]  # fmt: skip
        by_event, by_page = (store.ask(Touchpoint(name=name, **ALL)) for name in ("Product Viewed", "/items/*"))
        assert by_event.figures == by_page.figures
        assert by_page.figures["dwell_seconds"] == 60
        on_map = store.ask(JourneyMap(**ALL)).parts["touchpoints"].to_pylist()
        assert [row["touchpoint"] for row in on_map] == ["/cart", "/items/*"]
        assert [row["twin"] for row in on_map] == ["", "Product Viewed"]


@pytest.mark.parametrize("late", ["6s", "alone"])
def test_an_event_that_comes_later_or_without_the_page_stays_a_touchpoint_of_its_own(tmp_path, late):
    shop = Shop()
    for number in range(3):
        page(shop, f"v{number}", "0", f"/items/{number}", load_ms=4000)
        shop.add(f"v{number}", "6s" if late == "6s" else "4.9s", "Product Viewed", url=f"{HOST}/items/{number}")
    if late == "alone":
        page(shop, "w", "0", "/items/7")
    with shop.open(tmp_path / "s") as store:
        names = {row["touchpoint"] for row in store.ask(Touchpoints(**ALL)).frame.to_pylist()}
    assert names == {"/items/*", "Product Viewed"}


def test_bounce_and_exit_of_pages_as_in_the_sessions_example(tmp_path):
    """SEMANTICS 1: S1 = P1 · S2 = P1 P2 · S3 = P2 P1 P1. P1: views 4, exits 2, landings 2, bounce .5; P2: 2, 1, 1, 0."""
    shop = Shop()
    for visitor, path in (("v1", "1"), ("v2", "12"), ("v3", "211")):
        for step, digit in enumerate(path):
            page(shop, visitor, f"{step}m", f"/p{digit}")
    with shop.open(tmp_path / "s") as store:
        every = store.ask(Touchpoints(**ALL))
        rows = {row["touchpoint"]: row for row in every.frame.to_pylist()}
        fields = ("views", "exits", "exit_rate", "landings", "bounce_rate")
        assert [rows["/p1"][name] for name in fields] == [4, 2, 0.5, 2, 0.5]
        assert [rows["/p2"][name] for name in fields] == [2, 1, 0.5, 1, 0.0]
        one = store.ask(Touchpoint(name="/p1", **ALL)).figures
        assert (one["views"], one["exits"], one["entries"], one["bounce_rate"]) == (4, 2, 2, 0.5)


def test_words_that_led_here_and_were_typed_here(tmp_path):
    shop = Shop()
    page(shop, "v1", "0", "/items/1", referrer="https://search.naver.com/search.naver?query=knit")
    page(shop, "v2", "0", "/search")
    shop.add("v2", "5s", "Products Searched", query=" wool ", url=f"{HOST}/search")
    page(shop, "v2", "1m", "/items/2")
    page(shop, "v3", "0", "/search")
    shop.add("v3", "5s", "Products Searched", query="silk", url=f"{HOST}/search")
    page(shop, "v3", "1m", "/home")
    page(shop, "v3", "2m", "/items/2")
    with shop.open(tmp_path / "s") as store:

        def words(name):
            rows = store.ask(Touchpoint(name=name, **ALL)).parts["words"].to_pylist()
            return {(row["where"], row["word"]): (row["sessions"], row["visitors"]) for row in rows}

        assert words("/items/*") == {("outside", "knit"): (1, 1), ("searched", "wool"): (1, 1)}
        assert words("/search") == {("typed", "wool"): (1, 1), ("typed", "silk"): (1, 1)}
        found = store.ask(Touchpoint(name="/items/*", **ALL))
        assert [row["visitor"] for row in found.people("word=searched:wool").table().to_pylist()] == ["a:v2"]
        every = store.ask(Touchpoints(**ALL)).parts["words"].to_pylist()
        assert {(row["where"], row["word"]) for row in every} == {
            ("outside", "knit"), ("typed", "wool"), ("typed", "silk"),
        }  # fmt: skip


def test_those_who_met_it_stand_beside_those_of_the_same_stage_who_did_not(tmp_path):
    """Stage Close: v1 v2 met /help there, v1 ordered after it, v2 before it; v3 v4 did not, v3 ordered. v5 met it earlier."""
    shop = Shop()
    for visitor in ("v1", "v2", "v3", "v4"):
        page(shop, visitor, "0", "/home")
        shop.add(visitor, "1m", "Product Added", url=f"{HOST}/home")
    page(shop, "v1", "2m", "/help")
    shop.add("v1", "3m", "Order Completed", revenue=10, order_id="o1")
    shop.add("v3", "3m", "Order Completed", revenue=10, order_id="o3")
    page(shop, "v2", "2m", "/help")
    page(shop, "v5", "0", "/help")
    with shop.open(tmp_path / "s") as store:
        found = store.ask(Touchpoint(name="/help", **ALL))
        rows = {row["stage"]: row for row in found.parts["beside"].to_pylist()}
    assert set(rows) == {"Attract", "Close"}
    close = rows["Close"]
    assert (close["met"], close["met_ordered"], close["others"], close["others_ordered"]) == (2, 1, 2, 1)
    assert close["difference"] == 0
    attract = rows["Attract"]
    assert (attract["met"], attract["met_ordered"], attract["others"], attract["others_ordered"]) == (1, 0, 4, 2)


def test_the_interval_of_a_difference_is_newcombes_tenth_method():
    """Newcombe 1998, table II, example (a): 56/70 against 48/80 gives 0.0524 to 0.3339; (h): 10/10 - 0/10, 0.6075 to 1."""
    low, high = difference(Share(56, 70), Share(48, 80))
    assert (round(low, 4), round(high, 4)) == (0.0524, 0.3339)
    low, high = difference(Share(10, 10), Share(0, 10))
    assert (round(low, 4), round(high, 4)) == (0.6075, 1.0)
    assert difference(Share(0, 0), Share(1, 2)) is None


def test_roles_narrow_the_sessions_to_those_that_began_or_ended_on_it(tmp_path):
    shop = Shop()
    for visitor, path in (("v1", "ab"), ("v2", "ba"), ("v3", "bab")):
        for step, letter in enumerate(path):
            page(shop, visitor, f"{step}m", f"/{letter}")
    with shop.open(tmp_path / "s") as store:
        found = {role: store.ask(Touchpoint(name="/a", role=role, **ALL)) for role in ("any", "landing", "exit")}
        counts = {role: one.figures["sessions"] for role, one in found.items()}
        assert counts == {"any": 3, "landing": 1, "exit": 1}
        for one in found.values():
            for side in ("came", "went"):
                here = [row["sessions"] for row in one.frame.to_pylist() if row["side"] == side]
                assert sum(here) == one.figures["sessions"]
        assert [row["visitor"] for row in found["exit"].people("sessions").table().to_pylist()] == ["a:v2"]


def test_a_touchpoint_nobody_met_in_the_range_says_so_and_an_unknown_one_is_refused(tmp_path):
    shop = Shop()
    page(shop, "v1", "0", "/a")
    page(shop, "v1", "40d", "/b")
    with shop.open(tmp_path / "s") as store:
        quiet = store.ask(Touchpoint(name="/a", range="7d"))
        assert quiet.figures["sessions"] == 0
        assert quiet.figures["friction"] is None
        assert quiet.sentence() == "No session met /a in this range."
        assert quiet.frame.num_rows == 0
        with pytest.raises(SpecError, match="no touchpoint") as refused:
            store.ask(Touchpoint(name="/aa", **ALL))
        assert refused.value.path == "name"


def test_conditions_narrow_touchpoints_as_they_narrow_other_questions(tmp_path):
    shop = Shop()
    for number in range(4):
        page(shop, f"v{number}", "0", "/a", device="mobile" if number < 3 else "desktop")
        page(shop, f"v{number}", "1m", "/b", device="mobile" if number < 3 else "desktop")
    where = {"where": ('device_type == "mobile"',), **ALL}
    with shop.open(tmp_path / "s") as store:
        every, kpi = store.ask(Touchpoints(**where)), store.ask(Kpi(**where)).figures
        assert every.figures["visitors"] == kpi["visitors"] == 3
        assert every.figures["sessions"] == kpi["sessions"] == 3
        assert store.ask(Touchpoint(name="/a", **where)).figures["visitors"] == 3
