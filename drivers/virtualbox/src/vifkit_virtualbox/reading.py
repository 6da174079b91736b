"""A domain, put together from what VirtualBox says of a machine and from what was noted with it."""

from vifkit import State, Vif, VifkitError, parse_domain
from vifkit_base.configs import as_config, noted_vifs
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
        config = as_config(listed.name, listed.uuid, "vbox", vifs, kept.xml if kept else None, noted_bandwidths=True)
        waiting = parse_domain(kept.waiting) if kept and kept.waiting else None
    except VifkitError:
        return None
    return Machine(config=config, state=listed.state, transient=bool(kept and kept.transient), waiting=waiting)


def _vif(listed: Listed, adapter: Adapter, before: Vif | None) -> Vif:
    if adapter.bridged_to != bridge_end(listed.uuid, adapter.mac):
        kinds = {"Bridged Interface": "bridge", "Host-only Interface": "network", "Internal Network": "internal"}
        return Vif(type=kinds.get(adapter.kind, "user"), mac=adapter.mac, source=adapter.source)
    vif = before or Vif(type="bridge", mac=adapter.mac)
    target = vif.target if listed.state is State.SHUTOFF else port(listed.uuid, vif)
    return Vif(type="bridge", mac=adapter.mac, source=vif.source, virtualport="openvswitch", target=target)
