"""A question asked on the command line: fields become options, the answer goes to stdout in every form."""

from __future__ import annotations

import csv
import io
import json
from typing import Any

import pytest
from click.testing import CliRunner, Result
from hypothesis import given
from hypothesis import strategies as st

import afterclick
from afterclick.core.spec import Spec, kind
from afterclick.surfaces.cli.commands import QUESTIONS
from afterclick.surfaces.cli.main import group
from afterclick.surfaces.cli.questions import command


def ask(runner: CliRunner, *words: str) -> Result:
    return runner.invoke(group, list(words))


def test_table_has_sentence_columns_notes_and_address(shop: Any, runner: CliRunner) -> None:
    got = ask(runner, "map", "--range", "all", "--bots", "in")
    assert got.exit_code == 0
    lines = [line.rstrip() for line in got.stdout.splitlines()]
    assert lines[0] == "17,962 visitors"
    assert lines[-1] == "http://127.0.0.1:8420/?range=all&bots=in"
    assert any(line.split()[:3] == ["Attract", "17,962", "479"] for line in lines)
    assert any("2026-08-31..2026-09-27" in line for line in lines)
    assert got.stderr == ""
    assert ("ask", kind("map")(range="all", bots="in")) in shop.calls
    assert shop.calls[-1] == ("close", None)


def test_figures_without_a_value_show_a_dash_not_a_number(shop: Any, runner: CliRunner) -> None:
    got = ask(runner, "map")
    conversion = next(line for line in got.stdout.splitlines() if line.lower().startswith("conversion rate"))
    assert conversion.split()[-1] == "–"


def test_no_bars_and_no_colour_where_no_terminal_watches(shop: Any, runner: CliRunner) -> None:
    got = ask(runner, "map")
    assert "█" not in got.stdout
    assert "\x1b" not in got.stdout


def test_json_is_what_the_result_says(shop: Any, runner: CliRunner) -> None:
    got = ask(runner, "map", "--format", "json", "--within", "7d")
    found = json.loads(got.stdout)
    assert found["spec"]["question"] == "map"
    assert found["spec"]["within"] == "7d"
    assert [row["entered"] for row in found["data"]] == [17_962, 479, 100, 0]
    assert found["data"][3]["onward_rate"] is None
    assert found["sentence"] == "17,962 visitors"


def test_csv_has_every_column_and_exact_values(shop: Any, runner: CliRunner) -> None:
    got = ask(runner, "map", "--format", "csv")
    rows = list(csv.DictReader(io.StringIO(got.stdout)))
    assert [row["entered"] for row in rows] == ["17962", "479", "100", "0"]
    assert rows[2]["stage"] == "구매"
    assert rows[0]["lost_value"] == "12.50"
    assert rows[3]["lost_value"] == "-3.00"
    assert rows[3]["onward_rate"] == ""


def test_csv_disarms_formulas(shop: Any, runner: CliRunner) -> None:
    got = ask(runner, "map", "--format", "csv", "--part", "channels")
    rows = list(csv.DictReader(io.StringIO(got.stdout)))
    assert rows == [{"stage": "Attract", "channel": "'=cmd|' /C calc'!A0", "visitors": "7"}]


def test_markdown_is_a_table_whose_cells_cannot_break_it(shop: Any, runner: CliRunner) -> None:
    got = ask(runner, "map", "--format", "md", "--part", "channels")
    row = next(line for line in got.stdout.splitlines() if "calc" in line)
    assert row.replace("\\|", "").count("|") == 4


def test_python_form_is_the_exact_call(shop: Any, runner: CliRunner) -> None:
    got = ask(runner, "map", "--format", "python", "--within", "7d", "--where", 'channel == "email"')
    names: dict[str, Any] = {}
    exec(got.stdout, names)  # the text must be a program
    asked = [spec for what, spec in shop.calls if what == "ask"]
    assert asked == [kind("map")(within="7d", where=('channel == "email"',))]
    assert names["result"].figures["visitors"] == 17_962


def test_sql_form_says_why_not(shop: Any, runner: CliRunner) -> None:
    got = ask(runner, "map", "--format", "sql")
    assert (got.exit_code, got.stdout) == (2, "")
    assert "no SQL" in got.stderr
    assert "--format python" in got.stderr


def test_people_behind_a_cell(shop: Any, runner: CliRunner) -> None:
    table = ask(runner, "map", "--people", "stage=Attract;part=lost")
    assert "20 of 30 shown" in table.stdout
    every = ask(runner, "map", "--people", "stage=Attract;part=lost", "--format", "csv")
    assert len(every.stdout.splitlines()) == 31
    data = json.loads(ask(runner, "map", "--people", "stage=Attract;part=lost", "--format", "json").stdout)
    assert data["count"] == len(data["data"]) == 30
    none = json.loads(ask(runner, "map", "--people", "stage=Nowhere", "--format", "json").stdout)
    assert (none["count"], none["data"]) == (0, [])


