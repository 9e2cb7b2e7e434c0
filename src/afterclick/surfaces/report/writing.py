"""A report from an open store to a file: every question asked once, the whole file written at once."""

from __future__ import annotations

import os
from collections.abc import Iterable
from pathlib import Path
from typing import Any, Protocol

from afterclick.core.errors import NotEnoughData, UsageError
from afterclick.core.result import Result
from afterclick.core.said import Said
from afterclick.core.spec import Spec
from afterclick.surfaces import presenting
from afterclick.surfaces.report import outline as outlines
from afterclick.surfaces.report import written
from afterclick.surfaces.report.document import document
from afterclick.surfaces.report.outline import Outline


class Shop(Protocol):
    """Who answers the questions of a report."""

    def ask(self, spec: Spec) -> Result:
        """The answer. Raises AfterclickError."""
        ...

    def info(self) -> dict[str, Any]:
        """name, example, timezone, currency, language, last_at, fingerprint."""
        ...


def write(
    shop: Shop,
    path: str | Path,
    source: str | Path | None = None,
    *,
    pages: Iterable[str] = (),
    title: str = "",
    lang: str = "",
    people: bool = False,
    **scope: Any,
) -> Path:
    """Write the report to `path`; see `Workspace.report` for what the arguments mean."""
    pairs = pairs_of(scope)
    made = outline(source, pages, pairs, title=title, lang=lang, people=people)
    target = Path(path)
    text = render(shop, made)
    # A report that is being read must never be half of a new one.
    beside = target.with_name(f".{target.name}.part")
    try:
        beside.write_text(text, encoding="utf-8")
        os.replace(beside, target)
    finally:
        beside.unlink(missing_ok=True)
    return target


def outline(
    source: str | Path | None,
    pages: Iterable[str],
    pairs: outlines.Pairs,
    *,
    title: str = "",
    lang: str = "",
    people: bool = False,
) -> Outline:
    """What the report holds: of a file, or of pages. Raises UsageError where both are given."""
    names = [pages] if isinstance(pages, str) else list(pages)
    names = [name.strip() for each in names for name in each.split(",") if name.strip()]
    if source is None:
        return outlines.of_pages(names, pairs, title=title, lang=presenting.language(lang), people=people)
    if names:
        raise UsageError(
            Said("refusals.file_or_pages"), hint=Said("refusals.pages_in_file")
        )
    return written.read(Path(source), pairs, title=title, lang=lang, people=people)


def render(shop: Shop, made: Outline) -> str:
    """The file's text. A card without data says so; only where all lack it NotEnoughData is raised."""
    answers: dict[str, Result | NotEnoughData] = {}
    for key, spec in made.specs().items():
        try:
            answers[key] = shop.ask(spec)
        except NotEnoughData as problem:
            answers[key] = problem
    lacking = [found for found in answers.values() if isinstance(found, NotEnoughData)]
    if lacking and len(lacking) == len(answers):
        raise lacking[0]
    return document(made, answers, shop.info(), presenting.language(made.lang))


def pairs_of(scope: dict[str, Any]) -> list[tuple[str, str]]:
    """Fields as the texts of an address: a tuple or list repeats its name."""
    return [
        (name, str(item).lower() if isinstance(item, bool) else str(item))
        for name, value in scope.items()
        for item in (value if isinstance(value, list | tuple) else [value])
    ]
