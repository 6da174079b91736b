"""How the suite boots VirtualBox: a double of VBoxManage, on real devices in the lab."""

from pathlib import Path

from vifkit_base.testbed import ProgramTestbed, write_double
from vifkit_conformance.lab import Lab

from . import double


class VirtualboxTestbed(ProgramTestbed):
    """The machines of a double."""

    domain_type = "vbox"
    nonexistent = {  # noqa: RUF012
        "SupportsDaemonKill": "VBoxManage starts what it needs itself",
        "SupportsSecondHost": "VirtualBox teleports to a machine that was made for it, and the driver does not",
        "SupportsTuning": "VirtualBox has no tool that shapes a port of Open vSwitch",
    }
    double = double
    program = "VBoxManage"
    guests = "machines"
    path = "vbox:///session"


def write_program(directory: Path, lab: Lab | None = None) -> Path:
    """Write the double as a program that keeps its state in a directory, and runs beside a lab's switch."""
    return write_double(directory / VirtualboxTestbed.program, double, lab)
