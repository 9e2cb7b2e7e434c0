"""The wheel a user installs: built, put into a clean environment, asked a question outside the repository."""

from __future__ import annotations

import json
import os
import subprocess
import sys
import venv
import zipfile
from email.parser import Parser
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]

pytestmark = [pytest.mark.slow, pytest.mark.timeout(900)]

ROWS = """timestamp,anonymous_id,event,url,order_id,revenue
2026-09-01T09:00:00Z,a1,Page Viewed,https://shop.example/,,
2026-09-01T09:01:00Z,a1,Product Added,https://shop.example/cart,,
2026-09-01T09:02:00Z,a1,Order Completed,https://shop.example/thanks,o1,12.50
2026-09-01T10:00:00Z,a2,Page Viewed,https://shop.example/,,
"""


def call(*words: object, cwd: Path, timeout: int = 600) -> str:
    environ = {name: value for name, value in os.environ.items() if not name.startswith(("PYTHON", "AFTERCLICK"))}
    done = subprocess.run(
        [str(word) for word in words],
        cwd=cwd,
        env={**environ, "PIP_DISABLE_PIP_VERSION_CHECK": "1"},
        capture_output=True,
        text=True,
        timeout=timeout,
        check=False,
    )
    assert done.returncode == 0, f"{words}\n{done.stdout}\n{done.stderr}"
    return done.stdout


@pytest.fixture(scope="module")
def wheel(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("dist")
    call(sys.executable, "-m", "pip", "wheel", "--no-deps", "--quiet", "--wheel-dir", folder, ROOT, cwd=folder)
    (found,) = folder.glob("afterclick-*.whl")
    return found


@pytest.fixture(scope="module")
def installed(wheel: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The bin folder of a clean environment with the wheel and what it names as needed, nothing else."""
    folder = tmp_path_factory.mktemp("clean")
    venv.create(folder / "venv", with_pip=True)
    bin_folder = folder / "venv" / "bin"
    call(bin_folder / "python", "-m", "pip", "install", "--quiet", wheel, cwd=folder, timeout=900)
    return bin_folder


def test_what_the_wheel_holds(wheel: Path) -> None:
    with zipfile.ZipFile(wheel) as archive:
        names = set(archive.namelist())
        meta = next(name for name in names if name.endswith("METADATA"))
        head = Parser().parsestr(archive.read(meta).decode())
    source = ROOT / "src"
    for path in source.joinpath("afterclick").rglob("*"):
        if path.is_file() and path.suffix != ".pyc":
            assert str(path.relative_to(source)) in names, f"{path} is not shipped"
    assert "afterclick/py.typed" in names
    assert {Path(name).parts[0] for name in names} == {"afterclick", meta.partition("/")[0]}
    assert any(name.endswith("licenses/LICENSE") for name in names)
    assert any(name.endswith("licenses/NOTICE") for name in names)
    assert head["License-Expression"] == "Apache-2.0"
    assert head["Requires-Python"] == ">=3.11"
    assert "What happens after the click" in (head.get_payload() or "") or head["Description-Content-Type"]


def test_installed_wheel_imports_and_answers(installed: Path, tmp_path: Path) -> None:
    afterclick = installed / "afterclick"
    assert call(afterclick, "--version", cwd=tmp_path).startswith("afterclick 0.")
    place = call(installed / "python", "-c", "import afterclick; print(afterclick.__file__)", cwd=tmp_path)
    assert str(ROOT) not in place
    (tmp_path / "events.csv").write_text(ROWS)
    call(afterclick, "import", "events.csv", "--store", "shop", cwd=tmp_path)
    found = json.loads(call(afterclick, "map", "--store", "shop", "--range", "all", "--format", "json", cwd=tmp_path))
    assert found["figures"]["visitors"] == 2
    assert found["figures"]["orders"] == 1
    assert found["figures"]["revenue"] == 12.5
