"""Register once, derive the rest: nothing goes around the Specs, and tables beside them agree with them."""

from __future__ import annotations

import ast
from pathlib import Path

import click
import pytest

import afterclick
from afterclick.app.questions import ALL
from afterclick.core import errors, i18n
from afterclick.core.spec import Spec, kinds
from afterclick.surfaces import docs
from afterclick.surfaces.cli.addresses import PAGES
from afterclick.surfaces.cli.commands import COMMANDS, QUESTIONS
from afterclick.surfaces.cli.main import group
from afterclick.surfaces.cli.views import PARTS, VIEWS

ROOT = Path(__file__).parents[2]
SURFACES = ROOT / "src" / "afterclick" / "surfaces"

PUBLIC = [
    "Affinities",
    "Alerts",
    "Attribution",
    "Backtest",
    "Barriers",
    "Boards",
    "Channels",
    "Data",
    "Doctor",
    "Drivers",
    "Event",
    "Feedback",
    "Funnel",
    "JourneyMap",
    "Kpi",
    "Lifecycle",
    "Onboarding",
    "Paths",
    "Personas",
    "Reconcile",
    "Referrals",
    "Repeat",
    "Result",
    "Retention",
    "RevenueChange",
    "Rewards",
    "Rfm",
    "SearchTerms",
    "Segment",
    "Segments",
    "StageDiscovery",
    "Stickiness",
    "Top",
    "Touchpoint",
    "Touchpoints",
    "Transitions",
    "Value",
    "Visitor",
    "Visitors",
    "Workspace",
    "__version__",
    "open",
]


def questions() -> dict[str, type[Spec]]:
    return {word: spec for word, spec in kinds().items() if spec.__module__.startswith("afterclick.")}


def test_public_names_are_pinned() -> None:
    assert sorted(afterclick.__all__) == PUBLIC
    for name in PUBLIC:
        assert getattr(afterclick, name)


def test_the_table_of_questions_is_the_registry() -> None:
    # doctor is a command of its own: it asks with the whole store in scope, whatever the defaults of a question are.
    asked = {word: spec for word, spec in questions().items() if word not in COMMANDS}
    assert {word: f"{spec.__module__}:{spec.__qualname__}" for word, spec in asked.items()} == {
        word: entry.place for word, entry in QUESTIONS.items()
    }
    assert {word: spec.title() for word, spec in asked.items()} == {
        word: entry.help for word, entry in QUESTIONS.items()
    }
    assert set(questions().values()) == set(ALL)


def test_the_table_of_commands_is_the_commands() -> None:
    context = click.Context(group, info_name="afterclick")
    for name, entry in COMMANDS.items():
        command = group.get_command(context, name)
        assert command is not None
        assert command.name == name
        assert (command.help or "").splitlines()[0] == entry.help


def test_what_a_terminal_shows_beside_an_answer_has_a_heading() -> None:
    for name, view in (*VIEWS.items(), *PARTS.items()):
        for lang in ("en", "ko"):
            assert not view.also or i18n.text(lang, f"cli.also_{view.also}"), name


def test_views_and_pages_are_of_questions() -> None:
    assert set(VIEWS) <= set(questions())
    assert set(PAGES) <= set(questions())


@pytest.mark.parametrize("path", sorted(SURFACES.rglob("*.py")), ids=lambda path: str(path.relative_to(SURFACES)))
def test_no_surface_names_a_field_of_a_question(path: Path) -> None:
    """No `spec.within`, no `JourneyMap(within=...)`, no "--within", no "new_on_campaign" in any surface."""
    own = {field.name for spec in questions().values() for field in spec.fields() if not field.scope}
    scope = {field.name for spec in questions().values() for field in spec.fields() if field.scope}
    unmistakable = {name for name in own | scope if "_" in name} | {f"--{name.replace('_', '-')}" for name in own}
    kinds_by_name = {spec.__name__ for spec in questions().values()}
    for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
        if (
            isinstance(node, ast.Attribute)
            and isinstance(node.value, ast.Name)
            and node.value.id in ("spec", "question")
        ):
            assert node.attr not in own | scope, f"{path.name}:{node.lineno} reads the field {node.attr}"
        if isinstance(node, ast.Call) and getattr(node.func, "id", "") in kinds_by_name:
            assert not node.keywords, f"{path.name}:{node.lineno} names a field"
        if isinstance(node, ast.Constant) and isinstance(node.value, str):
            assert node.value not in unmistakable - FRAME, f"{path.name}:{node.lineno} names {node.value}"


FRAME = {"as_of", "id", "--id", "--role", "--source", "--seed"}
"""Fields that are also what every answer states in `about`, by the same name; rows and elements have an `id` too, keys a
role and a source, trials of promises a seed."""


def test_the_reference_is_current() -> None:
    folder = ROOT / "docs" / "reference"
    written = {path.name: path.read_text(encoding="utf-8") for path in folder.glob("*.md")}
    assert written == docs.pages(), "run `make docs`"


def test_every_error_has_its_words() -> None:
    page = docs.pages()["errors.md"]
    tree = [errors.AfterclickError]
    while tree:
        kind = tree.pop()
        tree += kind.__subclasses__()
        if kind.__module__ == "afterclick.core.errors":
            assert f"`{kind.__name__}`" in page
            assert kind.exit_code in (1, 2, 3)


def test_markdown_links_lead_somewhere() -> None:
    for page in [*ROOT.glob("*.md"), *(ROOT / "docs").rglob("*.md")]:
        for target in _links(page.read_text(encoding="utf-8")):
            assert (page.parent / target).exists(), f"{page.relative_to(ROOT)} links to {target}"


def _links(text: str) -> list[str]:
    found = [part.partition(")")[0].partition("#")[0] for part in text.split("](")[1:]]
    return [target for target in found if target and "://" not in target]
