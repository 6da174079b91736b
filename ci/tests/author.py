"""A git repository of somebody who writes drivers, with two of them."""

import os
import shutil
import subprocess
from pathlib import Path
from xml.etree import ElementTree as ET

CI = Path(__file__).parent.parent

LONGEST_S = 300  # what pip installs comes by a slow line


class Author:
    """The repository, with the template in it, and what a job that ran there has left."""

    def __init__(self, home: Path) -> None:
        self.repository = home / "repository"
        self.temporary = home / "tmp"
        self.temporary.mkdir()
        shutil.copytree(CI / "tests/repository", self.repository)
        shutil.copy(CI / "gitlab/conformance.yml", self.repository)
        # What runs here does not show, as pytest and tox do not run in a pipeline's job.
        shown = ("PYTEST", "TOX", "VIFKIT", "VIRTUAL_ENV")
        kept = {key: value for key, value in os.environ.items() if not key.startswith(shown)}
        identity = {f"GIT_{who}_{what}": "a@b.example" for who in ("AUTHOR", "COMMITTER") for what in ("NAME", "EMAIL")}
        self.environment = kept | identity | {"TMPDIR": str(self.temporary), "GIT_CONFIG_GLOBAL": "/dev/null"}
        for command in ("init --quiet", "add .", "commit --quiet --message drivers"):
            assert self.run("git", *command.split()).returncode == 0

    def run(self, *command: str, **environment: str) -> subprocess.CompletedProcess[str]:
        """Run a command in the repository to its end."""
        return subprocess.run(
            command,
            cwd=self.repository,
            env=self.environment | environment,
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
            check=False,
            timeout=LONGEST_S,
        )

    def outcomes(self, report: str) -> dict[str, str]:
        """Read which tests passed and which failed, in the JUnit file of a report."""
        cases = ET.parse(self.repository / report / "junit.xml").iter("testcase")
        return {case.attrib["name"]: "passed" if case.find("failure") is None else "failed" for case in cases}
