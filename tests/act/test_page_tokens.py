"""Tokens by which a shop's server proves a user to a page: what other languages make, and what is none."""

from __future__ import annotations

import shutil
import subprocess
from pathlib import Path

import pytest

from afterclick.act import page_tokens
from afterclick.act.page_tokens import LONGEST_S
from afterclick.act.secrets import Secrets

KEY = "5f" * 32
NOW_S = 1_790_000_000
NOW = NOW_S * 1_000_000


def test_a_token_is_good_for_its_user_until_its_time() -> None:
    made = page_tokens.token(KEY, "회원-1", NOW_S + 3600)
    assert page_tokens.verify(KEY, "회원-1", made, NOW)
    assert not page_tokens.verify(KEY, "회원-2", made, NOW)
    assert not page_tokens.verify("6f" * 32, "회원-1", made, NOW)
    assert not page_tokens.verify(KEY, "회원-1", made, NOW + 3600 * 1_000_000)
    assert not page_tokens.verify("", "회원-1", page_tokens.token("", "회원-1", NOW_S + 3600), NOW)
    assert not page_tokens.verify(KEY, "", page_tokens.token(KEY, "", NOW_S + 3600), NOW)


@pytest.mark.parametrize("given", ["", "1.", "1.x.y", f"2.{NOW_S + 60}." + "a" * 64, "1.99." + "A" * 64, "1.９９." + "a" * 64])
def test_what_is_no_token_proves_nothing(given: str) -> None:
    assert not page_tokens.verify(KEY, "u", given, NOW)


def test_digits_of_another_script_that_say_a_good_time_prove_nothing() -> None:
    wide = "".join(chr(ord("０") + int(digit)) for digit in str(NOW_S + 60))
    assert int(wide) == NOW_S + 60
    assert not page_tokens.verify(KEY, "u", f"1.{wide}." + "a" * 64, NOW)


def test_no_token_is_good_for_ever() -> None:
    far = NOW_S + LONGEST_S + 2 * 3600
    assert not page_tokens.verify(KEY, "u", page_tokens.token(KEY, "u", far), NOW)


def test_another_time_in_a_token_breaks_it() -> None:
    version, until, signed = page_tokens.token(KEY, "u", NOW_S + 60).split(".")
    assert not page_tokens.verify(KEY, "u", f"{version}.{int(until) + 60}.{signed}", NOW)


def test_a_store_keeps_one_key(tmp_path: Path) -> None:
    first = page_tokens.key_of_store(Secrets(tmp_path, {}))
    assert len(first) == 64
    assert page_tokens.key_of_store(Secrets(tmp_path, {})) == first


def test_what_the_handbook_says_for_node_is_what_is_verified(tmp_path: Path) -> None:
    node = shutil.which("node")
    if node is None:
        pytest.skip("needs Node.js")
    text = (Path(__file__).parents[2] / "docs" / "connect.md").read_text("utf-8")
    start = text.index("// Node")
    code = text[start : text.index("\n\n", start)]
    file = tmp_path / "token.mjs"
    file.write_text(f"{code}\nconsole.log(pageToken({KEY!r}, '회원-1', {NOW_S + 60}));\n", "utf-8")
    made = subprocess.run([node, str(file)], capture_output=True, text=True, check=True).stdout.strip()
    assert made == page_tokens.token(KEY, "회원-1", NOW_S + 60)


def test_what_the_handbook_says_for_python_is_what_is_verified() -> None:
    text = (Path(__file__).parents[2] / "docs" / "connect.md").read_text("utf-8")
    start = text.index("    # Python")
    code = "\n".join(line[4:] for line in text[start : text.index("\n\n", start)].splitlines())
    names: dict[str, object] = {}
    exec(compile(code, "connect.md", "exec"), names)
    made = names["page_token"](KEY, "회원-1", NOW_S + 60)  # type: ignore[operator]
    assert made == page_tokens.token(KEY, "회원-1", NOW_S + 60)
