"""Whole columns read as the single functions read one row, however the columns are laid out and batched."""

from __future__ import annotations

import csv
import gzip
import os as system
import re
from pathlib import Path

import numpy as np
import pyarrow as pa
import pytest
from hypothesis import given
from hypothesis import strategies as st

from afterclick.core.errors import InputError
from afterclick.stitch import enrich as enrich_module
from afterclick.stitch.address import halves, read_head, words
from afterclick.stitch.channel_table import ChannelTable
from afterclick.stitch.enrich import Enricher
from afterclick.stitch.page import PageGroups, page_group, path_of
from afterclick.stitch.touch import campaign_key, classify, key_hash
from afterclick.stitch.user_agent import BotPatterns, browser, device_type, is_bot, os

TEXTS = ("channel", "source", "medium", "campaign", "term", "network")

URLS = st.one_of(
    st.none(),
    st.text(max_size=20),
    st.builds(
        lambda base, parts, end: base + ("?" + "&".join(parts) if parts else "") + end,
        st.sampled_from(
            sorted(
                words("""
    https://www.shop.example/products/knit-014 https://shop.example /cart shop.example/ javascript:x
    //other.kr/a https://smartstore.naver.com/mine https://search.naver.com/x
""")
            )
        ),
        st.lists(
            st.sampled_from(
                sorted(
                    words("""
    utm_source=naver utm_source=Kakao&utm_medium=cpc utm_medium=email utm_campaign=Spring
    utm_term=knit UTM_Source=x utm%5Fsource=y amp;utm_source=z utm_source= utm_source=%20
    utm_source_platform=a gclid=Ab-9_ gclid=ab-9_ gclid= GCLID=Zz gclid=%20 gclid=a%20b gclid=c+d
    gclid=* fbclid=F1 fbclid=F2 clickid=1 wbraid=w srsltid=s n_media=1 n_query=%EB%8B%88%ED%8A%B8
    n_mall_id=3 n_match=2 NaPm=ct%3Da%7Ctr%3Dsa NaPm=ci%3Da%7Ctr%3Dslsl
    nt_source=naver&nt_medium=cpc nt_detail=d gad_source=1 ac_message=sms.1 ac_message=zz size=1 q =
    & a=b=c utm_id=7
""")
                )
            ),
            max_size=6,
        ),
        st.sampled_from(["", "#top", "#?utm_source=hash", " ", "\n"]),
    ),
)
REFERRERS = st.sampled_from(
    [
        *(None, "", "$direct", "/cart", "https://shop.example/", "https://pay.naver.com/", "javascript:x", "\ue000"),
        *(
            "https://search.naver.com/?query=knit",
            "https://search.naver.com/?query=top",
            "https://search.daum.net/?q=knit",
        ),
        *(
            "https://www.google.co.kr/",
            "https://blog.naver.com/a",
            "https://other.example",
            "android-app://com.kakao.talk",
        ),
    ]
)
AGENTS = st.sampled_from(
    [
        None,
        "",
        "x KAKAOTALK 9",
        "NAVER(inapp; search)",
        "Googlebot/2.1",
        "Mozilla/5.0 (iPhone) Safari/604.1",
        "okhttp/4",
    ]
)
ROWS = st.lists(st.tuples(URLS, REFERRERS, AGENTS), max_size=25)


def expected_row(url, referrer, user_agent, table=None):
    touch = classify(url, referrer, user_agent, table)
    row = {name: getattr(touch, name) if touch else "" for name in TEXTS}
    path = path_of(url)
    return row | {
        "paid": bool(touch and touch.paid),
        "portal": bool(touch and touch.portal),
        "internal": touch is None,
        "campaign_key": key_hash(campaign_key(url, table)),
        "path": path,
        "page_group": page_group(path),
        "host": read_head(halves(url)[0]).host,
        "device_type": device_type(user_agent),
        "browser": browser(user_agent),
        "os": os(user_agent),
        "bot": is_bot(user_agent),
    }


def storable(rows):
    """The rows without halves of surrogate pairs, which Arrow cannot hold."""
    return [tuple(text and text.encode("utf-8", "ignore").decode() for text in row) for row in rows]