def test_people_and_part_exclude_each_other(shop: Any, runner: CliRunner) -> None:
    assert ask(runner, "map", "--people", "buyers", "--part", "channels").exit_code == 2


def test_unknown_part_names_the_known(shop: Any, runner: CliRunner) -> None:
    got = ask(runner, "map", "--part", "chanels")
    assert (got.exit_code, got.stdout) == (2, "")
    assert "channels" in got.stderr


@pytest.mark.parametrize(
    ("words", "says"),
    [
        (("map", "--range", "28"), "28d"),
        (("map", "--touchpoints", "many"), "number"),
        (("map", "--bots", "maybe"), "'out'"),
        (("map", "--where", "channel =="), "--where"),
        (("map", "--nonsense", "1"), "No such option"),
        (("mpa",), "did you mean 'map'?"),
        (("funnel",), "steps"),
        (("funnel", "A"), "steps"),
    ],
)
def test_wrong_use_is_exit_2_with_stdout_empty(shop: Any, runner: CliRunner, words: tuple[str, ...], says: str) -> None:
    got = ask(runner, *words)
    assert (got.exit_code, got.stdout) == (2, "")
    assert says in got.stderr
    assert "Traceback" not in got.stderr


def test_a_required_field_that_repeats_is_given_by_bare_words(shop: Any, runner: CliRunner) -> None:
    assert ask(runner, "funnel", "Page Viewed", "Order Completed", "--within", "7d").exit_code == 0
    assert (
        ask(runner, "funnel", "--steps", "Page Viewed", "--steps", "Order Completed", "--within", "7d").exit_code == 0
    )
    first, second = (spec for what, spec in shop.calls if what == "ask")
    assert first == second == kind("funnel")(steps=("Page Viewed", "Order Completed"), within="7d")


def test_korean_answer(shop: Any, runner: CliRunner) -> None:
    got = ask(runner, "map", "--lang", "ko")
    assert "방문자" in got.stdout.splitlines()[0]
    assert got.stdout.splitlines()[-1].endswith("?lang=ko")


def test_language_of_the_environment(shop: Any, runner: CliRunner, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("LANG", "ko_KR.UTF-8")
    assert "방문자" in ask(runner, "map").stdout
    monkeypatch.setenv("LC_ALL", "C.UTF-8")
    assert "visitors" in ask(runner, "map").stdout


def test_ascii_where_the_encoding_is_not_utf8(shop: Any) -> None:
    got = CliRunner(charset="ascii").invoke(group, ["map"])
    assert got.exit_code == 0
    assert got.stdout.isascii()
    assert "???" in got.stdout or "??" in got.stdout  # the Korean stage, letter by letter
    data = CliRunner(charset="ascii").invoke(group, ["map", "--format", "json"])
    assert "구매" in data.stdout_bytes.decode("utf-8")


@pytest.fixture(params=sorted(QUESTIONS))
def spec(request: pytest.FixtureRequest) -> type[Spec]:
    """Every question of the command line."""
    group.get_command(None, request.param)  # type: ignore[arg-type]
    return kind(request.param)


def test_every_field_is_an_option_with_its_help(spec: type[Spec], runner: CliRunner) -> None:
    got = ask(runner, spec.key_word, "--help")
    assert got.exit_code == 0
    for field in spec.fields():
        assert field.flag in got.stdout
        assert field.description, f"{spec.key_word}.{field.name} has no description"


def test_no_field_hides_an_option_of_the_output(spec: type[Spec]) -> None:
    made = command(spec)
    flags = [flag for parameter in made.params for flag in parameter.opts if flag.startswith("-")]
    assert len(flags) == len(set(flags))
    names = [parameter.name for parameter in made.params]
    assert len(names) == len(set(names))


def _is(text: str) -> str:
    return f"campaign == {json.dumps(text, ensure_ascii=False)}"


@given(
    within=st.sampled_from(["", "1d", "36h"]),
    touchpoints=st.integers(1, 50),
    where=st.lists(st.text("ab가나 -=,&#%'\"\\", min_size=1).map(_is), max_size=3),
    bots=st.sampled_from(["in", "out"]),
)
def test_a_spec_survives_the_command_line(within: str, touchpoints: int, where: list[str], bots: str) -> None:
    asked = kind("map").from_dict({"within": within, "touchpoints": touchpoints, "where": where, "bots": bots})
    words = [
        word
        for name, value in asked.changed().items()
        for item in (value if isinstance(value, tuple) else (value,))
        for word in (f"--{name.replace('_', '-')}={item}",)
    ]
    got = CliRunner().invoke(group, ["map", *words, "--format", "python"])
    assert got.exit_code == 0, got.stderr
    call = next(line for line in got.stdout.splitlines() if line.startswith("result = "))
    written = call.removeprefix("result = shop.ask(").removesuffix(")")
    assert eval(written, {"afterclick": afterclick}) == asked
