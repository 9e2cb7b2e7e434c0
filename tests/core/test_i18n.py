"""The catalogue: both languages say the same things, and every placeholder format does what it says."""

from __future__ import annotations

import datetime as dt
import re
from decimal import Decimal
from typing import get_args

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from afterclick.core import errors, i18n, moments, texts
from afterclick.core.condition_tree import METHODS, OPS
from afterclick.core.particles import PARTICLES, particle_after, with_particle

SEPTEMBER = 1_788_271_380_000_000  # 2026-09-01T14:03:00Z


def made(source: str, korean: str = "", *, strict: bool = False) -> i18n.Catalogue:
    return i18n.Catalogue({"en": {"x": source}, "ko": {"x": korean or source}}, strict=strict)


# -- the files


def test_languages_have_the_same_ids() -> None:
    catalogue = i18n.catalogue()
    assert i18n.languages() == ("en", "ko")
    assert catalogue.ids("en") == catalogue.ids("ko")
    assert len(catalogue.ids("en")) > 200


def test_languages_have_the_same_placeholders() -> None:
    catalogue = i18n.catalogue()
    for text_id in catalogue.ids("en"):
        english, korean = (_formats(texts.load(lang)[text_id]) for lang in ("en", "ko"))
        assert english == korean, text_id
        assert catalogue.placeholders("en", text_id) == english.keys()


def _formats(text: str) -> dict[str, set[str]]:
    """Placeholder -> its kinds of format, without those one language needs alone."""
    found: dict[str, set[str]] = {}
    for name, form in re.findall(r"\{([a-z_][a-z0-9_]*)(?::([^}(]*)[^}]*)?\}", text.replace("{{", "")):
        alone = form in PARTICLES or form in ("", "plural")
        found.setdefault(name, set()).update(set() if alone else {form})
    return found


def test_ids_are_sections_and_names() -> None:
    for text_id in i18n.catalogue().ids("en"):
        assert re.fullmatch(r"[a-z_]+(\.[A-Za-z0-9_-]+)+", text_id), text_id


def test_texts_are_clean() -> None:
    for lang in i18n.languages():
        for text_id, text in texts.load(lang).items():
            padded = text_id in ("condition.and", "condition.or")
            assert text, text_id
            assert padded or text == text.strip(), text_id
            assert "  " not in text, text_id


def test_korean_is_korean() -> None:
    english, korean = texts.load("en"), texts.load("ko")
    sections = (
        "glossary",
        "stage",
        "range",
        "compare",
        "channel",
        "media",
        "field",
        "count",
        "error",
        "reason",
    )
    mine = [text_id for text_id in english if text_id.startswith(sections)]
    assert {text_id for text_id in mine if english[text_id] == korean[text_id]} == {"glossary.roas"}
    for text_id, text in texts.load("ko").items():
        assert "이탈" not in text.replace("이탈률", "").replace("중도 이탈", "").replace("이탈 위험", ""), (
            text_id
        )


@pytest.mark.parametrize(
    ("text_id", "en", "ko"),
    [
        ("glossary.visitor", "visitor", "방문자"),
        ("glossary.known", "known visitor", "회원"),
        ("glossary.barrier", "barrier", "전환 장벽"),
        ("glossary.at_risk", "revenue at risk", "위험 매출"),
        ("glossary.drop_off", "drop-off", "중도 이탈"),
        ("glossary.bounce_rate", "bounce rate", "이탈률"),
        ("glossary.exit_rate", "exit rate", "종료율"),
        ("glossary.leaving", "risk of leaving", "이탈 위험"),
        ("glossary.holdout", "hold-out", "미발송군"),
        ("glossary.clv", "lifetime value", "고객생애가치(CLV)"),
        ("glossary.any", "any touch", "모든 접촉"),
        ("stage.attract", "Attract", "유입"),
        ("stage.convert", "Convert", "리드 전환"),
        ("stage.convert.question", "Do they let us know who they are?", "누구인지 알려 줍니까?"),
        ("range.28d", "last 28 days", "최근 28일"),
        ("range.last-month", "last month", "지난달"),
    ],
)
def test_glossary(text_id: str, en: str, ko: str) -> None:
    assert i18n.text("en", text_id) == en
    assert i18n.text("ko", text_id) == ko


