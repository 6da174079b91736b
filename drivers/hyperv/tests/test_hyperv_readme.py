"""What README.md says can be done as it stands there, and a double that is started by hand."""

import re
import subprocess
import sys
from pathlib import Path

import pytest

README = Path(__file__).parent.parent / "README.md"


def test_the_example_of_the_readme_works_as_it_is_pasted(tmp_path: Path) -> None:
    (example,) = re.findall("```python\n(.*?)```", README.read_text(encoding="utf-8"), re.DOTALL)
    command = [sys.executable, "-W", "error", "-c", example]
    ended = subprocess.run(command, capture_output=True, text=True, check=False, cwd=tmp_path)
    assert (ended.returncode, ended.stderr) == (0, "")
    assert re.match("State.RUNNING .*outbound=Rate[(]average=512", ended.stdout)
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize("words", [[], ["/nowhere"], ["/", "more"]], ids=["none", "nowhere", "more"])
def test_a_double_that_is_started_with_wrong_words_says_how_it_is(words: list[str]) -> None:
    command = [sys.executable, "-m", "vifkit_hyperv.double", *words]
    ended = subprocess.run(command, capture_output=True, text=True, check=False, stdin=subprocess.DEVNULL)
    assert (ended.returncode, ended.stdout) == (2, "")
    usage, more = ended.stderr.splitlines()
    switches = "DIRECTORY [--switch NAME[=MODE]]..., DIRECTORY/credentials being there"
    assert usage == f"usage: python -m vifkit_hyperv.double {switches}"
    assert more.startswith("python -m vifkit_hyperv.double: error: ")
