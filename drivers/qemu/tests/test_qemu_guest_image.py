"""The image of the guest, made of packages of an apt repository of the test's own, and kept."""

import hashlib
import lzma
import multiprocessing
import shutil
import subprocess
import sys
from collections.abc import Mapping
from pathlib import Path

import pytest

from vifkit_conformance.fixtures import lacking
from vifkit_conformance.lab import LabError, LabUnavailableError
from vifkit_conformance.lab.binaries import binary
from vifkit_qemu.guest.image import guest_image, update
from vifkit_qemu.guest.initramfs import initramfs, modules

APT_CONF = """
Dir "{home}/apt";
Dir::State::status "{home}/apt/status";
APT::Architecture "amd64";
APT::Sandbox::User "root";
Acquire::Languages "none";
"""
META = "linux-image-cloud-amd64"
# Each module's file, and those that it says it needs.
MODULES = {
    "virtio/virtio.ko": "",
    "virtio/virtio_ring.ko": "virtio",
    "virtio/virtio_pci.ko": "virtio,virtio_ring",
    "net/net-failover.ko": "failover",
    "net/virtio_net.ko": "virtio_ring,net-failover,virtio",
    "acpi/button.ko": "",
    "input/evdev.ko": "",
}


class Repository:
    """Packages of a directory, and an apt that knows no others."""

    def __init__(self, home: Path) -> None:
        self.home = home
        for name in ("apt/etc/apt/apt.conf.d", "apt/var/lib/apt/lists/partial", "apt/var/cache/apt/archives/partial"):
            (home / name).mkdir(parents=True)
        (home / "apt/status").touch()
        (home / "apt.conf").write_text(APT_CONF.format(home=home))
        (home / "apt/etc/apt/sources.list").write_text(f"deb [trusted=yes] file:{home} ./\n")
        self.index = home / "Packages"
        self.index.touch()

    def add(self, package: str, version: str, depends: str = "", files: Mapping[str, bytes] | None = None) -> None:
        tree, archive = self.home / f"tree-{package}-{version}", f"{package}_{version}.deb"
        control = f"Package: {package}\nVersion: {version}\nArchitecture: amd64\nMaintainer: nobody\n"
        control += (f"Depends: {depends}\n" if depends else "") + "Description: none\n"
        for name, content in {"DEBIAN/control": control.encode(), **(files or {})}.items():
            (tree / name).parent.mkdir(parents=True, exist_ok=True)
            (tree / name).write_bytes(content)
        subprocess.run(["dpkg-deb", "--build", tree, self.home / archive], check=True, capture_output=True)
        made = (self.home / archive).read_bytes()
        where = f"Filename: ./{archive}\nSize: {len(made)}\nSHA256: {hashlib.sha256(made).hexdigest()}\n"
        with self.index.open("a") as index:
            index.write(f"{control}{where}\n")

    def add_kernel(self, abi: str, version: str, where: str = "lib/modules") -> None:
        """Add a kernel, and the version of the metapackage that stands for it."""
        package, tree = f"linux-image-{abi}-cloud-amd64", f"{where}/{abi}"
        files = {f"{tree}/kernel/{name}": module(needs) for name, needs in MODULES.items()}
        files |= {f"boot/vmlinuz-{abi}": f"kernel {abi} {version}".encode()}
        files |= {f"{tree}/modules.builtin": b"kernel/net/core/failover.ko\n"}
        self.add(package, version, files=files)
        self.add(META, version, depends=package)

    def update(self) -> None:
        subprocess.run(["apt-get", "update"], check=True, capture_output=True)


def module(needs: str) -> bytes:
    return f"\x7fELF\0license=GPL\0depends={needs}\0name=x\0".encode()


@pytest.fixture
def cache(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "cache"))
    return tmp_path / "cache/vifkit/guest"


@pytest.fixture
def repository(
    tmp_path: Path, cache: Path, monkeypatch: pytest.MonkeyPatch, request: pytest.FixtureRequest
) -> Repository:
    for program in ("apt-get", "apt-cache", "dpkg-deb", "gcc"):
        if not shutil.which(program):
            lacking(request.config, f"{program} is not installed")
    made = Repository(tmp_path)
    monkeypatch.setenv("APT_CONFIG", str(tmp_path / "apt.conf"))
    made.add_kernel("6.1.0-9", "6.1.27-1")
    made.update()
    return made


def images(cache: Path) -> list[str]:
    return sorted(path.name.rpartition("_")[0] for path in cache.iterdir() if path.name != ".lock")


def test_an_image_is_the_kernel_that_the_metapackage_stands_for(repository: Repository, cache: Path) -> None:
    made = guest_image()
    assert made.kernel.read_bytes() == b"kernel 6.1.0-9 6.1.27-1"
    assert made.initrd.read_bytes().startswith(b"070701")
    assert images(cache) == ["linux-image-6.1.0-9-cloud-amd64_6.1.27-1"]


def test_an_image_that_is_there_needs_nothing_else(repository: Repository, monkeypatch: pytest.MonkeyPatch) -> None:
    made = guest_image()
    monkeypatch.setenv("PATH", "/nowhere")
    assert guest_image() == made


def test_a_newer_kernel_is_taken_when_it_is_asked_for(repository: Repository, cache: Path) -> None:
    old = update()
    repository.add_kernel("6.12.107+deb13", "6.12.107-1", "usr/lib/modules")  # where Debian 13 has them
    repository.update()
    assert guest_image() == old
    new = update()
    assert new.kernel.read_bytes() == b"kernel 6.12.107+deb13 6.12.107-1"
    assert guest_image() == update() == new
    assert old.kernel.exists()


