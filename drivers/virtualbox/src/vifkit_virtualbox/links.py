"""The veth pair that a bridged adapter needs: VirtualBox bridges to one end, and the other is the port.

A tap would be one device less, and does not work: VirtualBox's filter (vboxnetflt) sends what a guest sends to the
device that it is bridged to, and a tap that no process has open has no carrier and drops it, where the end of a
veth pair hands it to the other. And HTB on that device would shape what the guest sends; on the port it shapes
what the guest receives.
"""

import hashlib

from vifkit import BackendError, Vif
from vifkit_base.command import CommandFailedError, Program, first_line


def bridge_end(uuid: str, mac: str) -> str:
    """The end that VirtualBox bridges to: no other vif gets this name, and it is the same at every start."""
    return "vbb" + _hash(uuid, mac)


def port(uuid: str, vif: Vif) -> str:
    """The end that is the port: as the vif asks for, or a name that is the same at every start."""
    return vif.target or "vbp" + _hash(uuid, str(vif.mac))


class Links:
    """The veth pairs in the network namespace that `ip link` and `ethtool` work in."""

    def __init__(self, ip: Program, ethtool: Program) -> None:
        self._ip = ip
        self._ethtool = ethtool

    def add(self, port: str, end: str) -> None:
        """Make a pair, both ends up. Raises BackendError where a device has such a name already."""
        self._run(port, self._ip, "add", "dev", port, "type", "veth", "peer", "name", end)
        try:
            for device in (port, end):
                # Open vSwitch's datapath in user space passes on checksums that were left to hardware, unfilled.
                self._run(device, self._ethtool, "-K", device, "tx", "off")
                self._run(device, self._ip, "set", "dev", device, "up")
        except BackendError:
            self.delete(end)
            raise

    def delete(self, end: str) -> None:
        """Delete a pair by its end that is ours alone; one that is gone is none to delete."""
        try:
            self._ip.run("delete", "dev", end)
        except CommandFailedError as error:
            if "Cannot find device" not in error.output:
                raise

    def _run(self, device: str, program: Program, *arguments: str) -> None:
        try:
            program.run(*arguments)
        except CommandFailedError as error:
            raise BackendError(f"the device {device!r}: {first_line(error.output)}") from error


def _hash(uuid: str, mac: str) -> str:
    return hashlib.sha256(f"{uuid} {mac}".encode()).hexdigest()[:10]
