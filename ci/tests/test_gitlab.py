"""GitLab's jobs, run on this machine in a repository that includes the template."""

import subprocess
from collections.abc import Callable

import pytest
from author import CI, LONGEST_S, Author

pytestmark = [pytest.mark.switch, pytest.mark.timeout(LONGEST_S)]

Run = Callable[[str], subprocess.CompletedProcess[str]]


@pytest.fixture
def run(author: Author, tool: Callable[[str], str]) -> Run:
    """Run one job."""
    tool("rsync")
    command = (tool("gitlab-ci-local"), "--force-shell-executor", "--home", str(author.temporary))
    return lambda job: author.run(*command, "--variable", f"VIFKIT={CI.parent}", job)


def test_a_sound_driver_passes_and_has_a_report(author: Author, run: Run) -> None:
    ended = run("conformance-sound")
    assert ended.returncode == 0, ended.stdout
    assert "PASS  conformance-sound" in ended.stdout
    assert "> prepared" in ended.stdout
    assert author.outcomes(".gitlab-ci-local/artifacts/conformance-sound/vifkit-report") == {
        "test_version_names_the_hypervisor": "passed",
        "test_a_vif_without_bandwidth_gets_one": "passed",
    }


def test_a_broken_driver_fails_and_its_report_is_kept(author: Author, run: Run) -> None:
    ended = run("conformance-forgetful")
    assert ended.returncode == 1, ended.stdout
    assert "FAIL  conformance-forgetful" in ended.stdout
    assert "test_a_vif_without_bandwidth_gets_one" in ended.stdout
    assert author.outcomes(".gitlab-ci-local/artifacts/conformance-forgetful/vifkit-report") == {
        "test_version_names_the_hypervisor": "passed",
        "test_a_vif_without_bandwidth_gets_one": "failed",
    }
