"""Makes a vmrun of one's own, and tells it to be slow, to fail or to talk garbage."""

import marshal
import sys
from pathlib import Path
from urllib.parse import quote

_PROGRAM = """#!{python} -IS
import sys
sys.path.insert(0, {source!r})
from vifkit_workstation.double.vmrun import main
sys.exit(main({directory!r}, sys.argv[1:]))
"""


class Double:
    """One VMware in a directory that is there: its vmrun, a directory of machines, and the virtual network br0."""

    def __init__(self, directory: Path) -> None:
        self.directory = directory.resolve()
        self.program, self.machines = self.directory / "vmrun", self.directory / "machines"
        self.machines.mkdir(exist_ok=True)
        (self.directory / "networks").mkdir(exist_ok=True)
        (self.directory / "networks/br0").touch()
        source = str(Path(__file__).parents[2])
        program = _PROGRAM.format(python=sys.executable, source=source, directory=str(self.directory))
        self.program.write_text(program, encoding="utf-8")
        self.program.chmod(0o755)

    @property
    def uri(self) -> str:
        """Where a driver finds it."""
        machines, program, networks = (quote(str(self.directory / each)) for each in ("machines", "vmrun", "networks"))
        return f"vmware://{machines}?vmrun={program}&networks={networks}"

    def vmx(self, name: str) -> Path:
        """Name the .vmx file of a machine."""
        return self.machines / name / f"{name}.vmx"

    def order(self, command: str = "", **how: object) -> None:
        """Tell how a command is to behave; without any, all do as they should.

        It takes `seconds`; it says `say`, `times` times over, instead of doing its work, or beside it where it `does`;
        it ends with `status`, or is killed when it has spoken, where it `dies`.
        """
        (self.directory / "orders").write_bytes(marshal.dumps({command: how}))

    def calls(self) -> list[str]:
        """List the commands that it was given, the oldest first."""
        return (self.directory / "calls").read_text(encoding="utf-8").split()

    def running(self) -> dict[str, dict[str, str]]:
        """Tell which machines run, each with what its .vmx file said when it was started; keys are in lower case."""
        found: dict[str, dict[str, str]] = marshal.loads((self.directory / "running").read_bytes())  # noqa: S302  our own
        return found

    def kill(self, name: str) -> None:
        """Have a machine's process die: it runs no more, and its lock stays."""
        left = {vmx: keys for vmx, keys in self.running().items() if vmx != str(self.vmx(name))}
        (self.directory / "running").write_bytes(marshal.dumps(left))
