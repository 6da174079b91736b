"""The action's steps do on this machine what they do on a runner."""

import re
import subprocess

import pytest
from author import CI, Author

yaml = pytest.importorskip("yaml")

ACTION = yaml.safe_load((CI / "github/action.yml").read_text(encoding="utf-8"))
PACKAGE = f"{CI.parent}/drivers/netns\n."

pytestmark = pytest.mark.switch


def run(author: Author, **given: str) -> subprocess.CompletedProcess[str]:
    """Run its scripts one after another, as a runner does, until one fails."""
    inputs = {name: one.get("default") for name, one in ACTION["inputs"].items()} | given
    values = {f"inputs.{name}": value for name, value in inputs.items()}
    values["github.action_path"] = str(CI / "github")
    script = author.temporary / "script.sh"
    output = ""
    for step in ACTION["runs"]["steps"]:
        if "run" in step:
            variables = {
                name: re.sub(r"\$\{\{ (\S+) }}", lambda found: values[found[1]], text)
                for name, text in step.get("env", {}).items()
            }
            script.write_text(step["run"])
            bash = ("bash", "--noprofile", "--norc", "-eo", "pipefail", str(script))
            ended = author.run(*bash, RUNNER_TEMP=str(author.temporary), **variables)
            ended.stdout = output = output + ended.stdout
            if ended.returncode:
                break
    return ended


def test_a_sound_driver_passes_and_has_a_report(author: Author) -> None:
    ended = run(author, driver="sound", package=PACKAGE, report="said", options='-k "test_statistics or gets_one"')
    assert ended.returncode == 0, ended.stdout
    assert "vifkit: driver sound" in ended.stdout
    assert author.failed("said") == []


def test_a_broken_driver_fails_and_its_report_is_kept(author: Author) -> None:
    ended = run(author, driver="forgetful", package=PACKAGE, report="said", options='-k "test_statistics or gets_one"')
    assert ended.returncode == 1, ended.stdout
    assert author.failed("said") == ["test_a_vif_without_bandwidth_gets_one"]
    upload = ACTION["runs"]["steps"][-1]
    assert upload["uses"].startswith("actions/upload-artifact@")
    assert (upload["if"], upload["with"]["path"]) == ("always()", "${{ inputs.report }}")


def test_a_package_that_is_not_there_says_so(author: Author) -> None:
    ended = run(author, driver="sound", package="./no-such-folder")
    assert ended.returncode == 1
    assert "no-such-folder" in ended.stdout


def test_an_input_is_no_command(author: Author) -> None:
    ended = run(author, driver='sound"; touch ran; "$(touch ran)', package=PACKAGE)
    assert "no driver named" in ended.stdout
    assert not (author.repository / "ran").exists()
