"""A second client, that is not the driver: pyVmomi as it comes."""

import ssl
from pathlib import Path
from typing import Any
from urllib.parse import parse_qs, urlsplit

import pyVim.connect
import pyVim.task
import pyVmomi

vim: Any = pyVmomi.vim
vmodl: Any = pyVmomi.vmodl
_connect: Any = pyVim.connect.SmartConnect
_wait: Any = pyVim.task.WaitForTask


class Raw:
    """What vSphere has, as its own API says it."""

    def __init__(self, uri: str) -> None:
        self.address = urlsplit(uri)
        self.query = {name: values[0] for name, values in parse_qs(self.address.query).items()}

    @property
    def password(self) -> str:
        return Path(self.query["credentials"]).read_text(encoding="utf-8").removeprefix("password = ").strip()

    def __enter__(self) -> "Raw":
        context = ssl.create_default_context(cafile=self.query["cacert"])
        assert self.address.hostname is not None and self.address.port is not None
        self.instance: Any = _connect(
            host=self.address.hostname,
            port=self.address.port,
            user=self.address.username or "",
            pwd=self.password,
            sslContext=context,
        )
        self.content = self.instance.RetrieveContent()
        return self

    def __exit__(self, *_: object) -> None:
        self.content.sessionManager.Logout()
        self.instance._stub.DropConnections()

    @property
    def is_esx(self) -> bool:
        return bool(self.content.about.apiType == "HostAgent")

    @property
    def datacenter(self) -> Any:
        return self.content.rootFolder.childEntity[0]

    @property
    def network_system(self) -> Any:
        return self.datacenter.hostFolder.childEntity[0].host[0].configManager.networkSystem

    def machine(self, name: str) -> Any:
        (found,) = [each for each in self.datacenter.vmFolder.childEntity if each.name == name]
        return found

    def groups(self) -> dict[str, Any]:
        """Port groups by name: of an ESX what they are specified as, else the managed object."""
        if self.is_esx:
            return {each.spec.name: each.spec for each in self.network_system.networkInfo.portgroup}
        return {each.name: each for each in self.datacenter.network if hasattr(each, "key")}

    def group_of(self, card: Any) -> str:
        """Name the port group that an adapter is on."""
        if self.is_esx:
            return str(card.backing.deviceName)
        (found,) = [name for name, each in self.groups().items() if each.key == card.backing.port.portgroupKey]
        return found

    def cards(self, machine: Any) -> list[Any]:
        return [each for each in machine.config.hardware.device if hasattr(each, "macAddress")]

    def shaping(self, group: str) -> dict[str, tuple[int, int, int] | None]:
        """Average, peak and burst of each direction, as the API names it."""
        if self.is_esx:
            policy = self.groups()[group].policy.shapingPolicy
            enabled = policy is not None and policy.enabled
            return {"out": (policy.averageBandwidth, policy.peakBandwidth, policy.burstSize) if enabled else None}
        setting = self.groups()[group].config.defaultPortConfig
        return {
            name: (policy.averageBandwidth.value, policy.peakBandwidth.value, policy.burstSize.value)
            if policy is not None and policy.enabled.value
            else None
            for name, policy in (
                ("inShapingPolicy", setting.inShapingPolicy),
                ("outShapingPolicy", setting.outShapingPolicy),
            )
        }

    def wait(self, task: Any) -> Any:
        """Wait for a task. Raises its fault."""
        return _wait(task)
