"""Journeys that change channel or device on the way: counted on the map, with the visitors behind the number."""

from __future__ import annotations

from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from afterclick import JourneyMap
from support.shop import DAY0, Shop

ASKED = {"range": "all", "compare": "none", "barriers": "off"}
STEPS = ("Page Viewed", "Signed Up", "Product Added", "Order Completed")
SOURCES = ("google", "naver", "")
DEVICES = ("mobile", "desktop")

visits = st.lists(
    st.tuples(st.sampled_from("abcd"), st.sampled_from(STEPS), st.sampled_from(SOURCES), st.sampled_from(DEVICES)),
    min_size=1, max_size=14,
)  # fmt: skip


@settings(max_examples=25, deadline=None)
@given(visits)
def test_changes_equal_the_naive_count(tmp_path_factory: pytest.TempPathFactory, made: list) -> None:
    shop, first = Shop(), {}
    for day, (who, event, source, device) in enumerate(made):
        # Each event is a visit of its own day, begun by a page; a visit with a source came by search, else directly.
        url = "https://shop.example/" + (f"?utm_source={source}&utm_medium=cpc" if source else "")
        at = DAY0 + day * 86_400_000_000
        shop.add(who, at, "Page Viewed", url=url, device=device)
        channel = "paid_search" if source else "direct"
        first.setdefault(who, {}).setdefault("Page Viewed", (channel, device))
        if event != "Page Viewed":
            more = {"order_id": f"o{day}", "revenue": 1} if event == "Order Completed" else {}
            shop.add(who, at + 60_000_000, event, url="https://shop.example/x", device=device, **more)
            first[who].setdefault(event, (channel, device))
    with shop.open(tmp_path_factory.mktemp("changes") / "store", own_domains=["shop.example"]) as workspace:
        result = workspace.ask(JourneyMap(**ASKED))
    several = {who for who, entries in first.items() if len(entries) > 1}
    for place, by in enumerate(("channel", "device_type")):
        changed = {who for who in several if len({entry[place] for entry in first[who].values()}) > 1}
        assert (result.figures[f"several_{by}"], result.figures[f"changed_{by}"]) == (len(several), len(changed))
        for cell, people in ((f"changed={by}", changed), (f"several={by}", several)):
            listed = result.people(cell).table()["visitor"].to_pylist()
            assert {name.removeprefix("a:") for name in listed} == people


def test_one_visitor_changes_nothing(tmp_path: Path) -> None:
    with Shop().add("a", "0", "Page Viewed").open(tmp_path / "store") as workspace:
        result = workspace.ask(JourneyMap(**ASKED))
    assert (result.figures["several_channel"], result.figures["changed_channel"]) == (0, 0)
