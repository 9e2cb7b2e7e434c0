"""The report: one file that opens anywhere, the numbers of the dashboard, nothing personal unless asked."""

from __future__ import annotations

import base64
import hashlib
import re
from collections.abc import Callable, Iterator
from html import unescape
from html.parser import HTMLParser
from pathlib import Path
from typing import Any

import msgspec
import pytest
from click.testing import CliRunner
from drawn import HOSTILE, FakeShop
from hypothesis import given
from hypothesis import strategies as st
from starlette.testclient import TestClient

import afterclick
from afterclick.app import questions
from afterclick.core.errors import InputError, NotEnoughData, SpecError, UsageError
from afterclick.surfaces import presenting
from afterclick.surfaces.cli.main import group
from afterclick.surfaces.report import outline, tables, written
from afterclick.surfaces.report.markdown import markdown
from afterclick.surfaces.report.writing import write
from afterclick.surfaces.viz.notebook import voice_of
from afterclick.surfaces.web import create_app
from afterclick.surfaces.web.pages import PAGES, named
from support import demo_store
from support.browsing import violations
from support.shop import Shop

Open = Callable[..., Any]

BLOCKS = {"p", "ul", "ol", "li", "h3", "h4", "h5", "h6", "blockquote", "pre", "code", "strong", "em", "a", "br", "hr"}


class Read(HTMLParser):
    """What a browser would find in some markup: tags, attributes, text."""

    def __init__(self, text: str) -> None:
        super().__init__()
        self.tags: list[str] = []
        self.attributes: list[tuple[str, str, str]] = []
        self.text = ""
        self.feed(text)
        self.close()

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.tags.append(tag)
        self.attributes += [(tag, name, value or "") for name, value in attrs]

    def handle_data(self, data: str) -> None:
        self.text += data

    def of(self, name: str) -> list[str]:
        return [value for _, attribute, value in self.attributes if attribute == name]


@pytest.fixture(scope="module")
def demo() -> Iterator[afterclick.Workspace]:
    with afterclick.open(demo_store.folder()) as opened:
        yield opened


@pytest.fixture(scope="module")
def made(demo: afterclick.Workspace, tmp_path_factory: pytest.TempPathFactory) -> dict[str, Path]:
    """Three pages in each language, and the same with people."""
    folder = tmp_path_factory.mktemp("reports")
    names = [name for name in ("map", "overview", "channels") if named(name)] or ["map", "data"]
    found = {lang: demo.report(folder / f"{lang}.html", pages=names, lang=lang) for lang in ("en", "ko")}
    found["people"] = demo.report(folder / "people.html", pages=names, people=True)
    return found


# Markdown


@pytest.mark.parametrize(
    ("text", "shown"),
    [
        ("one\ntwo", "<p>one two</p>"),
        ("one  \ntwo", "<p>one<br>two</p>"),
        ("one\n\ntwo", "<p>one</p><p>two</p>"),
        ("# A\n## B ##", "<h3>A</h3><h4>B</h4>"),
        ("- a\n- b", "<ul><li>a</li><li>b</li></ul>"),
        ("- a\n  more\n  - c\n- b", "<ul><li>a more<ul><li>c</li></ul></li><li>b</li></ul>"),
        ("1. a\n2) b", "<ol><li>a</li><li>b</li></ol>"),
        ("text\n- a", "<p>text</p><ul><li>a</li></ul>"),
        ("> said\n> twice", "<blockquote><p>said twice</p></blockquote>"),
        ("---", "<hr>"),
        ("**b** *e* `c*d`", "<p><strong>b</strong> <em>e</em> <code>c*d</code></p>"),
        ("__b__ _e_ snake_case_name", "<p><strong>b</strong> <em>e</em> snake_case_name</p>"),
        (r"\*no\* 2 * 3 * 4", "<p>*no* 2 * 3 * 4</p>"),
        ("**굵게**는", "<p><strong>굵게</strong>는</p>"),
        ("```\n<b> & *x*\n```", '<pre tabindex="0"><code>&lt;b&gt; &amp; *x*</code></pre>'),
        ("[a](https://x.example/p_(q))", '<p><a href="https://x.example/p_(q)" rel="noreferrer">a</a></p>'),
        ("[a](mailto:x@y.example)", '<p><a href="mailto:x@y.example" rel="noreferrer">a</a></p>'),
        ("[a](javascript:alert(1))", "<p>[a](javascript:alert(1))</p>"),
        ("[a](JaVaScRiPt:x)", "<p>[a](JaVaScRiPt:x)</p>"),
        ("[a](//evil.example)", "<p>[a](//evil.example)</p>"),
        ("[a](data:text/html,x)", "<p>[a](data:text/html,x)</p>"),
        ("<script>alert(1)</script>", "<p>&lt;script&gt;alert(1)&lt;/script&gt;</p>"),
        ("", ""),
    ],
)
def test_markdown(text: str, shown: str) -> None:
    assert markdown(text) == shown


