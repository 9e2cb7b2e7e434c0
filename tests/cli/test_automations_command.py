"""`afterclick rules` and `afterclick journeys`: files read, shown in words, gated, switched, undone; errors with what to do."""

from __future__ import annotations

import tomllib
from pathlib import Path

import msgspec
import pytest
from click.testing import CliRunner, Result

import afterclick
from afterclick.app.automation_print import fingerprint
from afterclick.surfaces.cli.main import group
from support.shop import Shop

RULES = """
[[rules]]
name = "Hello"
when = "session.pages >= 2"
show = {kind = "banner", words = [{title = "Welcome"}]}

[[rules]]
name = "Broken"
when = "session.pagez >= 2"
emit = "Odd"
"""
JOURNEY = {
    "name": "Basket", "entry": {"event": "Product Added"}, "goal": ["Order Completed"],
    "steps": [
        {"wait": {"span": "3h"}},
        {"branch": {"when": "basket.lines >= 1", "then": [{"send": {"channel": "email", "words": [{"title": "Still there"}]}}],
                    "otherwise": [{"exit": True}]}},
    ],
}  # fmt: skip


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    shop = Shop()
    for i in range(8):
        shop.add(f"v{i}", "0", "Page Viewed", url="https://x.example/")
        event, more = ("Message Suppressed", {"reason": "holdout"}) if i < 2 else ("Message Delivered", {})
        shop.add(f"v{i}", "1h", event, rule="Hello", action_id=f"a{i}", channel="onsite", **more)
    shop.add("v7", "2h", "Order Completed", revenue=10, order_id="o")
    shop.add("v7", "20d", "Page Viewed", url="https://x.example/")
    shop.open(tmp_path / "s", currency="KRW").close()
    return tmp_path / "s"


def run(folder: Path, *words: str, lang: str = "en", stdin: str | None = None) -> Result:
    return CliRunner().invoke(group, [*words, "--store", str(folder), "--lang", lang], input=stdin)


def written(tmp_path: Path, name: str, text: str) -> str:
    (tmp_path / name).write_text(text, encoding="utf-8")
    return str(tmp_path / name)


def test_rules_of_a_file_are_added_listed_and_shown(folder: Path, tmp_path: Path) -> None:
    added = run(folder, "rules", "add", written(tmp_path, "rules.toml", RULES))
    assert added.exit_code == 0
    assert "Hello is kept (draft)." in added.output
    assert "afterclick rules test Hello" in added.output
    assert "Error when:" in added.output
    listed = run(folder, "rules", "list").output
    assert "Hello" in listed
    assert "16.7%" in listed, "one of six ordered"
    assert "0.00%" in listed, "nobody of the hold-out"
    (hello, broken) = msgspec.json.decode(run(folder, "rules", "list", "--format", "json").output)
    assert (hello["outcome"]["sent"], hello["outcome"]["held_back"]) == (6, {"holdout": 2})
    assert broken["emit"] == "Odd"
    shown = run(folder, "rules", "show", "Hello", lang="ko").output
    assert "조건: 세션의 페이지 수가 2 이상" in shown
    assert "실행: “Welcome” 배너 보여 주기" in shown
    again = tomllib.loads(run(folder, "rules", "show", "Hello", "--format", "toml").output)
    assert again["rules"][0]["show"]["words"] == [{"title": "Welcome"}]
    document = run(folder, "rules", "show", "Hello", "--format", "json").output
    assert run(folder, "rules", "add", "-", stdin=document).exit_code == 0


def test_a_dry_run_of_a_journey_says_what_would_have_left_and_why_not(tmp_path: Path) -> None:
    shop = Shop()
    for i in range(6):
        shop.add(f"v{i}", f"{i}d", "Product Added", product_id="p", price=9000, quantity=1)
        if i < 2:
            shop.add(f"v{i}", f"{i}d1m", "Identified", type="identify", email=f"v{i}@mail.example")
            shop.add(f"v{i}", f"{i}d2m", "Consent Updated", consent={"marketing": True})
    shop.add("v0", "20d", "Page Viewed", url="https://x.example/")
    shop.open(tmp_path / "s", currency="KRW").close()
    run(tmp_path / "s", "journeys", "add", written(tmp_path, "basket.json", msgspec.json.encode(JOURNEY).decode()))
    told = run(tmp_path / "s", "journeys", "test", "Basket").output
    assert told.startswith("“Basket”: 6 visitors would have entered 6 times; 2 messages would have left and 4 would have been")
    assert "Held back: has not agreed to advertising 4" in told
    assert "there is no SMTP server under Delivery" in told
    assert "afterclick journeys on Basket" in told
    korean = run(tmp_path / "s", "journeys", "test", "Basket", lang="ko").output
    assert "발송 제외: 광고 수신에 동의하지 않음 4" in korean
    assert run(tmp_path / "s", "journeys", "on", "Basket").exit_code == 0
    # What is on already is not told to be switched on.
    assert "journeys on" not in run(tmp_path / "s", "journeys", "test", "Basket").output
    data = run(tmp_path / "s", "journeys", "test", "Basket", "--format", "json").output
    assert msgspec.json.decode(data)["figures"]["sent"] == 2