def test_every_code_has_its_text() -> None:
    ids = i18n.catalogue().ids("en")
    trees = [errors.AfterclickError]
    for kind in trees:
        trees.extend(kind.__subclasses__())
        assert f"error.{kind.code}" in ids or not kind.__module__.startswith("afterclick.core"), kind
    assert {f"reason.{reason}" for reason in get_args(moments.Reason)} <= ids
    assert {"condition.is", "condition.at_most", "condition.starts", "condition.matches"} <= ids
    assert len(OPS) + len(METHODS) == 10


# -- the catalogue


def test_fallback_and_unknown() -> None:
    half = i18n.Catalogue({"en": {"a": "A {n:number}", "b": "B"}, "ko": {"b": "비"}})
    assert half.text("ko", "a", n=1200) == "A 1,200"
    assert half.text("ko", "b") == "비"
    assert half.text("de", "b") == "B"
    assert half.find("ko", "zzz") is None
    assert half.find("ko", "a") is None
    with pytest.raises(KeyError, match="zzz"):
        half.text("en", "zzz")
    strict = i18n.Catalogue({"en": {"a": "A"}, "ko": {}}, strict=True)
    with pytest.raises(KeyError, match="ko: a"):
        strict.text("ko", "a")
    with pytest.raises(KeyError, match="zzz"):
        i18n.text("en", "zzz")
    assert i18n.Catalogue.load(strict=True).text("ko", "glossary.item") == "상품"


def test_missing_parameter() -> None:
    with pytest.raises(KeyError, match="name"):
        made("Hello {name}").text("en", "x")


@pytest.mark.parametrize("source", ["{", "a } b", "{Name}", "{n:nonsense}", "{n:number(}", "{n:}", "{}"])
def test_unreadable_placeholder_is_refused_at_load(source: str) -> None:
    with pytest.raises(ValueError, match="x: "):
        made(source)


def test_values_are_no_templates() -> None:
    assert made("<{name}>").text("en", "x", name="{name:money} {{") == "<{name:money} {{>"
    assert made("{{n}} {n}").text("en", "x", n=1) == "{n} 1"


@pytest.mark.parametrize(
    ("source", "params", "en", "ko"),
    [
        ("{n:number}", {"n": 1204}, "1,204", "1,204"),
        ("{n:number(compact)}", {"n": 412_800_000}, "412.8M", "4.1억"),
        ("{n:number(0)}", {"n": 2.5}, "2", "2"),
        ("{m:money}", {"m": 1_078_000_000, "currency": "KRW"}, "₩107,800", "107,800원"),
        ("{m:money(compact)}", {"m": 1_078_000_000, "currency": "KRW"}, "₩107.8K", "10.8만원"),
        ("{r:rate}", {"r": 0.291}, "29.1%", "29.1%"),
        ("{r:points}", {"r": 0.005}, "+0.50 pt", "+0.50%p"),
        ("{r:change}", {"r": -0.084}, "−8.4%", "−8.4%"),
        ("{d:duration}", {"d": 19 * 3_600_000_000}, "19 h", "19시간"),
        ("{t:date}", {"t": dt.date(2026, 9, 1)}, "1 Sep", "9월 1일"),
        ("{t:date(year)}", {"t": "2026-09-01"}, "1 Sep 2026", "2026년 9월 1일"),
        ("{t:date}", {"t": SEPTEMBER, "zone": "Asia/Seoul"}, "1 Sep", "9월 1일"),
        ("{t:instant}", {"t": SEPTEMBER, "zone": "Asia/Seoul"}, "1 Sep 2026, 23:03", "2026년 9월 1일 23:03"),
        ("{n:plural(visitor|visitors)}", {"n": 1}, "visitor", "visitor"),
        ("{n:plural(visitor|visitors)}", {"n": 0}, "visitors", "visitors"),
        ("{n:plural(visitor|visitors)}", {"n": 1.0}, "visitors", "visitors"),
        ("{names:and}", {"names": ["a", "b", "c"]}, "a, b and c", "a, b 및 c"),
        ("{names:or}", {"names": ["a", "b"]}, "a or b", "a 또는 b"),
        ("{names:or}", {"names": ["a"]}, "a", "a"),
        ("{names:or}", {"names": []}, "", ""),
        ("{names}", {"names": ("a", "b")}, "a, b", "a, b"),
        ("{word:을}", {"word": "세션"}, "세션을", "세션을"),
        (
            "{r:rate} {n:number} {x} {d:duration}",
            {"r": None, "n": None, "x": None, "d": None},
            "– – – –",
            "– – – –",
        ),
        ("{port}", {"port": 8420}, "8420", "8420"),
        ("{m:money}", {"m": None, "currency": "KRW"}, "–", "–"),
    ],
)
def test_formats(source: str, params: dict[str, object], en: str, ko: str) -> None:
    assert made(source).text("en", "x", **params) == en
    assert made(source).text("ko", "x", **params) == ko