@given(st.text(alphabet=st.sampled_from("ab *_`#>-1.)([]!\\<&\"'\n:/~|x"), max_size=200))
def test_markdown_is_never_more_than_its_few_elements(text: str) -> None:
    read = Read(markdown(text))
    assert set(read.tags) <= BLOCKS
    assert {name for _, name, _ in read.attributes} <= {"href", "rel", "tabindex"}
    assert all(re.match(r"https?://|mailto:|#", target) for target in read.of("href"))
    letters = [sign for sign in text if sign in "abx"]
    shown = [sign for sign in read.text + "".join(read.of("href")) if sign in "abx"]
    assert sorted(shown) == sorted(letters)


@pytest.mark.parametrize("text", HOSTILE)
def test_markdown_of_strangers_is_text(text: str) -> None:
    assert set(Read(markdown(text)).tags) <= BLOCKS


# The file


@pytest.mark.parametrize("name", ["en", "ko", "people"])
def test_one_file_with_its_styles_under_their_hash_and_no_script(made: dict[str, Path], name: str) -> None:
    text = made[name].read_text("utf-8")
    read = Read(text)
    assert "script" not in read.tags
    assert not {"link", "img", "iframe", "object", "form", "base"} & set(read.tags)
    assert not any(attribute.startswith("on") or attribute in ("style", "src") for _, attribute, _ in read.attributes)
    assert not re.search(r"url\((?!#)|@import|@font-face", text)
    assert all(target.startswith("#") for target in read.of("href"))
    styles = re.findall(r"<style>(.*?)</style>", text, re.S)
    assert len(styles) == 1
    digest = base64.b64encode(hashlib.sha256(styles[0].encode()).digest()).decode()
    policy = next(value for _, attribute, value in read.attributes if attribute == "content" and "default-src" in value)
    assert policy.startswith(f"default-src 'none'; style-src 'sha256-{digest}'; ")
    assert "unsafe" not in policy


@pytest.mark.parametrize("lang", ["en", "ko"])
def test_three_pages_are_small(made: dict[str, Path], lang: str) -> None:
    assert made[lang].stat().st_size <= 300_000


@pytest.mark.parametrize("name", ["en", "ko", "people"])
def test_every_link_leads_to_a_place_in_the_file(made: dict[str, Path], name: str) -> None:
    read = Read(made[name].read_text("utf-8"))
    ids = read.of("id")
    assert len(ids) == len(set(ids))
    assert {target[1:] for target in read.of("href")} <= set(ids)
    assert {"tables", "definitions", "asked", "s1"} <= set(ids)


def test_the_numbers_are_those_of_the_questions(made: dict[str, Path], demo: afterclick.Workspace) -> None:
    text = Read(made["en"].read_text("utf-8")).text
    result = demo.ask(afterclick.JourneyMap())
    for row in result.frame.to_pylist():
        assert f"{row['entered']:,}" in text
    assert result.sentence("en") in text
    for row in demo.ask(afterclick.Channels()).frame.to_pylist()[:5]:
        assert f"{row['visitors']:,}" in text


def test_definitions_are_those_of_the_cards_with_the_numbers_put_in(
    made: dict[str, Path], demo: afterclick.Workspace
) -> None:
    text = made["en"].read_text("utf-8")
    appendix = Read(text[text.index('id="definitions"') : text.index('id="asked"')]).text
    asked = {
        line
        for pop in re.findall(r'<div class="pop"><strong>.*?</strong>(.*?)</div>', text)
        for line in re.findall("<p>(.*?)</p>", pop)
    }
    assert len(asked) > 6
    assert all(unescape(re.sub("<[^>]*>", "", line)) in appendix for line in asked)
    figures = demo.ask(afterclick.JourneyMap()).figures
    assert f"{figures['orders']} orders ÷ {figures['visitors']:,} visitors" in appendix


