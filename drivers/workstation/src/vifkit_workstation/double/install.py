"""Makes a vmrun of one's own, and tells it to be slow, to fail or to talk garbage."""

import json
import sys
from pathlib import Path

_PROGRAM = """#!{python} -IS
import sys
sys.path.insert(0, {source!r})
from vifkit_workstation.double.vmrun import main
sys.exit(main({directory!r}, sys.argv[1:]))
"""


class Double:
    """One VMware, with its vmrun, in a directory that is there."""

    def __init__(self, directory: Path) -> None:
        self.directory = directory.resolve()
        self.program = self.directory / "vmrun"
        source = str(Path(__file__).parents[2])
        self.program.write_text(
            _PROGRAM.format(python=sys.executable, source=source, directory=str(self.directory)), encoding="utf-8"
        )
        self.program.chmod(0o755)

    def order(self, command: str, **how: object) -> None:
        """Have a command take `seconds`, say `say` (`times` times over, having done its work if it `does`) or end with
        `status`; or have it die, having said what it has to say, if it `dies`. Without any it does as it should."""
        (self.directory / "orders.json").write_text(json.dumps({command: how} if how else {}), encoding="utf-8")

    def started_with(self, vmx: Path) -> dict[str, str]:
        """Tell what a machine that runs was started with: its .vmx file's keys, in lower case, as they were then."""
        found: dict[str, str] = json.loads((self.directory / "running.json").read_text(encoding="utf-8"))[str(vmx)]
        return found

    def kill(self, vmx: Path) -> None:
        """Have a machine's process die: it runs no more, and its lock stays."""
        running = json.loads((self.directory / "running.json").read_text(encoding="utf-8"))
        del running[str(vmx)]
        (self.directory / "running.json").write_text(json.dumps(running), encoding="utf-8")
