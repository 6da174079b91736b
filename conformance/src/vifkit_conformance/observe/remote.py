"""A host that testinfra reaches: by ssh, or in any other way that it knows."""

import re
import shlex
import subprocess
from typing import Any

from vifkit_conformance.lab import LabError, LabUnavailableError, RunDirectory

from .commands import NEEDED, Commands

_BRIDGE = "br0"
# Where ssh leads a user who is not root, these are often not searched.
_ENVIRONMENT = 'PATH="$PATH:/usr/local/sbin:/usr/sbin:/sbin"'
_PERSIST_SECONDS = 20
_PASSWORD = re.compile(r"(?<=://)(?P<user>[^:@/]*):[^@/]*(?=@)")


class Remote(Commands):
    """`spec` is testinfra's, as ssh://root@host; `options` are its `get_host`'s.

    One ssh connection serves all commands, and ends with `close`, or by itself some seconds after we were killed.
    Raises LabUnavailableError, in one line, if the host is not reached, or lacks a command or the bridge br0.
    """

    def __init__(self, spec: str, **options: Any) -> None:
        import testinfra

        self.spec = _PASSWORD.sub(r"\g<user>", spec.partition("?")[0])
        self._directory = RunDirectory()
        self._socket = self._directory.path / "ssh"
        shared = {"controlpath": str(self._socket), "controlpersist": _PERSIST_SECONDS}
        try:
            self._host = testinfra.get_host(spec, **shared, **_asking_nobody(spec, options))
            super().__init__(self._run)
            self._look()
        except (RuntimeError, ImportError, LabError) as error:  # RuntimeError: testinfra's, of a scheme it has not
            self.close()
            raise LabUnavailableError(str(error) if isinstance(error, LabError) else f"{self.spec}: {error}") from error
        except BaseException:
            self.close()
            raise

    def output(self, *argv: str) -> str:
        """Return what a command printed; nothing if it failed, or is not there."""
        try:
            return self.run(*argv)
        except LabError:
            return ""

    def close(self) -> None:
        """End the connection; may be called again."""
        if self._socket.exists():
            end = ["ssh", "-O", "exit", "-o", f"ControlPath={self._socket}", "there"]
            subprocess.run(end, capture_output=True, check=False)
        self._directory.close()

    def _look(self) -> None:
        names = " ".join(NEEDED)
        lacks = self._run(
            "sh", "-c", f"for name in {names}; do command -v $name >/dev/null || echo $name; done"
        ).split()
        if lacks:
            raise LabError(f"{self.spec}: there is no {' and no '.join(lacks)}")
        if _BRIDGE not in {row["name"] for row in self.rows("Bridge", "name")}:
            raise LabError(
                f"{self.spec}: there is no bridge {_BRIDGE}: add one for the tests, by ovs-vsctl add-br {_BRIDGE}"
            )

    def _run(self, *argv: str) -> str:
        try:
            ended = self._host.run(f"{_ENVIRONMENT} {shlex.join(argv)}")
        except RuntimeError as error:  # ssh itself has failed
            raise LabError(f"{self.spec}: {_last_line(error.args[0].stderr_bytes)}") from error
        if ended.rc:
            raise LabError(f"{self.spec}: {argv[0]}: {_last_line(ended.stderr_bytes) or f'status {ended.rc}'}")
        return str(ended.stdout_bytes.decode("utf-8", "replace"))


def _asking_nobody(spec: str, options: dict[str, Any]) -> dict[str, Any]:
    """Have ssh fail, and not ask for a password or whether to trust a key; unless a password is given."""
    if _PASSWORD.search(spec):
        return options
    return options | {"ssh_extra_args": f"-o BatchMode=yes {options.get('ssh_extra_args') or ''}".strip()}


def _last_line(said: bytes) -> str:
    lines = said.decode("utf-8", "replace").strip().splitlines()
    return lines[-1].strip() if lines else ""
