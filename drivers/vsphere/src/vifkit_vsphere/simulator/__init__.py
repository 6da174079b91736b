"""Debian's vcsim with a small program of ours around it: built once, kept in the cache, and run on a loopback address.

`python -m vifkit_vsphere.simulator` builds it, which takes Debian's packages golang-go and
golang-github-vmware-govmomi-dev, and no network.
"""

import fcntl
import hashlib
import os
import shutil
import subprocess
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from tempfile import TemporaryDirectory

GOPATH = Path("/usr/share/gocode")
"""Where Debian's Go libraries are."""
_LIBRARY = GOPATH / "src/github.com/vmware/govmomi/simulator"
_SOURCES = sorted(Path(__file__).parent.glob("*.go"))
PACKAGES = "golang-go and golang-github-vmware-govmomi-dev"
_SECONDS = 300


class SimulatorError(Exception):
    """The simulator cannot be built, or did not start; the message says what to do."""


def built() -> Path:
    """Give the program, built from its sources as they are now. Raises SimulatorError."""
    if not _LIBRARY.is_dir() or shutil.which("go") is None:
        raise SimulatorError(f"not installed: {PACKAGES} (Debian's names)")
    directory = Path(os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache") / "vifkit" / "vsphere"
    digest = hashlib.sha256()
    for path in [Path(__file__), *_SOURCES, *sorted(_LIBRARY.glob("*.go"))]:
        digest.update(path.read_bytes())
    program = directory / f"vcsim-{digest.hexdigest()[:16]}"
    try:
        directory.mkdir(parents=True, exist_ok=True)
        with (directory / ".lock").open("w") as lock:
            fcntl.flock(lock, fcntl.LOCK_EX)
            if not program.exists():
                _build(program)
    except OSError as error:
        raise SimulatorError(f"no cache for the simulator: {error}") from error
    return program


def _build(program: Path) -> None:
    with TemporaryDirectory(prefix="build.", dir=program.parent) as there:
        environment = {
            "PATH": os.environ["PATH"],
            "HOME": there,
            "CGO_ENABLED": "0",
            "GO111MODULE": "off",
            "GOPATH": str(GOPATH),
            "GOCACHE": f"{there}/cache",
            "GOTOOLCHAIN": "local",
        }
        done = subprocess.run(
            ["go", "build", "-trimpath", "-o", f"{there}/vcsim", *_SOURCES],
            env=environment,
            capture_output=True,
            text=True,
            timeout=_SECONDS,
            check=False,
        )
        if done.returncode:
            raise SimulatorError(f"the simulator does not build: {done.stderr.strip()[-2000:]}")
        made = sorted(program.parent.glob("vcsim-*"), key=lambda path: path.stat().st_mtime)
        for old in made[:-2]:  # another version's tests may be running
            old.unlink()
        Path(there, "vcsim").rename(program)


@contextmanager
def running(mode: str, *options: str, password: str, directory: Path) -> Iterator[str]:
    """Run it as `vcenter` or `esx`, and give its address, HOST:PORT; it ends with us, whatever ends us.

    Its certificate is `certificate.pem` in the directory, what it says `vcsim.log`, and its datastore is there too.
    """
    with (
        (directory / "vcsim.log").open("ab") as log,
        subprocess.Popen(
            [built(), "-mode", mode, "-certificate", directory / "certificate.pem", *options],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=log,
            env={"TMPDIR": str(directory)},
            start_new_session=True,
        ) as process,
    ):
        assert process.stdin is not None and process.stdout is not None
        try:
            process.stdin.write(password.encode() + b"\n")
            process.stdin.flush()
            said = process.stdout.readline().decode().strip()
            if not said:
                raise SimulatorError(f"the simulator did not start: {Path(log.name).read_text()[-500:]}")
            yield said.removeprefix("https://").removesuffix("/sdk")
        finally:
            with suppress(OSError):
                process.stdin.close()
            try:
                process.wait(10)
            except subprocess.TimeoutExpired:
                process.kill()
