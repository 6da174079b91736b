"""The guest's kernel and first file system, made once and kept: ``python -m vifkit_qemu.guest.image``.

The kernel is that of Debian's cloud images. Its package is unpacked into the cache and not installed, as a kernel
that is installed is one that this machine may boot. The file system holds `agent.c` and the drivers of virtio-net.
"""

import fcntl
import hashlib
import re
import shutil
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import NamedTuple

from vifkit_conformance.lab import CommandError, LabError, LabUnavailableError
from vifkit_conformance.lab.command import run
from vifkit_libvirt.testbed import cache_directory

from . import initramfs

_METAPACKAGE = "linux-image-cloud-amd64"
_MODULES = ("virtio_pci", "virtio_net", "button", "evdev")  # the last two are the power button
_AGENT = Path(__file__).with_name("agent.c")
_RECIPE = (_AGENT, Path(__file__), Path(initramfs.__file__))
_SECONDS = 300  # a download by a slow line


class Image(NamedTuple):
    """The two files that QEMU boots."""

    kernel: Path
    initrd: Path


def guest_image() -> Image:
    """Return the newest image in the cache, or make one where there is none: only then is apt asked.

    Raises LabUnavailableError, which says what to install, and LabError.
    """
    with _cache() as cache:
        made = sorted(cache.glob(f"*_{_recipe()}"), key=lambda path: path.stat().st_mtime)
        return _image(made[-1]) if made else _make(cache, _kernel_package())


def update() -> Image:
    """Return the image with the kernel that apt has now, and make it where it is not in the cache.

    Raises as `guest_image` does.
    """
    with _cache() as cache:
        package = _kernel_package()
        directory = _directory(cache, package)
        return _image(directory) if directory.is_dir() else _make(cache, package)


@contextmanager
def _cache() -> Iterator[Path]:
    """Give the directory of images to one process at a time."""
    directory = cache_directory() / "guest"
    try:
        directory.mkdir(parents=True, exist_ok=True)
        lock = (directory / ".lock").open("w")
    except OSError as error:
        raise LabUnavailableError(f"no cache for the guest: {error}") from error
    with lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        yield directory


def _recipe() -> str:
    return hashlib.sha256(b"".join(path.read_bytes() for path in _RECIPE)).hexdigest()[:16]


def _directory(cache: Path, package: str) -> Path:
    return cache / f"{package.replace('=', '_')}_{_recipe()}"


def _image(directory: Path) -> Image:
    return Image(directory / "vmlinuz", directory / "initrd")


def _kernel_package() -> str:
    """Name the package that the metapackage stands for now, as linux-image-6.1.0-9-cloud-amd64=6.1.27-1."""
    try:
        name = re.findall(r"Depends: (linux-image-\S+)", run(["apt-cache", "depends", _METAPACKAGE]))[0]
        shown = run(["apt-cache", "show", "--no-all-versions", name])
        return f"{name}={re.findall('^Version: (.+)$', shown, re.MULTILINE)[0]}"
    except (CommandError, LabUnavailableError, IndexError) as error:
        raise LabUnavailableError(f"no package {_METAPACKAGE} in apt: this needs Debian, and apt-get update") from error


def _make(cache: Path, package: str) -> Image:
    """Make an image all at once: what is half done is never seen."""
    with TemporaryDirectory(prefix=".making-", dir=cache) as temporary:
        made = Path(temporary, "image")
        made.mkdir()
        root = _unpacked(package, Path(temporary))
        kernel, tree = _one(root, "boot/vmlinuz-*"), _one(root, "lib/modules/*", "usr/lib/modules/*")
        shutil.copy(kernel, made / "vmlinuz")
        program = _compiled(Path(temporary))
        (made / "initrd").write_bytes(initramfs.initramfs(program, initramfs.modules(tree, _MODULES)))
        return _image(made.rename(_directory(cache, package)))


def _unpacked(package: str, directory: Path) -> Path:
    root = directory / "root"
    try:
        run(["env", f"--chdir={directory}", "apt-get", "--quiet", "download", package], seconds=_SECONDS)
        (archive,) = directory.glob("*.deb")
        run(["dpkg-deb", "--extract", str(archive), str(root)], seconds=_SECONDS)
    except CommandError as error:
        raise LabUnavailableError(f"{package} does not come from apt; try apt-get update: {_said(error)}") from error
    return root


def _one(root: Path, *patterns: str) -> Path:
    found = [path for pattern in patterns for path in root.glob(pattern)]
    if len(found) != 1:
        raise LabError(f"not one file {' or '.join(patterns)} in the kernel's package, but {len(found)}")
    return found[0]


def _compiled(directory: Path) -> bytes:
    program = directory / "agent"
    try:
        run(["gcc", "-Os", "-static", "-s", "-o", str(program), str(_AGENT)])
    except (CommandError, LabUnavailableError) as error:
        raise LabUnavailableError(f"no C compiler: install the packages gcc and libc6-dev: {_said(error)}") from error
    return program.read_bytes()


def _said(error: LabError) -> str:
    return error.stderr.strip().partition("\n")[0] if isinstance(error, CommandError) else str(error)


def main() -> int:
    """Make the image, and say where it is."""
    try:
        made = update()
    except LabError as error:
        sys.stderr.write(f"vifkit: the guest cannot be made: {error}\n")
        return 1
    sys.stdout.write(f"vifkit: the guest of QEMU is {made.kernel.parent}\n")
    return 0


if __name__ == "__main__":
    sys.exit(main())
