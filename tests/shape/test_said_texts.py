"""Every text that code says by its id stands in both languages, and is given exactly what stands in it."""

from __future__ import annotations

import ast
import re
from collections.abc import Iterator
from pathlib import Path
from typing import NamedTuple

from afterclick.core import i18n, texts

SOURCE = Path(__file__).resolve().parents[2] / "src" / "afterclick"
SECTIONS = ("refusals.", "mismatch.", "pattern_faults.", "guard.")


class Call(NamedTuple):
    """One `Said(...)`: where it stands, its id (a pattern where parts are put in), its parameters (None: `**`)."""

    place: str
    id: str
    fixed: bool
    params: frozenset[str] | None


def calls() -> Iterator[Call]:
    for file in sorted(SOURCE.rglob("*.py")):
        tree = ast.parse(file.read_text("utf-8"))
        for node in ast.walk(tree):
            if isinstance(node, ast.Call) and isinstance(node.func, ast.Name) and node.func.id == "Said" and node.args:
                found = _id(node.args[0])
                if found is not None:
                    names = [keyword.arg for keyword in node.keywords]
                    params = None if None in names else frozenset(name for name in names if name)
                    yield Call(f"{file.relative_to(SOURCE)}:{node.lineno}", *found, params)


def _id(node: ast.expr) -> tuple[str, bool] | None:
    if isinstance(node, ast.Constant):
        return str(node.value), True
    if isinstance(node, ast.JoinedStr):
        parts = [re.escape(str(part.value)) if isinstance(part, ast.Constant) else "[a-z0-9_]+" for part in node.values]
        return "".join(parts), False
    return None


def mentioned() -> list[re.Pattern[str]]:
    """Every id of these sections in the code, whoever takes it; where parts are put in, what may stand there."""
    found = []
    for file in SOURCE.rglob("*.py"):
        for node in ast.walk(ast.parse(file.read_text("utf-8"))):
            if isinstance(node, ast.Constant | ast.JoinedStr) and (read := _id(node)):
                text, fixed = read
                if text.replace("\\", "").startswith(SECTIONS):
                    found.append(re.compile(re.escape(text) if fixed else text))
    return found


def test_what_is_said_is_in_the_catalogue_with_its_parameters() -> None:
    catalogue = i18n.catalogue()
    english = texts.load("en")
    wrong: list[tuple[object, ...]] = []
    for call in calls():
        ids = [call.id] if call.fixed else [text_id for text_id in english if re.fullmatch(call.id, text_id)]
        if not ids or any(text_id not in english for text_id in ids):
            wrong.append((call.place, call.id))
        for text_id in ids:
            if text_id in english and call.params is not None and call.fixed:
                wanted = catalogue.placeholders("en", text_id)
                if wanted != call.params:
                    wrong.append((call.place, text_id, sorted(wanted ^ call.params)))
    assert not wrong


def test_no_refusal_is_written_for_nobody() -> None:
    used = mentioned()
    mine = [text_id for text_id in texts.load("en") if text_id.startswith(SECTIONS)]
    assert len(mine) > 500
    assert [text_id for text_id in mine if not any(one.fullmatch(text_id) for one in used)] == []


def test_korean_refusals_hold_hangul() -> None:
    english, korean = texts.load("en"), texts.load("ko")
    shared = {text_id for text_id in english if text_id.startswith(SECTIONS) and english[text_id] == korean[text_id]}
    # What is a command, or a place with the sentence behind it.
    assert shared == {"refusals.at_place", "refusals.in_field", "refusals.chmod", "refusals.toml_wrong"}
