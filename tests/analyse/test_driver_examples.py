"""Drivers by hand: the worked example, the edges of the landmark, and the leaks it must not have."""

from __future__ import annotations

import numpy as np
import pytest

from afterclick import Drivers, Funnel
from afterclick.analyse.drivers_compare import compare_behaviour
from afterclick.analyse.scope import scope_of
from afterclick.core import texts
from afterclick.core.errors import SpecError
from support.shop import Shop

ALL = {"range": "all", "as_of": "2026-01-20T00:00:00Z"}
AB = {"steps": ("A", "B"), **ALL}


@pytest.fixture
def ask(tmp_path):
    opened = []

    def run(shop, question):
        shop.add("clock", "25d", "Noon")
        workspace = shop.open(tmp_path / f"store{len(opened)}")
        opened.append(workspace)
        return workspace.ask(question)

    yield run
    for workspace in opened:
        workspace.close()


def rows(result):
    return {row["behaviour"]: row for row in result.frame.to_pylist()}


def worked_example():
    """With X: 60 converted, 40 not; without: 140 and 760."""
    shop = Shop()
    for number in range(1000):
        shop.add(f"v{number}", "0m", "A")
        met = number < 100
        if met:
            shop.add(f"v{number}", "10m", "X")
        if number < 60 or 100 <= number < 240:
            shop.add(f"v{number}", "2h", "B")
    return shop


def test_worked_example_with_60_40_without_140_760(ask):
    result = ask(worked_example(), Drivers(**AB))
    x = rows(result)["X"]
    assert (x["with_n"], x["with_went_on"], x["without_n"], x["without_went_on"]) == (100, 60, 900, 140)
    assert x["odds_ratio"] == pytest.approx(8.0299, abs=5e-5)
    assert (x["low"], x["high"]) == pytest.approx((5.1991, 12.4022), abs=5e-5)
    assert x["times"] == pytest.approx(0.6 / (140 / 900))
    assert (x["direction"], x["type"], x["significant"], x["skewed"]) == ("up", "event", True, False)
    for part, count in (
        ("with_n", 100), ("with_went_on", 60), ("with_did_not", 40),
        ("without_n", 900), ("without_went_on", 140), ("without_did_not", 760),
    ):  # fmt: skip
        assert len(result.people(f"type=event;behaviour=X;part={part}")) == count
    with_x = result.people("type=event;behaviour=X;part=with_went_on").table(0, 2).to_pylist()
    assert {row["visitor"] for row in with_x} <= {f"a:v{number}" for number in range(60)}
    expected = "Visitors with “X” in the 30 min after A were 3.86 times as likely to go on to B: 60.0% against 15.6%"
    assert result.sentence() == expected
    assert "drivers_no_cause" in {note.code for note in result.notes}


def test_words_never_name_a_cause():
    for lang, words in (("en", ("because", "due to", "leads", "makes", "drives")), ("ko", ("때문", "덕분", "이끕"))):
        said = {key: text for key, text in texts.load(lang).items() if key.startswith("sentence.drivers")}
        assert len(said) >= 5
        for text in said.values():
            assert not any(word in text for word in words)


def group(shop, name, count, *events):
    """So many visitors with these events."""
    for number in range(count):
        for when, event, *more in events:
            shop.add(f"{name}{number}", when, event, **(more[0] if more else {}))


def test_edges_of_the_landmark(ask):
    shop = Shop()
    group(shop, "at", 1, ("0m", "A"), ("30m", "B"))
    group(shop, "behind", 1, ("0m", "A"), ("30m1us", "B"))
    group(shop, "last", 1, ("0m", "A"), ("14d", "B"))
    group(shop, "late", 1, ("0m", "A"), ("14d1us", "B"))
    group(shop, "never", 1, ("0m", "A"))
    group(shop, "open", 1, ("10d", "A"))
    group(shop, "open_went_on", 1, ("10d", "A"), ("11d", "B"))
    group(shop, "open_decided", 1, ("10d", "A"), ("10d5m", "B"))
    figures = ask(shop, Drivers(**AB)).figures
    assert (figures["decided_earlier"], figures["open"], figures["analysed"]) == (2, 2, 4)
    assert (figures["went_on"], figures["did_not"]) == (2, 2)


def test_a_window_that_ends_with_the_landmark_is_decided(ask):
    shop = Shop()
    group(shop, "v", 2, ("0m", "A"), ("30m", "M"), ("45m", "B"))
    group(shop, "w", 3, ("0m", "A"), ("29m", "M"), ("45m", "B"))
    question = Drivers(steps=("A", "M", "B"), step=2, within="1h", observe="30m", **ALL)
    figures = ask(shop, question).figures
    # v: step 2 at 30 min, landmark and end of the window at 60 min, but B came before; w: undecided until 59 min.
    assert figures["decided_earlier"] == 5
    shop = Shop()
    group(shop, "v", 2, ("0m", "A"), ("30m", "M"))
    group(shop, "w", 3, ("0m", "A"), ("29m", "M"))
    shop.add("someone", "0m", "B")
    figures = ask(shop, question).figures
    assert (figures["decided_earlier"], figures["did_not"]) == (2, 3)


