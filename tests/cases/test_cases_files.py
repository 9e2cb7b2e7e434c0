"""Cases of section F about what comes from outside as a file, a name of a file, or a package."""

from __future__ import annotations

import gzip
import importlib.metadata
import json
import platform
import re
import subprocess
import sys
import tomllib
from pathlib import Path

import pytest
from packaging.requirements import Requirement

import afterclick
from support.served import served

ROOT = Path(__file__).parents[2]
HEAD = "timestamp,event,anonymous_id\n"
ROW = "2026-09-01T00:00:00Z,Page Viewed,a\n"

_IMPORT = """
import resource, sys, afterclick
from afterclick.core.errors import InputError
used = lambda: resource.getrusage(resource.RUSAGE_SELF).ru_maxrss >> 10
with afterclick.open(sys.argv[2], write=True, create=True) as shop:
    shop.import_files(sys.argv[3])
    before = used()
    try:
        shop.import_files(sys.argv[1])
        print("imported", used() - before)
    except InputError as error:
        print(type(error).__name__, used() - before, error)
"""


@pytest.mark.skipif(platform.system() != "Linux", reason="memory is told in other units")
def test_case_94_a_packed_line_of_a_gigabytes_share_is_refused_in_bounded_memory(tmp_path: Path) -> None:
    bomb, fine = tmp_path / "bomb.csv.gz", tmp_path / "fine.csv"
    fine.write_text(HEAD + ROW)
    with gzip.open(bomb, "wb", compresslevel=1) as file:
        file.write(HEAD.encode())
        for _ in range(256):
            file.write(b"x" * (1 << 20))
    assert bomb.stat().st_size < 2 << 20
    done = subprocess.run(
        [sys.executable, "-c", _IMPORT, str(bomb), str(tmp_path / "shop"), str(fine)],
        check=True, capture_output=True, text=True, timeout=60,
    )  # fmt: skip
    kind, grown, said = done.stdout.split(maxsplit=2)
    assert (kind, int(grown) < 400) == ("InputError", True), done.stdout
    assert "row 1" in said
    assert "bomb.csv.gz" in said


TRAVERSALS = ("../../etc/passwd", "/etc/passwd", "..%2f..%2fetc%2fpasswd", "..\\..\\etc\\passwd", "a\x00b")


def test_case_94_no_name_that_was_given_leads_out_of_the_store(tmp_path: Path) -> None:
    (tmp_path / "rows.csv").write_text(HEAD + ROW)
    path, outside = tmp_path / "in" / "shop", set(tmp_path.iterdir())
    with served(path) as server:
        shop = server.live.shop
        for number, name in enumerate(TRAVERSALS):
            sent = "".join(letter if letter.isprintable() else "%00" for letter in name).replace("\\", "%5c")
            for address in (f"/static/{sent}", f"/{sent}", f"/api/{sent}.json", f"/v1/projects/{sent}/settings"):
                answer = server.ask("GET", address)
                assert answer.status in (400, 401, 404, 422), address
                assert b"root:" not in answer.body
            event = {"type": "track", "event": name, "userId": name, "messageId": f"{name}-{number}"}
            assert server.send("/v1/track", {**event, "properties": {name: name}}).status == 200
            shop.store.seal(server.live.tail)
            called = name.replace("\0", "")
            shop.segments.save(f"named {called}", "visitor.sessions >= 1")
            shop.segments.take("visitor.sessions >= 1", f"list {called}")
    with afterclick.open(path, write=True) as shop:
        for name in TRAVERSALS[:4]:
            shop.import_files(tmp_path / "rows.csv", source=name)
    files = [file for file in path.rglob("*") if file.is_file()]
    assert files
    assert all(file.resolve().is_relative_to(path) for file in files)
    assert not [file for file in files if re.search(r"passwd|etc", file.name)]
    assert set(tmp_path.iterdir()) == outside | {path.parent}
    assert list(path.parent.iterdir()) == [path]


REVIEWED = frozenset({
    "anyio", "babel", "cffi", "click", "cryptography", "duckdb", "google-re2", "h11", "http-ece", "httptools", "idna",
    "importlib-resources", "jinja2", "llvmlite", "markdown-it-py", "markupsafe", "mdurl", "msgspec", "nh3", "numba",
    "numpy", "pyarrow", "pycparser", "pygments", "python-dateutil", "python-liquid", "pytz", "rich", "scipy", "six",
    "starlette", "typing-extensions", "tzdata", "uvicorn", "uvloop",
})  # fmt: skip
"""Every package that an install brings, by the name it has in the index. A new one is looked at before it is written here."""


def test_case_101_an_install_brings_reviewed_packages_alone_and_none_of_them_runs_a_script() -> None:
    """A name that only looks like one of these fails here. Known holes are told by an index, which a test cannot ask."""
    project = tomllib.loads((ROOT / "pyproject.toml").read_text("utf-8"))["project"]
    waiting, seen = list(project["dependencies"]), {}
    while waiting:
        wanted = Requirement(waiting.pop())
        name = re.sub(r"[-_.]+", "-", wanted.name).lower()
        if name in seen or (wanted.marker is not None and not wanted.marker.evaluate({"extra": ""})):
            continue
        assert wanted.url is None, f"{name} comes from no index"
        seen[name] = importlib.metadata.distribution(name)
        waiting += seen[name].requires or []
    assert seen.keys() <= REVIEWED, f"not reviewed: {sorted(seen.keys() - REVIEWED)}"
    assert REVIEWED - seen.keys() <= {"typing-extensions", "uvloop"}, "reviewed and gone: take it off the list"
    for name, distribution in seen.items():
        # A wheel is unpacked; only what is built on the spot could run code while it is installed.
        assert distribution.read_text("WHEEL"), f"{name} was not installed from a wheel"
        assert "direct_url.json" not in {file.name for file in distribution.files or ()}, f"{name} comes from no index"
    build = tomllib.loads((ROOT / "pyproject.toml").read_text("utf-8"))["build-system"]
    assert [Requirement(one).name for one in build["requires"]] == ["hatchling"]
    assert not json.loads((ROOT / "tests/sdk/package.json").read_text("utf-8")).get("scripts"), "npm would run them"
