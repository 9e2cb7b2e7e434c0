"""Case 84 and what people write every day: words get a visitor's values, and neither of the two can do anything else."""

from __future__ import annotations

import time
from decimal import Decimal

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from afterclick.act.templates import TemplateError, check_template, choose, preview, render
from afterclick.act.templating import liquid, markup, values
from afterclick.core import i18n
from afterclick.store.automations import Words

VALUES = {
    "visitor": {"name": "김하늘", "email": "sky@shop.example"},
    "event": {"url": "https://shop.example/p/1?a=1&b=2"},
    "basket": {"value": Decimal("12000.0000"), "count": 2, "lines": [{"name": "Mug", "n": 2}, {"name": "Tee", "n": 1}]},
    "run": {"coupon": "AUTUMN"},
    "currency": "KRW",
    "zone": "Asia/Seoul",
}


def body(text, lang="en", channel="push", **more):
    return render(Words(body=text), {**VALUES, **more}, lang, channel=channel).body


@pytest.mark.parametrize(
    ("text", "lang", "wanted"),
    [
        ("Only {{ basket.value | gap: 30000 | money }} to free shipping", "en", "Only ₩18,000 to free shipping"),
        ("{{ basket.value | gap: 30000 | money }} 더 담으면 무료 배송", "ko", "18,000원 더 담으면 무료 배송"),
        ("{{ basket.value | gap: 10000 | money }}", "ko", "0원"),
        ("{{ basket.value | money: 'USD' }}", "en", "$12,000.00"),
        ("{{ basket.value }}", "en", "12000"),
        ("{{ visitor.name | particle: '이' }} 좋아할 상품", "ko", "김하늘이 좋아할 상품"),
        ("{% for line in basket.lines %}{{ line.name }} x{{ line.n }};{% endfor %}", "en", "Mug x2;Tee x1;"),
        ("{{ basket.lines | map: 'name' | join: ' & ' }}", "en", "Mug & Tee"),
        ("{{ basket.lines | map: 'n' | sum }}", "en", "3"),
        ("{% for line in basket.lines reversed %}{{ line.name }}{% endfor %}", "en", "TeeMug"),
        ("{% if basket.value >= 30000 %}free{% else %}not yet{% endif %}", "en", "not yet"),
        ("{% case run.coupon %}{% when 'AUTUMN' %}a{% else %}b{% endcase %}", "en", "a"),
        ("Hi {{ visitor.nick | default: 'there' }}", "en", "Hi there"),
        ("{{ 1757000000000000 | date: 'time' }} {{ '2026-09-01' | date: 'year' }}", "en", "5 Sep 2025, 00:33 1 Sep 2026"),
        ("{% assign half = basket.value | divided_by: 2 | round %}{{ half | number }}", "en", "6,000"),
        ("{{ 0.291 | percent }} {{ 'a b' | url_encode }} {{ 'abcdef' | truncate: 4 }}", "en", "29.1% a%20b abc…"),
        ("{% raw %}{{ x }}{% endraw %}{% comment %}no{% endcomment %}", "en", "{{ x }}"),
        ("{{ basket.lines | where: 'name', 'Tee' | size }}{{ 'a,b' | split: ',' | last }}", "en", "1b"),
    ],
)
def test_words_as_people_write_them(text, lang, wanted):
    assert body(text, lang) == wanted
    assert not [one for one in check_template(text) if one.level == "error"]


@pytest.mark.parametrize(
    "text",
    [
        "{{ visitor.__class__ }}{{ visitor['__class__'] }}{{ visitor['__init__']['__globals__'] }}",
        "{{ basket.lines.__class__ }}{{ visitor.name.__class__.__mro__ }}{{ visitor.items }}{{ visitor.keys }}",
        "{% for x in visitor %}{{ x.__class__ }}{% endfor %}{{ forloop.__class__ }}{{ visitor.name.format }}",
        "{{ now }}{{ today }}{{ self }}{{ env }}{{ template }}{{ context }}{{ __builtins__ }}",
    ],
)
def test_case_84_no_way_leads_from_a_value_to_a_class(text):
    assert body(text) == ""


class Sly:
    """A value that is no data and would say too much."""

    secret = "s3cret"

    def __str__(self):
        return self.secret

    def __html__(self):
        return "<script>"

    def __liquid__(self):
        return self.secret


def test_case_84_what_is_no_data_is_nothing():
    sly = {"name": Sly(), "call": print, "list": [Sly()], "deep": {"er": Sly()}, "n": float("nan"), "big": 10**400}
    text = "[{{ visitor.name }}{{ visitor.call }}{{ visitor.list.first }}{{ visitor.deep.er }}{{ visitor.n }}{{ visitor.big }}]"
    assert body(text, visitor=sly) == "[]"
    assert values.plain(sly)["name"] is None