def test_what_is_seen(ask):
    """The span is open at its start and closed at its end; the step's own event gives its properties and no event."""
    shop = Shop()
    for outcome, count in (("went", 40), ("not", 40)):
        group(
            shop, outcome, count,
            ("0m", "A", {"colour": "red"}), ("0m", "Same"), ("1us", "Early", {"size": "s"}),
            ("30m", "Edge"), ("30m1us", "Late", {"colour": "blue"}),
            *([("2h", "B", {"colour": "green"})] if outcome == "went" else []),
        )  # fmt: skip
        # Ten of each saw nothing of this, so that everything seen can be tested.
        group(shop, f"{outcome}_plain", 40, ("0m", "A"), *([("2h", "B")] if outcome == "went" else []))
    result = ask(shop, Drivers(**AB, top=1000))
    assert result.figures["tested"] == 4
    assert result.frame.num_rows == 0
    assert result.figures["significant"] == 0
    shop.add("went0", "2m", "A")
    group(shop, "more", 40, ("0m", "A", {"colour": "red"}), ("1m", "Early", {"size": "s"}), ("30m", "Edge"), ("3h", "B"))
    found = rows(ask(shop, Drivers(**AB, top=1000)))
    assert set(found) == {"Early", "Edge", "colour = red", "size = s"}
    assert found["colour = red"]["with_n"] == 120


def test_the_thank_you_page_and_the_order_itself_are_no_drivers(ask):
    """Half order within the half hour, half later; the page after it is seen by every buyer and by nobody else."""
    shop = Shop()
    thanks = {"url": "https://shop.example/thanks"}
    group(shop, "soon", 200, ("0m", "A"), ("10m", "B"), ("10m1us", "Page Viewed", thanks))
    group(shop, "later", 200, ("0m", "A"), ("2h", "B"), ("2h", "Page Viewed", thanks))
    group(shop, "never", 200, ("0m", "A"))
    group(shop, "looks", 100, ("0m", "A"), ("5m", "Look"))
    result = ask(shop, Drivers(**AB, top=1000))
    assert (result.figures["decided_earlier"], result.figures["went_on"], result.figures["did_not"]) == (200, 200, 300)
    assert set(rows(result)) == {"Look"}


def test_the_moment_is_not_chosen_by_the_outcome(ask):
    """Who converts takes step 1 again shortly before; the funnel's best attempt starts there, where nothing can follow.

    Looking again within half an hour says nothing here: half of each group did. Seen from the best attempt it would
    have kept everyone from going on.
    """
    shop = Shop()
    for again in (0, 1):
        repeat = [("10m", "A")] * again
        group(shop, f"went{again}", 150, ("0m", "A"), *repeat, ("2h", "A"), ("3h", "B"))
        group(shop, f"not{again}", 150, ("0m", "A"), *repeat, ("2h", "A"))
    result = ask(shop, Drivers(**AB, top=1000))
    assert result.figures["tested"] == 1
    assert result.figures["significant"] == 0
    assert result.figures["went_on"] == 300


def test_the_channel_of_a_visit_that_shows_later_is_not_seen(ask):
    shop = Shop()
    late = {"url": "https://shop.example/?utm_source=news&utm_medium=email"}
    group(shop, "went", 60, ("0m", "A"), ("5m", "Look"), ("40m", "Look"), ("45m", "Page Viewed", late), ("50m", "B"))
    group(shop, "not", 60, ("0m", "A"))
    found = rows(ask(shop, Drivers(**AB, top=1000)))
    assert set(found) == {"Look"}


def test_support_and_rare_outcomes(ask):
    shop = Shop()
    group(shop, "a", 24, ("0m", "A"), ("1m", "Few"), ("2h", "B"))
    group(shop, "b", 25, ("0m", "A"), ("1m", "Enough"), ("2h", "B"))
    group(shop, "c", 60, ("0m", "A"))
    found = rows(ask(shop, Drivers(**AB)))
    assert set(found) == {"Enough"}
    # 1 in 3,000 went on: with 1 added to each cell a group of a hundred would seem to go on thirty times as often.
    shop = Shop()
    group(shop, "x", 100, ("0m", "A"), ("1m", "X"))
    group(shop, "y", 1500, ("0m", "A"))
    group(shop, "z", 1, ("0m", "A"), ("2h", "B"))
    result = ask(shop, Drivers(**AB))
    assert result.figures["tested"] == 0
    assert result.figures["skewed"]
    assert {"drivers_untested", "drivers_skewed"} <= {note.code for note in result.notes}
    assert "surely differs" in result.sentence()