def test_an_image_is_made_once_by_all_who_want_it_at_the_same_time(repository: Repository, cache: Path) -> None:
    with multiprocessing.get_context("spawn").Pool(3) as pool:
        made = [asked.get(60) for asked in [pool.apply_async(guest_image) for _ in range(3)]]
    assert made == [guest_image()] * 3
    assert len(images(cache)) == 1


def test_a_package_that_does_not_come_is_an_error_and_leaves_nothing(repository: Repository, cache: Path) -> None:
    (repository.home / "linux-image-6.1.0-9-cloud-amd64_6.1.27-1.deb").write_bytes(b"damaged")
    with pytest.raises(
        LabUnavailableError, match=r"6\.1\.0-9-cloud-amd64=6\.1\.27-1 does not come from apt; try apt-g"
    ):
        guest_image()
    assert images(cache) == []


def test_a_package_that_is_not_as_expected_is_an_error_and_leaves_nothing(repository: Repository, cache: Path) -> None:
    repository.add_kernel("6.1.0-11", "6.1.38-1", "elsewhere")
    repository.update()
    with pytest.raises(
        LabError, match=r"^not one file lib/modules/\* or usr/lib/modules/\* in the kernel's package, but 0$"
    ):
        guest_image()
    assert images(cache) == []


def test_a_package_without_a_driver_is_an_error_and_leaves_nothing(
    repository: Repository, cache: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.delitem(MODULES, "net/virtio_net.ko")
    repository.add_kernel("6.1.0-11", "6.1.38-1")
    repository.update()
    with pytest.raises(LabError, match=r"^6\.1\.0-11: no module virtio_net$"):
        guest_image()
    assert images(cache) == []


@pytest.mark.parametrize(
    ("lacks", "said"),
    [
        ("gcc", "no C compiler: install the packages gcc and libc6-dev: gcc is not installed"),
        ("apt-cache", "no package linux-image-cloud-amd64 in apt: this needs Debian, and apt-get update"),
    ],
)
def test_what_is_not_installed_is_an_error_that_says_what_to_install(
    repository: Repository, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, lacks: str, said: str
) -> None:
    programs = tmp_path / "bin"
    programs.mkdir()
    for name in {"apt-cache", "apt-get", "dpkg-deb", "env", "gcc", "rm", "setpriv", "sh", "tar"} - {lacks}:
        (programs / name).symlink_to(binary(name))
    monkeypatch.setenv("PATH", str(programs))
    with pytest.raises(LabUnavailableError) as raised:
        guest_image()
    assert str(raised.value) == said


def test_an_apt_that_knows_no_such_kernel_is_an_error(repository: Repository) -> None:
    repository.index.write_text("")
    repository.update()
    with pytest.raises(LabUnavailableError, match=f"no package {META} in apt: this needs Debian, and apt-get update"):
        guest_image()


def test_a_cache_that_cannot_be_made_is_an_error(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("XDG_CACHE_HOME", "/proc/nowhere")
    with pytest.raises(LabUnavailableError, match=r"no cache for the guest: .*/proc/nowhere"):
        guest_image()


def test_set_up_says_where_the_guest_is_or_why_there_is_none(repository: Repository, cache: Path) -> None:
    argv = [sys.executable, "-W", "error", "-m", "vifkit_qemu.guest.image"]
    first = subprocess.run(argv, capture_output=True, text=True, check=False)
    assert (first.returncode, first.stderr) == (0, "")
    assert first.stdout == f"vifkit: the guest of QEMU is {guest_image().kernel.parent}\n"
    repository.index.write_text("")
    repository.update()
    second = subprocess.run(argv, capture_output=True, text=True, check=False)
    assert (second.returncode, second.stdout) == (1, "")
    assert second.stderr == (
        f"vifkit: the guest cannot be made: no package {META} in apt: this needs Debian, and apt-get update\n"
    )


def test_modules_come_after_those_that_they_need(tmp_path: Path) -> None:
    for name, needs in MODULES.items():
        (tmp_path / name).parent.mkdir(exist_ok=True)
        (tmp_path / name).write_bytes(module(needs) + name.encode())
    (tmp_path / "modules.builtin").write_text("kernel/net/core/failover.ko\n")
    packed = tmp_path / "acpi/button.ko"
    (tmp_path / "acpi/button.ko.xz").write_bytes(lzma.compress(packed.read_bytes()))
    packed.unlink()
    found = [content.rpartition(b"\0")[2].decode() for content in modules(tmp_path, ["virtio_net", "button"])]
    assert found == [
        "virtio/virtio.ko",
        "virtio/virtio_ring.ko",
        "net/net-failover.ko",
        "net/virtio_net.ko",
        "acpi/button.ko",
    ]


def test_an_archive_is_one_that_cpio_reads(tmp_path: Path, request: pytest.FixtureRequest) -> None:
    try:
        cpio = [binary("busybox"), "cpio"]
    except LabUnavailableError as error:
        lacking(request.config, str(error))
    archive = initramfs(b"#!/bin/init", [b"one", b"two!"])
    subprocess.run([*cpio, "-id", "init", "modules/*"], input=archive, cwd=tmp_path, check=True, capture_output=True)
    assert (tmp_path / "init").read_bytes() == b"#!/bin/init"
    assert (tmp_path / "init").stat().st_mode & 0o111
    assert [path.read_bytes() for path in sorted(tmp_path.glob("modules/*"))] == [b"one", b"two!"]
    listed = subprocess.run([*cpio, "-itv"], input=archive, check=True, capture_output=True).stdout.decode()
    assert [line.split()[-1] for line in listed.splitlines()] == [
        *("dev", "dev/console", "init", "modules", "modules/0", "modules/1")
    ]
