"""Every fault case of sections A, B, C, E and F has a test with its number in the name, or a reason that holds for none."""

from __future__ import annotations

import ast
import re
from collections import defaultdict
from pathlib import Path

import pytest

TESTS = Path(__file__).parents[1]
SECTIONS = {"A": range(1, 22), "B": range(22, 49), "C": range(49, 57), "E": range(73, 88), "F": range(88, 103)}
NUMBERS = [number for numbers in SECTIONS.values() for number in numbers]

WHY_NONE: dict[int, str] = {}
"""By number why there is nothing to try."""

BESIDE = {
    43: ("prove/test_promises.py", "prove limits floods a running server too"),
    45: ("prove/test_promises.py", "prove quiet searches logs and files of a running server too"),
    100: ("prove/test_promises.py", "prove quiet runs every command with each call to the network noted"),
}
"""Where a case is tried at a larger size as well."""

_NAME = re.compile(r"^test_case_(\d+)(?=_|$)((?:_and_\d+(?=_|$))*)|^test_cases((?:_\d+(?=_|$))+)")


def numbers_of(name: str) -> set[int]:
    """`test_case_12_and_13_...` is two cases, `test_cases_2_3_7_...` three, `test_case_40_one_bad_of_100` one."""
    found = _NAME.match(name)
    return set() if found is None else {int(digits) for digits in re.findall(r"\d+", "_".join(filter(None, found.groups())))}


def cases_of(folder: Path) -> dict[int, list[str]]:
    """By case the tests that carry its number: functions of modules that pytest collects and that do not skip by mark."""
    found: dict[int, list[str]] = defaultdict(list)
    for file in sorted(folder.rglob("test_*.py")):
        for node in ast.parse(file.read_text(encoding="utf-8")).body:
            for one in node.body if isinstance(node, ast.ClassDef) else [node]:
                if isinstance(one, ast.FunctionDef | ast.AsyncFunctionDef) and not _skips(one) and _asserts(one):
                    for number in numbers_of(one.name):
                        found[number].append(f"{file.relative_to(folder)}::{one.name}")
    return found


def _skips(one: ast.FunctionDef | ast.AsyncFunctionDef) -> bool:
    return any(re.search(r"mark\.(skip|xfail)\b", ast.unparse(mark)) for mark in one.decorator_list)


def _asserts(one: ast.FunctionDef | ast.AsyncFunctionDef) -> bool:
    """Does it hold anything against what it expects, itself or by a function it calls?"""
    return any(isinstance(part, ast.Assert | ast.Call) for part in ast.walk(one))


FOUND = cases_of(TESTS)


@pytest.mark.parametrize("number", NUMBERS)
def test_every_case_has_a_test_or_a_reason(number: int) -> None:
    assert bool(FOUND[number]) != (number in WHY_NONE), (
        f"case {number}: write test_case_{number}_…, or say in WHY_NONE why there is nothing to try; not both"
    )


def test_no_reason_and_no_place_is_left_over() -> None:
    assert set(NUMBERS) >= WHY_NONE.keys() | BESIDE.keys()
    assert all(len(reason) > 40 for reason in WHY_NONE.values())
    for number, (file, _) in BESIDE.items():
        assert FOUND[number]
        assert (TESTS / file).exists()


def test_numbers_are_read_out_of_names(tmp_path: Path) -> None:
    """The check itself is tried: names that only look so are none."""
    for name, wanted in {
        "test_case_7_x": {7},
        "test_case_12_and_13_two": {12, 13},
        "test_cases_2_3_7_a_kill": {2, 3, 7},
        "test_case_21_with_64_open_files": {21},
        "test_case_45_and_46_no_file": {45, 46},
        "test_in_case_7_x": set(),
        "test_case_7x": set(),
    }.items():
        assert numbers_of(name) == wanted, name
    (tmp_path / "test_it.py").write_text(
        "import pytest\n@pytest.mark.skip\ndef test_case_1_skipped():\n    assert f()\n"
        "def test_case_2_empty():\n    pass\ndef test_case_3_fine():\n    assert True\n"
    )
    assert cases_of(tmp_path).keys() == {3}
