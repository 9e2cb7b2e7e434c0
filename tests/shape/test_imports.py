"""The shape of the house: imports go one way, the help stays light, the types ship."""

from __future__ import annotations

import ast
import json
import subprocess
import sys
from importlib import resources
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
SOURCE = ROOT / "src" / "afterclick"
HEAVY = {
    "duckdb",
    "jinja2",
    "llvmlite",
    "numba",
    "numpy",
    "pandas",
    "pyarrow",
    "rich.console",
    "scipy",
    "starlette",
    "uvicorn",
}


def python(*code: str, **options: object) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [sys.executable, "-c", "\n".join(code)],
        capture_output=True,
        text=True,
        timeout=120,
        check=False,
        **options,
    )


def test_import_contracts_hold() -> None:
    done = subprocess.run(
        [Path(sys.executable).with_name("lint-imports"), "--no-cache", "--no-logo"],
        cwd=ROOT,
        capture_output=True,
        text=True,
        timeout=120,
        check=False,
    )
    assert done.returncode == 0, done.stdout + done.stderr
    assert "0 broken" in done.stdout


@pytest.mark.parametrize("words", [["--help"], ["--version"], ["version"], ["mpa"]])
def test_help_imports_nothing_heavy(words: list[str]) -> None:
    done = python(
        "import json, sys",
        "from afterclick.surfaces.cli.main import group",
        "from click.testing import CliRunner",
        f"CliRunner().invoke(group, {words!r})",
        "print(json.dumps(sorted(sys.modules)))",
    )
    assert done.returncode == 0, done.stderr
    loaded = set(json.loads(done.stdout.splitlines()[-1]))
    assert not loaded & HEAVY
    assert "afterclick.surfaces.cli.main" in loaded


def test_importing_afterclick_is_light() -> None:
    done = python("import json, sys, afterclick", "print(json.dumps(sorted(sys.modules)))")
    assert done.returncode == 0, done.stderr
    assert not set(json.loads(done.stdout)) & HEAVY


def test_importing_every_module_warns_of_nothing() -> None:
    names = [
        ".".join(path.relative_to(SOURCE.parent).with_suffix("").parts).removesuffix(".__init__")
        for path in sorted(SOURCE.rglob("*.py"))
        if path.name != "__main__.py"
    ]
    done = subprocess.run(
        [
            sys.executable,
            "-W",
            "error",
            "-c",
            f"import importlib\nfor name in {names!r}: importlib.import_module(name)",
        ],
        capture_output=True,
        text=True,
        timeout=120,
        check=False,
    )
    assert done.returncode == 0, done.stderr[-2000:]


def test_pandas_is_never_imported_at_module_level() -> None:
    for path in SOURCE.rglob("*.py"):
        for node in ast.parse(path.read_text(encoding="utf-8")).body:
            names = [alias.name for alias in node.names] if isinstance(node, ast.Import) else []
            names += [node.module or ""] if isinstance(node, ast.ImportFrom) else []
            assert not any(name.partition(".")[0] in ("pandas", "polars") for name in names), path


def test_types_ship() -> None:
    assert (resources.files("afterclick") / "py.typed").is_file()


def test_every_module_says_why_it_exists() -> None:
    for path in SOURCE.rglob("*.py"):
        text = ast.get_docstring(ast.parse(path.read_text(encoding="utf-8")))
        assert text, f"{path} has no docstring"
        assert text.splitlines()[0].rstrip().endswith((".", ":")), f"{path}: {text.splitlines()[0]}"


def test_only_the_clock_reads_time() -> None:
    calls = {
        ("time", "time"),
        ("time", "time_ns"),
        ("datetime", "now"),
        ("datetime", "utcnow"),
        ("date", "today"),
    }
    for path in SOURCE.rglob("*.py"):
        if path == SOURCE / "core" / "clock.py":
            continue
        for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
            if isinstance(node, ast.Attribute):
                owner = node.value.attr if isinstance(node.value, ast.Attribute) else getattr(node.value, "id", "")
                assert (owner, node.attr) not in calls, f"{path}:{node.lineno} reads the time by itself"
