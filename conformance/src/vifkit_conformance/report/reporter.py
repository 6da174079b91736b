"""The plugin that writes the report of a run at its end, in the process that the user started."""

from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from ..judging.complaint import PROPERTY

if TYPE_CHECKING:
    from ..judging.session import Judge


class Reporter:
    """Finds out at once whether the folder can be written to. Raises pytest.UsageError, in one line."""

    def __init__(self, judge: "Judge", folder: Path) -> None:
        from .files import prepare

        self.judge = judge
        self.folder = folder.absolute()
        self.page: Path | None = None
        self.error = ""
        self.complaints: list[str] = []
        try:
            prepare(self.folder)
        except OSError as error:
            raise pytest.UsageError(f"--vifkit-report {folder}: {error.strerror}") from error

    def pytest_collectreport(self, report: pytest.CollectReport) -> None:
        """Note what could not be collected."""
        if report.failed:
            self.complaints.append(f"{report.nodeid}: not collected")

    def pytest_runtest_logreport(self, report: pytest.TestReport) -> None:
        """Note what is wrong with the run itself."""
        self.complaints += [str(said) for name, said in report.user_properties if name == PROPERTY]

    @pytest.hookimpl(trylast=True)
    def pytest_sessionfinish(self, session: pytest.Session) -> None:
        """Write the report; what cannot be written fails the run."""
        if session.config.option.collectonly:
            return
        if session.exitstatus in (pytest.ExitCode.INTERRUPTED, pytest.ExitCode.INTERNAL_ERROR):
            self.complaints.append("the run was interrupted")
        if self.judge.unreached:
            self.complaints.append(f"{len(self.judge.unreached)} tests were to be run, and were not reached")
        from .files import write
        from .run import of_session

        try:
            self.page = write([of_session(self.judge, session.config, self.complaints)], self.folder)
        except OSError as error:
            self.error = f"no report: {error.filename or self.folder}: {error.strerror}"
            session.exitstatus = session.exitstatus or pytest.ExitCode.TESTS_FAILED

    @pytest.hookimpl(trylast=True)
    def pytest_terminal_summary(self, terminalreporter: pytest.TerminalReporter) -> None:
        """Say where it is."""
        if self.error:
            terminalreporter.write_line(self.error, red=True)
        elif self.page is not None:
            terminalreporter.write_line(f"report: {self.page}")
