"""The action's steps do on this machine what they do on a runner."""

import re
import subprocess
from typing import Any

import pytest
from author import CI, LONGEST_S, Author

yaml = pytest.importorskip("yaml")

ACTION = yaml.safe_load((CI / "github/action.yml").read_text(encoding="utf-8"))
*PREPARE, JUDGE, UPLOAD = ACTION["runs"]["steps"]

pytestmark = [pytest.mark.switch, pytest.mark.timeout(LONGEST_S)]


def run(author: Author, step: dict[str, Any], **given: str) -> subprocess.CompletedProcess[str]:
    """Run a step's script as a runner does."""
    inputs = {name: one.get("default") for name, one in ACTION["inputs"].items()} | given
    values = {f"inputs.{name}": value for name, value in inputs.items()} | {"github.action_path": f"{CI}/github"}
    variables = {
        name: re.sub(r"\$\{\{ (\S+) }}", lambda found: values[found[1]], text)
        for name, text in step.get("env", {}).items()
    }
    script = author.temporary / "script.sh"
    script.write_text(step["run"])
    bash = ("bash", "--noprofile", "--norc", "-eo", "pipefail", str(script))
    return author.run(*bash, RUNNER_TEMP=str(author.temporary), **variables)


def test_a_sound_driver_passes_a_broken_one_fails_and_both_have_a_report(author: Author) -> None:
    for step in PREPARE:
        prepared = run(author, step, package=f"{CI.parent}/drivers/netns\n.")
        assert prepared.returncode == 0, prepared.stdout
    options = '-k "version_names or gets_one"'
    sound = run(author, JUDGE, driver="sound", options=options)
    assert sound.returncode == 0, sound.stdout
    assert "vifkit: driver sound" in sound.stdout
    assert author.outcomes("vifkit-report") == {
        "test_version_names_the_hypervisor": "passed",
        "test_a_vif_without_bandwidth_gets_one": "passed",
    }
    broken = run(author, JUDGE, driver="forgetful", options=options, report="of/the-broken")
    assert broken.returncode == 1, broken.stdout
    assert "test_a_vif_without_bandwidth_gets_one" in broken.stdout
    assert author.outcomes("of/the-broken") == {
        "test_version_names_the_hypervisor": "passed",
        "test_a_vif_without_bandwidth_gets_one": "failed",
    }


def test_the_report_is_kept_whatever_became_of_the_tests() -> None:
    assert (UPLOAD["if"], UPLOAD["with"]["path"]) == ("always()", "${{ inputs.report }}")


def test_an_input_is_no_command(author: Author) -> None:
    ended = run(author, PREPARE[-1], package='./"$(touch ran)"`touch ran`')
    assert ended.returncode != 0
    assert "Invalid requirement" in ended.stdout
    assert not (author.repository / "ran").exists()
