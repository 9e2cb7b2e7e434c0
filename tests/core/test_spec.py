"""A Spec round-trips every surface and refuses what it cannot mean."""

from __future__ import annotations

from urllib.parse import parse_qsl

import pytest
from hypothesis import given
from hypothesis import strategies as st

from afterclick import Channels, Funnel, JourneyMap, Kpi
from afterclick.app.questions import ALL
from afterclick.core import spec as specs
from afterclick.core.errors import SpecError

names = st.text(st.characters(exclude_categories=["Cs"], exclude_characters="[]?!\\*"), min_size=1, max_size=20).filter(
    str.strip
)
durations = st.builds("{}{}".format, st.integers(0, 9999), st.sampled_from(["ms", "s", "m", "h", "d", "w"]))
ranges = st.sampled_from(["28d", "today", "yesterday", "mtd", "all", "2026-01-01..2026-02-28"])
scope = {
    "range": ranges, "bots": st.sampled_from(["in", "out"]), "identity": st.sampled_from(["raw", "stitched"]),
    "compare": st.sampled_from(["prev", "none", "yoy"]), "as_of": st.sampled_from(["", "2026-03-01"]),
    "where": st.lists(st.sampled_from(['channel == "direct"', 'path == "/é&=?"', "revenue >= 20000"]), max_size=2).map(tuple),
}  # fmt: skip
funnels = st.builds(
    Funnel, steps=st.lists(names, min_size=2, max_size=5).map(tuple), within=durations,
    entry=st.sampled_from(["best", "first"]), ties=st.sampled_from(["either", "strict"]), **scope,
)  # fmt: skip
others = st.one_of(*(st.builds(kind, **scope) for kind in (JourneyMap, Kpi, Channels)))


@given(st.one_of(funnels, others))
def test_url_and_json_bring_the_same_spec_back(spec):
    assert type(spec).from_texts(parse_qsl(spec.to_url(), keep_blank_values=True)) == spec
    assert specs.from_json(spec.to_json()) == spec
    assert hash(specs.from_json(spec.to_json())) == hash(spec)
    assert specs.from_json(spec.to_json()).key == spec.key


@given(st.one_of(funnels, others))
def test_defaults_are_left_out_of_the_url_and_kept_in_json(spec):
    assert set(dict(parse_qsl(spec.to_url()))) <= set(spec.changed())
    assert set(spec.to_dict()) == {"question", *(field.name for field in type(spec).fields())}


@pytest.mark.parametrize("kind", ALL, ids=lambda kind: kind.key_word)
def test_every_question_says_what_each_field_means(kind):
    assert kind.title()
    for field in kind.fields():
        assert field.description, field.name
        assert field.name not in ("kind", "from")
    assert kind.key_word in specs.kinds()
    assert kind.schema()


@pytest.mark.parametrize(
    ("make", "path", "hint"),
    [
        (lambda: Funnel(steps=("a",)), "steps", ""),
        (lambda: Funnel(steps=("a", "b"), within="7"), "within", "30m"),
        (lambda: Funnel(steps=("a", "b"), within="7 days"), "within", "7d"),
        (lambda: Funnel(steps=("a", "b"), entry="bst"), "entry", "best"),
        (lambda: Kpi(range="last week"), "range", "28d"),
        (lambda: Kpi(where=('channel = "x"',)), "where", "=="),
        (lambda: Kpi(where=("((",)), "where", ""),
        (lambda: Funnel.from_dict({"stps": ["a", "b"]}), "stps", "steps"),
        (lambda: Funnel.from_dict({}), "steps", "steps"),
        (lambda: specs.kind("funel"), "question", "funnel"),
        (lambda: specs.from_json("{nonsense"), "", ""),
        (lambda: specs.from_json('{"question": "kpi", "bots": 3}'), "bots", "out"),
        (lambda: JourneyMap.from_texts([("touchpoints", "many")]), "touchpoints", ""),
        (lambda: JourneyMap(touchpoints=0), "touchpoints", ""),
    ],
)
def test_what_cannot_be_meant_is_refused_by_name(make, path, hint):
    with pytest.raises(SpecError) as caught:
        make()
    assert caught.value.path == path
    assert hint in caught.value.hint + caught.value.message
    assert caught.value.exit_code == 2


@given(st.text(max_size=40), st.text(max_size=40))
def test_hostile_texts_raise_nothing_but_spec_errors(name, text):
    for make in (
        lambda: Kpi.from_texts([(name, text)]),
        lambda: Kpi.from_texts([("range", text)]),
        lambda: Kpi.from_texts([("where", text)]),
        lambda: Funnel.from_texts([("steps", text), ("steps", name)]),
        lambda: specs.from_json(text),
    ):
        try:
            made = make()
        except SpecError:
            continue
        assert made.key