def test_two_percent_of_many(ask):
    shop = Shop()
    group(shop, "a", 39, ("0m", "A"), ("1m", "Few"), ("2h", "B"))
    group(shop, "b", 40, ("0m", "A"), ("1m", "Enough"), ("2h", "B"))
    group(shop, "c", 1921, ("0m", "A"), ("2h", "B"), )
    group(shop, "d", 1000, ("0m", "A"))
    result = ask(shop, Drivers(**AB))
    assert result.figures["support"] == 60
    assert rows(result) == {}


def test_the_worst_step_is_the_default(ask):
    shop = Shop()
    group(shop, "a", 5, ("0m", "A"), ("1h", "B"), ("2h", "C"))
    group(shop, "b", 20, ("0m", "A"), ("1h", "B"))
    group(shop, "c", 10, ("0m", "A"))
    result = ask(shop, Drivers(steps=("A", "B", "C"), **ALL))
    assert (result.figures["step"], result.figures["before"], result.figures["after"]) == (2, "B", "C")


def test_ten_up_and_ten_down(ask):
    shop = Shop()
    for number in range(12):
        group(shop, f"u{number}", 30, ("0m", "A"), ("1m", f"Up {number:02d}"), ("2h", "B"))
        group(shop, f"d{number}", 30, ("0m", "A"), ("1m", f"Down {number:02d}"))
    result = ask(shop, Drivers(**AB))
    assert result.figures["tested"] == result.figures["significant"] == 24
    assert result.frame["direction"].to_pylist() == ["up"] * 10 + ["down"] * 10
    assert result.frame["behaviour"].to_pylist()[9:11] == ["Up 09", "Down 00"]
    assert ask(shop, Drivers(**AB, top=2)).frame.num_rows == 4


def test_values_without_end_are_no_behaviour(ask):
    shop = Shop()
    for number in range(120):
        group(shop, f"a{number}", 1, ("0m", "A", {"item": f"i{number}", "price": number / 7, "code": number % 2}))
    group(shop, "b", 60, ("0m", "A"), ("2h", "B"))
    result = ask(shop, Drivers(**AB))
    assert set(rows(result)) == {"code = 0", "code = 1"}
    left_out = next(note for note in result.notes if note.code == "drivers_left_out")
    assert left_out.params["fields"] == ["item"]
    assert "item" in left_out.say("ko")


def test_nobody(ask):
    shop = Shop()
    group(shop, "a", 3, ("0m", "A"), ("1m", "B"))
    result = ask(shop, Drivers(**AB))
    assert result.frame.num_rows == 0
    assert result.figures["went_on_rate"] is None
    assert result.sentence() == "No visitor was still undecided 30 min after A and had the time to go on to B"
    assert "30분" in result.sentence("ko")


def test_only_and_never(ask):
    shop = Shop()
    group(shop, "a", 40, ("0m", "A"), ("1m", "Key"), ("2h", "B"))
    group(shop, "b", 60, ("0m", "A"))
    assert ask(shop, Drivers(**AB)).sentence() == "Only visitors with “Key” in the 30 min after A went on to B: 100.0% of them"
    shop = Shop()
    group(shop, "a", 40, ("0m", "A"), ("1m", "Broken"))
    group(shop, "b", 60, ("0m", "A"), ("2h", "B"))
    expected = "No visitor with “Broken” in the 30 min after A went on to B, against 100.0% of those without"
    assert ask(shop, Drivers(**AB)).sentence() == expected


@pytest.mark.parametrize(
    ("fields", "path"),
    [
        ({"steps": ("A", "B"), "step": 2}, "step"),
        ({"steps": ("A", "B"), "observe": "14d"}, "observe"),
        ({"steps": ("A", "B"), "step": -1}, "step"),
        ({"steps": ("A",)}, "steps"),
        ({"steps": ("A", "B[")}, "steps"),
        ({"steps": ("A", "B"), "top": 0}, "top"),
    ],
)
def test_what_cannot_be_meant(fields, path):
    with pytest.raises(SpecError) as error:
        Drivers(**fields)
    assert error.value.path == path


def test_of_a_funnel():
    funnel = Funnel(steps=("A", "B"), within="20m", entry="first", where=('channel == "direct"',), bots="in")
    why = Drivers.of(funnel, 1)
    assert (why.steps, why.within, why.entry, why.where, why.bots) == (funnel.steps, "20m", "first", funnel.where, "in")
    assert (why.step, why.observe) == (1, "10m")
    assert Drivers.of(Funnel(steps=("A", "B"))).observe == "30m"


