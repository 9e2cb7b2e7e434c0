"""The drawings of a funnel: heights that add up, nothing negative, hostile names as text, whatever the numbers."""

from __future__ import annotations

import re
from xml.etree import ElementTree as ET

import pyarrow as pa
import pytest
from drawn import HOSTILE
from hypothesis import given
from hypothesis import strategies as st
from test_viz_shapes import Tags

from afterclick.analyse.catalogue import Data
from afterclick.analyse.funnel import Funnel
from afterclick.core.result import Result, Text
from afterclick.surfaces.viz.funnel import steps
from afterclick.surfaces.viz.funnel_start import start, suggested
from afterclick.surfaces.viz.voice import Voice

LINKED = Voice(
    currency="KRW",
    people=lambda cell: f"/?people={len(cell)}",
    go=lambda changes: "/?x=1",
    looks={"why": "worst"},
)


def funnel_of(counts: list[int], previous: list[int | None], names: list[str]) -> Result:
    """A funnel whose steps were reached by `counts`; the times and the money are not known."""
    rows = []
    for k, n in enumerate(counts):
        following = counts[k + 1] if k + 1 < len(counts) else n
        rows.append(
            {
                "step": k + 1, "event": names[k], "optional": False, "n": n, "taken": n, "lost": n - following, "open": 0,
                "of_all_rate": n / counts[0] if counts[0] else None,
                "from_previous_rate": n / counts[k - 1] if k and counts[k - 1] else None,
                "previous_n": previous[k], "value_n": 0, "value_sum": None, "lost_value": None,
                "seconds_from_previous_p25": None, "seconds_from_previous_p50": None, "seconds_from_first_p50": None,
            }
        )  # fmt: skip
    losses = [row["lost"] for row in rows]
    worst = losses.index(max(losses)) + 1 if max(losses) else None
    return Result(
        Funnel(steps=("a", "b")),
        pa.Table.from_pylist(rows),
        sentence=Text("sentence.funnel_empty", {"step": "x"}),
        figures={"worst_step": worst, "started": counts[0]},
        about={"unit": "visitors", "range": "2026-01-01..2026-01-28", "visitors": counts[0]},
    )


@st.composite
def funnels(draw: st.DrawFn) -> Result:
    size = draw(st.integers(2, 70))
    counts = sorted(draw(st.lists(st.integers(0, 10**12), min_size=size, max_size=size)), reverse=True)
    before = draw(st.lists(st.none() | st.integers(0, 10**12), min_size=size, max_size=size))
    names = draw(st.lists(st.sampled_from(HOSTILE), min_size=size, max_size=size))
    return funnel_of(counts, before, names)


def _share(found: ET.Element, name: str) -> float:
    return float(found.attrib[name].removesuffix("%"))


@given(funnels())
def test_columns_stand_on_the_floor_and_nothing_is_negative(result: Result) -> None:
    made = steps(result, LINKED)
    assert "nan" not in re.sub(r"<[^>]*>|\w*nan\w+", "", made.lower())
    rows = result.frame.to_pylist()
    columns = [ET.fromstring(svg) for svg in re.findall(r'<svg class="column".*?</svg>', made)]
    assert len(columns) == (len(rows) if rows[0]["n"] else 0)
    for column in columns:
        solid = next(rect for rect in column.iter("rect") if rect.attrib.get("class") == "on")
        lost = [rect for rect in column.iter("rect") if rect.attrib.get("class") == "ground"]
        assert _share(solid, "y") + _share(solid, "height") == pytest.approx(100, abs=0.02)
        for rect in column.iter("rect"):
            assert 0 <= _share(rect, "y") <= 100
            assert 0 <= _share(rect, "height") <= 100
        for rect in lost:
            # What was lost stands on what went on.
            assert _share(rect, "y") + _share(rect, "height") == pytest.approx(_share(solid, "y"), abs=0.02)
        for line in column.iter("line"):
            assert 0 <= _share(line, "y1") <= 100


@given(funnels())
def test_heights_fall_like_the_counts_and_one_loss_is_outlined(result: Result) -> None:
    made = steps(result, LINKED)
    heights = [float(found) for found in re.findall(r'class="on"[^>]*height="([\d.]+)%"', made)]
    assert heights == sorted(heights, reverse=True)
    assert made.count('class="worst"') <= 1


@pytest.mark.parametrize("view", ["chart", "table"])
@pytest.mark.parametrize("name", HOSTILE)
def test_hostile_steps_stay_text(name: str, view: str) -> None:
    calm, wild = (Tags(str(steps(funnel_of([9, 3], [None, 4], [each] * 2), LINKED, view))) for each in ("a", name))
    assert wild.tags == calm.tags
    assert wild.attributes == calm.attributes


def test_a_condition_of_a_step_is_said_in_words() -> None:
    made = str(steps(funnel_of([9, 3], [None, None], ['Page Viewed[path == "/cart"]', "Order Completed"]), LINKED))
    assert "page is /cart" in made
    assert "path ==" not in made


def catalogue(names: list[str]) -> Result:
    rows = [{"event": name, "system": False, "visitors": 100 - i, "events": 200} for i, name in enumerate(names)]
    return Result(Data(), pa.Table.from_pylist(rows), sentence=Text("sentence.data", {}))


def test_suggestions_take_the_events_there_are() -> None:
    found = suggested(catalogue(["Page Viewed", "Product Viewed", "Order Completed", "Signed Up"]))
    assert found[0] == ("purchase", ("Page Viewed", "Product Viewed", "Order Completed"))
    assert ("sign_up", ("Page Viewed", "Signed Up", "Order Completed")) in found
    assert len(found) == len({steps for _, steps in found}) <= 3
    assert [name for name, _ in suggested(catalogue(["a[", "b?", "c"]))] == ["common", "common"]
    for _, way in suggested(catalogue(["a[", "b?", "c"])):
        assert Funnel(steps=way).parsed()[0].event == "a["
    assert suggested(catalogue(["only"])) == []
    assert "Write the first two steps" in start(catalogue(["only"]), LINKED)
