"""How the suite boots a double of a hypervisor's program, which keeps its guests in namespaces on the lab's devices."""

import os
import shlex
import signal
import sys
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from tempfile import TemporaryDirectory
from types import ModuleType
from urllib.parse import quote

from vifkit import Domain
from vifkit_conformance.lab import Endpoint, Lab, LinkEndpoint, Namespace, spawn
from vifkit_conformance.testbed import Testbed

from .doubles.service import write_client
from .doubles.state import Store

_FIND = "import sys; sys.path[:0] = sys.argv[1:3]; "
_CALL = "from {double}.program import main; sys.exit(main(sys.argv[3], sys.argv[4:]))"
_SERVE = (
    "from {double}.program import answer; from vifkit_base.doubles.service import serve; serve(sys.argv[3], answer)"
)


class ProgramTestbed(Testbed):
    """The guests of a double, whose state is in a directory of the lab's."""

    judged_on = "double"
    guest_traffic = True
    double: ModuleType
    """The package whose module `program` is the double."""
    program: str
    """The name of the program that it stands in for."""
    guests: str
    """What its state calls all guests."""
    path: str
    """What a URI begins with, up to its query."""

    @contextmanager
    def boot(self, lab: Lab) -> Iterator[str]:
        """Write a program that is the double, and give its URI."""
        with TemporaryDirectory(prefix=f"{self.program}.", dir=lab.directory) as directory:
            self.directory = directory
            program, log = Path(directory, self.program), Path(directory, "log")
            write_client(program)
            os.mkfifo(f"{directory}/alive", 0o600)
            alive = os.open(f"{directory}/alive", os.O_RDWR | os.O_CLOEXEC)  # guests end when it is closed
            service = spawn([*_command(self.double, _SERVE), directory], log, lab.host)
            try:
                service.wait_for(lambda: "ready" in log.read_text(), "it answers")
                netns = quote(lab.host.path)
                yield f"{self.path}?program={quote(str(program))}&db={quote(lab.ovs.db)}&netns={netns}"
            finally:
                service.kill()
                os.close(alive)
                for each in Store(directory).read().get(self.guests, {}).values():
                    with suppress(ProcessLookupError, KeyError):
                        os.kill(each["pid"], signal.SIGKILL)

    @contextmanager
    def guest(self, domain: Domain, mac: str) -> Iterator[Endpoint]:
        """Enter the guest's namespace."""
        number = [vif.mac for vif in domain.vifs()].index(mac)
        pid = Store(self.directory).read()[self.guests][domain.uuid]["pid"]
        with Namespace.at(f"/proc/{pid}/ns/net") as namespace:
            yield LinkEndpoint(namespace, f"eth{number}")


def write_double(program: Path, double: ModuleType, lab: Lab | None = None) -> Path:
    """Write a double as a program that keeps its state beside itself, and runs beside a lab's switch."""
    argv = [*_command(double, _CALL), str(program.parent)]
    command = shlex.join(lab.host.command(argv) if lab else argv)
    program.write_text(f'#!/bin/sh\nexec {command} "$@"\n', encoding="utf-8")
    program.chmod(0o755)
    return program


def _command(double: ModuleType, script: str) -> list[str]:
    """Run a script of a double's in a Python that starts fast."""
    sources = [str(Path(each).parents[up]) for each, up in ((str(double.__file__), 2), (__file__, 1))]
    return [sys.executable, "-I", "-S", "-c", _FIND + script.format(double=double.__name__), *sources]
