"""The managed system: its LPARs, their profiles, and what becomes of them."""

import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from uuid import uuid4

from .text import Refusal, insist, invalid, read_list

NAME = re.compile(r"[A-Za-z0-9][A-Za-z0-9@#^/;:~,._=+{} -]{0,30}")
REGION_MIB = 256
DESCRIPTION_CHARACTERS = 1023
"""Nobody documents how many an HMC holds: an assumption, which a test changes."""

SYSTEM = "Server-9009-22A-SN7800ABC"
OFF, ON = "Not Activated", "Running"

PROFILE = {
    "min_mem": "",
    "desired_mem": "",
    "max_mem": "",
    "proc_mode": "ded",
    "min_proc_units": "null",
    "desired_proc_units": "null",
    "max_proc_units": "null",
    "min_procs": "",
    "desired_procs": "",
    "max_procs": "",
    "sharing_mode": "keep_idle_procs",
    "uncap_weight": "null",
    "io_slots": "none",
    "max_virtual_slots": "10",
    "virtual_scsi_adapters": "none",
    "virtual_eth_adapters": "none",
    "boot_mode": "norm",
    "auto_start": "0",
}
"""The attributes of a profile that this double holds, and their defaults."""

ETHERNET = (
    *("lpar_name", "lpar_id", "slot_num", "state", "is_required", "is_trunk", "trunk_priority", "ieee_virtual_eth"),
    *("port_vlan_id", "vswitch", "addl_vlan_ids", "mac_addr", "allowed_os_mac_addrs", "qos_priority"),
)
LPAR = (
    *("name", "lpar_id", "lpar_env", "state", "resource_config", "os_version", "logical_serial_num"),
    *("default_profile", "curr_profile", "work_group_id", "shared_proc_pool_util_auth", "allow_perf_collection"),
    *("power_ctrl_lpar_ids", "boot_mode", "lpar_keylock", "auto_start", "redundant_err_path_reporting", "rmc_state"),
    *("rmc_ipaddr", "time_ref", "lpar_avail_priority", "desired_lpar_proc_compat_mode", "curr_lpar_proc_compat_mode"),
    *("suspend_capable", "remote_restart_capable", "affinity_group_id"),
)
_USUAL = {
    "work_group_id": "none",
    "shared_proc_pool_util_auth": "0",
    "allow_perf_collection": "0",
    "power_ctrl_lpar_ids": "none",
    "boot_mode": "norm",
    "lpar_keylock": "norm",
    "auto_start": "0",
    "redundant_err_path_reporting": "0",
    "rmc_state": "inactive",
    "rmc_ipaddr": "",
    "time_ref": "0",
    "lpar_avail_priority": "127",
    "desired_lpar_proc_compat_mode": "default",
    "curr_lpar_proc_compat_mode": "default",
    "suspend_capable": "0",
    "remote_restart_capable": "0",
    "affinity_group_id": "none",
    "os_version": "Unknown",
    "description": "",
}


@dataclass(kw_only=True)
class Lpar:
    """A logical partition. `later` is the state that it will have when it has been asked for so many times."""

    lpar_id: int
    said: dict[str, str]
    profiles: dict[str, dict[str, str]]
    ethernet: dict[int, dict[str, str]] = field(default_factory=dict)
    later: tuple[str, int] | None = None


