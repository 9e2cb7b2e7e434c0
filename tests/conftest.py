"""House rules of every test run: in CI nothing that was selected may skip."""

from __future__ import annotations

import os

import hypothesis
import pytest

hypothesis.settings.register_profile("house", deadline=None, print_blob=True)
hypothesis.settings.load_profile("house")


class NothingSkips:
    """Fails a run in which something selected was skipped, so that green means: all of it ran."""

    def __init__(self) -> None:
        self.skipped: list[str] = []

    def pytest_runtest_logreport(self, report: pytest.TestReport) -> None:
        if report.skipped and not hasattr(report, "wasxfail"):
            self.skipped.append(report.nodeid)

    def pytest_collectreport(self, report: pytest.CollectReport) -> None:
        if report.skipped:
            self.skipped.append(report.nodeid)

    def pytest_sessionfinish(self, session: pytest.Session) -> None:
        if self.skipped and session.exitstatus in (pytest.ExitCode.OK, pytest.ExitCode.NO_TESTS_COLLECTED):
            session.exitstatus = pytest.ExitCode.TESTS_FAILED

    def pytest_terminal_summary(self, terminalreporter: pytest.TerminalReporter) -> None:
        for name in self.skipped:
            terminalreporter.write_line(f"FAILED, since CI is set and this was skipped: {name}", red=True)


def pytest_configure(config: pytest.Config) -> None:
    """With CI=true, and only in the process that reports, skips are failures."""
    if os.environ.get("CI", "").lower() in ("true", "1") and not hasattr(config, "workerinput"):
        config.pluginmanager.register(NothingSkips(), "nothing-skips")