def columns_of(rows, kind=None):
    columns = zip(*rows, strict=True) if rows else ([], [], [])
    return [pa.array(list(column), kind or pa.string()) for column in columns]


@given(ROWS)
def test_every_row_equals_the_single_functions(rows):
    rows = storable(rows)
    found = Enricher().enrich(*columns_of(rows)).to_pylist()
    assert found == [expected_row(*row) for row in rows]


@given(ROWS)
def test_options_of_the_table_are_followed(rows):
    rows = storable(rows)
    table = ChannelTable.from_toml(
        {
            "fbclid_is_paid": True,
            "paid_medium_first": True,
            "own_domains": ["other.example"],
            "message_parameter": "size",
        }
    )
    assert Enricher(table).enrich(*columns_of(rows)).to_pylist() == [expected_row(*row, table) for row in rows]


@given(ROWS, st.integers(1, 7))
def test_batches_and_a_full_cache_change_nothing(rows, size):
    rows = storable(rows)
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(enrich_module, "_MOST_KEPT", 2)
        enricher = Enricher()
        found = [
            row
            for start in range(0, len(rows), size)
            for row in enricher.enrich(*columns_of(rows[start : start + size])).to_pylist()
        ]
    assert found == [expected_row(*row) for row in rows]


SAMPLE = [
    ("https://shop.example/a?gclid=1", None, "Googlebot"),
    (None, "https://search.naver.com/?query=knit", None),
    ("https://shop.example/b", "https://shop.example/", "x KAKAOTALK 9"),
    ("https://shop.example/a?gclid=2", "", "okhttp/4"),
]


def test_layouts_of_the_columns_do_not_matter():
    plain = Enricher().enrich(*columns_of(SAMPLE)).to_pylist()
    assert plain == [expected_row(*row) for row in SAMPLE]
    large = columns_of(SAMPLE, pa.large_string())
    views = columns_of(SAMPLE, pa.string_view())
    coded = [column.dictionary_encode() for column in columns_of(SAMPLE)]
    narrow = [column.cast(pa.dictionary(pa.int8(), pa.string())) for column in columns_of(SAMPLE)]
    chunked = [pa.chunked_array([column[:1], column[1:1], column[1:]]) for column in columns_of(SAMPLE)]
    chunked_codes = [
        pa.chunked_array([column[:2].dictionary_encode(), column[2:].dictionary_encode()])
        for column in columns_of(SAMPLE)
    ]
    sliced = [pa.concat_arrays([column[2:], column]).slice(2) for column in columns_of(SAMPLE)]
    mixed = [chunked[0], coded[1], views[2]]
    for columns in (large, views, coded, narrow, chunked, chunked_codes, sliced, mixed):
        assert Enricher().enrich(*columns).to_pylist() == plain


def test_a_dictionary_with_a_null_a_repeat_and_an_unused_value():
    codes = pa.DictionaryArray.from_arrays(
        pa.array([0, 1, 2, None], pa.int8()), pa.array(["/a", None, "/a", "/unused?gclid=1"])
    )
    found = Enricher().enrich(codes, None, None)
    assert found["path"].to_pylist() == ["/a", "", "/a", ""]
    assert found["campaign_key"].to_pylist() == [0, 0, 0, 0]


def test_missing_columns_and_no_rows():
    url, referrer, _ = columns_of(SAMPLE)
    assert Enricher().enrich(url, None, None).to_pylist() == [expected_row(row[0], None, None) for row in SAMPLE]
    assert Enricher().enrich(None, referrer, None)["channel"].to_pylist() == [
        "direct",
        "organic_search",
        "referral",
        "direct",
    ]
    nothing = pa.nulls(2)
    assert Enricher().enrich(nothing, nothing, nothing)["channel"].to_pylist() == ["direct", "direct"]
    for empty in (columns_of([]), [pa.chunked_array([], pa.string())] * 3, [pa.nulls(0)] * 3):
        assert Enricher().enrich(*empty).num_rows == 0