def test_how_it_was_asked_can_be_asked_again(made: dict[str, Path]) -> None:
    text = Read(made["en"].read_text("utf-8")).text
    assert "afterclick map --store DIR" in text
    assert "shop.ask(afterclick.JourneyMap(barriers='off'))" in text
    assert "afterclick barriers --store DIR" in text


def test_tables_are_cut_at_twenty_rows_and_say_so(made: dict[str, Path]) -> None:
    text = made["en"].read_text("utf-8")
    appendix = text[text.index('id="tables"') : text.index('id="definitions"')]
    bodies = re.findall(r"<tbody>(.*?)</tbody>", appendix, re.S)
    assert len(bodies) > 3
    assert max(body.count("<tr>") for body in bodies) == tables.ROWS
    assert re.search(r"20 of \d+ rows", appendix)


def test_cut_keeps_short_tables_and_the_first_rows_of_long_ones() -> None:
    rows = [f"<tr><td>{i}<br></td></tr>" for i in range(30)]
    voice = voice_of(FakeShop().ask(afterclick.JourneyMap()), "en")
    whole = f"<table><tbody>{''.join(rows)}</tbody></table>"
    short = tables.cut(whole, voice)
    assert re.findall(r"<td>(\d+)<br>", short) == [str(i) for i in range(20)]
    assert "20 of 30 rows" in short
    few = f"<table><tbody>{''.join(rows[:20])}</tbody></table>"
    assert tables.cut(few, voice) == few
    assert tables.elements("<p>a<b>b</b></p>text<br><div></div>") == ["<p>a<b>b</b></p>", "<div></div>"]


# People


def test_nobody_is_in_a_report_unless_asked(made: dict[str, Path], demo: afterclick.Workspace) -> None:
    people = demo.ask(afterclick.JourneyMap()).people("visitors").table().to_pylist()
    known = {row["visitor"].partition(":")[2] for row in people} | {
        row["known_as"] for row in people if row["known_as"]
    }
    assert len(known) > 100
    for lang in ("en", "ko"):
        text = made[lang].read_text("utf-8")
        assert not [name for name in known if name in text]
        assert 'id="people"' not in text
    asked = made["people"].read_text("utf-8")
    assert [name for name in known if name in asked]


def test_lists_of_people_are_as_long_as_they_say(made: dict[str, Path]) -> None:
    text = made["people"].read_text("utf-8")
    lists = re.findall(r'<section class="panel card" id="people-(\d+)">(.*?)</section>', text, re.S)
    assert lists
    for _, body in lists:
        rows = re.search(r"<tbody>(.*?)</tbody>", body, re.S)
        assert rows
        said = re.search(r'<p class="caption">(?:the first 20 of )?([\d,]+)', body)
        assert said
        assert rows[1].count("<tr>") == min(20, int(said[1].replace(",", "")))
    marks = re.findall(r'href="#people-(\d+)"[^>]*>(?:<span[^>]*>[^<]*</span>)?([\d,]+)<', text)
    counts = {number: re.search(r'<p class="caption">(?:the first 20 of )?([\d,]+)', body)[1] for number, body in lists}  # type: ignore[index]
    assert len(marks) > 3
    for number, shown in marks:
        assert counts[number] == shown


def test_pages_of_people_are_refused_unless_asked() -> None:
    for name in sorted(outline.PERSONAL & {page.name for page in PAGES}):
        with pytest.raises(SpecError, match="one by one") as caught:
            outline.of_pages([name])
        assert "--people" in caught.value.hint
        for key in ("page", "question"):
            with pytest.raises(SpecError, match="one by one"):
                written.of_values({"cards": [{key: name}]})
        assert written.of_values({"people": True, "cards": [{"page": "map"}]}).people


# What it is made of


def test_every_listed_page_can_be_reported(demo: afterclick.Workspace, tmp_path: Path) -> None:
    for page in PAGES:
        needs = [field for field in page.kind.fields() if field.required]
        if page.name in outline.PERSONAL or (needs and page.start is None):
            continue
        text = demo.report(tmp_path / f"{page.name}.html", pages=page.name, lang="ko").read_text("utf-8")
        assert Read(text).tags.count("h1") == 1
        assert "script" not in Read(text).tags


