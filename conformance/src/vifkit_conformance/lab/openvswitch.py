"""An Open vSwitch of one's own: database server, switch and run directory, inside one namespace."""

import os
import re
import socket
import time
from functools import cache
from pathlib import Path
from typing import Any, Self

from netqos.rpc import Rpc
from vifkit import BackendError

from .command import run
from .errors import LabError, LabUnavailableError
from .namespace import Namespace
from .process import Daemon, spawn
from .schema import Row, plain_row, schema_file, tables
from .waiting import until

_PLACES = ("OVS_RUNDIR", "OVS_LOGDIR", "OVS_DBDIR", "OVS_SYSCONFDIR")
_SECONDS = 30

# In the first ten seconds after a boot Open vSwitch counts no processor (count_cpu_cores in lib/ovs-thread.c), and then
# never starts a thread that would answer the kernel's datapath.
_COUNTED_SECONDS = 10.5


class OpenVSwitch:
    """A running ovsdb-server and ovs-vswitchd that meet no others.

    Their sockets, logs and database are in `directory`. `db` is the database's address for a driver,
    ``unix:DIRECTORY/db.sock``; `env` makes Open vSwitch's own tools look there. `ovsdb_server` and
    `vswitchd` may be stopped, killed and started again. Raises `LabUnavailableError` if Open vSwitch is not
    installed, and `LabError` with the end of the log if a daemon does not start.
    """

    ovsdb_server: Daemon
    vswitchd: Daemon

    def __init__(self, namespace: Namespace, directory: Path) -> None:
        self.namespace = namespace
        self.directory = directory
        self.db = f"unix:{directory}/db.sock"
        self.env = {**os.environ, **dict.fromkeys(_PLACES, str(directory))}
        self.version = installed_version()
        self._started: list[Daemon] = []
        try:
            run(["ovsdb-tool", "create", f"{directory}/conf.db", str(schema_file())], env=self.env)
            self.start_ovsdb_server()
            # On a host it is ovs-ctl that writes the version; drivers read it there.
            self.vsctl("--no-wait", "init", "--", "set", "Open_vSwitch", ".", f"ovs_version={self.version}")
            self.start_vswitchd()
        except BaseException:
            self.close()
            raise

    @property
    def version_info(self) -> tuple[int, ...]:
        """The version as figures that compare: (3, 1, 0)."""
        return tuple(int(figure) for figure in self.version.split("."))

    def start_ovsdb_server(self) -> None:
        """Start ovsdb-server on the database as it is, and wait until it answers."""
        address = self.directory / "db.sock"
        self.ovsdb_server = self._start("ovsdb-server", f"{self.directory}/conf.db", f"--remote=punix:{address}")
        self.ovsdb_server.wait_for(lambda: _answers(address), "answers", _SECONDS)

    def start_vswitchd(self) -> None:
        """Start ovs-vswitchd, and wait until it has done all that the database says."""
        self._counts_processors = _has_been_up()
        self.vswitchd = self._start("ovs-vswitchd", self.db)
        self.wait_until_settled()

    def revive(self) -> list[str]:
        """Start again what does not run; returns the names of the daemons that nobody here has ended."""
        died = [daemon.name for daemon in (self.ovsdb_server, self.vswitchd) if daemon.died]
        if not self.ovsdb_server.alive:
            self.start_ovsdb_server()
        if not self.vswitchd.alive:
            self.start_vswitchd()
        return died

    def wait_until_settled(self, seconds: float = _SECONDS) -> None:
        """Wait until ovs-vswitchd has acted on all that has been written to the database so far.

        Raises `LabError` with the end of its log if it dies, or after `seconds`.
        """
        everything: dict[str, Any] = {"table": "Open_vSwitch", "where": []}
        _, answer = self.transact(
            {"op": "mutate", "mutations": [["next_cfg", "+=", 1]], **everything},
            {"op": "select", "columns": ["next_cfg"], **everything},
        )
        wanted = answer["rows"][0]["next_cfg"]
        self.vswitchd.wait_for(
            lambda: self.rows("Open_vSwitch", "cur_cfg")[0]["cur_cfg"] >= wanted, "has settled", seconds
        )

    def vsctl(self, *arguments: str) -> str:
        """Return what ovs-vsctl printed; without ``--no-wait`` it waits for ovs-vswitchd.

        Raises `CommandError` with its message, also when it has waited in vain.
        """
        return run(
            ["ovs-vsctl", f"--db={self.db}", f"--timeout={_SECONDS}", *arguments],
            env=self.env,
            seconds=2 * _SECONDS,
        )

    def appctl(self, *arguments: str, target: str = "ovs-vswitchd") -> str:
        """Return what a daemon (``ovs-vswitchd`` or ``ovsdb-server``) answered to a command of ovs-appctl."""
        return run(["ovs-appctl", f"--target={self.directory}/{target}.ctl", *arguments], env=self.env)

    def add_bridge(self, name: str, datapath: str = "netdev") -> None:
        """Add a bridge; ``netdev`` is the datapath in user space, ``system`` the kernel's.

        Raises `LabUnavailableError` if Open vSwitch cannot have that datapath here.
        """
        if datapath == "system" and not self._counts_processors:
            until(_has_been_up, "Open vSwitch can count processors", 2 * _COUNTED_SECONDS)
            self.vswitchd.stop()
            self.start_vswitchd()
        self.vsctl("add-br", name, "--", "set", "Bridge", name, f"datapath_type={datapath}")
        (made,) = (row["datapath_id"] for row in self.rows("Bridge", "name", "datapath_id") if row["name"] == name)
        if not made:
            self.vsctl("del-br", name)
            how = (
                "as root, modprobe openvswitch, or run this in a full kernel (vifkit-conformance uml, pytest --lab uml)"
            )
            raise LabUnavailableError(f"this kernel has no datapath {datapath!r} for Open vSwitch: {how}")

    def add_port(self, bridge: str, device: str) -> None:
        """Make a device of the switch's namespace a port of a bridge."""
        self.vsctl("add-port", bridge, device)

    def rows(self, table: str, *columns: str) -> list[Row]:
        """Return a table's rows as plain Python (see `schema.plain_row`), all columns or those named."""
        known = tables()[table]["columns"]
        (answer,) = self.transact(
            {"op": "select", "table": table, "where": [], "columns": list(columns) or ["_uuid", *known]}
        )
        return [plain_row(known, dict(sorted(row.items()))) for row in answer["rows"]]

    def transact(self, *operations: dict[str, Any]) -> list[dict[str, Any]]:
        """Return each operation's result of one transaction, in OVSDB's notation (RFC 7047, section 5.2).

        Raises `LabError` if any operation failed; nothing is changed then.
        """
        try:
            with Rpc(self.db, _SECONDS) as rpc:
                return rpc.transact(*operations)
        except BackendError as error:
            raise LabError(str(error)) from error

    def close(self) -> None:
        """End both daemons at once; may be called again."""
        for daemon in reversed(self._started):
            daemon.kill()

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def _start(self, name: str, *arguments: str) -> Daemon:
        # With pidfiles, as on a host.
        options = [f"--{kind}={self.directory}/{name}.{end}" for kind, end in (("unixctl", "ctl"), ("pidfile", "pid"))]
        options.append("-vsyslog:off")
        log = self.directory / f"{name}.log"
        daemon = spawn([name, *arguments, *options], log, namespace=self.namespace, env=self.env)
        self._started.append(daemon)
        return daemon


@cache
def installed_version() -> str:
    """Return the version of the installed ovs-vswitchd, as ``3.1.0``."""
    text = run(["ovs-vswitchd", "--version"])
    found = re.search(r"(\d+\.\d+\.\d+)", text)
    if found is None:
        raise LabError(f"ovs-vswitchd does not tell its version: {text.strip()}")
    return found[1]


def _has_been_up() -> bool:
    return time.clock_gettime(time.CLOCK_BOOTTIME) >= _COUNTED_SECONDS


def _answers(address: Path) -> bool:
    with socket.socket(socket.AF_UNIX) as client:
        # A file that a killed server left behind is there, and refuses.
        return client.connect_ex(str(address)) == 0
