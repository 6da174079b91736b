"""`--keep-lab`: the first test that fails leaves its lab as it is, with a shell in it, until that is left."""

import os
import sys
from typing import Any

import pytest

from .judging.ids import test_id

_WELCOME = """
vifkit: {test} has failed. Its lab is kept, with all that the test has made, until you leave this shell.

Try:
  ovs-vsctl show
  netqos show
  tc class show dev PORT
"""


class KeptLab:
    """The plugin of a run that a person watches. Raises pytest.UsageError where nobody does."""

    def __init__(self, config: pytest.Config) -> None:
        if config.getoption("numprocesses", None) or not (sys.stdout.isatty() and _is_in_the_foreground()):
            raise pytest.UsageError("--keep-lab opens a shell: it needs a terminal, and no workers (-n)")

    def pytest_exception_interact(
        self, node: pytest.Item | pytest.Collector, report: pytest.CollectReport | pytest.TestReport
    ) -> None:
        """Open a shell before anything of the test is taken down, and then end the run."""
        from .lab import Lab
        from .lab.shell import run_in

        test, made = test_id(node), getattr(node, "funcargs", {}).get("observer")
        if test is None or not isinstance(made, Lab) or report.when == "teardown":
            return
        hangs: Any = node.config.pluginmanager.get_plugin("vifkit-hangs")
        if hangs is not None:
            hangs.rest()
        capture: Any = node.config.pluginmanager.get_plugin("capturemanager")
        capture.suspend(in_=True)
        try:
            run_in(made, welcome=f"\n{report.longreprtext}\n{_WELCOME.format(test=test)}")
        finally:
            capture.resume()
        node.session.shouldfail = "the lab of the first failure was kept"


def _is_in_the_foreground() -> bool:
    """Tell whether keys that are pressed come to us; pytest has put something else in the place of our input."""
    try:
        terminal = os.open("/dev/tty", os.O_RDWR | os.O_NOCTTY | os.O_CLOEXEC)
    except OSError:
        return False
    try:
        return os.tcgetpgrp(terminal) == os.getpgrp()
    finally:
        os.close(terminal)