def test_every_question_can_be_a_card(demo: afterclick.Workspace, tmp_path: Path) -> None:
    for kind in questions.ALL:
        if any(field.required for field in kind.fields()) or kind.key_word in outline.PERSONAL:
            continue
        report = tmp_path / "q.toml"
        report.write_text(f'[[cards]]\nquestion = "{kind.key_word}"\n', "utf-8")
        text = demo.report(tmp_path / "q.html", report).read_text("utf-8")
        result = demo.ask(kind())
        draws, looks = presenting.draws(kind)
        voice = msgspec.structs.replace(voice_of(result, "en", "s1-0"), looks=looks)
        for drawn in [draw(result, voice, "chart") for draw in draws] or [result.sentence("en")]:
            assert Read(drawn or "").text in Read(text).text


@pytest.mark.parametrize(
    ("names", "pairs", "path", "hint"),
    [
        (["mapp"], [], "pages", "did you mean 'map'?"),
        (["map"], [("range", "nope")], "range", "28d"),
        (["map"], [("rnage", "7d")], "rnage", "did you mean 'range'?"),
        (["map"], [("where", "((")], "where", ""),
    ],
)
def test_what_cannot_be_meant_is_named(names: list[str], pairs: list[tuple[str, str]], path: str, hint: str) -> None:
    with pytest.raises(SpecError) as caught:
        outline.of_pages(names, pairs)
    assert caught.value.path == path
    assert hint in caught.value.hint


def test_a_field_goes_to_the_pages_that_know_it() -> None:
    made = outline.of_pages(["map", "data"], [("touchpoints", "9"), ("range", "7d")])
    first, second = (section.pieces[0].spec for section in made.sections)
    assert first == afterclick.JourneyMap(touchpoints=9, range="7d").alone()
    assert second == afterclick.Data(range="7d")


FILE = """
title = "September <b>"
lang = "ko"
range = "7d"
text = "**Head** line"
[[cards]]
page = "map"
text = "- one"
range = "28d"
[[cards]]
question = "funnel"
title = "Basket"
steps = ["Product Viewed", "Order Completed"]
within = "1d"
[[cards]]
text = "# Last words"
"""


def test_a_report_in_toml(demo: afterclick.Workspace, tmp_path: Path) -> None:
    source = tmp_path / "report.toml"
    source.write_text(FILE, "utf-8")
    made = written.read(source)
    assert [section.title for section in made.sections][1:] == ["Basket", ""]
    assert made.sections[0].pieces[0].spec == afterclick.JourneyMap().alone()
    funnel = made.sections[1].pieces[0].spec
    assert funnel == afterclick.Funnel(steps=("Product Viewed", "Order Completed"), within="1d", range="7d")
    text = demo.report(tmp_path / "r.html", source).read_text("utf-8")
    assert '<html lang="ko"' in text
    assert "<h1>September &lt;b&gt;</h1>" in text
    assert "<strong>Head</strong> line" in text
    assert "<h3>Last words</h3>" in text
    assert demo.ask(funnel).sentence("ko") in unescape(text)


def test_what_is_given_beside_the_file_wins(tmp_path: Path) -> None:
    source = tmp_path / "report.toml"
    source.write_text(FILE, "utf-8")
    made = written.read(source, [("bots", "in")], title="Mine", lang="en")
    assert (made.title, made.lang) == ("Mine", "en")
    assert made.sections[0].pieces[0].spec == afterclick.JourneyMap(bots="in").alone()


@pytest.mark.parametrize(
    ("text", "path"),
    [
        ('tittle = "x"', "tittle"),
        ('lang = "fr"', "lang"),
        ("title = 3", "title"),
        ("cards = 3", "cards"),
        ('[[cards]]\nquestion = "mapp"', "cards[0].question"),
        ('[[cards]]\nquestion = "map"\npage = "map"', "cards[0]"),
        ("[[cards]]\nrange = '7d'", "cards[0]"),
        ('[[cards]]\ntext = "x"\n[[cards]]\nquestion = "map"\nrange = "nope"', "cards[1].range"),
        ('[[cards]]\nquestion = "map"\nsteps = ["A", "B"]', "cards[0].steps"),
        ('[[cards]]\nquestion = "funnel"', "cards[0].steps"),
        ('[[cards]]\npage = "map"\ncard = "nope"', "cards[0].card"),
        ('[[cards]]\npage = "nope"', "cards[0].pages"),
        ('[[cards]]\nquestion = "map"\nview = "pie"', "cards[0].view"),
        ('[[cards]]\nquestion = "map"\nwhere = { a = 1 }', "cards[0].where"),
    ],
)
def test_a_fault_in_the_file_is_named_by_its_place(tmp_path: Path, text: str, path: str) -> None:
    source = tmp_path / "report.toml"
    source.write_text(text, "utf-8")
    with pytest.raises(SpecError) as caught:
        written.read(source)
    assert caught.value.path == path


