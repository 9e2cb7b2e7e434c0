"""The list of visitors and the page of one: found by whole ids, named without giving anybody away, stitches undone."""

from __future__ import annotations

import hashlib

import pytest

from afterclick import Visitor, Visitors
from afterclick.analyse import handles
from afterclick.core.errors import SpecError
from support.shop import Shop

ALL = {"range": "all", "compare": "none"}
MAIL = "kim.minsu@mail.example"


def stitched():
    """SEMANTICS 16: a1 and a2 browse on day 1; a1-u1 on day 2; a2-u1 on day 5."""
    shop = Shop()
    shop.add("a1", "1h", "Page Viewed", url="https://shop.example/")
    shop.add("a2", "2h", "Page Viewed", url="https://shop.example/cart")
    shop.add("a1", "1d", "Identify", type="identify", user="u1", email=MAIL)
    shop.add("a1", "1d1m", "Product Added", user="u1")
    shop.add("a2", "4d", "Signed In", user="u1")
    shop.add("a2", "4d1m", "Order Completed", user="u1", revenue=50, order_id="o1")
    return shop


def test_one_visitor_has_the_ids_the_reasons_and_the_totals(tmp_path):
    with stitched().open(tmp_path / "s") as store:
        one = store.ask(Visitor(id="a1"))
        assert (one.figures["sessions"], one.figures["orders"], one.figures["revenue"]) == (4, 1, 50)
        assert one.figures["known_as"] == "ki…@mail.example"
        assert one.figures["stage"] == "Delight"
        assert {(row["shown"], row["type"]) for row in one.parts["ids"].to_pylist()} == {
            ("a1", "device"), ("a2", "device"), ("u1", "user"), ("ki…@mail.example", "email"),
        }  # fmt: skip
        why = {(row["first"], row["second"]): (row["why"], row["undo"]) for row in one.parts["stitches"].to_pylist()}
        assert why["a:a2", "u:u1"] == ("login", "afterclick unlink a:a2 u:u1")
        mail = handles.hidden(f"e:{MAIL}")
        assert why["a:a1", mail] == ("email", f"afterclick unlink a:a1 {mail}")
        stages = [(row["stage"], row["sessions"]) for row in one.parts["stages"].to_pylist()]
        assert stages == [("Attract", 2), ("Convert", 0), ("Close", 2), ("Delight", 0)] or len(stages) >= 3
        assert [row["session"] for row in one.frame.to_pylist()] == [4, 3, 2, 1]


def test_the_undo_that_is_shown_takes_the_stitch_back(tmp_path):
    with stitched().open(tmp_path / "s") as store:
        before = store.ask(Visitor(id="a2"))
        undo = next(row["undo"] for row in before.parts["stitches"].to_pylist() if row["first"] == "a:a2")
        _, command, first, second = undo.split()
        assert command == "unlink"
        store.unlink(first, second)
        after = store.ask(Visitor(id="a2"))
        assert [row["shown"] for row in after.parts["ids"].to_pylist()] == ["a2"]
        gone = [row for row in after.parts["stitches"].to_pylist() if row["first"] == "a:a2"]
        assert [(row["standing"], row["undo"]) for row in gone] == [(False, "afterclick link a:a2 u:u1")]
        # As of the day before the two were one again: events are never rewritten.
        assert store.ask(Visitors(**ALL)).figures["visitors"] == 2


def test_a_personal_id_is_taken_back_by_its_digest(tmp_path):
    with stitched().open(tmp_path / "s") as store:
        mail = handles.hidden(f"e:{MAIL}")
        store.unlink("a:a1", mail)
        rows = store.ask(Visitor(id="a1")).parts["stitches"].to_pylist()
        assert [row["standing"] for row in rows if row["second"] == mail and row["first"] == "a:a1"] == [False]


@pytest.mark.parametrize(
    "search",
    ["a1", "a:a1", "u1", MAIL, MAIL.upper(), f"e:{MAIL}", hashlib.sha256(MAIL.encode()).hexdigest(),
     handles.hidden(f"e:{MAIL}")],
)  # fmt: skip
def test_a_visitor_is_found_by_any_whole_id(tmp_path, search):
    with stitched().open(tmp_path / "s") as store:
        found = store.ask(Visitors(search=search, **ALL))
        assert found.figures["found"] == 1
        assert found.frame["visitor"].to_pylist() == ["a:a1"]
        assert store.ask(Visitor(id=search)).figures["visitor"] == "a:a1"
        assert len(found.people("visitors")) == 1


