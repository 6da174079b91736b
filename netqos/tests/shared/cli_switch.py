"""The netqos command, run on the switch of a lab."""

import json
import os
import signal
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

from click.testing import CliRunner, Result

from netqos.cli import main
from vifkit_conformance.lab import Lab, tap

NO_FINDING = '<bandwidth><inbound average="512"/></bandwidth>'
LEAF = (
    "class htb 1:1 parent 1:fffe prio 0 quantum 51200 rate 4096Kbit ceil 8192Kbit linklayer ethernet "
    "burst 32Kb/1 mpu 60b cburst 32Kb/1 mpu 60b level 0 "
)


def plug_taps(lab: Lab) -> Lab:
    """Make the ports tap1 and tap2."""
    for name in ("tap1", "tap2"):
        lab.enter(tap(lab.host, name))
    lab.ovs.vsctl("add-port", "br0", "tap1", "--", "add-port", "br0", "tap2")
    return lab


def environment(lab: Lab) -> dict[str, str]:
    return {"NETQOS_DB": lab.ovs.db, "NETQOS_NETNS": lab.host.path}


def run(lab: Lab, *arguments: str, stdin: str = "") -> Result:
    result = CliRunner().invoke(main, arguments, input=stdin, env=environment(lab))
    assert isinstance(result.exception, SystemExit | None), result.exception
    return result


def in_json(lab: Lab, *arguments: str, stdin: str = "", status: int = 0) -> Any:
    result = run(lab, *arguments, "--json", stdin=stdin)
    assert (result.exit_code, result.stderr) == (status, "")
    return json.loads(result.stdout)


def error(result: Result, status: int) -> str:
    """The one line on standard error of a command that failed and printed nothing else."""
    assert (result.exit_code, result.stdout) == (status, ""), result.stderr
    assert result.stderr.startswith("netqos: ") and result.stderr.count("\n") == 1
    return result.stderr.removeprefix("netqos: ").rstrip("\n")


def classes(lab: Lab, device: str) -> list[str]:
    return lab.host.run("tc", "-d", "class", "show", "dev", device).splitlines()


def foreign_qos(lab: Lab, port: str) -> str:
    """Put somebody else's QoS on a port, and return its UUID."""
    create = ["--id=@q", "create", "QoS", "type=linux-htb", "other_config:max-rate=1000000"]
    return lab.ovs.vsctl("set", "Port", port, "qos=@q", "--", *create).strip()


@contextmanager
def stopped(pid: int) -> Iterator[None]:
    os.kill(pid, signal.SIGSTOP)
    try:
        yield
    finally:
        os.kill(pid, signal.SIGCONT)
