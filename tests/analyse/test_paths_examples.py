"""Paths, transitions and searches on logs small enough to count by hand, and where there is little or nothing to count."""

from __future__ import annotations

import numpy as np
import pytest

from afterclick import Paths, SearchTerms, Touchpoints, Transitions
from afterclick.analyse.paths.absorption import absorbed
from afterclick.analyse.paths.rule import parse
from afterclick.analyse.paths.searches import normalised
from afterclick.core.errors import SpecError
from support.shop import Shop

ALL = {"range": "all", "compare": "none"}
HOST = "https://shop.example"


def ways(*paths, step="m"):
    """One visitor per path, one event per letter, a minute apart."""
    shop = Shop()
    for number, path in enumerate(paths):
        for place, letter in enumerate(path):
            shop.add(f"v{number}", f"{place}{step}", letter)
    return shop


def columns(result):
    """{column: {name or type: paths}}."""
    out = {}
    for row in result.frame.to_pylist():
        out.setdefault(row["column"], {})[row["node"] or row["type"]] = row["paths"]
    return out


@pytest.mark.parametrize("unit", ["sessions", "visitors"])
def test_sessions_abc_ab_acbc_ba_with_two_steps_named(tmp_path, unit):
    """SEMANTICS 7: column 1 A 3 B 1 · 2 B 2 A 1 other(C) 1 · 3 B 1 C 1 left 2 · 4 C 1 left 3. Each column 4."""
    with ways("ABC", "AB", "ACBC", "BA").open(tmp_path / "s") as store:
        result = store.ask(Paths(unit=unit, top=2, depth=4, **ALL))
        found = columns(result)
        assert {column: found[column] for column in (1, 2, 3, 4)} == {
            1: {"A": 3, "B": 1}, 2: {"B": 2, "A": 1, "other": 1}, 3: {"B": 1, "C": 1, "left": 2}, 4: {"C": 1, "left": 3},
        }  # fmt: skip
        assert [row["paths"] for row in result.parts["heads"].to_pylist()] == [4] * 5
        assert [row["over"] for row in result.parts["heads"].to_pylist()] == [0, 0, 0, 2, 3]
        other = [row for row in result.frame.to_pylist() if row["type"] == "other"]
        assert [(row["column"], row["merged"]) for row in other] == [(2, 1)]


def test_from_a_step_to_a_step_and_between_two(tmp_path):
    with ways("XABC", "ABXC", "CAB", "XC").open(tmp_path / "s") as store:
        after = columns(store.ask(Paths(start="A", depth=3, **ALL)))
        assert {column: after[column] for column in (1, 2, 3)} == {1: {"A": 3}, 2: {"B": 3}, 3: {"C": 1, "X": 1, "left": 1}}
        before = columns(store.ask(Paths(end="C", depth=3, **ALL)))
        assert before == {1: {"C": 4}, 2: {"X": 2, "B": 1, "entry": 1}, 3: {"A": 1, "B": 1, "entry": 2}}
        between = store.ask(Paths(start="A", end="C", depth=4, **ALL))
        assert columns(between)[3] == {"C": 1, "X": 1}
        assert columns(between)[4] == {"C": 1, "reached": 1}
        assert (between.figures["paths"], between.figures["begun"]) == (2, 3)
        assert [note.code for note in between.notes] == ["paths_few", "paths_not_reached"]
        assert [row["path"] for row in between.parts["paths"].to_pylist()] == ["A › B › C", "A › B › X › C"]


def test_a_path_ends_before_a_pause_longer_than_the_gap(tmp_path):
    shop = Shop()
    for when, name in (("0", "A"), ("10m", "B"), ("20m1us", "C")):
        shop.add("v", when, name)
    with shop.open(tmp_path / "s") as store:
        assert [row["path"] for row in store.ask(Paths(gap="10m", **ALL)).parts["paths"].to_pylist()] == ["A › B"]
        assert [row["path"] for row in store.ask(Paths(gap="11m", **ALL)).parts["paths"].to_pylist()] == ["A › B › C"]
        assert columns(store.ask(Paths(end="C", gap="10m", **ALL)))[2] == {"entry": 1}


def test_repeats_in_a_row_are_one_step_unless_they_are_wanted(tmp_path):
    with ways("AABA").open(tmp_path / "s") as store:
        assert store.ask(Paths(**ALL)).parts["paths"].to_pylist()[0]["path"] == "A › B › A"
        assert store.ask(Paths(collapse="off", **ALL)).parts["paths"].to_pylist()[0]["path"] == "A › A › B › A"


