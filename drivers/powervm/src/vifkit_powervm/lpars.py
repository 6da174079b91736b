"""The logical partitions of one managed system, as its HMC tells of them."""

import re
from collections.abc import Sequence
from dataclasses import dataclass

from vifkit import DomainNotFoundError, State, parse_domain
from vifkit_base.hypervisor import Machine
from vifkit_base.notes import noted

from . import words
from .adapters import Adapter, config_of
from .console import CommandRefusedError, Console

NOTE = re.compile(r" ?vifkit1:([A-Za-z0-9_-]+)")
"""What a driver of ours keeps in a description, without the padding: nobody documents '=' within a value."""

NOT_FOUND = "HSCL8012"
"""The code of the message that there is no such partition."""

_LPAR = ("name", "uuid", "state", "default_profile", "lpar_env", "description")
_PROFILE = ("lpar_name", "name", "virtual_eth_adapters")
_ETHERNET = ("lpar_name", "slot_num", "port_vlan_id", "vswitch", "mac_addr")
# All but these hold what they were given: an LPAR in 'Error', too, must be shut down before it is activated.
_STATES = {"Not Activated": State.SHUTOFF, "Not Available": State.SHUTOFF, "Suspended": State.PAUSED}


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
        kept = None if found is None else noted(f"vifkit1:{found[1]}{'=' * (-len(found[1]) % 4)}")
        uuid = parse_domain(kept.xml).uuid if kept else self.said["uuid"].lower()
        return Machine(
            config=config_of(self.name, uuid, self.adapters, kept.xml if kept else None),
            state=self.state,
            transient=kept is not None and kept.transient,
            waiting=parse_domain(kept.waiting) if kept and kept.waiting else None,
        )


class Lpars:
    """Reads and writes by the commands of the HMC; each method is one, but `all`, `find` and `need` are three."""

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
            state, has = _STATES.get(row["state"], State.RUNNING), given[row["name"]]
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

    def need(self, name: str) -> Lpar:
        """Find one. Raises DomainNotFoundError."""
        found = self.find(name)
        if found is None:
            raise DomainNotFoundError(name)
        return found

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
