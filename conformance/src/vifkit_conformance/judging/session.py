"""The plugin that gathers what every worker saw, judges it, and fails a run that proves nothing."""

import time
from collections import defaultdict
from collections.abc import Generator, Mapping
from contextlib import suppress
from dataclasses import asdict
from datetime import UTC, datetime
from functools import cached_property
from typing import TYPE_CHECKING, Any

import pytest

from . import evidence
from .ids import test_id

if TYPE_CHECKING:
    from vifkit import Connection, Driver
    from vifkit_conformance.guest import Guests
    from vifkit_conformance.testbed import Testbed

    from .profiles import Profile
    from .verdicts import Verdict

NAME = "vifkit-judge"


class Judge:
    """In a worker it hands on what the tests see; in the process that the user started it judges."""

    NAME = NAME

    def __init__(self, config: pytest.Config) -> None:
        self.config = config
        self.started = datetime.now(UTC)
        self._began = time.monotonic()
        self.tests: dict[str, str] = {}
        """Every test of the suite that was collected, by its node id, selected or not."""
        self.selected: set[str] = set()
        """The ids of those that were to be run."""
        self.facts: dict[str, Any] = {}
        """What is judged: names, versions and capabilities."""
        self._reports: dict[str, list[pytest.TestReport]] = defaultdict(list)
        self._crashed: list[pytest.TestReport] = []

    @property
    def seconds(self) -> float:
        """How long the run has lasted."""
        return time.monotonic() - self._began

    @cached_property
    def verdicts(self) -> list["Verdict"]:
        """One verdict on each test that was run; only when all of them were."""
        from .verdicts import settle, verdict

        for report in self._crashed:
            self._reports[self.tests.get(report.nodeid, report.nodeid)].append(report)
        ended = self._ended
        return settle(verdict(test, reports) for test, reports in self._reports.items() if test in ended)

    @cached_property
    def profiles(self) -> list["Profile"]:
        """The result for each profile."""
        from .profiles import results

        expected, version = list(self.tests.values()), self.config.getoption("--suite-version")
        if version is not None:
            from .versions import of_version

            expected = of_version(expected, version)
        return results(self.verdicts, expected, self.facts.get("capabilities", {}))

    def learn(self, driver: "Driver", testbed: "Testbed", connection: "Connection") -> None:
        """Note once what is judged; what the driver cannot say is for its tests to find."""
        if self.facts:
            return
        from ..environment import distribution

        self.facts = {"driver": driver.name, "testbed": type(testbed).__name__}
        self.facts["package"] = distribution(type(driver))
        self.facts["tools"] = {name: list(argv) for name, argv in testbed.tools.items()}
        self.facts["judged_on"] = testbed.judged_on
        with suppress(Exception):
            self.facts["hypervisor"] = connection.version()
        with suppress(Exception):
            self.facts["capabilities"] = _plain(asdict(connection.capabilities))

    @pytest.hookimpl(wrapper=True)
    def pytest_pycollect_makeitem(self) -> Generator[None, Any, Any]:
        """Note every test, before anything is left out."""
        made = yield
        for item in made if isinstance(made, list) else [made]:
            if (test := test_id(item)) is not None:
                self.tests[item.nodeid] = test
        return made

    @property
    def unreached(self) -> set[str]:
        """The tests that were to be run, and were not, or not to their end."""
        return self.selected - self._ended

    @property
    def _ended(self) -> set[str]:
        ended = {test for test, reports in self._reports.items() if any(each.when == "teardown" for each in reports)}
        return ended | {self.tests.get(report.nodeid, report.nodeid) for report in self._crashed}

    def pytest_collection_finish(self, session: pytest.Session) -> None:
        """Note what is to be run."""
        if not session.config.option.collectonly:
            self.selected = {test for item in session.items if (test := test_id(item)) is not None}

    @pytest.hookimpl(tryfirst=True)
    def pytest_runtest_setup(self, item: pytest.Item) -> None:
        """Begin a test without what the last one saw."""
        evidence.begin()

    @pytest.hookimpl(wrapper=True, tryfirst=True)
    def pytest_runtest_makereport(
        self, item: pytest.Item, call: pytest.CallInfo[None]
    ) -> Generator[None, pytest.TestReport, pytest.TestReport]:
        """Give the report the test's id, and at its end what was seen."""
        report = yield
        if (test := test_id(item)) is None:
            return report
        if report.skipped and call.excinfo is not None:
            from .declared import note_again

            note_again(call.excinfo.value)
        if report.failed and call.when == "call":
            _look(getattr(item, "funcargs", {}).get("guest"))
        if report.failed:
            from ..report.seen import add_section

            add_section(item, report, test)
        # Whatever is set on a report, in plain values, goes with it to who has started the worker.
        report.vifkit = {"test": test, "evidence": evidence.seen() if call.when == "teardown" else []}  # type: ignore[attr-defined]
        return report

    def pytest_runtest_logreport(self, report: pytest.TestReport) -> None:
        """Keep a report; one that a worker's death has cut short says only its node id."""
        noted: dict[str, Any] | None = getattr(report, "vifkit", None)
        if noted is not None:
            self._reports[noted["test"]].append(report)
        elif str(report.when) == "???":  # xdist's word for a test whose worker has died
            self._crashed.append(report)

    @pytest.hookimpl(optionalhook=True)
    def pytest_testnodedown(self, node: Any) -> None:
        """Take over what a worker has noted."""
        noted = getattr(node, "workeroutput", {}).get(NAME, {"tests": {}, "selected": [], "facts": {}})
        self.tests |= noted["tests"]
        self.selected |= set(noted["selected"])
        self.facts = self.facts or noted["facts"]

    @pytest.hookimpl(trylast=True)
    def pytest_sessionfinish(self, session: pytest.Session) -> None:
        """Hand on what was noted, or fail a run of the suite that judged nothing."""
        if hasattr(self.config, "workeroutput"):
            noted = {"tests": self.tests, "selected": sorted(self.selected), "facts": self.facts}
            self.config.workeroutput[NAME] = noted
        elif session.exitstatus == pytest.ExitCode.OK and (self._is_idle() or self._failures() or self.unreached):
            session.exitstatus = pytest.ExitCode.TESTS_FAILED

    def pytest_terminal_summary(self, terminalreporter: "pytest.TerminalReporter") -> None:
        """Say what the run proves."""
        if self.unreached:
            said = f"{len(self.unreached)} tests were to be run, and were not reached"
            terminalreporter.write_line(said, red=True)
        if not self._reports:
            return
        terminalreporter.section("profiles")
        for profile in self.profiles:
            terminalreporter.write_line(_said(profile))
        if self._is_idle():
            reasons = sorted({each.reason for each in self.verdicts})
            terminalreporter.write_line(f"nothing was judged, which is a failure: {'; '.join(reasons)}", red=True)
        for each in self._failures():
            if each.said == "":
                terminalreporter.write_line(f"{each.test} {each.reason}, which is a failure", red=True)

    def _failures(self) -> list["Verdict"]:
        return [each for each in self.verdicts if each.outcome.value == "failed"] if self._reports else []

    def _is_idle(self) -> bool:
        return bool(self._reports) and not any(each.outcome.judged for each in self.verdicts)


def _look(guests: "Guests | None") -> None:
    """Note the rows and the trees of a failed test's vifs, whatever state they are in."""
    if guests is not None:
        with suppress(Exception):
            guests.look()


def _said(profile: "Profile") -> str:
    counts = [f"{count} {outcome.value}" for outcome, count in profile.counts.items() if count]
    if profile.unseen:
        counts.append(f"{len(profile.unseen)} not selected")
    return f"{profile.name:<16} {profile.result.value:<12} {', '.join(counts)}".rstrip()


def _plain(values: Mapping[str, Any]) -> dict[str, Any]:
    return {key: getattr(value, "value", value) for key, value in values.items()}
