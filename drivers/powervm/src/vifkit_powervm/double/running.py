"""A double in a process of its own, for whoever judges a driver by it."""

import json
import subprocess
import sys
from pathlib import Path
from typing import Any, Self
from urllib.parse import quote

from vifkit import ConnectError

from .server import USER
from .system import SYSTEM


class RunningHmc:
    """Runs while a `with` block does, or the process that made it; its files are in a directory that is there."""

    def __init__(self, directory: Path) -> None:
        self.directory = directory
        self.system = SYSTEM
        self._process = subprocess.Popen(
            [sys.executable, "-m", "vifkit_powervm.double", str(directory)],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            text=True,
            start_new_session=True,
        )
        assert self._process.stdout is not None
        said = self._process.stdout.readline()
        if not said:
            self.close()
            raise ConnectError("the HMC's double does not start")
        self.port = int(said)

    def uri(self, **changed: str) -> str:
        """Give its URI, with other parameters than the user's key."""
        query = {"keyfile": str(self.directory / "user"), "known_hosts": str(self.directory / "known_hosts"), **changed}
        parameters = "&".join(f"{name}={quote(value)}" for name, value in query.items() if value)
        return f"hmc://{USER}@127.0.0.1:{self.port}/{self.system}?{parameters}"

    def mood(self, mood: str = "", **more: Any) -> None:
        """Put it in a mood, from the next command on: silent, slow, held, fail, garbage, flood, close, or none."""
        written = self.directory / "mood.new"
        written.write_text(json.dumps({"mood": mood, **more}), encoding="utf-8")
        written.rename(self.directory / "mood")

    def commands(self) -> list[str]:
        """List the commands that came."""
        try:
            return (self.directory / "commands").read_text(encoding="utf-8").splitlines()
        except FileNotFoundError:
            return []

    def close(self) -> None:
        """End it; may be called again."""
        self._process.kill()
        self._process.communicate()

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()