def test_a_file_that_is_no_toml(tmp_path: Path) -> None:
    (tmp_path / "bad.toml").write_bytes(b"\xff\xfe= 3")
    for name in ("bad.toml", "none.toml"):
        with pytest.raises(InputError):
            written.read(tmp_path / name)


def test_a_file_and_pages_are_not_both(demo: afterclick.Workspace, tmp_path: Path) -> None:
    with pytest.raises(UsageError, match="a file or pages"):
        demo.report(tmp_path / "r.html", tmp_path / "r.toml", pages=("map",))


# Failing


def test_a_card_without_data_says_so_and_the_rest_stands(tmp_path: Path) -> None:
    fake = FakeShop()
    source = tmp_path / "r.toml"
    source.write_text('[[cards]]\nquestion = "map"\nrange = "today"\n[[cards]]\nquestion = "map"\n', "utf-8")
    text = write(fake, tmp_path / "r.html", source, lang="en").read_text("utf-8")
    assert "no event is in this range" in text
    assert "182,340" in text


def test_nothing_at_all_is_no_report(tmp_path: Path) -> None:
    target = tmp_path / "r.html"
    target.write_text("the old one", "utf-8")
    with Shop().open(tmp_path / "empty") as empty, pytest.raises(NotEnoughData):
        empty.report(target, pages=("map",))
    fake = FakeShop()
    fake.problem = SpecError("there is no field 'colour'", path="where")
    with pytest.raises(SpecError):
        write(fake, target, pages=("map",))
    assert target.read_text("utf-8") == "the old one"
    assert [path.name for path in tmp_path.iterdir() if path.name.startswith(".")] == []


def test_names_of_strangers_are_text(tmp_path: Path) -> None:
    for people in (False, True):
        text = write(FakeShop(hostile=True), tmp_path / "r.html", pages=("map", "data"), people=people).read_text(
            "utf-8"
        )
        read = Read(text)
        assert "script" not in read.tags
        assert not any(name.startswith("on") for _, name, _ in read.attributes)
        assert HOSTILE[0] not in text
        assert HOSTILE[0] in unescape(read.text)


# The surfaces


def test_the_command(tmp_path: Path) -> None:
    store, target = str(demo_store.folder()), tmp_path / "r.html"
    done = CliRunner().invoke(
        group,
        [
            "report",
            "--store",
            store,
            "--pages",
            "map,channels",
            "--range",
            "7d",
            "--where",
            'device_type == "mobile"',
            "--lang",
            "ko",
            "-o",
            str(target),
        ],
    )
    assert done.exit_code == 0, done.output
    assert str(target) in done.output
    text = target.read_text("utf-8")
    assert "--range 7d" in text
    with afterclick.open(store) as demo:
        asked = afterclick.JourneyMap(range="7d", where=('device_type == "mobile"',))
        assert demo.ask(asked).sentence("ko") in unescape(text)


@pytest.mark.parametrize(
    ("words", "code", "said"),
    [
        (["--pages", "nope"], 2, "there is no page"),
        (["--range", "nope"], 2, "range"),
        (["none.toml"], 2, "there is no file"),
        ([], 0, "kB"),
    ],
)
def test_how_the_command_ends(tmp_path: Path, words: list[str], code: int, said: str) -> None:
    target, store = tmp_path / "r.html", str(demo_store.folder())
    done = CliRunner().invoke(group, ["report", *words, "--lang", "en", "--store", store, "-o", str(target)])
    assert done.exit_code == code, done.output
    assert said in done.output
    assert target.exists() is (code == 0)


def test_the_command_without_data_ends_with_three(tmp_path: Path) -> None:
    Shop().open(tmp_path / "empty").close()
    done = CliRunner().invoke(
        group, ["report", "--pages", "map", "--store", str(tmp_path / "empty"), "-o", str(tmp_path / "r.html")]
    )
    assert done.exit_code == 3, done.output