def test_types_of_the_columns():
    schema = Enricher().enrich(*columns_of(SAMPLE)).schema
    text = pa.dictionary(pa.int32(), pa.string())
    coded = [*TEXTS, "path", "page_group", "host", "device_type", "browser", "os"]
    assert {schema.field(name).type for name in coded} == {text}
    assert {schema.field(name).type for name in ("paid", "portal", "internal", "bot")} == {pa.bool_()}
    assert schema.field("campaign_key").type == pa.int64()


def test_touches_are_few_and_carry_no_click_id():
    rows = [(f"https://shop.example/?utm_source=google&utm_medium=cpc&gclid=x{at}", "", "") for at in range(500)]
    found = Enricher().read(*columns_of(rows))
    assert len(found.touches) == 1
    assert found.touches[0] is not None
    assert (found.touches[0].click_id, found.touches[0].click_id_kind) == ("", "gclid")
    assert found.touch.dtype == np.int32
    assert len(set(found.campaign_key.tolist())) == 500


def test_caches_stay_bounded(monkeypatch):
    monkeypatch.setattr(enrich_module, "_MOST_KEPT", 50)
    enricher = Enricher()
    for batch in range(10):
        rows = [
            (f"/p{batch}-{at}?utm_source=s{batch}-{at}", f"https://h{batch}-{at}.kr", f"ua{batch}-{at}")
            for at in range(90)
        ]
        enricher.enrich(*columns_of(rows))
    kept = [cache for cache in vars(enricher).values() if isinstance(cache, dict)]
    assert len(kept) >= 8
    assert max(len(cache) for cache in kept) <= 50


def test_bots_and_pages_of_the_site_are_used():
    found = Enricher(bots=BotPatterns(texts=("kakao",)), pages=PageGroups(patterns=(("/a", "Page A"),))).enrich(
        *columns_of(SAMPLE)
    )
    assert found["bot"].to_pylist() == [False, False, True, False]
    assert found["page_group"].to_pylist() == ["Page A", "", "/b", "Page A"]


def test_columns_that_cannot_be_read_are_refused():
    url, _, _ = columns_of(SAMPLE)
    with pytest.raises(InputError, match="neither"):
        Enricher().enrich(None, None, None)
    with pytest.raises(InputError, match="differ in length"):
        Enricher().enrich(url, url[:2], None)
    with pytest.raises(InputError, match="not text") as caught:
        Enricher().enrich(url, pa.array([1, 2, 3, 4]), None)
    assert caught.value.path == "referrer"


@pytest.mark.real
def test_a_real_shop_week_adds_up():
    place = system.environ.get("AFTERCLICK_DATA")
    if not place:
        pytest.skip("AFTERCLICK_DATA does not name the folder of development data")
    rows = []
    for file in sorted((Path(place) / "puffy_d2c_events").glob("events_*.csv.gz")):
        with gzip.open(file, "rt", encoding="utf-8", newline="") as lines:
            rows += [(row["page_url"], row["referrer"], row["user_agent"]) for row in csv.DictReader(lines)]
    assert len(rows) == 24_631
    found = Enricher().enrich(*columns_of(rows))
    assert sum("utm_" in url for url, _, _ in rows) == 7_278
    assert sum("gclid=" in url for url, _, _ in rows) == 5_022
    stated = re.compile("bot|spider|crawl", re.IGNORECASE)
    assert sum(is_bot(agent, BotPatterns(texts=("bot", "spider", "crawl"))) for _, _, agent in rows) == 2_900
    assert all(bot for bot, row in zip(found["bot"].to_pylist(), rows, strict=True) if stated.search(row[2]))
    listed = found.to_pylist()
    # Every tagged URL is a touch of its own, every gclid is paid and google's, and no row contradicts the single functions.
    for row, (url, referrer, _) in zip(listed, rows, strict=True):
        if "utm_" in url:
            assert not row["internal"]
            assert row["campaign_key"]
        if "gclid=" in url:
            assert row["paid"]
            assert (row["network"], row["channel"][:5]) == ("google", "paid_")
        if referrer.startswith(("https://checkout.puffy.com", "https://puffy.com")) and not row["campaign_key"]:
            assert row["internal"] or "clid" in url or "clickid" in url or "srsltid" in url
    sample = listed[::23]
    assert sample == [expected_row(*row) for row in rows[::23]]
