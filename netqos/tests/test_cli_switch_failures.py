"""The netqos command where the switch does not answer."""

import os
import subprocess

import pytest
from shared.cli import NETQOS, REFERENCE
from shared.cli_switch import NO_FINDING, environment, error, plug_taps, run, stopped

from vifkit_conformance.lab import Lab

pytestmark = pytest.mark.switch


@pytest.fixture
def lab(own_lab: Lab) -> Lab:
    """A switch with a bridge br0 and the ports tap1 and tap2."""
    return plug_taps(own_lab)


def test_a_dead_switch_leaves_the_rows_and_says_so(lab: Lab) -> None:
    said = "the rows are committed, but ovs-vswitchd is not answering: they are not yet in effect"
    with stopped(lab.ovs.vswitchd.pid):
        result = run(lab, "apply", "tap1", "-", "--timeout", "1", stdin=REFERENCE)
        assert error(result, 3) == said
        assert len(lab.ovs.rows("QoS")) == 1
        assert error(run(lab, "apply", "tap1", "-", "--timeout", "1", stdin=REFERENCE), 3) == said
    lab.ovs.wait_until_settled()
    assert run(lab, "verify").exit_code == 0


def test_a_server_that_hangs_is_unavailable_after_the_timeout(lab: Lab) -> None:
    with stopped(lab.ovs.ovsdb_server.pid):
        said = error(run(lab, "show", "--timeout", "1"), 3)
    assert lab.ovs.db in said


def test_a_server_that_ended_is_unavailable(lab: Lab) -> None:
    lab.ovs.ovsdb_server.kill()
    assert error(run(lab, "verify"), 3).startswith(f"no Open vSwitch database answers at {lab.ovs.db}")


@pytest.mark.parametrize(("arguments", "shown"), [(["apply", "tap1", "-"], True), (["show"], False)])
def test_only_long_work_shows_on_a_terminal(lab: Lab, arguments: list[str], shown: bool) -> None:
    controller, terminal = os.openpty()
    with stopped(lab.ovs.vswitchd.pid):
        subprocess.run(
            [NETQOS, *arguments, "--timeout", "2"],
            input=NO_FINDING.encode(),
            stdout=subprocess.DEVNULL,
            stderr=terminal,
            env=os.environ | environment(lab) | {"TERM": "xterm"},
            check=False,
        )
    os.close(terminal)
    with os.fdopen(controller, "rb", buffering=0) as screen:
        seen = b""
        try:
            while chunk := screen.read(65536):
                seen += chunk
        except OSError:  # the other end is closed, and all is read
            pass
    assert (b"waiting for Open vSwitch" in seen) == shown
