"""The logical partitions of one managed system, as its HMC tells of them."""

import re
from collections import defaultdict
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager, suppress

from vifkit import DomainNotFoundError, InvalidStateError, InvalidXmlError, State, VifkitError, parse_domain
from vifkit_base.hypervisor import Machine
from vifkit_base.notes import noted

from . import words
from .adapters import Adapter, adapters_of, config_of
from .console import CommandRefusedError, Console

NOTE = re.compile(r" ?vifkit1:([A-Za-z0-9_-]+)")
"""What a driver of ours keeps in a description, without the padding: nobody documents '=' within a value."""

_LPAR = ("name", "uuid", "state", "default_profile", "lpar_env", "description")
_PROFILE = ("lpar_name", "name", "virtual_eth_adapters")
_ETHERNET = ("lpar_name", "slot_num", "port_vlan_id", "vswitch", "mac_addr")
_CODES = {"HSCL3681": ("running", "shut off"), "HSCL1558": ("shut off", "running")}
_STATES = {"Not Activated": State.SHUTOFF, "Not Available": State.SHUTOFF, "Suspended": State.PAUSED}


def machine_of(row: Mapping[str, str], adapters: Sequence[Adapter]) -> Machine:
    """Give an LPAR as a domain, with what a driver of ours has kept in its description.

    A description is anybody's to write, and what is no domain of ours there is nothing. Raises InvalidXmlError where
    no domain can be like this LPAR.
    """
    name, uuid, was, later, transient = row["name"], row["uuid"].lower(), None, None, False
    found = NOTE.search(row["description"])
    kept = noted(f"vifkit1:{found[1]}{'=' * (-len(found[1]) % 4)}") if found else None
    with suppress(VifkitError):
        if kept is not None:
            ours = parse_domain(kept.xml)
            adapters_of(ours)  # raises for what none of ours can be
            was, uuid, transient = ours, ours.uuid, kept.transient
            waits = parse_domain(kept.waiting or "")  # nothing is no domain either
            later = config_of(name, uuid, adapters_of(waits), waits)
    config = config_of(name, uuid, adapters, was)
    return Machine(config=config, state=state_of(row["state"]), transient=transient, waiting=later)


def state_of(said: str) -> State:
    """Tell whether an LPAR is off. All others hold what they were given: one in 'Error', too, is to be shut down."""
    return _STATES.get(said, State.RUNNING)


@contextmanager
def named(name: str) -> Iterator[None]:
    """Say in the contract's words what is wrong with an LPAR."""
    try:
        yield
    except CommandRefusedError as error:
        if error.code == "HSCL8012":
            raise DomainNotFoundError(name) from error
        if error.code in _CODES:
            raise InvalidStateError(name, *_CODES[error.code]) from error
        raise


class Lpars:
    """Reads and writes by the commands of the HMC; each method is one, but `all` and `find` are three."""

    def __init__(self, console: Console, system: str) -> None:
        self.console = console
        self._system = system

    def all(self, *only: words.Argument) -> list[Machine]:
        """List them, with the adapters that each has, or will have by its default profile while it is off."""
        found = self.table("lssyscfg", "lpar", _LPAR, *only)
        profiles = self.table("lssyscfg", "prof", _PROFILE, *only) if found else []
        ethernet = ("--rsubtype", "eth"), ("--level", "lpar")
        rows = self.table("lshwres", "virtualio", _ETHERNET, *ethernet, *only) if found else []
        has: defaultdict[str, dict[int, Adapter]] = defaultdict(dict)
        will_have: dict[tuple[str, str], list[Adapter]] = {}
        with words.understood():
            for row in rows:
                has[row["lpar_name"]][int(row["slot_num"])] = Adapter.of_row(row)
            for row in profiles:
                later = map(Adapter.of_profile, words.items(row["virtual_eth_adapters"]))
                # One without a MAC address has the one that the HMC gave it when it was last activated.
                known = [each if each.mac else has[row["lpar_name"]].get(each.slot, each) for each in later]
                will_have[row["lpar_name"], row["name"]] = known
        for row in found:
            if state_of(row["state"]) is State.SHUTOFF:
                later_on = will_have.get((row["name"], row["default_profile"]), [])
                has[row["name"]] = {each.slot: each for each in later_on}
        machines = []
        for row in found:
            with suppress(InvalidXmlError):  # such as one with a '/' in its name: it is left out
                machines.append(machine_of(row, [*has[row["name"]].values()]))
        return machines

    def find(self, name: str) -> Machine | None:
        """Find one."""
        with suppress(DomainNotFoundError), named(name):
            found = self.all(("--filter", words.record({"lpar_names": name})))
            return next((each for each in found if each.config.name == name), None)
        return None

    def said(self, name: str) -> dict[str, str]:
        """Read the attributes of one."""
        with words.understood():
            (row,) = self.table("lssyscfg", "lpar", _LPAR, ("--filter", words.record({"lpar_names": name})))
        return row

    def table(self, program: str, kind: str, attributes: Sequence[str], *more: words.Argument) -> list[dict[str, str]]:
        """Read these attributes of resources of a kind."""
        wanted = ("-F", ",".join(attributes))
        return words.table(self.run(program, kind, *more, wanted, "--header"), attributes)

    def configure(self, program: str, kind: str, attributes: Mapping[str, str]) -> None:
        """Make or change a resource by an attribute record."""
        self.run(program, kind, ("-i", words.record(attributes)))

    def run(self, program: str, kind: str, *more: words.Argument) -> str:
        """Give a command for resources of a kind."""
        return self.console.run(program, ("-r", kind), ("-m", self._system), *more)