def test_check_names_the_field_and_exits_with_1(folder: Path, tmp_path: Path) -> None:
    assert run(folder, "rules", "check").output.strip() == "Nothing speaks against any of them."
    run(folder, "rules", "add", written(tmp_path, "rules.toml", RULES))
    wrong = run(folder, "rules", "check", "Broken")
    assert wrong.exit_code == 1
    assert "session.pages" in wrong.output
    problems = msgspec.json.decode(run(folder, "rules", "check", "--format", "json").output)
    assert {(each["name"], each["path"], each["level"]) for each in problems} >= {("Broken", "when", "error")}
    assert run(folder, "rules", "check", "Nobody").exit_code == 2


def test_a_journey_reads_as_a_flow_and_goes_through_its_gate(folder: Path, tmp_path: Path) -> None:
    file = written(tmp_path, "basket.json", msgspec.json.encode(JOURNEY).decode())
    assert run(folder, "journeys", "add", file).exit_code == 0
    lines = run(folder, "journeys", "show", "Basket").output.splitlines()
    assert lines[2:] == [
        "When: on “Product Added”", "  again once the last run is over", "Wait 3 h", "If items in the basket is at least 1",
        "    Then: Send the e-mail “Still there”", "    Otherwise: End here", "Goal: “Order Completed”",
        "Warning entry.event: The store has not seen an event Product Added yet. did you mean 'Product Updated'?",
        "Warning delivery: No e-mail leaves: there is no SMTP server under Delivery.",
        "Warning delivery: No e-mail leaves: Delivery names no address that it is from.",
        ("Warning delivery: No advertising e-mail leaves: without this server's address under Delivery there is no link to opt"
         " out."),
    ]  # fmt: skip
    refused = run(folder, "journeys", "on", "Basket")
    assert refused.exit_code == 2
    assert "a backtest is required before On" in refused.output
    assert "afterclick journeys test 'Basket'" in refused.output
    with afterclick.open(folder) as shop:
        desk = shop.automations
        desk.note_tested("journey", "Basket", fingerprint(desk.get("journey", "Basket")))
    assert run(folder, "journeys", "on", "Basket").output == "Basket is on.\n"
    assert run(folder, "journeys", "remove", "Basket").exit_code == 2
    assert run(folder, "journeys", "pause", "Basket").exit_code == 0
    assert run(folder, "journeys", "undo").output == "Done. Take back: Basket paused\n"
    assert "on" in run(folder, "journeys", "list").output
    run(folder, "journeys", "pause", "Basket")
    assert run(folder, "journeys", "remove", "Basket").exit_code == 0
    assert "Bring Basket back" in run(folder, "journeys", "undo").output


def test_a_message_is_tried_and_says_whether_it_left(folder: Path, tmp_path: Path) -> None:
    run(folder, "journeys", "add", written(tmp_path, "basket.json", msgspec.json.encode(JOURNEY).decode()))
    tried = run(folder, "journeys", "try", "Basket", "--to", "me@mail.example")
    assert tried.exit_code == 1
    assert "It did not leave. e-mail is not set up" in tried.output
    missing = run(folder, "journeys", "try", "Basket", "--to", "me@mail.example", "--node", "0")
    assert missing.exit_code == 2
    assert "1.then.0" in missing.output


def test_ready_made_ones_are_listed_and_drafted(folder: Path) -> None:
    listed = run(folder, "rules", "recipe").output
    assert "shipping" in listed
    assert "free=30000" in listed
    assert "wait=3h" not in listed
    made = run(folder, "rules", "recipe", "shipping", "--set", "free=50000")
    assert "Free-shipping gap is kept (draft)." in made.output
    assert "basket.value < 50000" in run(folder, "rules", "show", "Free-shipping gap", "--format", "json").output
    other = run(folder, "rules", "recipe", "basket")
    assert other.exit_code == 2
    assert "afterclick journeys recipe basket" in other.output
    assert run(folder, "rules", "recipe", "shiping").exit_code == 2
    assert run(folder, "rules", "recipe", "shipping", "--set", "free").exit_code == 2


@pytest.mark.parametrize(
    ("name", "text", "said"),
    [
        ("a.toml", "[[rules]\n", "cannot be read"),
        ("a.toml", "rules = 3", "is a list of documents"),
        ("a.toml", "[[rules]]\nname = 3\nwhen = 'true'\n", "name: expected a text, not a whole number"),
        ("a.json", '{"name": "x", "when": "true", "why": 1}', "there is no field 'why'"),
        ("a.json", '{"rules": []}', "holds no rule"),
        ("a.json", '{"name": "x", "when": "true"}', "does 0 things"),
        ("a.json", "{", "cannot be read"),
    ],
)
def test_files_that_hold_no_document_are_refused(folder: Path, tmp_path: Path, name: str, text: str, said: str) -> None:
    refused = run(folder, "rules", "add", written(tmp_path, name, text))
    assert refused.exit_code == 2
    assert said in refused.output
    assert "Next:" in refused.output


def test_a_missing_file_and_a_missing_name_say_what_to_do(folder: Path, tmp_path: Path) -> None:
    assert "there is no file" in run(folder, "rules", "add", str(tmp_path / "none.toml")).output
    run(folder, "rules", "add", written(tmp_path, "rules.toml", RULES))
    assert "did you mean 'Hello'?" in run(folder, "rules", "show", "Helo").output
    assert run(folder, "journeys", "list").output.splitlines()[0] == "There is no journey yet."
