"""What a Linux kernel has as its first file system, and the drivers that are in it."""

import lzma
import re
import stat
from collections.abc import Iterable
from pathlib import Path

from vifkit_conformance.lab import LabError

_FILE, _PROGRAM = stat.S_IFREG | 0o644, stat.S_IFREG | 0o755
_DIRECTORY, _DEVICE = stat.S_IFDIR | 0o755, stat.S_IFCHR | 0o600


def initramfs(program: bytes, modules: Iterable[bytes]) -> bytes:
    """Write an archive with /init, and modules /modules/0, /modules/1, … in the order in which to load them.

    The format is newc (Documentation/driver-api/early-userspace/buffer-format.rst of Linux). It is not compressed:
    the kernel, which QEMU emulates, would take longer to unpack it than QEMU to copy it.
    """
    entries = [
        _entry("dev", _DIRECTORY),
        _entry("dev/console", _DEVICE, device=(5, 1)),
        _entry("init", _PROGRAM, program),
        _entry("modules", _DIRECTORY),
        *(_entry(f"modules/{number}", _FILE, module) for number, module in enumerate(modules)),
        _entry("TRAILER!!!", 0),
    ]
    return b"".join(entries)


def modules(tree: Path, wanted: Iterable[str]) -> list[bytes]:
    """Read kernel modules and those that they depend on from /lib/modules/VERSION, what is needed first.

    What is built into the kernel is left out. Raises LabError for a module that is nowhere.
    """
    files = {_name(path): path for path in tree.rglob("*.ko*")}
    built_in = {_name(Path(line)) for line in (tree / "modules.builtin").read_text().splitlines()}
    found: dict[str, bytes] = {}

    def add(name: str) -> None:
        if name in found or name in built_in:
            return
        if name not in files:
            raise LabError(f"{tree.name}: no module {name}")
        content = _content(files[name])
        for needed in _dependencies(content):
            add(needed)
        found[name] = content

    for name in wanted:
        add(name)
    return list(found.values())


def _dependencies(module: bytes) -> list[str]:
    """Read what modpost wrote into the section .modinfo (scripts/mod/modpost.c, add_depends)."""
    found = re.search(rb"\0depends=([^\0]*)\0", module)
    return [name.replace("-", "_") for name in found[1].decode().split(",") if name] if found else []


def _name(path: Path) -> str:
    return path.name.partition(".")[0].replace("-", "_")


def _content(path: Path) -> bytes:
    content = path.read_bytes()
    return lzma.decompress(content) if path.suffix == ".xz" else content


def _entry(name: str, mode: int, content: bytes = b"", device: tuple[int, int] = (0, 0)) -> bytes:
    named = name.encode() + b"\0"
    # inode, mode, owner, group, links, time, size, the device that it is on, the device that it is, name, sum
    fields = (0, mode, 0, 0, 1, 0, len(content), 0, 0, *device, len(named), 0)
    head = b"070701" + b"".join(b"%08x" % field for field in fields) + named
    return _padded(head) + _padded(content)


def _padded(part: bytes) -> bytes:
    return part.ljust(-(-len(part) // 4) * 4, b"\0")
