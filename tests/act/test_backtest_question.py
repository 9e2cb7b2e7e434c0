"""The question `backtest`: figures counted by hand, what stands beside a rule, a journey walked through, and its caveats."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from decimal import Decimal
from pathlib import Path
from typing import Any

import msgspec
import numpy as np
import pytest

import afterclick
from afterclick.act.rehearsal.question import Backtest
from afterclick.core import clock
from afterclick.core.errors import NotEnoughData, SpecError
from afterclick.core.event import Event
from afterclick.decide.backtest.worth import latest_before
from afterclick.decide.draws import draw
from afterclick.store.automations import Branch, Entry, Journey, LiveRule, Node, Send, Show, Wait, Words
from support.histories import START, D, H, M, history, store_of

WORDS = (Words(title="Hello", body="Hello"),)
SHOWN = Show(words=WORDS)


@contextmanager
def shop_of(
    folder: Path, told: Sequence[Event], rules: Sequence[LiveRule] = (), journeys: Sequence[Journey] = (), **defined: Any
) -> Iterator[afterclick.Workspace]:
    documents = {"rules": msgspec.to_builtins(list(rules)), "journeys": msgspec.to_builtins(list(journeys))}
    until = max(one.occurred_at for one in told) + 10 * D
    with store_of(folder / "s", list(told), **documents, **defined) as shop, clock.held_at(until):
        yield shop


def does(visitor: str, at: int, name: str, **more: Any) -> Event:
    amount = more.pop("amount", None)
    known = {key: more.pop(key) for key in ("order_id", "user_id", "email", "currency", "url") if key in more}
    return Event(
        event_id=f"{visitor}-{at}-{name}-{known.get('currency')}", event=name, occurred_at=START + at,
        anonymous_id=visitor, properties=more, amount=None if amount is None else amount * 10_000, **known,
    )  # fmt: skip


TOLD = [
    does("a", 0, "View"), does("a", M, "View"), does("a", 2 * M, "View"),
    does("a", 3 * M, "Order Completed", amount=100, order_id="o1"),
    does("a", 2 * D, "Order Completed", amount=50, order_id="o2"),
    does("b", 0, "View"), does("b", M, "View"), does("b", D, "View"),
    does("b", 8 * D, "Order Completed", amount=7, order_id="o3"),
    does("c", 0, "View"),
]  # fmt: skip


def test_figures_counted_by_hand(tmp_path: Path) -> None:
    with shop_of(tmp_path, TOLD) as shop:
        found = shop.ask(Backtest(rule='count("View") >= 2', on=("View",), once="1m", range="all"))
        (row,) = found.frame.to_pylist()
        assert (row["firings"], row["visitors"], row["per_visitor"], row["held_out"]) == (4, 2, 2.0, 0)
        assert (row["revenue_after"], row["orders_after"]) == (Decimal(157), 3)
        assert found.figures["revenue_after_low"] < 157 < found.figures["revenue_after_high"]
        assert (row["cost"], found.figures["break_even_rate"]) == (None, None)
        assert [(one["least"], one["visitors"]) for one in found.parts["times"].to_pylist()][:3] == [(1, 0), (2, 2), (3, 0)]
        assert sum(found.parts["series"]["firings"].to_pylist()) == sum(found.parts["hours"]["firings"].to_pylist()) == 4
        listed = found.parts["firings"].to_pylist()
        assert [one["values"] for one in listed] == [f'count("View") = {n}' for n in (2, 2, 3, 3)]
        assert len(found.people("firings")) == len(found.people("times=1")) == 2
        for part, cell in (("series", "interval"), ("times", "times")):
            for i, one in enumerate(found.parts[part].to_pylist()):
                assert len(found.people(f"{cell}={i}")) == one["visitors"]
        short = shop.ask(Backtest(rule='count("View") >= 2', on=("View",), once="1m", range="all", window="1d"))
        assert short.figures["revenue_after"] == Decimal(100)


def test_where_and_segment_narrow_whose_firings_count(tmp_path: Path) -> None:
    asked = Backtest(rule="true", on=("View",), once="1ms", range="all")
    with shop_of(tmp_path, TOLD) as shop:
        assert shop.ask(asked).figures["firings"] == 7
        narrow = msgspec.structs.replace(asked, segment=("visitor.orders >= 1",))
        assert shop.ask(narrow).figures["firings"] == 6
        assert shop.ask(msgspec.structs.replace(asked, where=('event == "Order Completed"',))).figures["firings"] == 0


def test_a_rule_beside_others_its_hold_out_and_its_cost(tmp_path: Path) -> None:
    rules = [
        LiveRule(name="twice", when='count("View") >= 2', once="ever", show=SHOWN, cost=3.0, holdout_rate=0.5, state="on"),
        LiveRule(name="buyers", when="visitor.orders >= 1", once="ever", show=SHOWN, state="on"),
        LiveRule(name="off", when="true", show=SHOWN, state="paused"),
    ]
    with shop_of(tmp_path, TOLD, rules) as shop:
        found = shop.ask(Backtest(rule="twice", range="all"))
        mine, other = found.frame.to_pylist()
        assert (mine["automation"], mine["tested"], mine["firings"]) == ("twice", True, 2)
        held = sum(draw("holdout:twice", f"a:{visitor}") < 0.5 for visitor in "ab")
        assert mine["held_out"] == held
        assert mine["cost"] == Decimal(3) * (2 - held)
        assert (other["automation"], other["tested"], other["both_visitors"], other["near_firings"]) == ("buyers", False, 2, 1)
        assert len(found.people("automation=1;part=both")) == 2
        everything = shop.ask(Backtest(range="all"))
        assert [row["automation"] for row in everything.frame.to_pylist()] == ["twice", "buyers"]
        assert everything.figures["firings"] == 4


def test_a_rule_is_on_from_the_beginning_of_the_range(tmp_path: Path) -> None:
    """What fired before does not count, and what held before has no edge any more."""
    told = [does("a", n * H, "View") for n in (0, 1, 60, 61)]
    with shop_of(tmp_path, told) as shop:
        last = shop.ask(Backtest(rule='count("View") >= 1', once="ever", range="2026-09-23..2026-09-30", compare="none"))
        assert last.figures["firings"] == 0
        again = shop.ask(Backtest(rule="true", on=("View",), once="ever", range="2026-09-23..2026-09-24", compare="prev"))
        assert (again.figures["firings"], again.figures["previous_firings"]) == (1, 1)


def test_a_journey_is_walked_through_on_the_clock_of_the_past(tmp_path: Path) -> None:
    journey = Journey(
        name="Welcome", entry=Entry(event="View"), goal=("Order Completed",), again="never",
        steps=(
            Node(wait=Wait(span="2h")), Node(send=Send(channel="onsite", show=SHOWN, cost=2.0)), Node(wait=Wait(span="1d")),
            Node(branch=Branch(
                when='count("View") >= 2', then=(Node(send=Send(channel="email", words=WORDS)),), otherwise=(Node(exit=True),)
            )),
        ),
    )  # fmt: skip
    with shop_of(tmp_path, TOLD, journeys=[journey]) as shop:
        found = shop.ask(Backtest(journey="Welcome", range="all"))
        assert found.figures["visitors"] == 3
        runs = {row["outcome"]: row["runs"] for row in found.parts["runs"].to_pylist()}
        # a ordered before the first message; b and c got it, b alone had seen two things a day later and never agreed.
        assert runs["entered"] == 3
        assert runs["ended:goal"] == 1
        assert runs["under_way"] == 0
        steps = {(row["channel"], row["outcome"], row["reason"]): row["messages"] for row in found.parts["steps"].to_pylist()}
        assert steps == {("onsite", "sent", ""): 2, ("email", "suppressed", "no_consent"): 1}
        assert (found.figures["sent"], found.figures["suppressed"], found.figures["messages_cost"]) == (2, 1, Decimal(4))
        assert not (tmp_path / "s" / "acts.db").exists()


def test_what_was_still_on_its_way_when_the_data_ended_is_said(tmp_path: Path) -> None:
    steps = Node(wait=Wait(span="900d")), Node(send=Send(channel="onsite", show=SHOWN))
    journeys = [Journey(name="Slow", entry=Entry(event="View"), again="never", steps=steps)]
    journeys.append(Journey(name="Quick", entry=Entry(event="View"), again="never", steps=steps[1:]))
    with shop_of(tmp_path, TOLD, journeys=journeys) as shop:
        (slow,) = [note for note in shop.ask(Backtest(journey="Slow", range="all")).notes if note.code == "backtest_under_way"]
        assert slow.params == {"runs": 3, "messages": 0}
        assert "3 runs were still under way and 0 messages waited" in slow.say("en")
        quick = shop.ask(Backtest(journey="Quick", range="all"))
        assert "backtest_under_way" not in [note.code for note in quick.notes]


def test_a_journey_that_a_rule_or_a_segment_brings_visitors_into(tmp_path: Path) -> None:
    journeys = [
        Journey(name="J", entry=Entry(), steps=(Node(send=Send(channel="onsite", show=SHOWN)),)),
        Journey(name="S", entry=Entry(segment="visitor.orders >= 1", daily="10:00"), steps=(Node(exit=True),)),
    ]
    rules = [LiveRule(name="in", when='count("View") >= 2', once="ever", enter="J", state="paused")]
    with shop_of(tmp_path, TOLD, rules, journeys) as shop:
        found = shop.ask(Backtest(journey="J", range="all"))
        assert (found.figures["visitors"], found.figures["sent"]) == (2, 2)
        daily = shop.ask(Backtest(journey="S", range="all"))
        assert daily.figures["firings"] == 0
        assert "backtest_entries" in [note.code for note in daily.notes]


def test_switching_on_needs_a_backtest_and_gets_it(tmp_path: Path) -> None:
    rule = LiveRule(name="twice", when='count("View") >= 2', once="ever", show=SHOWN)
    with shop_of(tmp_path, TOLD) as shop:
        shop.automations.put(rule)
        with pytest.raises(SpecError, match="a backtest is required"):
            shop.automations.switch_on("rule", "twice")
        assert shop.automations.backtest("rule", "twice", range="all").figures["visitors"] == 2
        assert shop.automations.switch_on("rule", "twice").state == "on"


def test_nothing_to_run_nobody_reached_nothing_stored(tmp_path: Path) -> None:
    with shop_of(tmp_path, TOLD) as shop:
        for question in (Backtest(range="all"), Backtest(rule="false", range="all")):
            found = shop.ask(question)
            assert found.figures["firings"] == 0
            assert found.figures["per_visitor"] is None
            assert "NaN" not in found.to_json()
            assert found.sentence("ko")
            assert all(note.say(lang) for note in found.notes for lang in ("en", "ko"))
        for path, wrong in (("rule", "twcie"), ("journey", "J"), ("rule", "session.pagse > 1"), ("rule", 'member("x")')):
            with pytest.raises(SpecError) as refused:
                shop.ask(Backtest(range="all", **{path: wrong}))
            assert refused.value.path == path
    with pytest.raises(SpecError, match="a rule or a journey"):
        Backtest(rule="true", journey="J")
    with afterclick.open(tmp_path / "empty", write=True, create=True) as empty, pytest.raises(NotEnoughData):
        empty.ask(Backtest(rule="true"))


def test_events_beyond_the_hour_and_mixed_money_are_told(tmp_path: Path) -> None:
    told = [does(f"v{n}", n, "View") for n in range(1_100)]
    told += [does("a", H, "Order Completed", amount=1, currency=currency) for currency in ("KRW", "USD")]
    with shop_of(tmp_path, told, [LiveRule(name="e", when="true", on=("View",), once="ever", emit="Seen")]) as shop:
        found = shop.ask(Backtest(rule="e", range="all"))
        notes = {note.code: note.params for note in found.notes}
        assert notes["backtest_hourly"]["n"] == 100
        assert found.figures["firings"] == 1_100
        assert found.figures["revenue_after"] is None
        assert "backtest_mixed" in notes


def test_a_firing_before_is_found_as_a_list_would(tmp_path: Path) -> None:
    rng = np.random.default_rng(3)
    visitor, at, owner, when = (rng.integers(0, 6, 40) for _ in range(4))
    for place, found in enumerate(latest_before(visitor, at, owner, when).tolist()):
        before = [(at[i], i) for i in range(40) if visitor[i] == owner[place] and at[i] < when[place]]
        assert (found == -1) == (not before)
        assert found == -1 or at[found] == max(before)[0]


def test_every_answer_stands_the_same_on_any_history(tmp_path: Path) -> None:
    told = [one for each in history(8, 20) for one in each]
    rules = [LiveRule(name=when, when=when, show=SHOWN, state="on") for when in ("session.pages >= 2", "visitor.known")]
    with shop_of(tmp_path, told, rules) as shop:
        found = shop.ask(Backtest(range="all"))
        assert found.figures["firings"] == sum(row["firings"] for row in found.frame.to_pylist())
        assert sum(found.parts["series"]["firings"].to_pylist()) == found.figures["firings"]
        assert sum(found.parts["times"]["visitors"].to_pylist()) == found.figures["visitors"]
        assert len(found.people("firings")) == found.figures["visitors"]
