"""How the suite boots Virtuozzo: a double of prlctl, on real devices in the lab."""

from collections.abc import Sequence
from pathlib import Path

from vifkit_base.testbed import ProgramTestbed, write_double
from vifkit_conformance.lab import Lab

from . import double


class VirtuozzoTestbed(ProgramTestbed):
    """The containers and virtual machines of a double."""

    domain_type = "vz"
    nonexistent = {  # noqa: RUF012
        "SupportsDaemonKill": "the double has no dispatcher that would answer later",
        "SupportsSecondHost": "prlctl migrates to another host of Virtuozzo's, and the driver does not",
        "SupportsTuning": "Virtuozzo's own shaping is by class of traffic, not by vif",
    }
    double = double
    program = "prlctl"
    guests = "environments"
    path = "vz:///system"

    def domain_xml(self, name: str, uuid: str, interfaces: Sequence[str]) -> str:
        """Write the XML of a container or of a virtual machine, as many of one as of the other."""
        kind = "exe" if int(uuid[-1], 16) & 1 else "hvm"
        return super().domain_xml(name, uuid, interfaces).replace("<devices>", f"<os><type>{kind}</type></os><devices>")


def write_program(directory: Path, lab: Lab | None = None) -> Path:
    """Write the double as a program that keeps its state in a directory, and runs beside a lab's switch."""
    return write_double(directory / VirtuozzoTestbed.program, double, lab)
