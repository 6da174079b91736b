"""What others do to a virtual machine, and to its port groups, between two calls of the driver's."""

from collections.abc import Callable, Iterator

import pytest
from vspheres.domains import domain_xml
from vspheres.raw import Raw, vim

from vifkit import (
    Bandwidth,
    Connection,
    Domain,
    DomainExistsError,
    DomainNotFoundError,
    InvalidStateError,
    Rate,
    State,
)

MAC = "52:54:00:00:01:00"
LIMITED = "<bandwidth><outbound average='512'/></bandwidth>"
OWN = "vifkit-00000000-525400000100-br0"


def change(raw: Raw, group: str, average_bps: int, peak_bps: int, burst_bytes: int) -> None:
    """Set what a guest may send on a port group, as an administrator would."""
    if raw.is_esx:
        spec = raw.groups()[group]
        spec.policy.shapingPolicy = vim.host.NetworkPolicy.TrafficShapingPolicy(
            enabled=True, averageBandwidth=average_bps, peakBandwidth=peak_bps, burstSize=burst_bytes
        )
        raw.network_system.UpdatePortGroup(group, spec)
        return
    managed = raw.groups()[group]
    policy = vim.dvs.DistributedVirtualPort.TrafficShapingPolicy(
        inherited=False,
        enabled=vim.BoolPolicy(inherited=False, value=average_bps > 0),
        averageBandwidth=vim.LongPolicy(inherited=False, value=average_bps),
        peakBandwidth=vim.LongPolicy(inherited=False, value=peak_bps),
        burstSize=vim.LongPolicy(inherited=False, value=burst_bytes),
    )
    setting = vim.dvs.VmwareDistributedVirtualSwitch.VmwarePortConfigPolicy(inShapingPolicy=policy)
    spec = vim.dvs.DistributedVirtualPortgroup.ConfigSpec(
        configVersion=managed.config.configVersion, defaultPortConfig=setting
    )
    raw.wait(managed.ReconfigureDVPortgroup_Task(spec))


def test_what_another_has_set_is_what_is_told(connection: Connection, raw: Raw) -> None:
    domain = connection.define(domain_xml("guest", LIMITED))
    change(raw, OWN, 8_000_000, 16_000_000, 1_048_576)
    assert domain.bandwidth(MAC) == Bandwidth(outbound=Rate(average=1000, peak=2000, burst=1024))


def test_what_is_no_whole_unit_is_told_as_the_nearest(connection: Connection, raw: Raw) -> None:
    domain = connection.define(domain_xml("guest", LIMITED))
    change(raw, OWN, 1_234_567, 1_234_567, 1_500)
    assert domain.bandwidth(MAC) == Bandwidth(outbound=Rate(average=154, peak=154, burst=1))
    change(raw, OWN, 1, 1, 1)
    assert domain.bandwidth(MAC) == Bandwidth(outbound=Rate(average=1, peak=1, burst=1))


def test_an_update_of_one_vif_leaves_what_another_has_set_on_its_neighbour(connection: Connection, raw: Raw) -> None:
    domain = connection.define(domain_xml("guest", LIMITED, ""))
    change(raw, OWN, 1_234_567, 1_234_567, 1_500)
    domain.set_bandwidth("52:54:00:00:01:01", Bandwidth(outbound=Rate(average=7)))
    assert (1_234_567, 1_234_567, 1_500) in raw.shaping(OWN).values()


@pytest.fixture
def shaped(raw: Raw, mode: str) -> Iterator[str]:
    """A network that limits each guest to 8 kbit/s."""
    if mode == "esx":
        spec = raw.groups()["br0"]
        spec.name = "shaped"
        raw.network_system.AddPortGroup(spec)
    else:
        switch = raw.groups()["br0"].config.distributedVirtualSwitch
        spec = vim.dvs.DistributedVirtualPortgroup.ConfigSpec(name="shaped", numPorts=8)
        raw.wait(switch.AddDVPortgroup_Task([spec]))
    change(raw, "shaped", 8_000, 8_000, 1_024)
    yield "shaped"
    if mode == "esx":
        raw.network_system.RemovePortGroup("shaped")
    else:
        raw.wait(raw.groups()["shaped"].Destroy_Task())


def test_who_asks_for_nothing_does_not_escape_the_limit_of_a_network(
    connection: Connection, raw: Raw, shaped: str
) -> None:
    domain = connection.define(domain_xml("guest", "", LIMITED, network=shaped))
    assert domain.bandwidth(MAC) == Bandwidth(outbound=Rate(average=1, peak=1, burst=1))
    assert domain.bandwidth("52:54:00:00:01:01") == Bandwidth(outbound=Rate(average=512))
    domain.set_bandwidth("52:54:00:00:01:01", None)
    assert [raw.group_of(card) for card in raw.cards(raw.machine("guest"))] == [shaped, shaped]
    assert domain.bandwidth("52:54:00:00:01:01") == Bandwidth(outbound=Rate(average=1, peak=1, burst=1))
    domain.undefine()


