"""A domain, put together from what VirtualBox says of a machine and from what was noted with it."""

from vifkit import InvalidXmlError, State, Vif
from vifkit_base.configs import as_machine, noted_vifs
from vifkit_base.hypervisor import Machine
from vifkit_base.notes import noted

from .links import bridge_end, port
from .listing import Adapter, Listed


def machine(listed: Listed, text: str) -> Machine | None:
    """Put together what VirtualBox says and what was noted; None for what no domain can be."""
    kept = noted(text)
    before = noted_vifs(kept)
    vifs = [_vif(listed, each, before.get(each.mac)) for each in listed.adapters]
    try:
        return as_machine(listed.name, listed.uuid, "vbox", listed.state, vifs, kept, noted_bandwidths=True)
    except InvalidXmlError:
        return None


def _vif(listed: Listed, adapter: Adapter, before: Vif | None) -> Vif:
    if adapter.bridged_to != bridge_end(listed.uuid, adapter.mac):
        kinds = {"Bridged Interface": "bridge", "Host-only Interface": "network", "Internal Network": "internal"}
        return Vif(type=kinds.get(adapter.kind, "user"), mac=adapter.mac, source=adapter.source)
    vif = before or Vif(type="bridge", mac=adapter.mac)
    target = vif.target if listed.state is State.SHUTOFF else port(listed.uuid, vif)
    return Vif(type="bridge", mac=adapter.mac, source=vif.source, virtualport="openvswitch", target=target)
