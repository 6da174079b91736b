"""A Hyper-V host: the verbs of a hypervisor as commands of the module Hyper-V.

A virtual machine is addressed by its Id alone, and its commands get it from the pipeline: names may have wildcards, and
need not be unique. What Hyper-V has no field for is in a note among the machine's Notes, our UUID included.
"""

from collections.abc import Iterator, Sequence
from contextlib import suppress
from uuid import UUID

from netqos.findings import Finding
from vifkit import BackendError, Bandwidth, DomainConfig, State, VifkitError
from vifkit_base.hypervisor import Hypervisor, Machine
from vifkit_base.notes import note

from . import hardware
from .looking import ADAPTER, BANDWIDTH, MACHINE, Seen, seen, with_note
from .remote import Command, Remote, Row, command, read, select
from .units import Limits, digits


class HyperV(Hypervisor):
    """The virtual machines of one host."""

    def __init__(self, remote: Remote) -> None:
        super().__init__()
        self.remote = remote
        self._seen: dict[str, Seen] = {}  # by UUID

    def version(self) -> str:
        """Name the host's Windows."""
        system = command("Get-CimInstance", ClassName="Win32_OperatingSystem")
        rows = self.remote.run([system, select("Caption", "Version")])
        return " ".join(["Hyper-V", *(f"of {read(row, 'Caption', '')} {read(row, 'Version', '')}" for row in rows)])

    def modes(self) -> dict[str, str]:
        """List the switches, with what a minimum bandwidth is on each: Absolute, Weight, None, Default."""
        rows = self.remote.run([command("Get-VMSwitch"), select("Name", "BandwidthReservationMode")])
        return {read(row, "Name", ""): read(row, "BandwidthReservationMode", "") for row in rows}

    def machines(self) -> Sequence[Machine]:
        """List all domains, in one call."""
        return self._look([command("Get-VM")], [command("Get-VMNetworkAdapter", All=True)])

    def machine(self, name: str) -> Machine | None:
        """Find a domain, in one call; where its name is not that of just one virtual machine, among all."""
        named = [command("Get-VM"), ("Where-Object", {"Property": "Name", "CEQ": True, "Value": name})]
        found = self._look(named, [*named, command("Get-VMNetworkAdapter")])
        return found[0] if len(found) == 1 else super().machine(name)

    def define(self, config: DomainConfig, *, transient: bool) -> None:
        """Make a domain, or replace all of one that is shut off; after a failure there is what there was."""
        known = config.uuid in self._seen and self.machine(config.name)  # afresh: what was seen may have gone
        there = self._seen[config.uuid] if known and known.config.uuid == config.uuid else None
        notes = with_note(there.notes if there else "", note(config, transient=transient))
        machine = Machine(config=config, state=State.SHUTOFF, transient=transient)
        limits = {str(vif.mac): Limits.of(vif.bandwidth) for vif in config.vifs}
        try:
            after = Seen(there.id if there else self._made(config, notes), notes, machine, limits)
            self._seen[config.uuid] = after
            self._furnish(after)
        except VifkitError:
            with suppress(VifkitError):
                if (left := self.machine(config.name)) and left.config.uuid == config.uuid:
                    self._furnish(there) if there else self.undefine(config)
            raise

    def start(self, config: DomainConfig) -> DomainConfig:
        """Start a domain; its vifs have no devices on the host that could be named."""
        self.act(config, command("Start-VM"))
        return config

    def stop(self, config: DomainConfig) -> None:
        """Turn a domain off."""
        self.act(config, command("Stop-VM", TurnOff=True, Force=True))

    def undefine(self, config: DomainConfig) -> None:
        """Delete a virtual machine; Hyper-V leaves its disks, where somebody has given it some."""
        self.act(config, command("Remove-VM", Force=True))

    def keep(self, config: DomainConfig, *, running: bool) -> None:
        """Keep a domain among the Notes: as it runs, or as what it is from its next start."""
        there, was = self._seen[config.uuid], self._seen[config.uuid].machine
        as_it_runs = note(config, transient=was.transient, waiting=was.waiting)
        kept = as_it_runs if running else note(was.config, transient=False, waiting=config)
        self.act(config, command("Set-VM", Notes=with_note(there.notes, kept)))

    def shape(self, config: DomainConfig, mac: str, bandwidth: Bandwidth | None) -> None:
        """Have an adapter hold a bandwidth, at once."""
        there = self._seen[config.uuid]
        told = Limits.of(bandwidth).arguments(there.limits.get(mac, Limits()))
        changed = self.act(
            config,
            command("Get-VMNetworkAdapter"),
            ("Where-Object", {"Property": "MacAddress", "EQ": True, "Value": digits(mac)}),
            command("Set-VMNetworkAdapter", Passthru=True, **told),
            select("Id"),
        )
        if len(changed) != 1:
            raise BackendError(f"{self.remote.where}: {config.name!r} has {len(changed)} adapters of the address {mac}")

    def act(self, config: DomainConfig, *action: Command) -> list[Row]:
        """Run commands on a virtual machine that was seen. Raises DomainNotFoundError where it has gone since."""
        return self.remote.run([command("Get-VM", Id=self._seen[config.uuid].id), *action], name=config.name)

    def findings(self, uuid: str, mac: str) -> Iterator[Finding]:
        """Tell what a bandwidth, as it was last seen, does not say."""
        return self._seen[uuid].limits.get(mac, Limits()).findings()

    def close(self) -> None:
        """Close the shell."""
        self.remote.close()

    def _look(self, machines: Sequence[Command], adapters: Sequence[Command]) -> Sequence[Machine]:
        rows = self.remote.run([*machines, *MACHINE], [*adapters, *ADAPTER], [*adapters, *BANDWIDTH])
        found = list(seen(rows))
        self._seen.update({each.machine.config.uuid: each for each in found})
        return [each.machine for each in found]

    def _made(self, config: DomainConfig, notes: str) -> UUID:
        """Make a virtual machine with its note, so that it is known for ours even where no answer comes back."""
        hardware.arguments(config)  # or refuse before there is anything
        new = command("New-VM", Name=config.name, Generation=2, NoVHD=True)
        rows = self.remote.run([new, command("Set-VM", Notes=notes, Passthru=True), select("Id")])
        return read(rows[0] if rows else {}, "Id", UUID(int=0))

    def _furnish(self, there: Seen) -> None:
        """Give a virtual machine that is off its note, its processors, and its adapters with what they hold."""
        machine, config = command("Get-VM", Id=there.id), there.machine.config
        lines = [
            [machine, command("Set-VM", Notes=there.notes, **hardware.arguments(config))],
            [machine, command("Get-VMNetworkAdapter"), command("Remove-VMNetworkAdapter")],
        ]
        for place, vif in enumerate(config.vifs):
            limits = there.limits.get(str(vif.mac), Limits())
            added: dict[str, object] = {"StaticMacAddress": digits(str(vif.mac)), "Name": f"vif{place}"}
            if vif.source is not None:
                added["SwitchName"] = vif.source
            if limits == Limits():
                lines.append([machine, command("Add-VMNetworkAdapter", **added)])
            else:
                held = command("Set-VMNetworkAdapter", **limits.arguments(Limits()))
                lines.append([machine, command("Add-VMNetworkAdapter", Passthru=True, **added), held])
        self.remote.run(*lines, name=config.name)