def test_rules_bring_touchpoints_together_and_leave_others_out(tmp_path):
    shop = Shop()
    for place, path in enumerate(("/help/pay", "/help/ship", "/login", "/a", "/b")):
        shop.add("v", f"{place}m", "Page Viewed", url=HOST + path)
    with shop.open(tmp_path / "s") as store:
        asked = Paths(group=("Help = /help/*", "~^/[ab]$"), exclude=("/login",), **ALL)
        result = store.ask(asked)
        assert result.parts["paths"].to_pylist()[0]["path"] == "Help › ~^/[ab]$"
        assert [(row["name"], row["merged"], row["examples"]) for row in result.parts["groups"].to_pylist()] == [
            ("Help", 2, "/help/pay, /help/ship"), ("~^/[ab]$", 2, "/a, /b"),
        ]  # fmt: skip
        assert columns(store.ask(Paths(start="Help", group=("Help = /help/*",), **ALL)))[1] == {"Help": 1}


def test_a_wildcard_is_no_pattern_and_a_bad_pattern_is_refused():
    assert parse("/a.b/*", "group").met(["/a.b/c", "/axb/c", "/a.b"]).tolist() == [True, False, False]
    assert parse("상품 = /상품/*", "group").met(["/상품/1", "/x"]).tolist() == [True, False]
    for text in ("~(", "~(?=a)", " ", "x" * 1001):
        with pytest.raises(SpecError):
            Paths(group=(text,))


def test_an_anchor_may_have_a_condition_and_an_unknown_one_names_the_nearest(tmp_path):
    shop = Shop()
    for visitor, price in (("v1", 5), ("v2", 50)):
        shop.add(visitor, "0", "Product Viewed", price=price).add(visitor, "1m", "Product Added")
    with shop.open(tmp_path / "s") as store:
        assert store.ask(Paths(start="Product Viewed[price >= 10]", **ALL)).figures["paths"] == 1
        with pytest.raises(SpecError, match="Product Vewed") as caught:
            store.ask(Paths(start="Product Vewed", **ALL))
        assert "Product Viewed" in caught.value.hint


def test_shares_beside_the_period_before_and_beside_a_condition(tmp_path):
    shop = Shop()
    for number in range(4):
        shop.add(f"old{number}", "0", "A" if number else "B", device="mobile")
        shop.add(f"new{number}", "7d", "B" if number else "A", device="desktop" if number else "mobile")
    with shop.open(tmp_path / "s") as store:
        days = {"range": "2026-01-08..2026-01-08", "compare": "2026-01-01..2026-01-01"}
        rows = [row for row in store.ask(Paths(against="previous", **days)).frame.to_pylist() if row["column"] == 1]
        assert [(row["node"], row["paths"], row["previous_paths"], row["difference"]) for row in rows] == [
            ("B", 3, 1, 0.5), ("A", 1, 3, -0.5),
        ]  # fmt: skip
        rows = store.ask(Paths(against='device_type == "mobile"', range="2026-01-08..2026-01-08", compare="none"))
        assert [row["previous_paths"] for row in rows.frame.to_pylist() if row["column"] == 1] == [0, 1]
        nothing = store.ask(Paths(against="previous", **ALL))
        assert "paths_no_previous" in {note.code for note in nothing.notes}
        assert {row["previous_share_rate"] for row in nothing.frame.to_pylist()} == {None}


def test_conversion_of_a_whole_path_counts_orders_behind_its_first_step(tmp_path):
    shop = ways("AB", "AB", "CA")
    shop.add("v0", "2m", "Order Completed", order_id="1", revenue=10)
    shop.add("v2", "30s", "Order Completed", order_id="2", revenue=10)
    with shop.open(tmp_path / "s") as store:
        found = store.ask(Paths(start="A", exclude=("Order Completed",), **ALL))
        first = found.parts["paths"].to_pylist()[0]
        assert (first["path"], first["paths"], first["ordered"], first["conversion_rate"]) == ("A › B", 2, 1, 0.5)
        assert found.figures["ordered"] == 1
        assert 0 < first["low"] < 0.5 < first["high"] < 1


def test_steps_of_few_visitors_stand_with_the_others(tmp_path):
    with ways("AB", "AB", "AC").open(tmp_path / "s") as store:
        for unit in ("visitors", "sessions"):
            assert columns(store.ask(Paths(unit=unit, min_visitors=2, **ALL)))[2] == {"B": 2, "other": 1}