def test_counts() -> None:
    assert i18n.text("en", "count.visitors", n=1) == "1 visitor"
    assert i18n.text("en", "count.visitors", n=6270) == "6,270 visitors"
    assert i18n.text("ko", "count.visitors", n=6270) == "방문자 6,270명"
    assert i18n.text("en", "range.days", n=1) == "last 1 day"
    assert i18n.text("ko", "range.as_of", at=SEPTEMBER, zone="Asia/Seoul") == "2026년 9월 1일 23:03 기준"


# -- particles


@pytest.mark.parametrize(
    ("word", "particle", "expected"),
    [
        ("방문자", "을", "방문자를"),
        ("방문자", "를", "방문자를"),
        ("세션", "을", "세션을"),
        ("매출", "이", "매출이"),
        ("객단가", "이", "객단가가"),
        ("매출", "은", "매출은"),
        ("객단가", "는", "객단가는"),
        ("매출", "과", "매출과"),
        ("객단가", "와", "객단가와"),
        ("장바구니", "으로", "장바구니로"),
        ("매출", "으로", "매출로"),
        ("세션", "로", "세션으로"),
        ("CVR", "이", "CVR이(가)"),
        ("CVR", "을", "CVR을(를)"),
        ("CVR", "은", "CVR은(는)"),
        ("CVR", "와", "CVR과(와)"),
        ("CVR", "로", "CVR(으)로"),
        ("2026", "은", "2026은(는)"),
        ("“여름”", "이", "“여름”이"),
        ("고객생애가치(CLV)", "가", "고객생애가치(CLV)이(가)"),
        ("", "이", "이(가)"),
        ("!?", "로", "!?(으)로"),
        ("日本", "이", "日本이(가)"),
        ("\u1112\u1161\u11ab", "이", "\u1112\u1161\u11ab이"),  # 한 in three pieces
    ],
)
def test_particles(word: str, particle: str, expected: str) -> None:
    assert with_particle(word, particle) == expected


def test_particles_of_every_syllable() -> None:
    # The final consonants in Unicode order; a syllable without one is the first of each 28.
    finals = ["", *"ㄱㄲㄳㄴㄵㄶㄷㄹㄺㄻㄼㄽㄾㄿㅀㅁㅂㅄㅅㅆㅇㅈㅊㅋㅌㅍㅎ"]
    for i in range(11_172):
        syllable, final = chr(0xAC00 + i), finals[i % 28]
        assert particle_after(syllable, "을") == ("을" if final else "를")
        assert particle_after(syllable, "으로") == ("로" if final in ("", "ㄹ") else "으로")


@given(st.text(max_size=20), st.sampled_from(sorted(PARTICLES)))
@settings(deadline=None)
def test_particles_take_any_text(word: str, particle: str) -> None:
    assert with_particle(word, particle).startswith(word)
    with pytest.raises(KeyError):
        with_particle(word, "에")


@given(st.text(max_size=30))
@settings(deadline=None)
def test_hostile_parameters_come_out_as_they_are(value: str) -> None:
    assert made("[{a}]").text("en", "x", a=value) == f"[{value}]"
    assert (
        made("{m:money}")
        .text("ko", "x", m=Decimal(5), currency=value or "KRW")
        .strip("5")
        .endswith(("", "원", "0"))
    )
