"""Everything that one test needs of the kernel, made together and gone together."""

from contextlib import AbstractContextManager, ExitStack
from functools import cached_property
from itertools import count
from pathlib import Path
from typing import Any, Self, TypeVar

from netqos.kernel import Kernel
from netqos.link import Link as SeenLink

from ..observe import Observer, pinned
from .counters import counters
from .directory import RunDirectory
from .errors import CommandError
from .forks import forks
from .link import Link, veth
from .namespace import Namespace
from .openvswitch import OpenVSwitch

T = TypeVar("T")


class Lab(Observer):
    """A private Open vSwitch in its own network namespace, and whatever is added to it.

    Nothing of it is left when the block ends, or when the process that made it is killed: no process,
    namespace, socket or directory. Two labs never meet. Make it in the main thread (see `process.spawn`).
    `host` is the switch's namespace, `directory` the run directory, `ovs` the switch; `datapath` is the type of its
    bridges, ``netdev`` or ``system``.
    """

    directory: Path
    host: Namespace
    ovs: OpenVSwitch

    def __init__(self, *, datapath: str = "netdev") -> None:
        self.datapath = datapath

    def __enter__(self) -> Self:
        self._guests = count(1)
        with ExitStack() as stack:
            self.directory = stack.enter_context(RunDirectory()).path
            self.host = stack.enter_context(Namespace())
            self.ovs = stack.enter_context(OpenVSwitch(self.host, self.directory))
            self._stack = stack.pop_all()
        return self

    def __exit__(self, *_: object) -> None:
        self._stack.close()

    def enter(self, thing: AbstractContextManager[T]) -> T:
        """Enter a context manager that is left before the lab is, the last one first."""
        return self._stack.enter_context(thing)

    def namespace(self) -> Namespace:
        """Return a new namespace beside the switch's, as a guest has one."""
        return self.enter(Namespace())

    def bridge(self, name: str = "br0", datapath: str | None = None) -> str:
        """Add a bridge, of the lab's datapath or another, and return its name.

        Raises `LabUnavailableError` if its datapath cannot be had here.
        """
        self.ovs.add_bridge(name, datapath or self.datapath)
        return name

    def guest(self, address: str, bridge: str = "br0") -> tuple[Link, Link]:
        """Join a new namespace to a bridge, with an address as 192.0.2.1/24.

        Returns the port (in `host`) and the guest's device, eth0.
        """
        port, device = self.enter(veth(self.host, f"guest{next(self._guests)}", "eth0", self.namespace()))
        device.add_address(address)
        self.ovs.add_port(bridge, port.name)
        return port, device

    @cached_property
    def has_htb(self) -> bool:  # type: ignore[override]  # read only, and tried when it is first asked for
        """Try it, on the loopback of the switch's namespace."""
        try:
            self.host.run("tc", "qdisc", "add", "dev", "lo", "root", "handle", "1:", "htb")
        except CommandError:
            return False
        self.host.run("tc", "qdisc", "delete", "dev", "lo", "root")
        return True

    @cached_property
    def police_lacks(self) -> str:  # type: ignore[override]  # likewise
        """Try it, with each classifier that Open vSwitch may take."""
        add = ("tc", "filter", "add", "dev", "lo", "parent", "ffff:", "protocol", "all")
        police = ("action", "police", "rate", "1mbit", "burst", "10k", "conform-exceed", "drop/continue")

        def lacks(*argv: str) -> bool:
            try:
                self.host.run(*argv)
            except CommandError:
                return True
            return False

        if lacks("tc", "qdisc", "add", "dev", "lo", "ingress"):
            return "sch_ingress"
        try:
            if all(lacks(*add, "pref", "1", kind, "classid", "1:1") for kind in ("matchall", "basic")):
                return "cls_matchall"
            refused = all(lacks(*add, "pref", "2", kind, *police) for kind in ("matchall", "basic"))
            return "act_police" if refused else ""
        finally:
            self.host.run("tc", "qdisc", "delete", "dev", "lo", "ingress")

    def rows(self, table: str, *columns: str) -> list[dict[str, Any]]:
        """Ask the database."""
        return self.ovs.rows(table, *columns)

    def link(self, name: str) -> SeenLink | None:
        """Ask the kernel by netlink: to the tick and to the byte."""
        with Kernel(self.host.path) as kernel:
            return kernel.read([name], policers=True).get(name)

    def things(self) -> set[tuple[str, str]]:
        """Ask the database and the kernel; the pins are those of our own mount namespace."""
        rows = {(table, row["_uuid"]) for table in ("QoS", "Queue") for row in self.rows(table, "_uuid")}
        ports = {("Port", row["name"]) for row in self.rows("Port", "name")}
        devices = {("device", name) for name in counters(self.host)}
        mounts = Path("/proc/self/mountinfo").read_text(encoding="utf-8")
        return (
            rows
            | ports
            | devices
            | {("fork", pid) for pid in forks()}
            | {("namespace", path) for path in pinned(mounts)}
        )
