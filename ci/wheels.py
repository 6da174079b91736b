"""Builds every wheel, looks into it, installs all where nothing else is, and judges drivers from there.

The wheels are made of the source distributions, so those are whole as well. What they depend on comes in
the versions of uv.lock. The suite runs in an empty directory: nothing of the repository is in reach. There an author
starts a driver of his own, sees it pass, and sees each mistake that he makes by the name of a test.
"""

import os
import signal
import subprocess
import sys
import tomllib
from collections.abc import Sequence
from pathlib import Path
from tempfile import TemporaryDirectory
from zipfile import ZipFile

ROOT = Path(__file__).resolve().parent.parent
CASES = "vifkit_conformance/cases/"
SCAFFOLD = "vifkit_conformance/scaffold/package/"
LONGEST_S = 600
SUITE = ("--pyargs", "vifkit_conformance.suite", "--driver", "netns", "--require-environment")

# In the connection of the driver that `vifkit-conformance new` writes: a line, the mistake, and the test that sees it.
MISTAKES = (
    (
        "            self._unplug(config)\n        fin",
        "            pass\n        fin",
        "test_stop_leaves_no_rows_and_no_devices",
    ),
    (", bandwidth=vif.bandwidth or None)", ")", "test_the_tree_is_that_of_the_golden_case[reference]"),
    (
        "self.hypervisor.update(config.with_bandwidth(mac, bandwidth))",
        "pass",
        "test_an_update_shows_in_xml_and_bandwidth",
    ),
)


def main() -> None:
    """Run every step; the first that fails ends it."""
    signal.signal(signal.SIGTERM, lambda *_: sys.exit("wheels: ended"))  # so that the directory goes as well
    members = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))["tool"]["uv"]["workspace"]["members"]
    with TemporaryDirectory(prefix="vifkit-wheels-") as directory:
        base = Path(directory)
        dist, clean, empty, constraints = (base / name for name in ("dist", "clean", "empty", "constraints.txt"))
        empty.mkdir()
        print("wheels: building", flush=True)
        uv("build", "--quiet", "--all-packages", "--out-dir", str(dist))
        wheels = sorted(dist.glob("*.whl"))
        wanted = sorted(wheel_name(ROOT / member) for member in members)
        check([wheel.name.partition("-")[0] for wheel in wheels], wanted, "the wheels are those of the workspace")
        for wheel in wheels:
            look_into(wheel)

        print(f"wheels: installing {', '.join(wheel.name for wheel in wheels)}", flush=True)
        uv("export", "--quiet", "--frozen", "--no-emit-workspace", "--no-hashes", "--output-file", str(constraints))
        uv("venv", "--quiet", "--python", sys.executable, str(clean))
        python = str(clean / "bin/python")
        where = ("--python", python, "--no-sources", "--constraint", str(constraints))
        uv("pip", "install", "--quiet", *where, *map(str, wheels))
        frozen = uv("pip", "freeze", "--quiet", "--python", python)
        ours = [line for line in frozen.splitlines() if line.partition(" ")[0].replace("-", "_") in wanted]
        check([line for line in ours if dist.as_uri() not in line], [], "our packages come from the wheels")
        check([line for line in frozen.splitlines() if line.startswith("-e")], [], "nothing is installed editable")

        alone = {name: value for name, value in os.environ.items() if not name.startswith(("PYTHON", "PYTEST", "TOX"))}
        alone |= {"PATH": f"{clean}/bin:{os.environ['PATH']}", "VIRTUAL_ENV": str(clean)}
        run("netqos", "--version", cwd=empty, env=alone)
        run("vifkit-conformance", "--version", cwd=empty, env=alone)
        run("vifkit-libvirt", "--version", cwd=empty, env=alone)
        print("wheels: judging the driver from an empty directory", flush=True)
        run("pytest", *SUITE, cwd=empty, env=alone)
        start_a_driver(empty, where, alone)


def start_a_driver(empty: Path, where: Sequence[str], alone: dict[str, str]) -> None:
    """Write a driver of an author's own, and judge it: as it is written, and with each mistake."""
    print("wheels: starting a driver", flush=True)
    run("vifkit-conformance", "new", "mine", cwd=empty, env=alone)
    home = empty / "vifkit-mine"
    uv("pip", "install", "--quiet", *where, "--editable", f"{home}[test]")
    run("pytest", "-n", "2", "--require-environment", cwd=home, env=alone)
    connection = home / "src/vifkit_mine/connection.py"
    sound = connection.read_text(encoding="utf-8")
    tests = [f"tests/test_conformance.py::{test}" for *_, test in MISTAKES]
    for (line, mistake, _), test in zip(MISTAKES, tests, strict=True):
        check(sound.count(line), 1, f"the line is there once: {line}")
        connection.write_text(sound.replace(line, mistake), encoding="utf-8")
        said = run("pytest", "--require-environment", *tests, cwd=home, env=alone, capture=True, status=1)
        failed = [each.split()[1] for each in said.splitlines() if each.startswith("FAILED ")]
        check(failed, [test], "the mistake is seen by its test, and by no other")
        print(f"wheels: seen: {test}", flush=True)


def wheel_name(member: Path) -> str:
    """Give a package's name as its wheel bears it."""
    name = tomllib.loads((member / "pyproject.toml").read_text(encoding="utf-8"))["project"]["name"]
    return str(name).replace("-", "_")


def look_into(wheel: Path) -> None:
    """Look for what an installed package needs beside its modules, and for what it must not have."""
    with ZipFile(wheel) as archive:
        names = archive.namelist()
    package = wheel.name.partition("-")[0]
    for ending in (f"{package}/py.typed", ".dist-info/licenses/LICENSE"):
        check([name for name in names if name.endswith(ending)] != [], True, f"{wheel.name} has {ending}")
    tests = [name for name in names if "tests/" in name and not name.startswith(SCAFFOLD)]
    check(tests, [], f"{wheel.name} has no tests")
    if package == "vifkit_conformance":
        for kind in ("json", "xml"):
            inside = sorted(Path(name).name for name in names if name.startswith(CASES) and name.endswith(f".{kind}"))
            source = sorted(path.name for path in (ROOT / "conformance/src" / CASES).glob(f"*.{kind}"))
            check(inside, source, f"{wheel.name} has every golden case as {kind}")
            check(source != [], True, f"there are golden cases as {kind}")
        for name in ("schema.json", "page.html", "page.css"):
            check(f"{package}/report/{name}" in names, True, f"{wheel.name} has the report's {name}")


def check(actual: object, wanted: object, what: str) -> None:
    """End with one line where something is not as it should be."""
    if actual != wanted:
        sys.exit(f"wheels: not so: {what}: wanted {wanted}, there is {actual}")


def uv(*arguments: str) -> str:
    """Run uv in the repository, and return what it printed."""
    return run("uv", *arguments, cwd=ROOT, capture=True)


def run(*command: str, cwd: Path, env: dict[str, str] | None = None, capture: bool = False, status: int = 0) -> str:
    """Run a command, and end where its status is another one."""
    stdout = subprocess.PIPE if capture else None
    try:
        ended = subprocess.run(command, cwd=cwd, env=env, stdout=stdout, text=True, check=False, timeout=LONGEST_S)
    except subprocess.TimeoutExpired:
        sys.exit(f"wheels: {command[0]} {command[1]} has not ended after {LONGEST_S} s")
    if ended.returncode != status:
        sys.exit(f"wheels: {command[0]} {command[1]} ended with status {ended.returncode}")
    return ended.stdout or ""


if __name__ == "__main__":
    main()
