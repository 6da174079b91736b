"""A sound driver that writes its rows itself, one step after another, as most drivers do."""

import subprocess
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace

from netqos.ovsdb import Plug, Switch
from vifkit import (
    BackendError,
    Bandwidth,
    Capabilities,
    DomainConfig,
    ForeignQosError,
    Rate,
)
from vifkit_netns.driver import NetnsConnection, NetnsDriver
from vifkit_netns.store import Store


class Handmade(NetnsConnection):
    """A domain is a network namespace, as in the reference driver; its rows are the work of ovs-vsctl."""

    waits = True
    """Whether an update waits for ovs-vswitchd."""

    @property
    def capabilities(self) -> Capabilities:
        """No outbound, and 32 bits of bytes/s: the suite asks the same of it on every kernel and Open vSwitch."""
        return replace(super().capabilities, outbound=False, highest_rate_bps=34_359_738_360)

    def plug(self, plugs: Sequence[Plug]) -> None:
        """Add all ports at once, and shape them one by one."""
        commands: list[str] = []
        for each in plugs:
            ids = write(each.external_ids, "external_ids")
            commands += [
                "--",
                "add-port",
                each.bridge,
                each.port,
                "--",
                "set",
                "Interface",
                each.port,
                "type=system",
                *ids,
            ]
        self.vsctl(*commands)
        for each in plugs:
            self.shape(each.port, each.bandwidth)

    def check(self, plugs: Sequence[Plug]) -> None:
        """Believe that it is so."""

    def shape(self, port: str, bandwidth: Bandwidth | None) -> None:
        """Add a QoS row and its queue, or change or remove the ones that the port has."""
        self.refuse_strangers(port)
        held, rate = self.held(port), bandwidth.inbound if bandwidth else None
        if rate is None:
            self.clear(port)
        elif held:
            self.change(held, rate)
        else:
            self.add(port, rate)

    def unplug(self, config: DomainConfig) -> None:
        """Take each port away, and its rows."""
        for vif in config.vifs:
            if vif.target and vif.target in self.vsctl("--bare", "--columns=name", "list", "Port").split():
                if self.ours(self.held(vif.target)):
                    self.clear(vif.target)
                self.vsctl("del-port", vif.target)

    def config(self, rate: Rate, table: str) -> dict[str, str]:
        """Translate into the `other_config` of the table QoS or Queue."""
        average = rate.average or 0
        found = {"min-rate": str(average * 8000), "max-rate": str((rate.peak or average) * 8000)}
        return found | ({"burst": str(rate.burst * 8192)} if rate.burst else {})

    def owner(self, port: str) -> dict[str, str]:
        """Say whose the rows are."""
        return {"ifname": port, "vm-id": self.vm_id(port) or "none", "handmade": "yes"}

    def vm_id(self, port: str) -> str:
        """Read whose vif a port is."""
        return self.vsctl("--if-exists", "get", "Interface", port, "external_ids:vm-id").strip('"\n')

    def held(self, port: str) -> str:
        """Find the QoS row of a port, empty for none."""
        return self.vsctl("get", "Port", port, "qos").strip("[]\n")

    def ours(self, held: str) -> bool:
        """Tell whether there is a QoS row, and we made it."""
        return bool(held) and "handmade=yes" in self.vsctl("--columns=external_ids", "list", "QoS", held)

    def refuse_strangers(self, port: str) -> None:
        """Raise ForeignQosError if the port has a row that is not ours."""
        if (held := self.held(port)) and not self.ours(held):
            raise ForeignQosError(port, f"the QoS row {held} is a stranger's")

    def add(self, port: str, rate: Rate) -> None:
        """Give a port new rows."""
        qos, queue = ([*write(self.config(rate, table)), *write(self.owner(port), "external_ids")] for table in TABLES)
        self.vsctl(
            *("set", "Port", port, "qos=@qos", "--", "--id=@queue", "create", "Queue", *queue, "--"),
            *("--id=@qos", "create", "QoS", "type=linux-htb", "queues:0=@queue", *qos),
            wait=self.waits,
        )

    def change(self, held: str, rate: Rate) -> None:
        """Change the rows that there are."""
        commands: list[str] = []
        for table, row in zip(TABLES, (held, self.queue(held)), strict=True):
            commands += ["--", "clear", table, row, "other_config"]
            commands += ["--", "set", table, row, *write(self.config(rate, table))]
        self.vsctl(*commands, wait=self.waits)

    def clear(self, port: str) -> None:
        """Take a port's rows away."""
        if held := self.held(port):
            queue = self.queue(held)
            self.vsctl("clear", "Port", port, "qos", "--", "destroy", "QoS", held, "--", "destroy", "Queue", queue)

    def queue(self, held: str) -> str:
        """Find the row of queue 0."""
        return self.vsctl("get", "QoS", held, "queues:0").strip()

    def vsctl(self, *arguments: str, wait: bool = True) -> str:
        """Return what ovs-vsctl printed. Raises BackendError."""
        command = ["ovs-vsctl", f"--db={self.switch.db}", "--timeout=20", *([] if wait else ["--no-wait"]), *arguments]
        try:
            return subprocess.run(command, check=True, capture_output=True, text=True).stdout
        except subprocess.CalledProcessError as error:
            raise BackendError(error.stderr.strip()) from error


TABLES = ("QoS", "Queue")


def write(values: Mapping[str, str], column: str = "other_config") -> list[str]:
    """Write the arguments that set the keys of a column."""
    return [f"{column}:{key}={value}" for key, value in values.items()]


def driver(opens: type[NetnsConnection]) -> type[NetnsDriver]:
    """Decorate a connection: make it the driver that opens it, by the same name."""

    class Made(NetnsDriver):
        def connection(self, store: Store, switch: Switch, namespace: str) -> NetnsConnection:
            return opens(store, switch, namespace)

    for name in ("__name__", "__qualname__", "__module__", "__doc__"):
        setattr(Made, name, getattr(opens, name))
    return Made


@dataclass(frozen=True)
class Mistake:
    """A broken driver, the test that is there for its mistake, and a part of what the test says then."""

    driver: type[NetnsDriver]
    test: str
    says: str


MISTAKES: dict[str, Mistake] = {}
"""Every broken driver by name."""


def caught_by(test: str, says: str) -> Callable[[type[NetnsConnection]], type[NetnsDriver]]:
    """Decorate a connection that makes a mistake: make it a driver, and name the test that catches it."""

    def make(opens: type[NetnsConnection]) -> type[NetnsDriver]:
        made = driver(opens)
        MISTAKES[opens.__name__] = Mistake(made, test, says)
        return made

    return make


@driver
class Sound(Handmade):
    """Makes no mistake."""