def test_the_dashboard_gives_the_page_as_a_file(client: TestClient) -> None:
    body = client.get("/?lang=ko&range=7d&wait=1").text
    link = re.search(r'href="(/report\.html[^"]*)"', body)
    assert link
    target = unescape(link[1])
    assert "pages=map" in target
    assert "range=7d" in target
    answer = client.get(target)
    assert answer.status_code == 200
    assert answer.headers["content-disposition"] == 'attachment; filename="afterclick-map-2026-09-27.html"'
    assert '<html lang="ko"' in answer.text
    assert "182,340" in answer.text
    assert "--range 7d" in answer.text


def test_the_route_refuses_what_a_report_cannot_be(client: TestClient) -> None:
    for query, path in (("pages=nope", "pages"), ("pages=map&range=nope", "range"), ("pages=map&nope=1", "nope")):
        answer = client.get(f"/report.html?{query}")
        assert answer.status_code == 422
        assert answer.json()["error"]["path"] == path
    broken = FakeShop()
    broken.problem = NotEnoughData("no event")
    with TestClient(create_app(broken, hosts=("testserver",))) as other:
        assert "no event" in other.get("/report.html?pages=map").text


# In a browser


@pytest.mark.browser
@pytest.mark.parametrize(
    ("name", "scheme", "width"),
    [("en", "dark", 1280), ("ko", "light", 1280), ("ko", "dark", 390), ("people", "light", 1280)],
)
def test_it_opens_from_a_file_with_the_network_off(
    made: dict[str, Path], page: Open, axe: str, name: str, scheme: str, width: int
) -> None:
    address = made[name].as_uri()
    tab = page(offline=True, color_scheme=scheme, viewport={"width": width, "height": 900}, bypass_csp=True)
    tab.goto(address)
    assert violations(tab, axe) == []
    assert tab.evaluate("document.documentElement.scrollWidth <= innerWidth")
    guarded = page(offline=True, color_scheme=scheme, java_script_enabled=False)
    guarded.goto(address)
    assert guarded.requested == [address]
    assert guarded.faults == []
    guarded.get_by_role("heading", level=1).wait_for()
    guarded.get_by_role("navigation").get_by_role("link").nth(1).click()
    assert guarded.url.startswith(address + "#")
    assert guarded.requested == [address]


@pytest.mark.browser
def test_its_policy_lets_its_own_styles_through(made: dict[str, Path], page: Open) -> None:
    tab = page(offline=True, color_scheme="dark")
    tab.goto(made["ko"].as_uri())
    assert tab.evaluate("getComputedStyle(document.documentElement).backgroundColor") == "rgb(15, 18, 22)"
    tab.evaluate(
        "document.body.append(Object.assign(document.createElement('img'), {src: 'https://example.com/x.png'}))"
    )
    tab.wait_for_timeout(100)
    assert any("Content Security Policy" in fault for fault in tab.faults)


@pytest.mark.browser
@pytest.mark.parametrize(("paper", "wide"), [("A4", 1032), ("A3", 1497)])
def test_it_prints(made: dict[str, Path], page: Open, paper: str, wide: int) -> None:
    tab = page(offline=True, color_scheme="dark", viewport={"width": wide, "height": 730})
    tab.goto(made["ko"].as_uri())
    sections = tab.locator(".sheet").count()
    printed = tab.pdf(format=paper, landscape=True, print_background=True)
    sheets = len(re.findall(rb"/Type\s*/Page\b", printed))
    assert sections <= sheets <= 60
    tab.emulate_media(media="print")
    # Paper is white whatever the screen is, and nothing is cut off at its edge.
    assert tab.evaluate("getComputedStyle(document.querySelector('.panel')).backgroundColor") == "rgb(255, 255, 255)"
    assert tab.evaluate("document.documentElement.scrollWidth <= innerWidth")
    over = tab.evaluate(
        "[...document.querySelectorAll('.map-scroll, .scroll')].filter(e => e.scrollWidth > e.clientWidth + 1)"
        ".map(e => e.getAttribute('aria-label') + ' ' + e.scrollWidth + '>' + e.clientWidth)"
    )
    assert over == []
    assert tab.locator(".why").first.is_hidden()
