"""Labels on the interfaces of ports that others have made."""

import pytest
from shared.rows import DOMAIN, Port, interface, next_cfg, qos_of

from netqos.ovsdb import Switch
from vifkit import Bandwidth, PortNotFoundError, Rate
from vifkit_conformance.lab import Lab

pytestmark = pytest.mark.switch


def test_a_label_is_written_beside_what_is_there(lab: Lab, switch: Switch, port: Port) -> None:
    port("vif1.0")
    lab.ovs.vsctl("set", "Interface", "vif1.0", 'external_ids:attached-mac="52:54:00:00:00:01"')
    switch.label({"vif1.0": {"vm-id": DOMAIN, "iface-id": "a"}})
    assert interface(lab, "vif1.0")["external_ids"] == {
        "attached-mac": "52:54:00:00:00:01",
        "vm-id": DOMAIN,
        "iface-id": "a",
    }
    before = next_cfg(lab)
    switch.label({"vif1.0": {"vm-id": DOMAIN}})
    assert next_cfg(lab) == before


def test_no_port_is_labelled_where_one_is_not_there(lab: Lab, switch: Switch, port: Port) -> None:
    port("vif1.0")
    with pytest.raises(PortNotFoundError):
        switch.label({"vif1.0": {"vm-id": DOMAIN}, "vif9.0": {"vm-id": DOMAIN}})
    assert interface(lab, "vif1.0")["external_ids"] == {}


def test_a_domain_is_known_by_what_xens_script_writes(lab: Lab, switch: Switch, port: Port) -> None:
    port("vif1.0")
    lab.ovs.vsctl("set", "Interface", "vif1.0", f"external_ids:xen-vm-uuid={DOMAIN}")
    assert switch.ports(["vif1.0"])["vif1.0"].vm_id == DOMAIN
    switch.apply({"vif1.0": Bandwidth(inbound=Rate(average=100))})
    qos = qos_of(lab, "vif1.0")
    assert qos is not None
    assert qos["external_ids"]["vm-id"] == DOMAIN
