"""The URL as the whole state: canonical, stable, and never a failure."""

from __future__ import annotations

from urllib.parse import parse_qsl, urlsplit

import pytest
from hypothesis import given
from hypothesis import strategies as st

from afterclick.analyse.journey_map import JourneyMap
from afterclick.surfaces.web.address import Address, from_form, read

words = st.text("abcdefghij가나다 _-&=+%\"'", min_size=1, max_size=12)
conditions = words.map(lambda value: "source == " + '"' + value.replace('"', "") + '"')


@st.composite
def specs(draw: st.DrawFn) -> JourneyMap:
    return JourneyMap(
        range=draw(st.sampled_from(["28d", "7d", "all", "mtd", "2026-09-01..2026-09-30"])),
        compare=draw(st.sampled_from(["prev", "yoy", "none"])),
        where=tuple(draw(st.lists(conditions, max_size=4))),
        bots=draw(st.sampled_from(["out", "in"])),
        identity=draw(st.sampled_from(["stitched", "raw"])),
        touchpoints=draw(st.integers(1, 50)),
        within=draw(st.sampled_from(["", "1d", "30d"])),
    )


def parsed(href: str) -> Address:
    parts = urlsplit(href)
    return read(parts.path, JourneyMap, parse_qsl(parts.query, keep_blank_values=True))


@given(specs(), st.dictionaries(st.sampled_from(["lang", "theme", "view"]), st.just(""), max_size=3))
def test_parse_write_parse_is_the_identity(spec: JourneyMap, names: dict[str, str]) -> None:
    looks = {name: {"lang": "ko", "theme": "dark", "view": "table"}[name] for name in names}
    address = Address(path="/", spec=spec, looks=looks)
    again = parsed(address.href())
    assert again.spec == spec
    assert again.looks == looks
    assert again.notices == ()
    assert again.href() == address.href()
    assert parsed(address.href()).href() == address.href()


@given(
    st.lists(
        st.tuples(
            st.sampled_from(["range", "compare", "where", "touchpoints", "bots", "lang", "page", "x"]),
            st.text(max_size=30),
        ),
        max_size=8,
    )
)
def test_no_parameter_breaks_a_page(pairs: list[tuple[str, str]]) -> None:
    address = read("/", JourneyMap, pairs)
    assert isinstance(address.spec, JourneyMap)
    assert parsed(address.href()).spec == address.spec


def test_defaults_fall_out_and_order_is_stable() -> None:
    address = read(
        "/",
        JourneyMap,
        [("theme", "dark"), ("compare", "prev"), ("range", "7d"), ("view", "chart"), ("touchpoints", "4")],
    )
    assert address.href() == "/?range=7d&theme=dark"
    assert address.href({"range": "28d"}) == "/?theme=dark"
    assert address.href({"view": "table"}) == "/?range=7d&theme=dark&view=table"


def test_bad_values_become_notices_and_the_rest_stays() -> None:
    pairs = [
        ("range", "nope"),
        ("compare", "yoy"),
        ("where", "(("),
        ("where", 'channel == "email"'),
        ("lang", "xx"),
        ("page", "0"),
        ("foo", "1"),
    ]
    address = read("/", JourneyMap, pairs)
    assert address.spec == JourneyMap(compare="yoy", where=('channel == "email"',))
    assert [(notice.name, notice.value) for notice in address.notices] == [
        ("range", "nope"),
        ("where", "(("),
        ("lang", "xx"),
        ("foo", None),
        ("page", "0"),
    ]


def test_the_last_of_a_repeated_single_value_holds() -> None:
    assert read("/", JourneyMap, [("range", "7d"), ("range", "91d")]).spec == JourneyMap(range="91d")


@pytest.mark.parametrize(
    ("sent", "expected"),
    [
        ([("range", "7d")], None),
        ([("range", "7d"), ("from", "2026-09-01"), ("to", "2026-09-30")], [("range", "2026-09-01..2026-09-30")]),
        (
            [("filter_field", "source"), ("filter_op", "is"), ("filter_value", 'na"ver')],
            [("where", 'source == "na\\"ver"')],
        ),
        (
            [("filter_field", "path"), ("filter_op", "starts"), ("filter_value", "/a")],
            [("where", 'path.startsWith("/a")')],
        ),
        (
            [("filter_field", "path"), ("filter_op", "contains"), ("filter_value", "a")],
            [("where", 'path.contains("a")')],
        ),
        (
            [("filter_field", "channel"), ("filter_op", "is_not"), ("filter_value", "email")],
            [("where", 'channel != "email"')],
        ),
        (
            [("filter_field", "channel"), ("filter_value", ""), ("filter_text", "revenue >= 5")],
            [("where", "revenue >= 5")],
        ),
        ([("compare_from", "2026-08-01"), ("compare_to", "2026-08-31")], [("compare", "2026-08-01..2026-08-31")]),
        ([("range", ""), ("compare", "yoy")], [("compare", "yoy")]),
    ],
)
def test_forms_become_parameters(sent: list[tuple[str, str]], expected: list[tuple[str, str]] | None) -> None:
    assert from_form(sent) == expected
