"""How the suite boots a Hyper-V host: the double, as a process of its own."""

import secrets
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from tempfile import TemporaryDirectory
from urllib.parse import quote

from vifkit_conformance.lab import Lab
from vifkit_conformance.testbed import Testbed


class HypervTestbed(Testbed):
    """The double with one switch, named br0."""

    domain_type = "hyperv"
    judged_on = "double"
    on_openvswitch = False
    nonexistent = {  # noqa: RUF012
        "SupportsDaemonKill": "the double keeps its virtual machines in memory: they go with it",
        "SupportsGuestKill": "a virtual machine of the double's is no process",
        "SupportsSecondHost": "the driver moves no virtual machine",
        "SupportsTuning": "Hyper-V limits what a guest sends, and nothing inbound",
    }

    @contextmanager
    def boot(self, lab: Lab) -> Iterator[str]:
        """Start the double, and give its URI."""
        with TemporaryDirectory(prefix="hyperv.", dir=lab.directory) as directory:
            account = Path(directory) / "credentials"
            account.touch(mode=0o600)
            account.write_text(f"username = operator\npassword = {secrets.token_urlsafe()}\n", encoding="utf-8")
            command = (sys.executable, "-m", "vifkit_hyperv.double", directory)
            with subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True) as process:
                assert process.stdin is not None and process.stdout is not None
                try:
                    port = int(process.stdout.readline())
                    certificate = quote(str(Path(directory) / "certificate.pem"))
                    yield f"hyperv://127.0.0.1:{port}/?credentials={quote(str(account))}&cacert={certificate}"
                finally:
                    process.stdin.close()  # it ends with its standard input
                    process.wait(10)