def test_a_vif_that_asks_for_what_its_network_gives_stays_there(connection: Connection, raw: Raw, shaped: str) -> None:
    domain = connection.define(domain_xml("guest", network=shaped))
    domain.set_bandwidth(MAC, Bandwidth(outbound=Rate(average=1, burst=1)))
    assert raw.group_of(raw.cards(raw.machine("guest"))[0]) == shaped
    assert domain.bandwidth(MAC) == Bandwidth(outbound=Rate(average=1, burst=1))
    domain.undefine()


def test_a_machine_that_is_removed_is_not_found(connection: Connection, raw: Raw) -> None:
    domain = connection.define(domain_xml("guest"))
    raw.wait(raw.machine("guest").Destroy_Task())
    for verb in (domain.start, domain.stop, domain.undefine, domain.xml, domain.state):
        with pytest.raises(DomainNotFoundError, match="no domain is named 'guest'"):
            verb()
    with pytest.raises(DomainNotFoundError):
        domain.set_bandwidth(MAC, Bandwidth(outbound=Rate(average=1)))
    assert [each.name for each in connection.domains()] == []


def test_the_port_group_of_a_machine_that_was_removed_serves_its_successor(connection: Connection, raw: Raw) -> None:
    connection.define(domain_xml("guest", LIMITED))
    raw.wait(raw.machine("guest").Destroy_Task())
    assert OWN in raw.groups()
    domain = connection.define(domain_xml("guest", LIMITED.replace("512", "77")))
    assert (616_000, 616_000, 65_536) in raw.shaping(OWN).values()
    domain.undefine()


def test_a_machine_that_is_renamed_is_another_domain(connection: Connection, raw: Raw) -> None:
    domain = connection.define(domain_xml("guest"))
    raw.wait(raw.machine("guest").ReconfigVM_Task(vim.vm.ConfigSpec(name="other")))
    with pytest.raises(DomainNotFoundError):
        domain.start()
    assert connection.domain("other").uuid == domain.uuid
    with pytest.raises(DomainExistsError):
        connection.define(domain_xml("guest"))


def test_a_machine_that_is_powered_off_is_shut_off(connection: Connection, raw: Raw) -> None:
    domain = connection.define(domain_xml("guest"))
    domain.start()
    raw.wait(raw.machine("guest").PowerOffVM_Task())
    with pytest.raises(InvalidStateError):
        domain.stop()
    assert domain.state() is State.SHUTOFF


def test_a_suspended_machine_is_paused_and_can_be_ended(connection: Connection, raw: Raw) -> None:
    domain = connection.create(domain_xml("guest"))
    raw.wait(raw.machine("guest").SuspendVM_Task())
    assert domain.state() is State.PAUSED
    domain.stop()
    assert connection.domains() == []


def test_an_adapter_that_is_removed_is_unknown(connection: Connection, raw: Raw) -> None:
    domain = connection.define(domain_xml("guest", "", ""))
    machine = raw.machine("guest")
    spec = vim.vm.device.VirtualDeviceSpec(operation="remove", device=raw.cards(machine)[0])
    raw.wait(machine.ReconfigVM_Task(vim.vm.ConfigSpec(deviceChange=[spec])))
    assert [vif.mac for vif in domain.vifs()] == ["52:54:00:00:01:01"]
    with pytest.raises(LookupError, match="has no vif"):
        domain.set_bandwidth(MAC, Bandwidth(outbound=Rate(average=1)))


def test_the_notes_of_a_person_stay(connection: Connection, raw: Raw) -> None:
    domain = connection.define(domain_xml("guest"))
    machine = raw.machine("guest")
    ours = machine.config.annotation
    text = f"Payroll, Mrs. Ö.\n{ours}\nDo not stop."
    raw.wait(machine.ReconfigVM_Task(vim.vm.ConfigSpec(annotation=text)))
    domain.set_bandwidth(MAC, Bandwidth(outbound=Rate(average=9)))
    lines = raw.machine("guest").config.annotation.splitlines()
    assert lines[:2] == ["Payroll, Mrs. Ö.", "Do not stop."]
    assert len(lines) == 3
    assert domain.bandwidth(MAC) == Bandwidth(outbound=Rate(average=9))


