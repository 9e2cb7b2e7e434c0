"""Nothing that is selected in CI may skip: the hook that says so is itself tried out."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

CONFTEST = Path(__file__).parents[1] / "conftest.py"

PASSES = "def test_fine():\n    assert True\n"
SKIPS = f"import pytest\n{PASSES}@pytest.mark.skip(reason='no data')\ndef test_other():\n    assert False\n"
SKIPS_WHOLE = "import pytest\npytest.skip('no browser', allow_module_level=True)\n"
XFAILS = f"import pytest\n{PASSES}@pytest.mark.xfail\ndef test_other():\n    assert False\n"


def run(folder: Path, text: str, ci: str, *flags: str) -> subprocess.CompletedProcess[str]:
    shutil.copy(CONFTEST, folder / "conftest.py")
    (folder / "pytest.ini").write_text("[pytest]\n")
    (folder / "test_it.py").write_text(text)
    (folder / "test_fine.py").write_text(PASSES)
    return subprocess.run(
        [sys.executable, "-m", "pytest", "-q", "-p", "no:cacheprovider", *flags, str(folder)],
        env={**os.environ, "CI": ci},
        cwd=folder,
        capture_output=True,
        text=True,
        timeout=120,
        check=False,
    )


@pytest.mark.parametrize(
    ("text", "flags"),
    [(SKIPS, ()), (SKIPS, ("-n", "2")), (SKIPS_WHOLE, ("-n", "2"))],
    ids=["test", "test on a worker", "module on a worker"],
)
def test_a_skip_fails_the_run_in_ci(tmp_path: Path, text: str, flags: tuple[str, ...]) -> None:
    done = run(tmp_path, text, "true", *flags)
    assert done.returncode == pytest.ExitCode.TESTS_FAILED, done.stdout
    assert "since CI is set and this was skipped: test_it.py" in done.stdout


@pytest.mark.parametrize(("text", "ci"), [(SKIPS, ""), (PASSES, "true"), (XFAILS, "true")])
def test_otherwise_the_run_passes(tmp_path: Path, text: str, ci: str) -> None:
    done = run(tmp_path, text, ci)
    assert done.returncode == pytest.ExitCode.OK, done.stdout