def test_a_session_without_a_step_is_still_one_of_them(tmp_path):
    shop = ways("AB").add("w", "0", "Scrolled")
    with shop.open(tmp_path / "s") as store:
        found = store.ask(Paths(unit="sessions", **ALL))
        assert columns(found)[1] == {"A": 1, "left": 1}
        assert found.figures["unwalked"] == 1
        assert "paths_unwalked" in {note.code for note in found.notes}


def test_landings_and_exits_of_the_page_reports_are_first_and_last_steps(tmp_path):
    shop = Shop()
    for visitor, path in (("v1", "1"), ("v2", "12"), ("v3", "211")):
        for place, digit in enumerate(path):
            shop.add(visitor, f"{place}m", "Page Viewed", url=f"{HOST}/p{digit}")
    with shop.open(tmp_path / "s") as store:
        ends = store.ask(Touchpoints(**ALL)).parts
        first = columns(store.ask(Paths(unit="sessions", of="pages", **ALL)))[1]
        assert {row["touchpoint"]: row["landings"] for row in ends["landings"].to_pylist()} == first
        nodes = store.ask(Transitions(of="pages", **ALL)).parts["nodes"].to_pylist()
        assert {row["node"]: row["exits"] for row in nodes} == {
            row["touchpoint"]: row["exits"] for row in ends["exits"].to_pylist()
        }


def test_a_move_and_a_way_back_are_counted_with_their_times(tmp_path):
    shop = Shop()
    for when, name in (("0", "A"), ("10s", "B"), ("40s", "A"), ("41s", "A"), ("51s", "B")):
        shop.add("v", when, name)
    with shop.open(tmp_path / "s") as store:
        found = store.ask(Transitions(**ALL))
        rows = {(row["from"], row["to"]): (row["moves"], row["median_seconds"]) for row in found.frame.to_pylist()}
        assert rows == {
            ("", "A"): (1, None), ("A", "B"): (2, 10.0), ("B", "A"): (1, 30.0), ("A", "A"): (1, 1.0), ("B", ""): (1, None),
        }  # fmt: skip
        loops = [(row["node"], row["between"], row["loops"]) for row in found.parts["loops"].to_pylist()]
        assert loops == [("A", "B", 1), ("B", "A", 1)]
        assert (found.figures["triples"], found.figures["back_and_forth_rate"]) == (2, 1.0)
        assert (found.figures["repeats"], found.figures["repeat_rate"]) == (1, 0.25)
        assert {"transitions_moves", "transitions_no_order"} <= {note.code for note in found.notes}


def test_the_drunkards_walk_of_grinstead_and_snell():
    """Introduction to Probability, 2nd ed., examples 11.13-11.15 (pp. 416-421): corners 0 and 4, from 1, 2, 3 either way."""
    counts = np.array([[0, 1, 0, 0, 1], [1, 0, 1, 0, 0], [0, 1, 0, 1, 0]])
    found = absorbed(counts)
    assert found.fundamental.round(9).tolist() == [[1.5, 1, 0.5], [1, 2, 1], [0.5, 1, 1.5]]
    assert found.steps.round(9).tolist() == [3, 4, 3]
    assert found.rate.round(9).tolist() == [0.25, 0.5, 0.75]
    # Conditioned on reaching the far corner the walk from j takes (16 - j²) / 3 steps (gambler's ruin, p = ½).
    assert found.steps_to.round(9).tolist() == [5.0, 4.0, round(7 / 3, 9)]


def test_the_interval_of_an_absorption_is_that_of_simulated_chains():
    rng = np.random.default_rng(7)
    true = np.array([[0.1, 0.5, 0.1, 0.3], [0.4, 0.0, 0.3, 0.3]])
    drawn = [absorbed(np.array([rng.multinomial(400, row) for row in true])) for _ in range(2000)]
    exact = absorbed((true * 1_000_000).astype(np.int64)).rate
    held = np.mean([(one.low <= exact) & (exact <= one.high) for one in drawn], axis=0)
    assert (held > 0.93).all()
    assert (held < 0.97).all()