@pytest.mark.parametrize("damaged", ["vifkit1:", "vifkit1:AAAA", "vifkit1:" + "A" * 5000, "nothing of ours"])
def test_notes_that_are_damaged_say_nothing(connection: Connection, raw: Raw, damaged: str) -> None:
    domain = connection.define(domain_xml("guest", LIMITED))
    raw.wait(raw.machine("guest").ReconfigVM_Task(vim.vm.ConfigSpec(annotation=damaged)))
    assert domain.bandwidth(MAC) == Bandwidth(outbound=Rate(average=512, peak=512, burst=64))
    domain.set_bandwidth(MAC, Bandwidth(outbound=Rate(average=9)))
    assert domain.bandwidth(MAC) == Bandwidth(outbound=Rate(average=9))


def test_a_machine_of_somebody_elses_is_a_domain_too(connection: Connection, raw: Raw) -> None:
    connection.define(domain_xml("guest", "", number=2))
    raw.wait(raw.machine("guest").ReconfigVM_Task(vim.vm.ConfigSpec(annotation="made by hand")))
    domain = connection.domain("guest")
    assert [(vif.mac, vif.type, vif.source) for vif in domain.vifs()] == [("52:54:00:00:02:00", "bridge", "br0")]
    domain.start()
    domain.set_bandwidth("52:54:00:00:02:00", Bandwidth(outbound=Rate(average=9)))
    assert domain.bandwidth("52:54:00:00:02:00") == Bandwidth(outbound=Rate(average=9))
    assert raw.machine("guest").config.annotation.startswith("made by hand\nvifkit1:")


def test_an_adapter_that_is_added_or_removed_meanwhile_stays_so(connection: Connection, raw: Raw) -> None:
    from vifkit_vsphere.driver import VsphereConnection

    assert isinstance(connection, VsphereConnection)
    connection.define(domain_xml("guest", "", ""))
    before = connection.machine("guest").config
    machine = raw.machine("guest")
    first, second = raw.cards(machine)
    third = vim.vm.device.VirtualE1000(
        key=-1, addressType="manual", macAddress="52:54:00:00:01:aa", backing=second.backing
    )
    changes = [
        vim.vm.device.VirtualDeviceSpec(operation="remove", device=first),
        vim.vm.device.VirtualDeviceSpec(operation="add", device=third),
    ]
    raw.wait(machine.ReconfigVM_Task(vim.vm.ConfigSpec(deviceChange=changes)))
    limit = Bandwidth(outbound=Rate(average=9))
    with pytest.raises(LookupError, match="has no vif"):
        connection.hypervisor.shape(before, MAC, limit)
    connection.hypervisor.shape(before, "52:54:00:00:01:01", limit)
    assert sorted(card.macAddress for card in raw.cards(machine)) == ["52:54:00:00:01:01", "52:54:00:00:01:aa"]


@pytest.fixture
def guest(connection: Connection) -> Domain:
    """A domain that is there."""
    return connection.define(domain_xml("guest"))


@pytest.fixture
def overtaken(connection: Connection, guest: Domain) -> Callable[[Callable[[], object]], Domain]:
    """Make a handle of the domain 'guest' behind whose back something is done, once, between its look and its deed."""
    from vifkit_base.domain import HypervisorDomain
    from vifkit_base.hypervisor import Machine
    from vifkit_vsphere.driver import VsphereConnection

    assert isinstance(connection, VsphereConnection)
    hypervisor, uuid = connection.hypervisor, guest.uuid

    def interrupt(meanwhile: Callable[[], object]) -> Domain:
        left = [meanwhile]

        class Interrupted(VsphereConnection):
            def machine(self, name: str, uuid: str | None = None) -> Machine:
                found = super().machine(name, uuid)
                if left:
                    left.pop()()
                return found

        return HypervisorDomain(Interrupted(hypervisor), "guest", uuid)

    return interrupt


Overtaken = Callable[[Callable[[], object]], Domain]


def test_a_state_that_changes_meanwhile_is_told(raw: Raw, overtaken: Overtaken) -> None:
    machine = raw.machine("guest")
    with pytest.raises(InvalidStateError, match="is running, not shut off"):
        overtaken(lambda: raw.wait(machine.PowerOnVM_Task())).start()
    with pytest.raises(InvalidStateError, match="is shut off, not running"):
        overtaken(lambda: raw.wait(machine.PowerOffVM_Task())).stop()
    with pytest.raises(DomainNotFoundError):
        overtaken(lambda: raw.wait(machine.Destroy_Task())).start()


def test_an_annotation_that_is_written_meanwhile_stays(raw: Raw, overtaken: Overtaken) -> None:
    machine = raw.machine("guest")
    spec = vim.vm.ConfigSpec(annotation=f"Payroll.\n{machine.config.annotation}")
    domain = overtaken(lambda: raw.wait(machine.ReconfigVM_Task(spec)))
    domain.set_bandwidth(MAC, Bandwidth(outbound=Rate(average=9)))
    assert machine.config.annotation.startswith("Payroll.\nvifkit1:")
    assert domain.bandwidth(MAC) == Bandwidth(outbound=Rate(average=9))
