"""How the suite boots Virtuozzo: a double of prlctl, on real devices in the lab."""

import os
import shlex
import signal
import sys
from collections.abc import Iterator, Sequence
from contextlib import contextmanager, suppress
from pathlib import Path
from tempfile import TemporaryDirectory
from urllib.parse import quote

import vifkit_base
from vifkit import Domain
from vifkit_base.doubles.service import write_client
from vifkit_base.doubles.state import Store
from vifkit_conformance.lab import Endpoint, Lab, LinkEndpoint, Namespace, spawn
from vifkit_conformance.testbed import Testbed

FIND = "import sys; sys.path[:0] = sys.argv[1:3]; "
CALL = FIND + "from vifkit_virtuozzo.double.program import main; sys.exit(main(sys.argv[3], sys.argv[4:]))"
SERVE = (
    FIND + "from vifkit_virtuozzo.double.program import answer; from vifkit_base.doubles.service import serve; "
    "serve(sys.argv[3], answer)"
)


class VirtuozzoTestbed(Testbed):
    """The containers and virtual machines of a double, whose state is in a directory of the lab's."""

    domain_type = "vz"
    judged_on = "double"
    guest_traffic = True
    nonexistent = {  # noqa: RUF012
        "SupportsDaemonKill": "the double has no dispatcher that would answer later",
        "SupportsSecondHost": "prlctl migrates to another host of Virtuozzo's, and the driver does not",
        "SupportsTuning": "Virtuozzo's own shaping is by class of traffic, not by vif",
    }

    def domain_xml(self, name: str, uuid: str, interfaces: Sequence[str]) -> str:
        """Write the XML of a container or of a virtual machine, as many of one as of the other."""
        kind = "exe" if int(uuid[-1], 16) & 1 else "hvm"
        return super().domain_xml(name, uuid, interfaces).replace("<devices>", f"<os><type>{kind}</type></os><devices>")

    @contextmanager
    def boot(self, lab: Lab) -> Iterator[str]:
        """Write a prlctl that is the double, and give its URI."""
        with TemporaryDirectory(prefix="virtuozzo.", dir=lab.directory) as directory:
            self.directory = directory
            program = Path(directory, "prlctl")
            write_client(program)
            os.mkfifo(f"{directory}/alive", 0o600)
            alive = os.open(f"{directory}/alive", os.O_RDWR | os.O_CLOEXEC)  # guests end when it is closed
            lab_log = Path(directory, "log")
            service = spawn([*command(SERVE), directory], lab_log, lab.host)
            try:
                service.wait_for(lambda: "ready" in lab_log.read_text(), "it answers")
                netns = quote(lab.host.path)
                yield f"vz:///system?program={quote(str(program))}&db={quote(lab.ovs.db)}&netns={netns}"
            finally:
                service.kill()
                os.close(alive)
                for each in Store(directory).read().get("environments", {}).values():
                    with suppress(ProcessLookupError, KeyError):
                        os.kill(each["pid"], signal.SIGKILL)

    @contextmanager
    def guest(self, domain: Domain, mac: str) -> Iterator[Endpoint]:
        """Enter the guest's namespace."""
        number = [vif.mac for vif in domain.vifs()].index(mac)
        pid = Store(self.directory).read()["environments"][domain.uuid]["pid"]
        with Namespace.at(f"/proc/{pid}/ns/net") as namespace:
            yield LinkEndpoint(namespace, f"eth{number}")


def command(script: str) -> list[str]:
    """Run a script of the double's in a Python that starts fast."""
    sources = [str(Path(each).parents[1]) for each in (__file__, vifkit_base.__file__)]
    return [sys.executable, "-I", "-S", "-c", script, *sources]


def write_program(directory: Path, lab: Lab | None = None) -> Path:
    """Write the double as a program that keeps its state in a directory, and runs beside a lab's switch."""
    argv = [*command(CALL), str(directory)]
    program = directory / "prlctl"
    program.write_text(
        f'#!/bin/sh\nexec {shlex.join(lab.host.command(argv) if lab else argv)} "$@"\n', encoding="utf-8"
    )
    program.chmod(0o755)
    return program
