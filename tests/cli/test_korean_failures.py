"""What fails on the command line is told in the language it was asked in: by the option, else by the environment."""

from __future__ import annotations

from pathlib import Path

import pytest
from click.testing import CliRunner

from afterclick.core.errors import UsageError
from afterclick.core.said import Said
from afterclick.surfaces.cli.failure import Failure
from afterclick.surfaces.cli.main import group


@pytest.mark.parametrize(
    ("words", "said"),
    [
        (["map", "--store", "nowhere"], "오류: nowhere 스토어가 없습니다\n다음: 파일로 만들려면 "),
        (["map", "--range", "soon"], "오류: range 항목에는 'soon' 값을 쓸 수 없습니다\n다음: 28d, today"),
        (["funnel", "--steps", "A[revenue >", "--steps", "B"],
         "오류: --steps: 'A[revenue >'의 조건이 닫히지 않았습니다\n다음: ]로 닫고"),
        (["import", "nothing.csv", "--store", "new"], "오류: nothing.csv 파일이 없습니다\n다음: 경로를 확인하세요\n"),
        (["import", "empty.csv", "--store", "new"],
         "오류: empty.csv 파일이 비어 있습니다\n다음: 다시 내보내거나 빼세요\n"),
        (["rules", "add", "nothing.toml", "--store", "nowhere"],
         "오류: nothing.toml 파일이 없습니다\n다음: TOML이나 JSON 파일을 쓰세요"),
    ],
)  # fmt: skip
@pytest.mark.parametrize("by", ["option", "environment"])
def test_a_failure_is_told_in_korean(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, words: list[str], said: str, by: str
) -> None:
    monkeypatch.chdir(tmp_path)
    (tmp_path / "empty.csv").touch()
    for name in ("LC_ALL", "LC_MESSAGES", "AFTERCLICK_STORE"):
        monkeypatch.delenv(name, raising=False)
    monkeypatch.setenv("LANG", "ko_KR.UTF-8" if by == "environment" else "en_US.UTF-8")
    got = CliRunner().invoke(group, [*words, *(["--lang", "ko"] if by == "option" else [])])
    assert got.exit_code == 2
    assert got.stderr.startswith(said), got.stderr


def test_english_stays_as_it_was(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    got = CliRunner().invoke(group, ["import", "nothing.csv", "--store", "new", "--lang", "en"])
    assert (got.exit_code, got.stderr) == (2, "Error: there is no file nothing.csv\nNext:  check the path\n")


def test_a_failure_without_advice_is_one_line(capsys: pytest.CaptureFixture[str]) -> None:
    Failure(UsageError(Said("refusals.form_too_large")), "ko").show()
    assert capsys.readouterr().err == "오류: 양식이 너무 큽니다\n"