BOMBS = [
    "{% for i in (1..100000000) %}x{% endfor %}",
    "{% for i in (1..100000000000) reversed %}x{% endfor %}",
    "{% for i in (1..10000) %}{% for j in (1..10000) %}x{% endfor %}{% endfor %}",
    "{% for i in (1..100) %}{% for j in (1..100) %}{% for k in (1..100) %}x{% endfor %}{% endfor %}{% endfor %}",
    "{% for i in (1..9000) %}" + "{% if true %}{% endif %}" * 1000 + "{% endfor %}",
    "{% for i in (1..9000) %}{% endfor %}" * 500,
    "{% for i in (1..9999) %}" + "x" * 30_000 + "{% endfor %}",
    "{% assign x = 'aaaaaaaaaaaaaaaa' %}{% for i in (1..900) %}{% assign x = x | append: x %}{% endfor %}{{ x }}",
    "{% capture x %}aaaaaaaa{% endcapture %}{% for i in (1..99) %}{% capture x %}{{x}}{{x}}{% endcapture %}{% endfor %}{{x}}",
    "{{ 'a' " + "| replace: '', 'aaaaaaaaaaaaaaaaaaaaaaaaaaaaaa' " * 30 + "}}",
    "{% assign x = 9 %}{% for i in (1..900) %}{% assign x = x | times: x %}{% endfor %}{{ x }}",
    "{% assign l = (1..1000000) | join: 'aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa' %}",
    "{{" * 16_000,
    "{%" * 16_000,
    "{{ a" * 8_000,
    "{% raw %}" * 3_500,
    "{% comment %}" * 2_400,
    "{% doc %}" * 3_500,
    ("{% if" + " " * 950 + "%}") * 30,
    "{{ a" + "[a" * 450 + "]" * 450 + " }}",
    "{% if a %}" * 1_000 + "{% endif %}" * 1_000,
    "{% include 'a' %}",
    "{% render 'a' %}",
    "x" * 10_000_000,
]


@pytest.mark.parametrize("text", BOMBS, ids=lambda text: text[:30])
def test_case_84_bombs_are_refused_in_little_time(text):
    began = time.process_time()
    with pytest.raises(TemplateError) as raised:
        body(text)
    assert time.process_time() - began < 20
    problem = raised.value.problem
    assert problem.level == "error"
    assert i18n.text("ko", problem.message_id, **problem.params) != i18n.text("en", problem.message_id, **problem.params)


HOSTILE = "Bob {{ 7 | times: 7 }} {% for i in (1..9) %}x{% endfor %} {% raw %} <b>&\"'</b>"


@pytest.mark.parametrize("channel", ["push", "webhook", "email", "onsite"])
def test_case_84_a_property_with_braces_is_shown_as_it_is(channel):
    text = "{{ visitor.name }}{{ visitor.name | upcase | downcase | append: '' }}"
    seen = body(text, visitor={"name": HOSTILE}, channel=channel)
    assert "{{ 7 | times: 7 }}" in seen
    assert "{% raw %}" in seen
    assert "49" not in seen
    assert ("<b>" in seen) == (channel in ("push", "webhook"))


@given(st.text(alphabet=st.sampled_from("{}%|.'\"ab <>&/=\n\u202e가("), max_size=60))
@example("{%- endraw -%}")
def test_values_of_any_kind_come_out_as_they_went_in(text):
    assert liquid.rendered("[{{ visitor.x }}]", values.plain({"visitor": {"x": text}})) == f"[{text}]"


@given(st.text(alphabet=st.sampled_from("{}%|.'\" abforin-1=,()[]\n"), max_size=120))
def test_whatever_is_written_renders_or_is_a_problem_with_a_line(text):
    seen = preview(Words(body=text), VALUES)
    assert seen.words is not None or any(problem.level == "error" for problem in seen.problems)
    assert all(1 <= problem.params["line"] <= text.count("\n") + 1 for problem in seen.problems)


@pytest.mark.parametrize(
    ("text", "message_id", "line"),
    [
        ("a\nHi {{ x", "templates.never_closed", 2),
        ("a\n\n{{ 'x' | upcas }}", "templates.unknown_filter", 3),
        ("{% include 'x' %}", "templates.unknown_tag", 1),
        ("{% if visitor %}\nx", "templates.no_end", 2),
        ("{% if a = b %}x{% endif %}", "templates.unreadable", 1),
        ("x" * 40_000, "templates.too_long", 1),
    ],
)
def test_a_mistake_is_told_with_its_line_and_a_way_out(text, message_id, line):
    (problem, *_) = check_template(text)
    assert (problem.level, problem.message_id, problem.params["line"]) == ("error", message_id, line)