class ManagedSystem:
    """One managed system with the virtual switches ETHERNET0 and br0."""

    def __init__(self, home: Path | None = None, *, name: str = SYSTEM, serial: str = "7800ABC") -> None:
        self._home = home
        self.row = {"name": name, "type_model": "9009-22A", "serial_num": serial, "state": "Operating"}
        self.switches = {"ETHERNET0": "1", "br0": "1"}
        self.lpars: dict[str, Lpar] = {}
        self.description_characters = DESCRIPTION_CHARACTERS
        self.lag = 0
        """How often an LPAR is looked at before it is in the state that it was brought to."""

    def lines(self, name: str) -> list[str]:
        """Read a file in the user's home. Raises Refusal."""
        insist(self._home and re.fullmatch("[a-z]+", name) and (self._home / name).is_file(), f"{name} was not found.")
        return (self._home or Path()).joinpath(name).read_text(encoding="utf-8").splitlines()

    def find(self, name: str) -> Lpar:
        """Find an LPAR. Raises Refusal."""
        insist(name in self.lpars, f"HSCL8012 The partition named {name} was not found.")
        return self.lpars[name]

    def make(self, given: Mapping[str, str]) -> None:
        """Make an LPAR with one profile. Raises Refusal."""
        attributes = dict(given)
        for needed in ("name", "profile_name", "lpar_env"):
            insist(attributes.get(needed), f"The required attribute {needed} is missing.")
        name, profile, env = (attributes.pop(each) for each in ("name", "profile_name", "lpar_env"))
        insist(NAME.fullmatch(name) and NAME.fullmatch(profile), f"The name {name} is not valid.")
        insist(name not in self.lpars, f"The partition name {name} is in use already.")
        insist(env in ("aixlinux", "os400", "vioserver"), "An invalid attribute value was entered: lpar_env.")
        settings = self._checked(PROFILE, attributes)
        number = min(set(range(1, len(self.lpars) + 2)) - {each.lpar_id for each in self.lpars.values()})
        said = {"name": name, "uuid": str(uuid4()).upper(), "lpar_env": env, "state": OFF, "resource_config": "0"}
        said |= {"default_profile": profile, "curr_profile": "", "lpar_id": str(number), **_USUAL}
        said["logical_serial_num"] = f"{self.row['serial_num']}{number:X}"
        self.lpars[name] = Lpar(lpar_id=number, said=said, profiles={profile: settings})

    def change(self, given: Mapping[str, str]) -> None:
        """Change an LPAR itself. Raises Refusal."""
        lpar = self.find(given.get("name", ""))
        for attribute, value in given.items():
            if attribute == "description":
                lpar.said[attribute] = value[: self.description_characters]
            elif attribute == "new_name":
                insist(NAME.fullmatch(value) and value not in self.lpars, f"The name {value} is not valid, or in use.")
                self.lpars[value] = self.lpars.pop(lpar.said["name"])
                lpar.said["name"] = value
            elif attribute != "name":
                raise invalid(attribute)

    def change_profile(self, given: Mapping[str, str]) -> None:
        """Change a profile. Raises Refusal."""
        attributes = dict(given)
        lpar, name = self.find(attributes.pop("lpar_name", "")), attributes.pop("name", "")
        insist(name in lpar.profiles, f"The profile {name} was not found.")
        lpar.profiles[name] = self._checked(lpar.profiles[name], attributes)

    def remove(self, name: str) -> None:
        """Remove an LPAR that is off. Raises Refusal."""
        insist(self.find(name).said["state"] == OFF, f"The partition {name} is not in the state {OFF}.")
        del self.lpars[name]

    def activate(self, name: str, profile: str | None) -> None:
        """Give an LPAR what its profile says, and start it. Raises Refusal."""
        lpar = self.find(name)
        insist(lpar.said["state"] == OFF, f"HSCL3681 The partition {name} is activated already.")
        if profile is None:
            said = f"HSCL3680 The partition {name} has insufficient resources in its current configuration."
            insist(lpar.said["resource_config"] == "1", said)
        else:
            insist(profile in lpar.profiles, f"The profile {profile} was not found.")
            lpar.ethernet = {}
            for number, adapter in enumerate(read_adapters(lpar.profiles[profile]["virtual_eth_adapters"])):
                adapter["mac_addr"] = adapter["mac_addr"] or f"6AB0{lpar.lpar_id:06X}{number:02X}"
                lpar.ethernet[int(adapter["slot_num"])] = adapter
            lpar.said |= {"curr_profile": profile, "resource_config": "1"}
        self._bring(lpar, ON)

    def shut_down(self, name: str) -> None:
        """End an LPAR. Raises Refusal."""
        lpar = self.find(name)
        insist(lpar.said["state"] != OFF, f"HSCL1558 The partition {name} is powered off already.")
        self._bring(lpar, OFF)

    def looked_at(self) -> Iterator[Lpar]:
        """Give the LPARs, of which some may come a step further by that."""
        for lpar in self.lpars.values():
            if lpar.later:
                state, steps = lpar.later
                lpar.later = (state, steps - 1) if steps > 1 else None
                if lpar.later is None:
                    lpar.said["state"] = state
            yield lpar

    def _bring(self, lpar: Lpar, state: str) -> None:
        if self.lag:
            lpar.later = (state, self.lag)
            if state == OFF:
                lpar.said["state"] = "Shutting Down"
        else:
            lpar.said["state"] = state

    def _checked(self, before: Mapping[str, str], given: Mapping[str, str]) -> dict[str, str]:
        """Give a profile with new values. Raises Refusal."""
        for attribute in given:
            if attribute not in PROFILE:
                raise invalid(attribute)
        new = {**before, **given}
        shared = ("min_proc_units", "desired_proc_units", "max_proc_units") if new["proc_mode"] == "shared" else ()
        for attribute in ("min_mem", "desired_mem", "max_mem", "min_procs", "desired_procs", "max_procs", *shared):
            said = f"The attribute {attribute} is missing, or its value is not valid."
            insist(re.fullmatch(r"[0-9]+(\.[0-9]{1,2})?", new[attribute]), said)
        insist(int(new["desired_mem"]) % REGION_MIB == 0, "The memory is no multiple of the memory region size.")
        modes = {"shared": ("cap", "uncap"), "ded": ("keep_idle_procs", "share_idle_procs")}
        insist(new["sharing_mode"] in modes.get(new["proc_mode"], ()), "invalid attribute value: sharing_mode")
        if shared:
            enough = float(new["desired_proc_units"]) >= int(new["desired_procs"]) / 10 - 1e-9
            insist(enough, "HSCL0622 The processing units are fewer than 0.1 for each virtual processor.")
        adapters = read_adapters(new["virtual_eth_adapters"])
        slots = [int(each["slot_num"]) for each in adapters]
        ours = len(set(slots)) == len(slots) and all(2 <= each < int(new["max_virtual_slots"]) for each in slots)
        insist(ours, "A virtual slot number is used twice, or is not valid.")
        for each in adapters:
            insist(each["vswitch"] in self.switches, f"The virtual switch {each['vswitch']} was not found.")
        return new