@pytest.mark.parametrize("search", ["a", "kim", "mail.example", "nobody", "a1 or 1=1"])
def test_parts_of_ids_find_nobody(tmp_path, search):
    with stitched().open(tmp_path / "s") as store:
        found = store.ask(Visitors(search=search, **ALL))
        assert (found.figures["found"], found.frame.num_rows) == (0, 0)
        with pytest.raises(SpecError) as refused:
            store.ask(Visitor(id=search))
        assert refused.value.path == "id"


def test_no_answer_holds_an_e_mail_or_a_phone_number(tmp_path):
    shop = stitched()
    shop.add(None, "1d", "Page Viewed", user="lee@mail.example", url="https://shop.example/")
    shop.add(None, "1d", "Page Viewed", user="010-1234-5678", url="https://shop.example/")
    with shop.open(tmp_path / "s") as store:
        listed = store.ask(Visitors(**ALL))
        texts = [listed.to_json(), str(listed.people("visitors").table().to_pylist())]
        for visitor in listed.frame["visitor"].to_pylist():
            texts.append(store.ask(Visitor(id=visitor)).to_json())
        said = store.ask(Visitors(search=MAIL, **ALL))
        texts.append(said.sentence() + str(said.people("visitors").text.say()))
        for text in texts:
            assert MAIL not in text
            assert "lee@mail" not in text
            assert "1234-5678" not in text
        assert listed.figures["visitors"] == 3


def test_masks_keep_numbers_and_plain_ids_readable():
    assert handles.shown("u:1042") == "1042"
    assert handles.shown("u:20240131") == "20240131"
    assert handles.shown("a:GA1.2.123-456") == "GA1.2.123-456"
    assert handles.shown("u:kim@mail.example") == "ki…@mail.example"
    assert handles.shown("u:+82 10 1234 5678") == "+8…78"
    assert handles.handle("u:1042") == "u:1042"
    assert handles.handle("u:kim@mail.example").startswith("h:")


def test_a_shared_device_shows_who_used_it_last_and_says_so(tmp_path):
    shop = Shop()
    shop.add("a1", "0", "Page Viewed", user="u1", url="https://shop.example/")
    shop.add("a1", "1d", "Page Viewed", user="u2", url="https://shop.example/")
    with shop.open(tmp_path / "s") as store:
        one = store.ask(Visitor(id="a:a1"))
        assert "visitor_shared" in {note.code for note in one.notes}
        assert [row["shared"] for row in one.parts["ids"].to_pylist() if row["id"] == "a:a1"] == [True]
        assert store.ask(Visitors(search="a1", **ALL)).figures["found"] == 2


def test_a_cursor_goes_on_where_the_page_before_ended(tmp_path):
    shop = Shop()
    for number in range(7):
        shop.add(f"v{number}", f"{number // 2}m", "Page Viewed", url="https://shop.example/")
    with shop.open(tmp_path / "s") as store:
        first = store.ask(Visitors(rows_shown=3, **ALL))
        rest = store.ask(Visitors(rows_shown=50, cursor=first.figures["next_cursor"], **ALL))
        names = [*first.frame["visitor"].to_pylist(), *rest.frame["visitor"].to_pylist()]
        assert sorted(names) == [f"a:v{number}" for number in range(7)]
        assert (rest.figures["before"], rest.figures["next_cursor"]) == (3, "")
        with pytest.raises(SpecError):
            store.ask(Visitors(cursor="x", **ALL))
        with pytest.raises(SpecError):
            store.ask(Visitors(cursor="9" * 30 + "~1", **ALL))


def test_a_range_without_a_visit_is_said_and_keeps_the_ids(tmp_path):
    with stitched().open(tmp_path / "s") as store:
        one = store.ask(Visitor(id="a1", range="2025-01-01..2025-01-31"))
        assert (one.figures["sessions"], one.frame.num_rows) == (0, 0)
        assert one.parts["ids"].num_rows == 4
        assert "No session in this range" in one.sentence()
