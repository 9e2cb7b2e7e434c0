"""Personal data in free text is hidden, and nothing else is."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from afterclick.core.masking import CARD, EMAIL, PHONE, RESIDENT, masked


@pytest.mark.parametrize(
    ("text", "hidden"),
    [
        ("write to kim.min-su+shop@mail.example.kr please", f"write to {EMAIL} please"),
        ("010-1234-5678 로 전화주세요", f"{PHONE} 로 전화주세요"),
        ("전화 01012345678", f"전화 {PHONE}"),
        ("+82 10-1234-5678", PHONE),
        ("02-123-4567, 070-1234-5678", f"{PHONE}, {PHONE}"),
        ("+44 20 7946 0958 evenings", f"{PHONE} evenings"),
        ("call (415) 555-2671", f"call {PHONE}"),
        ("주민번호 900101-1234567", f"주민번호 {RESIDENT}"),
        ("외국인 851231 5234567", f"외국인 {RESIDENT}"),
        ("card 4111 1111 1111 1111 declined", f"card {CARD} declined"),
        ("5500-0000-0000-0004", CARD),
        ("010-1234-5678 4111 1111 1111 1111 12", f"{PHONE} {CARD} 12"),
        ("4111111111111111 5500000000000004", f"{CARD} {CARD}"),
    ],
)
def test_personal_data_is_hidden(text, hidden):
    assert masked(text) == hidden


@pytest.mark.parametrize(
    "text",
    [
        "",
        "Order 20260927-0001 came after 14 days, 3 of 5 stars",
        "4111 1111 1111 1112 has a wrong check digit",
        "1790000000005 is an instant and 2026092700011 an order",
        "991399-1234567 names no day",
        "won 1,234,567 and 12.5% of 2026",
        "@home and a@b are no addresses",
    ],
)
def test_what_is_not_personal_stays(text):
    assert masked(text) == text


@given(st.text())
def test_masking_twice_changes_nothing(text):
    assert masked(masked(text)) == masked(text)
