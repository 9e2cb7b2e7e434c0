"""Sessions told from rows as they lie are those cut from rows brought together, which the oracles know."""

from __future__ import annotations

import tempfile
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

import afterclick
from afterclick.analyse import sessions, spell_rows, spells
from afterclick.analyse.brought import Brought
from afterclick.analyse.kernels.gather import HAS_CAMPAIGN
from afterclick.analyse.kernels.spells import cut_spells
from afterclick.analyse.question import SessionQuestion
from afterclick.core import spans
from afterclick.core.event import Event
from support.shop import Shop

START = 1_767_225_600_000_000
COLUMNS = (
    "visitor", "first", "start_at", "end_at", "events", "pages", "qualifying", "orders", "touch", "landing", "exit_page",
)  # fmt: skip
OPTIONS = (
    {"new_on_campaign": "off"},
    {},
    {"new_on_referrer": "on", "new_on_midnight": "on", "bots": "in"},
    {"max_length": "40m", "timeout": "10m", "identity": "raw"},
)

row = st.tuples(
    st.integers(0, 60), st.sampled_from(["d1", "d2", "d3"]), st.integers(0, 2),
    st.sampled_from(["page", "page", "click", "sale", "bot", "login", "campaign", "other campaign", "from a search", "inside"]),
)  # fmt: skip
"""Five minutes since the start, device, import, what."""


def event_of(number, minutes, device, what):
    at = START + minutes * 5 * spans.MINUTE
    known = {"event_id": f"{number * 7919 % 1000:03d}", "occurred_at": at, "anonymous_id": device}
    if what == "sale":
        return Event(event="Order Completed", order_id=str(number), amount=100, **known)
    if what == "login":
        return Event(event="identify", user_id=f"u{number % 2}", type="identify", **known)
    url = {"campaign": "https://x.example/?utm_source=a&utm_campaign=s", "other campaign": "https://x.example/?utm_campaign=t"}
    referrer = {"from a search": "https://www.google.com/", "inside": "https://x.example/before"}
    return Event(
        event="Clicked" if what == "click" else "Page Viewed", url=url.get(what, "https://x.example/"),
        referrer=referrer.get(what, ""), user_agent="Googlebot" if what == "bot" else "", **known,
    )  # fmt: skip


def told_and_cut(context, **options):
    """The sessions told as rows lie, and those cut from rows brought together."""
    question = SessionQuestion(**{"range": "all", "compare": "none"} | options)
    as_of = context.as_of("")
    context.forget()
    before = sessions._cut_rows(context, question, as_of)
    context.forget()
    return sessions._cut(context, question, as_of), before


def same(one, other):
    for name in COLUMNS:
        assert getattr(one, name).tolist() == getattr(other, name).tolist(), name
        assert getattr(one, name).dtype == getattr(other, name).dtype
    for name in ("offsets", "at", "key"):
        assert getattr(one.rows, name).tolist() == getattr(other.rows, name).tolist(), name


@given(rows=st.lists(row, min_size=1, max_size=30))
@settings(max_examples=25, deadline=None)
def test_sessions_are_those_of_rows_brought_together(rows):
    events = [(cut, event_of(n, minutes, device, what)) for n, (minutes, device, cut, what) in enumerate(rows)]
    with (
        pytest.MonkeyPatch.context() as patch,
        tempfile.TemporaryDirectory() as folder,
        afterclick.open(Path(folder) / "s", write=True, create=True) as shop,
    ):
        for cut in range(3):
            shop.append([event for place, event in events if place == cut])
        patch.setattr(cut_spells, "ready", True)
        for options in OPTIONS:
            same(*told_and_cut(shop.context(), **options))


@pytest.mark.parametrize("part", [1, 3, 1 << 18])
def test_parts_cut_nothing_and_rows_may_lie_apart(part, monkeypatch, tmp_path):
    shop = Shop()
    for number in range(120):
        minutes = number * 17 % 240
        shop.add(f"v{number % 4}", START + minutes * spans.MINUTE, "Page Viewed", url="https://x.example/", device="mobile")
    monkeypatch.setattr(cut_spells, "ready", True)
    monkeypatch.setattr(spell_rows, "PART", part)
    with shop.open(tmp_path / "store") as opened:
        found, before = told_and_cut(opened.context(), timeout="20m")
        same(found, before)
        assert len(found) > len(np.unique(found.visitor))
        opened.context().forget()


def test_only_few_options_need_rows_brought_together(monkeypatch, tmp_path):
    seen = []
    cut = spells.cut
    monkeypatch.setattr(cut_spells, "ready", True)
    monkeypatch.setattr(spells, "cut", lambda *given: seen.append(given) or cut(*given))
    with Shop().add("v1", "0", "Page Viewed", session_id="a").open(tmp_path / "store") as opened:
        for source, times in (("derived", 1), ("sdk", 1)):
            context = opened.context()
            context.forget()
            question = SessionQuestion(range="all", compare="none", session_source=source)
            assert len(sessions.sessions_of(context, question, context.as_of(""))) == 1
            assert len(seen) == times
        opened.context().forget()


def test_rows_are_brought_together_where_they_are_asked_for(monkeypatch, tmp_path):
    asked = []
    laid = spells.laid
    monkeypatch.setattr(cut_spells, "ready", True)
    monkeypatch.setattr(spells, "laid", lambda *given: asked.append(given) or laid(*given))
    shop = Shop().add("v1", "0", "Page Viewed", url="https://x.example/?utm_campaign=s").add("v2", "0", "Page Viewed")
    with shop.open(tmp_path / "store") as opened:
        context = opened.context()
        context.forget()
        question = SessionQuestion(range="all", compare="none", new_on_campaign="off")
        found = sessions.sessions_of(context, question, context.as_of(""))
        assert (found.events.tolist(), len(asked)) == ([1, 1], 0)
        with ThreadPoolExecutor(4) as threads:
            rows = list(threads.map(lambda _: found.rows, range(8)))
        assert len(asked) == 1
        assert all(one is rows[0] for one in rows)
        assert sessions.behaviour(context, question.identity, question.bots, context.as_of("")) is rows[0]
        assert sorted((rows[0].symbols & HAS_CAMPAIGN != 0).tolist()) == [False, True]
        context.forget()
        again = sessions.sessions_of(context, question, context.as_of(""))
        before = sessions.behaviour(context, question.identity, question.bots, context.as_of(""))
        assert (len(asked), again.rows is before) == (2, True)
        context.forget()


def test_what_could_not_be_brought_together_is_tried_again():
    given = [ValueError("no memory"), "rows"]

    def make():
        one = given.pop(0)
        if isinstance(one, Exception):
            raise one
        return one

    brought = Brought(make)
    with pytest.raises(ValueError, match="no memory"):
        _ = brought.rows
    assert (brought.rows, brought.rows, given) == ("rows", "rows", [])
