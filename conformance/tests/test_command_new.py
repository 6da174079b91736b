"""`vifkit-conformance new`: what it refuses, and what it writes. That this passes the suite is seen from the wheels."""

import ast
import re
import subprocess
import sys
import tomllib
from pathlib import Path

import pytest


def new(*arguments: str, cwd: Path, prefix: tuple[str, ...] = ()) -> "subprocess.CompletedProcess[str]":
    command = [*prefix, "vifkit-conformance", "new", *arguments]
    return subprocess.run(command, cwd=cwd, capture_output=True, text=True, check=False, timeout=60)


def refused(*arguments: str, cwd: Path, prefix: tuple[str, ...] = ()) -> str:
    before = sorted(cwd.rglob("*"))
    ended = new(*arguments, cwd=cwd, prefix=prefix)
    assert (ended.returncode, ended.stdout) == (2, "")
    assert sorted(cwd.rglob("*")) == before
    (line,) = ended.stderr.splitlines()
    return line.removeprefix("vifkit-conformance: ")


def test_a_package_is_written_under_its_name_throughout(tmp_path: Path) -> None:
    ended = new("My-driver_2", cwd=tmp_path)
    assert (ended.returncode, ended.stderr) == (0, "")
    assert "src/vifkit_my_driver_2/hypervisor.py" in ended.stdout
    (home,) = tmp_path.iterdir()
    assert home.name == "vifkit-My-driver_2"
    files = {str(path.relative_to(home)): path.read_text() for path in home.rglob("*") if path.is_file()}
    assert sorted(files) == [
        ".github/workflows/conformance.yml",
        ".gitignore",
        "README.md",
        "pyproject.toml",
        "src/vifkit_my_driver_2/__init__.py",
        "src/vifkit_my_driver_2/connection.py",
        "src/vifkit_my_driver_2/domain.py",
        "src/vifkit_my_driver_2/driver.py",
        "src/vifkit_my_driver_2/hypervisor.py",
        "src/vifkit_my_driver_2/testbed.py",
        "tests/test_conformance.py",
    ]
    assert [name for name, text in files.items() if "skeleton" in text.lower() or len(text.splitlines()) > 250] == []
    project = tomllib.loads(files["pyproject.toml"])["project"]
    assert project["entry-points"] == {
        "vifkit.drivers": {"My-driver_2": "vifkit_my_driver_2.driver:MyDriver2Driver"},
        "vifkit.testbeds": {"My-driver_2": "vifkit_my_driver_2.testbed:MyDriver2Testbed"},
    }
    assert 'schemes = ("my-driver-2",)' in files["src/vifkit_my_driver_2/driver.py"]
    for name, text in files.items():
        if name.endswith(".py"):
            ast.parse(text)


def test_a_package_is_written_where_it_is_wanted(tmp_path: Path) -> None:
    (tmp_path / "drivers").mkdir()
    assert new("mine", "--into", "drivers", cwd=tmp_path).returncode == 0
    assert [path.name for path in (tmp_path / "drivers").iterdir()] == ["vifkit-mine"]


@pytest.mark.parametrize("name", ["", "1st", "_x", "x-", "x.y", "../x", "x y", "ü", "x" * 41])
def test_what_is_no_name_is_refused(tmp_path: Path, name: str) -> None:
    assert refused("--", name, cwd=tmp_path).startswith(f"{name!r} is no name: a letter, then letters, digits, ")


@pytest.mark.parametrize(
    ("name", "taken"),
    [
        ("netns", "the driver netns"),
        ("NetNS", "the driver netns"),
        ("conformance", "the package vifkit_conformance"),
    ],
)
def test_a_name_that_is_taken_is_refused(tmp_path: Path, name: str, taken: str) -> None:
    assert refused(name, cwd=tmp_path) == f"the name {name!r} is taken: {taken} is installed"


def test_what_is_there_is_left_alone(tmp_path: Path) -> None:
    (tmp_path / "vifkit-mine").mkdir()
    assert refused("mine", cwd=tmp_path) == "vifkit-mine exists already"


def test_a_directory_that_is_not_there_is_refused(tmp_path: Path) -> None:
    assert "'nowhere' does not exist" in refused("mine", "--into", "nowhere", cwd=tmp_path)


def test_nothing_is_half_written(tmp_path: Path) -> None:
    no_larger = ("prlimit", "--fsize=1000")  # bytes a file
    assert refused("mine", cwd=tmp_path, prefix=no_larger) == "vifkit-mine: File too large"


@pytest.mark.parametrize("arguments", [(), ("-h",), ("new", "--help"), ("lab", "--help")])
def test_the_help_has_examples_and_exit_codes(tmp_path: Path, arguments: tuple[str, ...]) -> None:
    ended = subprocess.run(
        ["vifkit-conformance", *arguments], cwd=tmp_path, capture_output=True, text=True, check=False, timeout=60
    )
    shown = ended.stdout or ended.stderr
    assert ended.returncode == (0 if arguments else 2)
    assert re.search(r"Examples:\n +vifkit-conformance ", shown)
    assert "Exit codes: " in shown


def test_nothing_heavy_is_imported_before_it_is_needed() -> None:
    heavy = {"pytest", "rich", "netqos", "importlib.metadata", "vifkit_conformance.lab"}
    program = f"import vifkit_conformance.cli, sys; print(sorted({heavy} & sys.modules.keys()))"
    assert subprocess.check_output([sys.executable, "-c", program], text=True, timeout=60) == "[]\n"
