"""Map files: what they may say, and what they say when they are wrong."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from afterclick.collect import binding, columnmap, fields
from afterclick.collect.columnmap import ColumnMap
from afterclick.core.errors import InputError

FULL = """
grain = "order_line"
source = "till"
timezone = "Asia/Seoul"
time_unit = "%d.%m.%Y %H:%M"
refund = "^C"
drop = ["noise"]
numbers = ["Weight"]
real_ids = ["1"]

[columns]
order_id = "Invoice"
user_id = ["Customer", "Customer ID"]
email = "data.user_email"
"p.weight" = "Weight"
p.colour = "Colour"

[constants]
currency = "KRW"

[events]
gekauft = "Order Completed"
"""


def test_a_full_map_reads_and_writes_itself() -> None:
    read = columnmap.from_toml(FULL)
    assert read.columns["user_id"] == ("Customer", "Customer ID")
    assert read.columns["order_id"] == ("Invoice",)
    assert read.columns["p.weight"] == ("Weight",)
    assert read.columns["p.colour"] == ("Colour",)
    assert read.constants == {"currency": "KRW"}
    assert columnmap.from_toml(read.to_toml()) == read
    assert columnmap.from_dict(read.to_dict()) == read
    assert columnmap.from_toml(read.to_toml()).key == read.key


texts = st.text(st.characters(exclude_categories=["Cs"]), min_size=1, max_size=12)


@given(
    st.builds(
        ColumnMap,
        source=texts,
        columns=st.dictionaries(
            st.sampled_from([*fields.FIELDS, "p.x", "p.a b", 'p."q"']),
            st.lists(texts, min_size=1, max_size=3).map(tuple),
        ),
        constants=st.dictionaries(st.sampled_from(["currency", "event"]), texts),
        numbers=st.none() | st.lists(texts, max_size=3).map(tuple),
        drop=st.lists(texts, max_size=3).map(tuple),
        events=st.dictionaries(texts, texts),
    )
)
def test_any_map_survives_its_file(made: ColumnMap) -> None:
    assert columnmap.from_toml(made.to_toml()) == made


@pytest.mark.parametrize(
    ("text", "path", "hint"),
    [
        ('[columns]\nuserid = "x"', "columns.userid", "user_id"),
        ('[columns]\nevent = ""', "columns.event", "occurred_at"),
        ('[constants]\ncurency = "KRW"', "columns.curency", "currency"),
        ('tmezone = "Asia/Seoul"', "tmezone", "timezone"),
        ('timezone = "Asia/Soul"', "timezone", "Asia/Seoul"),
        ('time_unit = "minutes"', "time_unit", "auto"),
        ('time_unit = "%d.%Q"', "time_unit", "auto"),
        ('refund = "("', "refund", "^C"),
        ('encoding = "utf-99"', "encoding", "cp949"),
        ('grain = "lines"', "", "columns"),
        ("[columns", "", "columns"),
        ("[columns]\nevent = 5", "", "columns"),
    ],
)
def test_what_is_wrong_is_named_with_a_way_out(text: str, path: str, hint: str) -> None:
    with pytest.raises(InputError) as caught:
        columnmap.from_toml(text)
    assert caught.value.path == path
    assert hint in caught.value.hint
    assert caught.value.exit_code == 2


def test_a_map_file_that_is_missing_or_no_text(write: Callable[..., Path], tmp_path: Path) -> None:
    with pytest.raises(InputError, match="cannot be read"):
        columnmap.load(tmp_path / "none.toml")
    with pytest.raises(InputError, match="cannot be read"):
        columnmap.load(write("map.toml", b"\xff\xfe\x00"))
    assert columnmap.load(write("bom.toml", '\ufeffsource = "x"')).source == "x"


def test_a_cell_is_a_column_of_that_name_before_it_is_a_path() -> None:
    assert binding.cell("a.b", ["a.b", "a"]) == binding.Cell("a.b")
    assert binding.cell("a.b", ["a"]) == binding.Cell("a", ("b",))
    assert binding.cell("a.b.c", ["a.b", "a"]) == binding.Cell("a.b", ("c",))
    assert binding.cell("x.y", ["a"]) is None
    assert binding.Cell("a", ("b/c", "~d")).pointer == "/b~1c/~0d"


def mapping(**columns: str | list[str]) -> ColumnMap:
    return columnmap.from_dict({"columns": columns})


def test_the_first_name_present_wins_and_the_others_stay_properties() -> None:
    made = mapping(occurred_at="t", event="e", user_id=["cid", "clientId"])
    bound = binding.bind(made, ["t", "e", "clientId", "cid", "extra"])
    assert bound.cells["user_id"] == (binding.Cell("cid"),)
    assert bound.flat == {"clientId": "p.clientId", "extra": "p.extra"}
    assert binding.bind(made, ["t", "e", "clientId"]).cells["user_id"] == (binding.Cell("clientId"),)
    assert binding.bind(made, ["t", "e"]).missing == ("user_id",)


def test_flat_names_differ_by_more_than_case() -> None:
    made = mapping(occurred_at="t", event="e", price="Unit")
    bound = binding.bind(made, ["t", "e", "Unit", "Price", "note", "Note"])
    assert bound.flat == {"Price": "p.Price_2", "note": "p.note", "Note": "p.Note_2"}


@pytest.mark.parametrize(
    ("made", "message", "path", "hint"),
    [
        (mapping(occurred_at="t", event="e", user_id="clientid"), "clientid", "columns.user_id", "client_id"),
        (
            columnmap.from_dict({"columns": {"occurred_at": "t", "event": "e"}, "drop": ["client"]}),
            "drop",
            "drop",
            "client_id",
        ),
        (mapping(event="e"), "time", "columns.occurred_at", "columns: t"),
        (mapping(occurred_at="t"), "event name", "columns.event", "constants"),
        (
            columnmap.from_dict({"grain": "order_line", "columns": {"occurred_at": "t"}}),
            "order id",
            "columns.order_id",
            "order_id",
        ),
        (
            columnmap.from_dict({"grain": "order_line", "columns": {"occurred_at": "t", "order_id": "e"}}),
            "price and quantity",
            "columns.price",
            "quantity",
        ),
    ],
)
def test_a_map_that_does_not_fit_the_files_is_refused(made: ColumnMap, message: str, path: str, hint: str) -> None:
    with pytest.raises(InputError, match=message) as caught:
        binding.check(made, {"a.csv": ["t", "e", "client_id"]})
    assert caught.value.path == path
    assert hint in caught.value.hint
