"""The logical partitions of one managed system, as its HMC tells of them."""

import re
from collections.abc import Sequence
from dataclasses import dataclass

from vifkit import DomainConfig, State, VifkitError, parse_domain
from vifkit_base.hypervisor import Machine
from vifkit_base.notes import noted

from . import words
from .adapters import Adapter, adapters_of, config_of
from .console import CommandRefusedError, Console

NOTE = re.compile(r" ?vifkit1:([A-Za-z0-9_-]+)")
"""What a driver of ours keeps in a description, without the padding: nobody documents '=' within a value."""

NOT_FOUND = "HSCL8012"
"""The code of the message that there is no such partition."""

_LPAR = ("name", "uuid", "state", "default_profile", "lpar_env", "description")
_PROFILE = ("lpar_name", "name", "virtual_eth_adapters")
_ETHERNET = ("lpar_name", "slot_num", "port_vlan_id", "vswitch", "mac_addr")
STATES = {"Not Activated": State.SHUTOFF, "Not Available": State.SHUTOFF, "Suspended": State.PAUSED}
"""All others hold what they were given: an LPAR in 'Error', too, must be shut down before it is activated."""


@dataclass(frozen=True, kw_only=True, slots=True)
class Lpar:
    """A logical partition, with the adapters that it has, or will have by its default profile while it is off."""

    name: str
    state: State
    said: dict[str, str]
    """The attributes of _LPAR."""
    adapters: list[Adapter]

    def machine(self) -> Machine:
        """Give it as a domain, with what a driver of ours has kept in its description."""
        found = NOTE.search(self.said["description"])
        kept = noted(f"vifkit1:{found[1]}{'=' * (-len(found[1]) % 4)}") if found else None
        was, later = (_read(kept.xml), _read(kept.waiting)) if kept else (None, None)
        uuid = was.uuid if was else self.said["uuid"].lower()
        return Machine(
            config=config_of(self.name, uuid, self.adapters, was),
            state=self.state,
            transient=kept is not None and kept.transient,
            waiting=later and config_of(self.name, uuid, adapters_of(later), later),
        )


def _read(xml: str | None) -> DomainConfig | None:
    """Read what was kept; a description is anybody's to write, and what is no domain is nothing."""
    try:
        return parse_domain(xml) if xml else None
    except VifkitError:
        return None


class Lpars:
    """Reads and writes by the commands of the HMC; each method is one, but `all` and `find` are three."""

    def __init__(self, console: Console, system: str) -> None:
        self.console = console
        self._system = system

    def all(self, *only: words.Argument) -> list[Lpar]:
        """List them. Raises BackendError."""
        found = self.table("lssyscfg", "lpar", _LPAR, *only)
        profiles = self.table("lssyscfg", "prof", _PROFILE, *only) if found else []
        ethernet = ("--rsubtype", "eth"), ("--level", "lpar")
        rows = self.table("lshwres", "virtualio", _ETHERNET, *ethernet, *only) if found else []
        given: dict[str, dict[int, Adapter]] = {row["name"]: {} for row in found}
        later: dict[tuple[str, str], list[Adapter]] = {}
        with words.understood():
            for row in rows:
                given.setdefault(row["lpar_name"], {})[int(row["slot_num"])] = Adapter.of_row(row)
            for row in profiles:
                each_adapter = map(Adapter.of_profile, words.items(row["virtual_eth_adapters"]))
                later[row["lpar_name"], row["name"]] = [*each_adapter]
        lpars = []
        for row in found:
            state, has = STATES.get(row["state"], State.RUNNING), given[row["name"]]
            adapters = [*has.values()]
            if state is State.SHUTOFF:
                will_have = later.get((row["name"], row["default_profile"]), [])
                adapters = [each if each.mac else has.get(each.slot, each) for each in will_have]
            lpars.append(Lpar(name=row["name"], state=state, said=row, adapters=adapters))
        return lpars

    def find(self, name: str) -> Lpar | None:
        """Find one."""
        try:
            found = self.all(("--filter", words.record({"lpar_names": name})))
        except CommandRefusedError as error:
            if error.code == NOT_FOUND:
                return None
            raise
        return next((each for each in found if each.name == name), None)

    def said(self, name: str, attribute: str) -> str:
        """Read one attribute of one."""
        only = ("--filter", words.record({"lpar_names": name}))
        with words.understood():
            (row,) = self.table("lssyscfg", "lpar", (attribute,), only)
        return row[attribute]

    def table(self, program: str, kind: str, attributes: Sequence[str], *more: words.Argument) -> list[dict[str, str]]:
        """Read these attributes of resources of a kind."""
        wanted = ("-F", ",".join(attributes))
        return words.table(self._run(program, kind, *more, wanted, "--header"), attributes)

    def configure(self, program: str, kind: str, attributes: dict[str, str]) -> None:
        """Make or change a resource by an attribute record."""
        self._run(program, kind, ("-i", words.record(attributes)))

    def change(self, program: str, name: str, *more: words.Argument) -> None:
        """Change the state of an LPAR, or remove it."""
        self._run(program, "lpar", *more, ("-n", name))

    def _run(self, program: str, kind: str, *more: words.Argument) -> str:
        return self.console.run(program, ("-r", kind), ("-m", self._system), *more)
