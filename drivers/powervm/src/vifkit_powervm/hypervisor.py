"""The verbs of the contract, by the commands of an HMC."""

import re
from collections.abc import Callable, Sequence
from contextlib import ExitStack, suppress
from functools import cached_property

import vifkit
from vifkit import BackendError, Bandwidth, ConnectError, DomainConfig, State, UnsupportedError, VifkitError
from vifkit_base.hypervisor import Hypervisor, Machine
from vifkit_base.notes import note
from vifkit_base.waiting import moments

from . import words
from .console import CommandRefusedError, Console
from .lpars import NOTE, Lpars, named, state_of
from .settings import ENV, FIXED, PROFILE, is_name, settings_of

WAIT_SECONDS = 300.0
"""How long an LPAR may take to be activated, or to be shut down at once."""

_OFF = ("-o", "shutdown"), "--immed"


class PowerHypervisor(Hypervisor):
    """The LPARs of a managed system. Raises ConnectError if the HMC manages none of that name."""

    def __init__(self, console: Console, system: str) -> None:
        super().__init__()
        self._lpars = Lpars(console, system)
        try:
            (self._system,) = self._lpars.table("lssyscfg", "sys", ("type_model", "state"))
        except (BackendError, ValueError) as error:
            raise ConnectError(f"the managed system {system!r} is not to be had: {error}") from error

    def version(self) -> str:
        """Name the HMC's version, and the model of the managed system."""
        said = self._lpars.console.run("lshmc", "-V")
        with words.understood():
            version, release, pack = re.findall(r"(?:Version|Release|Service Pack): *(\S+)", said)
        return f"HMC V{version}R{release} service pack {pack}, managing {self._system['type_model']}"

    def machines(self) -> Sequence[Machine]:
        """List all LPARs, in three commands."""
        return self._lpars.all()

    def machine(self, name: str) -> Machine | None:
        """Find an LPAR, among all where its name is one that a filter cannot hold."""
        return self._lpars.find(name) if is_name(name) else super().machine(name)

    def define(self, config: DomainConfig, *, transient: bool) -> None:
        """Make an LPAR with one profile, or change the default profile of the one that there is."""
        settings = settings_of(config, self._region_MiB)
        with ExitStack() as undo:
            if self._lpars.find(config.name) is None:
                self._make(config.name, settings)
                undo.callback(_quietly, self._lpars.run, "rmsyscfg", "lpar", ("-n", config.name))
            else:
                profile = self._profile(config.name, settings)
                undo.callback(_quietly, self._lpars.configure, "chsyscfg", "prof", profile)
                self._lpars.configure("chsyscfg", "prof", profile | settings)
            self._describe(config.name, note(config, transient=transient))
            undo.pop_all()

    def start(self, config: DomainConfig) -> DomainConfig:
        """Activate an LPAR with its default profile."""
        with named(config.name), ExitStack() as undo:
            profile = ("-f", self._lpars.said(config.name)["default_profile"])
            self._lpars.run("chsysstate", "lpar", ("-o", "on"), profile, ("-n", config.name))
            undo.callback(_quietly, self._lpars.run, "chsysstate", "lpar", *_OFF, ("-n", config.name))
            self._wait(config.name, State.RUNNING)
            undo.pop_all()
        return config

    def stop(self, config: DomainConfig) -> None:
        """Shut an LPAR down at once, as operator panel function 8 does."""
        with named(config.name):
            self._lpars.run("chsysstate", "lpar", *_OFF, ("-n", config.name))
            self._wait(config.name, State.SHUTOFF)

    def undefine(self, config: DomainConfig) -> None:
        """Remove an LPAR, with its profiles."""
        with named(config.name):
            self._lpars.run("rmsyscfg", "lpar", ("-n", config.name))

    def keep(self, config: DomainConfig, *, running: bool) -> None:
        """Keep a changed domain in the LPAR's description."""
        settings_of(config, self._region_MiB)
        there = self.machine(config.name) or Machine(config=config, state=State.SHUTOFF)
        text = note(config, transient=running and there.transient, waiting=there.waiting if running else None)
        if not running and there.state is not State.SHUTOFF:
            text = note(there.config, transient=False, waiting=config)
        self._describe(config.name, text)

    def shape(self, config: DomainConfig, mac: str, bandwidth: Bandwidth | None) -> None:
        """Refuse a bandwidth; there is none to clear."""
        if bandwidth:
            super().shape(config, mac, bandwidth)

    def close(self) -> None:
        """Hang up."""
        self._lpars.console.close()

    def _make(self, name: str, settings: dict[str, str]) -> None:
        try:
            self._lpars.configure(
                "mksyscfg", "lpar", FIXED | settings | {"name": name, "profile_name": PROFILE, "lpar_env": ENV}
            )
        except CommandRefusedError as error:
            if self._lpars.find(name) is not None:  # somebody was quicker
                raise vifkit.DomainExistsError(name) from error
            raise

    def _profile(self, name: str, settings: dict[str, str]) -> dict[str, str]:
        """Read an LPAR's default profile, as far as new settings would change it."""
        row = self._lpars.said(name)
        if row["lpar_env"] != ENV:
            raise UnsupportedError("interface", f"{name!r} is a partition for {row['lpar_env']}: it is left as it is")
        profile = row["default_profile"]
        only = ("--filter", words.record({"lpar_names": name, "profile_names": profile}))
        with words.understood():
            (before,) = self._lpars.table("lssyscfg", "prof", tuple(settings), only)
        return {"name": profile, "lpar_name": name, **before}

    def _describe(self, name: str, text: str) -> None:
        """Put a note into a description, beside what others have written there, and see that it is held whole."""
        with named(name), ExitStack() as undo:
            before = self._lpars.said(name)["description"]
            after = f"{NOTE.sub('', before)} {text.rstrip('=')}".lstrip()
            undo.callback(_quietly, self._lpars.configure, "chsyscfg", "lpar", {"name": name, "description": before})
            self._lpars.configure("chsyscfg", "lpar", {"name": name, "description": after})
            held = self._lpars.said(name)["description"]
            if held != after:
                needs = f"its XML needs a description of {len(after)} characters"
                raise BackendError(f"{name!r}: {needs}, and the HMC holds {len(held)}")
            undo.pop_all()

    def _wait(self, name: str, wanted: State) -> None:
        said = ""
        for _ in moments(WAIT_SECONDS, longest_s=2.0):
            if state_of(said := self._lpars.said(name)["state"]) is wanted:
                return
        raise BackendError(f"{name!r} is still in the state {said!r} after {WAIT_SECONDS:g} s")

    @cached_property
    def _region_MiB(self) -> int:
        """The size of the managed system's memory regions."""
        with words.understood():
            (row,) = self._lpars.table("lshwres", "mem", ("mem_region_size",), ("--level", "sys"))
            return range(1, 1 << 20)[int(row["mem_region_size"]) - 1]


def _quietly(change: Callable[..., object], *arguments: object) -> None:
    with suppress(VifkitError):
        change(*arguments)