def test_hold_exclusions_and_first_are_the_funnels(ask):
    shop = Shop()
    group(shop, "same", 3, ("0m", "A", {"basket": "1"}), ("2h", "B", {"basket": "1"}), ("3h", "C", {"basket": "1"}))
    group(shop, "other", 4, ("0m", "A", {"basket": "1"}), ("2h", "B", {"basket": "2"}))
    group(shop, "stopped", 5, ("0m", "A", {"basket": "1"}), ("1h", "Stop"), ("2h", "B", {"basket": "1"}))
    chain = {"steps": ("A", "B", "C"), **ALL}
    for more, first, second in (
        ({}, (12, 0), (3, 9)),
        ({"hold": ("basket",)}, (8, 4), (3, 5)),
        ({"without": ("Stop 1..3",)}, (7, 5), (3, 4)),
        ({"without": ("Stop 1..2",), "hold": ("basket",)}, (3, 9), (3, 0)),
        ({"without": ("Stop 2..3",)}, (12, 0), (3, 9)),
        ({"first": "ever"}, (12, 0), (3, 9)),
    ):
        for step, counts in ((1, first), (2, second)):
            figures = ask(shop, Drivers(**chain, **more, step=step)).figures
            assert (figures["went_on"], figures["did_not"]) == counts, (more, step)
            n = ask(shop, Funnel(**chain, **more)).frame["n"].to_pylist()[step - 1]
            assert figures["reached"] == n


def test_of_a_funnel_with_optional_steps():
    funnel = Funnel(steps=("A", "B?", "C", "D"), without=("X 1..3", "Y 3..4"), compat="amplitude")
    why = Drivers.of(funnel, 3)
    assert (why.steps, why.without, why.step) == (("A", "C", "D"), ("X 1..2", "Y 2..3"), 2)
    assert why.tie_tolerance == "1s"
    for refused in ({"order": "any"}, {"unit": "sessions"}, {"without": ("X 1..2",), "without_ends": "visitor"}):
        with pytest.raises(SpecError):
            Drivers.of(Funnel(steps=("A", "B"), **refused))


def test_conditions_and_crawlers_hold_for_behaviour_too(ask):
    shop = Shop()
    group(shop, "went", 40, ("0m", "A", {"kind": "k"}), ("1m", "Seen", {"kind": "k"}), ("2h", "B", {"kind": "k"}))
    group(shop, "not", 40, ("0m", "A", {"kind": "k"}), ("1m", "Hidden", {"kind": "h"}))
    for number in range(40):
        shop.add(f"bot{number}", "0m", "A", device="bot", kind="k")
    assert set(rows(ask(shop, Drivers(**AB)))) == {"Seen", "Hidden", "kind = h"}
    found = ask(shop, Drivers(**AB, where=('kind == "k"',)))
    assert set(rows(found)) == {"Seen"}
    assert found.figures["analysed"] == 80
    assert ask(shop, Drivers(**AB, bots="in")).figures["analysed"] == 120


def test_compare_any_two_groups(tmp_path):
    """What barriers call: visitors with spans and an outcome of their own."""
    shop = Shop()
    group(shop, "a", 60, ("1m", "Key", {"tone": "warm"}))
    group(shop, "b", 60, ("1m", "Other", {"tone": "cold"}), ("2h", "Key"))
    with shop.open(tmp_path / "store") as workspace:
        scope = scope_of(workspace.context(), Drivers(steps=("Key", "Other"), **ALL))
        visitors = np.unique(scope.labels.of(*(workspace.context().column(name) for name in ("device", "at"))))
        since = np.full(len(visitors), workspace.context().column("at").min() - 1)
        outcome = np.isin(visitors, visitors[:60])
        spans = (visitors, since, since + 60_000_000, outcome)
        found = compare_behaviour(scope, *spans)
        table = found.table.to_pylist()
        assert {row["behaviour"]: (row["with_n"], row["with_went_on"]) for row in table if row["direction"] == "up"} == {
            "Key": (60, 60), "tone = warm": (60, 60),
        }  # fmt: skip
        assert found.visitors_with(found.top(1))[0].tolist() == outcome.tolist()
        # With nobody there is nothing to test, and no figure is made up.
        assert compare_behaviour(scope, *(values[:0] for values in spans)).table.num_rows == 0
        with pytest.raises(ValueError, match="one length"):
            compare_behaviour(scope, visitors, since, since, outcome[1:])
        with pytest.raises(ValueError, match="twice"):
            compare_behaviour(scope, np.zeros(2, np.int32), since[:2], since[:2], outcome[:2])