def test_a_near_name_is_offered_and_an_unknown_value_is_only_warned_of():
    (problem,) = check_template("Hi {{ visiter.name }}")
    assert (problem.level, problem.params["near"]) == ("warning", "visitor")
    own = "{% assign a = 1 %}{% for b in basket.lines %}{{ a }}{{ b.n }}{{ forloop.index }}{% endfor %}"
    assert check_template(own) == []


def test_preview_shows_words_or_why_not():
    good = preview(Words(title="{{ visitor.name }}", body="{{ basket.value | money }}"), VALUES, "ko")
    assert (good.words, good.problems) == (Words(title="김하늘", body="12,000원"), ())
    bad = preview(Words(body="{{ visitor.name | date }}"), VALUES)
    assert bad.words is None
    assert bad.problems[0].message_id == "templates.bad_no_date"
    broken = preview(Words(body="{{"), VALUES)
    assert [one.path for one in broken.problems] == ["words[0].body"]


@pytest.mark.parametrize(
    "url", ["javascript:alert(1)", "data:text/html,x", "//evil.example/", "/\\evil.example", "https://", "https://a b/", "x"]
)
@pytest.mark.parametrize("channel", ["email", "onsite"])
def test_links_lead_to_pages_alone(url, channel):
    with pytest.raises(TemplateError, match="no address of a page"):
        render(Words(url="{{ event.url }}"), {"event": {"url": url}}, channel=channel)


def test_links_of_ones_own_site_may_be_short_there_and_nowhere_else():
    assert render(Words(url="/basket"), {}, channel="onsite").url == "/basket"
    assert render(Words(url="{{ event.url }}"), VALUES, channel="email").url == VALUES["event"]["url"]
    with pytest.raises(TemplateError):
        render(Words(url="/basket"), {}, channel="email")


def test_html_that_somebody_wrote_is_cleaned_and_values_in_it_escaped():
    source = (
        "<h1 onclick=x style='color:red;position:fixed'>Hi {{ visitor.name }}</h1><script>alert(1)</script>"
        "<a href='{{ visitor.link }}'>x</a><iframe src=x>"
        '<a href="https://shop.example/?n={{ visitor.name | url_encode }}">y</a>'
    )
    seen = body(source, channel="email", visitor={"name": "<img src=x onerror=alert(1)>", "link": "javascript:alert(1)"})
    assert "&lt;img src=x onerror" in seen
    for bad in ("<script", "<img", "onclick", "javascript:", "<iframe", "position"):
        assert bad not in seen
    assert 'style="color:red"' in seen
    assert 'href="https://shop.example/?n=%3Cimg' in seen


def test_plain_text_becomes_paragraphs_with_links_and_turns_back_into_text():
    fragment = body("Hi {{ visitor.name }} & co\nline\n\nSee https://shop.example/a?b=1&c=2.", channel="email")
    assert fragment == (
        "<p>Hi 김하늘 &amp; co<br>line</p>\n"
        '<p>See <a href="https://shop.example/a?b=1&amp;c=2">https://shop.example/a?b=1&amp;c=2</a>.</p>'
    )
    assert markup.to_text(fragment) == "Hi 김하늘 & co\nline\n\nSee https://shop.example/a?b=1&c=2."
    rich = "<p>a <a href='https://x.example/'>go</a></p><ul><li>1</li><li>2 &lt;3</li></ul>"
    rich += "<table><tr><td>k</td><td>v</td></tr></table>"
    assert markup.to_text(rich) == "a go (https://x.example/)\n\n- 1\n- 2 <3\n\nk v"


def test_a_visitor_cannot_turn_text_into_html():
    assert body("{{ visitor.name }}", channel="email", visitor={"name": "<p>x</p>"}) == "<p>&lt;p&gt;x&lt;/p&gt;</p>"


def test_the_language_of_the_visitor_goes_first_then_any_then_the_first_of_all():
    en, ko, any_ = Words(lang="en", body="e"), Words(lang="ko", body="k"), Words(body="a")
    assert choose([en, ko], "ko-KR") is ko
    assert choose([en, any_, ko], "ko") is any_
    assert choose([en, ko], "fr") is en
    assert choose([], "fr") == Words()


@pytest.mark.parametrize("name", sorted(liquid.FILTERS))
def test_every_filter_takes_any_value_or_tells_why_not(name):
    odd = {"none": None, "text": "x y", "list": [1, {"a": None}, []], "deep": {"a": {"b": 1}}, "n": -1.5, "yes": True}
    for given_ in odd:
        for arguments in ("", ": visitor.list", ": 3", ": 'x', visitor.deep", ": 99999999999999999999999"):
            seen = preview(Words(body="{{ visitor." + given_ + " | " + name + arguments + " }}"), {"visitor": odd})
            assert (seen.words is None) == bool(seen.problems), seen
            for problem in seen.problems:
                assert i18n.text("en", problem.message_id, **problem.params)
