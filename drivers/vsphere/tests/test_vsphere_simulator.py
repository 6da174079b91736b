"""The simulator: what it refuses beyond vcsim, that it ends, and how it is built."""

import os
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from vspheres.domains import domain_xml
from vspheres.raw import Raw, vim, vmodl

from vifkit import Connection
from vifkit_vsphere import simulator
from vifkit_vsphere.testbed import running

LIMITED = "<bandwidth><outbound average='512'/></bandwidth>"
OWN = "vifkit-00000000-525400000100-br0"
vcenter = pytest.mark.parametrize("mode", ["vcenter"], indirect=True)
esx = pytest.mark.parametrize("mode", ["esx"], indirect=True)


def distributed(average_bps: int, peak_bps: int, **more: Any) -> Any:
    policy = vim.dvs.DistributedVirtualPort.TrafficShapingPolicy(
        inherited=False,
        enabled=vim.BoolPolicy(inherited=False, value=True),
        averageBandwidth=vim.LongPolicy(inherited=False, value=average_bps),
        peakBandwidth=vim.LongPolicy(inherited=False, value=peak_bps),
        burstSize=vim.LongPolicy(inherited=False, value=1024),
    )
    setting = vim.dvs.VmwareDistributedVirtualSwitch.VmwarePortConfigPolicy(inShapingPolicy=policy)
    return vim.dvs.DistributedVirtualPortgroup.ConfigSpec(defaultPortConfig=setting, **more)


def standard(average_bps: int, peak_bps: int, name: str = OWN) -> Any:
    policy = vim.host.NetworkPolicy.TrafficShapingPolicy(
        enabled=True, averageBandwidth=average_bps, peakBandwidth=peak_bps, burstSize=1024
    )
    return vim.host.PortGroup.Specification(
        name=name, vlanId=0, vswitchName="vSwitch0", policy=vim.host.NetworkPolicy(shapingPolicy=policy)
    )


@vcenter
def test_a_port_group_in_use_stays(connection: Connection, raw: Raw) -> None:
    connection.define(domain_xml("guest", LIMITED))
    with pytest.raises(vim.fault.ResourceInUse):
        raw.groups()[OWN].Destroy_Task()


@vcenter
def test_a_change_of_another_version_is_refused(connection: Connection, raw: Raw) -> None:
    connection.define(domain_xml("guest", LIMITED))
    group = raw.groups()[OWN]
    raw.wait(group.ReconfigureDVPortgroup_Task(distributed(8000, 8000)))
    assert group.config.configVersion == "1"
    for stale in (None, "0", "2"):
        with pytest.raises(vim.fault.ConcurrentAccess):
            raw.wait(group.ReconfigureDVPortgroup_Task(distributed(8000, 8000, configVersion=stale)))
    with pytest.raises(vmodl.fault.InvalidArgument):
        raw.wait(group.ReconfigureDVPortgroup_Task(distributed(8000, 7999, configVersion="1")))
    assert group.config.name == OWN


@vcenter
def test_a_name_is_taken_once_and_not_too_long(connection: Connection, raw: Raw) -> None:
    connection.define(domain_xml("guest"))
    pool = raw.datacenter.hostFolder.childEntity[0].resourcePool
    spec = vim.vm.ConfigSpec(name="guest", files=vim.vm.FileInfo(vmPathName="[LocalDS_0]"))
    with pytest.raises(vim.fault.DuplicateName):
        raw.datacenter.vmFolder.CreateVM_Task(spec, pool)
    spec.name = "x" * 81
    with pytest.raises(vim.fault.InvalidName):
        raw.datacenter.vmFolder.CreateVM_Task(spec, pool)


def test_a_machine_is_changed_as_what_it_is(connection: Connection, raw: Raw) -> None:
    connection.define(domain_xml("guest"))
    machine = raw.machine("guest")
    for version in ("1", "2", None):
        assert machine.config.changeVersion == {"1": "1", "2": "2", None: "3"}[version]
        raw.wait(machine.ReconfigVM_Task(vim.vm.ConfigSpec(numCPUs=3, changeVersion=version)))
    for stale in ("3", "5"):
        with pytest.raises(vim.fault.ConcurrentAccess):
            raw.wait(machine.ReconfigVM_Task(vim.vm.ConfigSpec(numCPUs=4, changeVersion=stale)))
    assert (machine.config.changeVersion, machine.config.hardware.numCPU) == ("4", 3)


@esx
def test_the_port_groups_of_a_host_are_looked_at(connection: Connection, raw: Raw) -> None:
    connection.define(domain_xml("guest", LIMITED))
    with pytest.raises(vim.fault.ResourceInUse):
        raw.network_system.RemovePortGroup(OWN)
    with pytest.raises(vmodl.fault.InvalidArgument):
        raw.network_system.UpdatePortGroup(OWN, standard(8000, 7999))
    with pytest.raises(vmodl.fault.InvalidArgument):
        raw.network_system.AddPortGroup(standard(0, 0, "other"))
    with pytest.raises(vim.fault.NotFound):
        raw.network_system.UpdatePortGroup("nowhere", standard(8000, 8000, "nowhere"))
    raw.network_system.UpdatePortGroup(OWN, standard(8000, 16000))
    assert raw.shaping(OWN) == {"out": (8000, 16000, 1024)}


def test_it_ends_with_who_started_it(tmp_path: Path) -> None:
    started = subprocess.Popen(
        [simulator.built(), "-mode", "esx"],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        stderr=subprocess.DEVNULL,
        env={"TMPDIR": str(tmp_path)},
    )
    assert started.stdin is not None and started.stdout is not None
    started.stdin.write(b"secret\n")
    started.stdin.flush()
    assert started.stdout.readline().startswith(b"https://127.0.0.1:")
    assert list(tmp_path.iterdir())
    started.stdin.close()
    assert started.wait(10) == 0
    started.stdout.close()
    assert list(tmp_path.iterdir()) == []


def test_it_does_not_start_as_what_it_is_not(tmp_path: Path) -> None:
    with pytest.raises(simulator.SimulatorError, match="did not start"), running("esx", tmp_path, "-x"):
        pass


def test_it_is_built_once(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    program = simulator.built()
    made = program.stat().st_mtime_ns
    assert simulator.built() == program
    said = subprocess.run(
        [sys.executable, "-m", "vifkit_vsphere.simulator"], capture_output=True, text=True, check=True
    )
    assert said.stdout.strip() == str(program)
    assert program.stat().st_mtime_ns == made
    monkeypatch.setenv("PATH", os.fspath(tmp_path))
    with pytest.raises(simulator.SimulatorError, match="not installed: golang-go and golang-github-vmware-govmomi-dev"):
        simulator.built()


def test_the_machines_that_it_comes_with_are_domains(simulated: Callable[..., str]) -> None:
    from vifkit_vsphere.driver import VsphereDriver

    with VsphereDriver().open(simulated("esx", "-machines", "2")) as connection:
        assert sorted(each.name for each in connection.domains()) == ["ha-host_VM0", "ha-host_VM1"]
        (vif,) = connection.domain("ha-host_VM0").vifs()
        assert (vif.type, vif.source, vif.bandwidth) == ("bridge", "VM Network", None)
