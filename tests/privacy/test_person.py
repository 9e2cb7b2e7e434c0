"""Everything about one person handed out: complete, readable in both languages, harmless in a spreadsheet."""

from __future__ import annotations

import csv
import io
import json
import stat
import zipfile

import pytest

import afterclick
from afterclick.analyse.consents import analytics, statements
from afterclick.app.people import export
from afterclick.collect.privacy.consent import allows, fold
from afterclick.core import i18n
from afterclick.core.errors import SpecError
from afterclick.core.event import Rejected
from afterclick.core.spreadsheet import RISKY, safe
from afterclick.surfaces.cli.tables import csv_text
from afterclick.surfaces.web.forms import cell
from support.shop import Shop, at


@pytest.fixture
def shop(tmp_path):
    made = Shop()
    home = "https://s.example/"
    made.add("d1", "0", "Page Viewed", url=home, title="=cmd()")
    made.add("d1", "1m", "Signed Up", user="kim-0001", email="kim@mail.example", url=home)
    made.add("d1", "2m", "Consent Given", url=home, consent={"analytics": True, "marketing.email": True})
    made.add("d1", "3m", "Order Completed", order_id="o1", revenue=10, currency="KRW", url=home)
    made.add(None, "4m", "Message Sent", email="kim@mail.example", channel="email")
    made.add("d1", "5m", "Consent Withdrawn", url=home, purpose="marketing", channel="email")
    made.add("d2", "6m", "Page Viewed", url=home)
    made.add("d2", "7m", "Consent Withdrawn", url=home)
    with made.open(tmp_path / "shop", segments={"Buyers": "visitor.orders >= 1"}) as shop:
        shop.segments.take("Buyers", "Then")
        with shop.store.transaction("t") as transaction:
            row = json.dumps({"user": "kim-0001", "time": "never"})
            transaction.reject(
                [Rejected(id="r", at=at("0"), source="t", code="bad_time", message="no time", original=row)]
            )
            transaction.commit({"read": 1})
        yield shop


def test_everything_held_is_in_it_and_nothing_of_others(shop):
    found = shop.person("kim@mail.example")
    assert set(found) == {"about", *export.SECTIONS}
    assert [one["id"] for one in found["ids"]] == ["d1", "kim-0001", "kim@mail.example"]
    assert [one["event"] for one in found["events"]] == [
        "Page Viewed", "Signed Up", "Consent Given", "Order Completed", "Message Sent", "Consent Withdrawn",
    ]  # fmt: skip
    assert found["events"][0]["properties"] == {"title": "=cmd()"}
    assert found["events"][3]["amount"] == "10"
    assert found["events"][0]["occurred_at"] == "2026-01-01T00:00:00Z"
    assert found["segments"][0] == {"segment": "Buyers", "type": "rule", "taken_at": None}
    assert found["segments"][1]["type"] == "list"
    assert [one["code"] for one in found["rejected"]] == ["bad_time"]
    assert any(one["why"] == "login" for one in found["links"])
    assert {(one["purpose"], one["channel"], one["granted"], one["holds"]) for one in found["consent"]} == {
        ("analytics", "", True, True), ("marketing", "email", True, False), ("marketing", "email", False, True),
    }  # fmt: skip
    assert any(one["figure"] == "rfm_group" for one in found["predictions"])
    assert "d2" not in json.dumps(found)


def test_an_id_nobody_carries_and_a_wrong_kind_are_said(shop):
    with pytest.raises(SpecError, match="no event carries"):
        shop.person("nobody")
    with pytest.raises(SpecError, match="no kind of id"):
        shop.person("kim-0001", kind="member")
    assert shop.person("kim-0001", kind="user")["events"]


@pytest.mark.parametrize("lang", ["en", "ko"])
def test_case_95_tables_have_headings_in_the_language_and_no_formula(shop, tmp_path, lang):
    found = shop.person("kim-0001")
    path = export.write(found, tmp_path / "kim.zip", lang)
    assert stat.S_IMODE(path.stat().st_mode) == 0o600
    with zipfile.ZipFile(path) as packed:
        assert set(packed.namelist()) == {"person.json", *(f"{name}.csv" for name in export.SECTIONS)}
        told = json.loads(packed.read("person.json"))
        assert told["events"] == found["events"], "JSON stays as it was sent"
        assert told["words"]["consent"] == i18n.text(lang, "person.consent")
        rows = list(csv.reader(io.StringIO(packed.read("events.csv").decode("utf-8-sig"))))
    assert i18n.text(lang, "person.column_occurred_at") in rows[0]
    assert len(rows) == 1 + len(found["events"])
    assert not [text for row in rows for text in row if text.startswith(RISKY)]


@pytest.mark.parametrize("text", ["=cmd|' /C calc'!A0", "+1", "-1+2", "@SUM(A1)", "\tx", "\rx", "＝1+1", "＋1", "－1", "＠x"])
def test_case_95_text_a_spreadsheet_would_run_is_text_everywhere(text):
    import pyarrow as pa

    assert safe(text) == "'" + text
    assert cell(text) == "'" + text
    assert csv_text(pa.table({"a": [text]})).splitlines()[1].lstrip('"').startswith("'")
    rows = list(csv.reader(io.StringIO(export.table([{"x": text}], "en").removeprefix("\ufeff"), newline="")))
    assert rows[1] == ["'" + text]


def test_case_95_numbers_stay_numbers():
    assert cell(-1) == -1
    assert safe("12") == "12"
    text = export.table([{"x": -1.5, "y": "-x", "z": None, "w": True}], "en").removeprefix("\ufeff")
    rows = list(csv.reader(io.StringIO(text)))
    assert rows[1] == ["-1.5", "'-x", "", "true"]


def test_consent_of_a_person_is_read_from_the_log_whatever_came_first(shop):
    context = shop.context()
    import numpy as np

    state = fold(statements(context, np.arange(context.snapshot.rows)[:6]))
    assert allows(state, "analytics").granted
    assert not allows(state, "marketing", "email").granted
    assert allows(state, "marketing", "sms") is None


def test_case_46_who_refused_is_known_by_every_id_after_a_restart(shop):
    known = analytics(shop.context())
    assert {one: held.granted for one, held in known.items()} == {
        "a:d1": True, "u:kim-0001": True, "e:kim@mail.example": True, "a:d2": False,
    }  # fmt: skip


def test_consent_said_in_passing_by_ordinary_events_is_known_too(tmp_path):
    made = Shop()
    made.add("x", "0", "Page Viewed", consent={"analytics": True})
    made.add("x", "2m", "Page Viewed", consent={"analytics": False})
    made.add("x", "1m", "Page Viewed", consent={"analytics": True}, user="member-x")
    made.add("y", "1m", "Page Viewed", consent={"marketing": False})
    made.add("z", "1m", "Page Viewed", consent={"*": True})
    with made.open(tmp_path / "s") as shop:
        known = analytics(shop.context())
    assert {one: held.granted for one, held in known.items()} == {"a:x": False, "u:member-x": False, "a:z": True}
    assert known["a:x"].at == at("2m")


def test_imported_profiles_say_what_may_be_sent(tmp_path):
    file = tmp_path / "customers.csv"
    file.write_text("customer_id,email,accepts_email_marketing,sms_opt_in\nk-1,a@b.example,yes,no\n")
    with afterclick.open(tmp_path / "s", write=True, create=True) as shop:
        shop.import_files(file, kind="customers")
        found = shop.person("k-1")
    assert {(one["purpose"], one["channel"]): one["granted"] for one in found["consent"]} == {
        ("marketing", "email"): True, ("marketing", "sms"): False,
    }  # fmt: skip
