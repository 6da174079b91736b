"""The control groups that containers leave behind when nobody is there to see them end (cgroups(7), version 1)."""

import os
import re
import signal
from collections.abc import Sequence
from contextlib import suppress
from pathlib import Path

from vifkit_conformance.lab import LabError, until

LONGEST_SECONDS = 30.0


def containers_groups(proc: Path) -> list[Path]:
    """List those of the containers that run in a PID namespace, by its /proc; the innermost first."""
    found = set()
    for file in proc.glob("[0-9]*/cgroup"):
        with suppress(OSError):  # it has just ended
            for line in file.read_text().splitlines():
                _, controller, group = line.split(":", 2)
                if controller and group.startswith("/machine/"):
                    found.add(Path("/sys/fs/cgroup", controller.removeprefix("name="), group[1:]))
    return sorted(found, reverse=True)


def remove_groups(groups: Sequence[Path]) -> None:
    """Remove groups whose processes are ending. Raises LabError, which names who does not end."""
    try:
        # Not `any`: each is to be seen to, whatever becomes of the others.
        until(lambda: not sum(map(_is_left, groups)), "control groups are empty", LONGEST_SECONDS)
    except LabError as error:
        raise LabError(f"{error}; there is still {', '.join(filter(None, map(_inmates, groups)))}") from error


def _is_left(group: Path) -> bool:
    """Remove a control group, and tell whether it is still there: its processes end a moment later.

    They were told so by the end of their namespace. Whoever did not hear it is told again: one that is frozen, or that
    came to the group from elsewhere.
    """
    with suppress(FileNotFoundError):
        try:
            group.rmdir()
        except OSError:
            with suppress(OSError):
                for process in map(int, (group / "cgroup.procs").read_text().split()):
                    if process not in (0, os.getpid()):
                        os.kill(process, signal.SIGKILL)
                if (frozen := group / "freezer.state").exists():
                    frozen.write_text("THAWED")
            return True
    return False


def _inmates(group: Path) -> str:
    """Name the processes of a control group, and what the kernel says of them."""
    said = []
    with suppress(OSError):
        for process in (group / "cgroup.procs").read_text().split():
            status = Path("/proc", process, "status").read_text()
            name, state = (re.search(rf"^{key}:\s*(.*)$", status, re.MULTILINE) for key in ("Name", "State"))
            where = Path("/proc", process, "wchan").read_text()
            said.append(f"{process} ({name and name[1]}, {state and state[1]}, in {where})")
    return f"{group}: {', '.join(said) or 'nobody'}" if group.exists() else ""
