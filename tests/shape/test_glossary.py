"""One concept, one word: the glossary page and both language files say the same."""

from __future__ import annotations

from pathlib import Path

from afterclick.core import texts

PAGE = Path(__file__).parents[2] / "docs" / "GLOSSARY.md"


def rows() -> dict[str, tuple[str, str, str]]:
    found = {}
    for line in PAGE.read_text(encoding="utf-8").splitlines():
        if line.startswith("| ") and not line.startswith(("| id ", "|---")):
            name, english, korean, meaning = (cell.strip() for cell in line.strip("| ").split(" | "))
            assert name not in found, f"{name} stands twice"
            found[name] = (english, korean, meaning)
    return found


def test_words_of_the_page_are_those_of_the_catalogue() -> None:
    english, korean = texts.load("en"), texts.load("ko")
    shared = [name for name in rows() if f"glossary.{name}" in english]
    assert len(shared) > 15
    for name in shared:
        assert rows()[name][:2] == (english[f"glossary.{name}"], korean[f"glossary.{name}"])


def test_every_word_has_both_languages_and_a_meaning() -> None:
    for name, cells in rows().items():
        assert all(cells), name
    assert {"visitor", "session", "touch", "channel", "stage", "order", "item"} <= set(rows())