def read_adapters(text: str) -> list[dict[str, str]]:
    """Read `virtual_eth_adapters` as what `lshwres` lists of each. Raises Refusal."""
    found = []
    for item in [] if text == "none" else read_list(text):
        parts = item.split("/")
        parts += ["", "", "", ""][: max(0, 10 - len(parts))]
        said = f"The virtual Ethernet adapter {item} is not valid."
        insist(len(parts) == 10 and re.fullmatch("[0-9]+/[01]/[0-9]+", "/".join(parts[:3])), said)
        slot, ieee, vlan, others, trunk, required, switch, mac, allowed, qos = parts
        insist(1 <= int(vlan) <= 4094 and required in ("0", "1") and re.fullmatch("[0-9]*", trunk), said)
        # A private address, and no group's.
        insist(not mac or (re.fullmatch("[0-9A-Fa-f]{12}", mac) and int(mac[:2], 16) & 3 == 2), said)
        found.append(
            {
                "slot_num": slot,
                "state": "1",
                "is_required": required,
                "is_trunk": str(int(trunk not in ("", "0"))),
                "trunk_priority": trunk if trunk not in ("", "0") else "null",
                "ieee_virtual_eth": ieee,
                "port_vlan_id": vlan,
                "vswitch": switch or "ETHERNET0",
                "addl_vlan_ids": others,
                "mac_addr": mac.upper(),
                "allowed_os_mac_addrs": allowed or "all",
                "qos_priority": qos or "none",
            }
        )
    return found


__all__ = ["ETHERNET", "LPAR", "PROFILE", "ManagedSystem", "Refusal"]