def test_how_far_the_order_is_from_each_step(tmp_path):
    shop = ways("AB", "AB", "A")
    shop.add("v0", "2m", "Order Completed", order_id="1", revenue=10)
    with shop.open(tmp_path / "s") as store:
        found = store.ask(Transitions(**ALL))
        nodes = {row["node"]: row for row in found.parts["nodes"].to_pylist()}
        assert nodes["B"]["order_rate"] == 0.5
        assert nodes["A"]["order_rate"] == pytest.approx(1 / 3)
        assert (nodes["A"]["steps_to_order"], nodes["B"]["steps_to_order"]) == (2.0, 1.0)
        assert nodes["Order Completed"]["order_rate"] is None
        assert found.figures["order_rate"] == pytest.approx(1 / 3)
        assert found.figures["steps_to_order"] == 2.0
        assert nodes["A"]["low"] < 1 / 3 < nodes["A"]["high"]


def searching():
    """v1: knit (0 found), then wool, an item, an order. v2: Knit (decomposed Korean beside), leaves. v3: from outside."""
    shop = Shop()
    for when, word, count in (("0", " Knit", 0), ("1m", "wool", 9)):
        shop.add("v1", when, "Products Searched", query=word, results=count, url=f"{HOST}/search")
        shop.add("v1", when.replace("0", "1s") if when == "0" else "61s", "Page Viewed", url=f"{HOST}/search")
    shop.add("v1", "2m", "Page Viewed", url=f"{HOST}/items/1")
    shop.add("v1", "3m", "Order Completed", order_id="1", revenue=100, url=f"{HOST}/done")
    shop.add("v2", "0", "Products Searched", query="니트", results=4, url=f"{HOST}/search")
    shop.add("v2", "1m", "Products Searched", query="KNIT", results=2, url=f"{HOST}/search")
    shop.add("v3", "0", "Page Viewed", url=f"{HOST}/items/1", referrer="https://search.naver.com/search.naver?query=니트+Coat")
    return shop


def test_searches_that_found_nothing_led_on_and_led_to_orders(tmp_path):
    with searching().open(tmp_path / "s") as store:
        found = store.ask(SearchTerms(**ALL))
        rows = {(row["where"], row["word"]): row for row in found.frame.to_pylist()}
        names = ("searches", "empty", "refined", "exits", "went_on", "nothing", "ordered", "orders")
        assert {key: tuple(row[name] for name in names) for key, row in rows.items()} == {
            ("typed", "knit"): (2, 1, 0, 1, 0, 2, 1, 1), ("typed", "wool"): (1, 0, 0, 0, 1, 0, 1, 1),
            ("typed", "니트"): (1, 0, 1, 0, 0, 1, 0, 0), ("outside", "니트 coat"): (1, None, None, 1, 0, 1, 0, 0),
        }  # fmt: skip
        assert (rows["typed", "wool"]["revenue"], rows["outside", "니트 coat"]["source"]) == (100, "naver")
        assert found.figures["searches"] == 4
        assert found.figures["nothing_rate"] == 0.75
        assert len(found.people("word=typed:knit;part=nothing")) == 2
        only = store.ask(SearchTerms(searched="site", worst="nothing", top=1, **ALL))
        assert [row["word"] for row in only.frame.to_pylist()] == ["knit"]
        assert "searches_more" in {note.code for note in only.notes}


def test_words_are_told_apart_composed_without_spaces_and_in_lower_case():
    assert normalised("  \u1112\u1161\u11ab  Knit\t") == "한 knit"


@pytest.mark.parametrize("kind", [Paths, Transitions, SearchTerms])
@pytest.mark.parametrize("log", ["one", "together", "nobody", "scrolled"])
def test_little_or_nothing_to_count_gives_nulls_and_notes(tmp_path, kind, log):
    shop = Shop()
    if log == "one":
        shop.add("v", "0", "A")
    elif log == "together":
        for visitor in ("v", "w"):
            for name in ("A", "B", "A", "Products Searched"):
                shop.add(visitor, "0", name, query="x" if name == "Products Searched" else None)
    elif log == "nobody":
        shop.add(None, "0", "A")
    else:
        shop.add("v", "0", "Scrolled")
    with shop.open(tmp_path / "s") as store:
        for extra in ({}, {"range": "2025-01-01..2025-01-02"}):
            found = store.ask(kind(**{**ALL, **extra}))
            assert "nan" not in found.to_json().lower().replace("nanumber", "")
            assert found.sentence("en")
            assert found.sentence("ko")
            for cell in found.cells():
                assert len(found.people(cell)) >= 0
        if kind is Paths:
            for more in ({"end": "A"}, {"start": "A", "end": "A"}):
                if log != "scrolled":
                    assert store.ask(Paths(**more, **ALL)).to_json()
