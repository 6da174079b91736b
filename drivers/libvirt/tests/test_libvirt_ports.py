"""Which ports are a domain's, by what was written to them when they were made."""

import pytest

from netqos.rows import InterfaceRow, PortRows
from vifkit_libvirt.shaper import ports_of

UUID, OTHER = "7714e6b5-4885-4140-bc59-2f77cc99b3b5", "00000000-4885-4140-bc59-2f77cc99b3b5"
MAC = "52:54:00:00:00:01"


def named(name: str, external_ids: dict[str, str]) -> dict[str, PortRows]:
    return {name: PortRows(name=name, interfaces=(InterfaceRow(name=name, external_ids=external_ids),))}


@pytest.mark.parametrize(
    "external_ids",
    [
        {"attached-mac": MAC, "iface-id": "a", "iface-status": "active", "vm-id": UUID},
        {"attached-mac": MAC, "xen-vm-name": "a", "xen-vm-uuid": UUID},
        {"attached-mac": MAC, "xen-vm-name": "a", "xen-vm-uuid": UUID, "vm-id": UUID, "iface-id": "a"},
    ],
    ids=["libvirt", "xen", "xen-labelled"],
)
def test_a_port_is_the_domains_that_it_names(external_ids: dict[str, str]) -> None:
    assert ports_of(UUID, named("vif1.0", external_ids)) == {"vif1.0": MAC}
    assert ports_of(OTHER, named("vif1.0", external_ids)) == {}


@pytest.mark.parametrize(
    "external_ids",
    [{}, {"attached-mac": MAC}, {"attached-mac": MAC, "vm-id": UUID}, {"attached-mac": MAC, "xen-vm-uuid": UUID}],
)
def test_a_port_that_somebody_else_has_made_is_nobodys(external_ids: dict[str, str]) -> None:
    assert ports_of(UUID, named("vif1.0", external_ids)) == {}
