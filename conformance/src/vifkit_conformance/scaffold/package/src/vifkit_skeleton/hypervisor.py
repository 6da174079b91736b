"""The hypervisor. This is the file to change: put the calls of your own hypervisor into the bodies of `Hypervisor`.

Here a domain is a network namespace, and what a hypervisor knows of its domains is kept in files of one directory:
`UUID.xml` is a defined domain, `UUID.live` the XML of one that runs, and `UUID.ns` holds its namespace.
"""

import fcntl
import os
import subprocess
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager, suppress
from pathlib import Path

from vifkit import BackendError, DomainConfig, VifkitError, parse_domain

DEFAULT_MTU = 1500


class Hypervisor:
    """All that the other modules ask of a hypervisor. Every method may raise BackendError, and no other error."""

    def __init__(self, directory: Path, netns: str) -> None:
        directory.mkdir(mode=0o700, parents=True, exist_ok=True)
        self.directory = directory
        self.netns = netns  # where the host's ends of the vifs are

    def version(self) -> str:
        """Name the hypervisor and its version."""
        return f"Linux {os.uname().release}"

    @contextmanager
    def locked(self) -> Iterator[None]:
        """Keep other processes and threads out while a domain changes."""
        try:
            with (self.directory / ".lock").open("w") as lock:
                fcntl.flock(lock, fcntl.LOCK_EX)
                yield
        except VifkitError:
            raise
        except OSError as error:
            raise BackendError(f"{self.directory}: {error.strerror}") from error

    def domains(self) -> list[DomainConfig]:
        """List every domain: as it runs, or else as it is defined."""
        uuids = {path.stem for suffix in ("live", "xml") for path in self.directory.glob(f"*.{suffix}")}
        found = [self._read(uuid, "live") if self.is_running(uuid) else self.defined(uuid) for uuid in sorted(uuids)]
        return [config for config in found if config is not None]

    def defined(self, uuid: str) -> DomainConfig | None:
        """Give a domain as it is defined, None for one that was created only."""
        return self._read(uuid, "xml")

    def define(self, config: DomainConfig) -> None:
        """Keep a domain, instead of the one with its UUID."""
        self._write(config, "xml")

    def undefine(self, uuid: str) -> None:
        """Forget a domain."""
        self._file(uuid, "xml").unlink(missing_ok=True)

    def is_running(self, uuid: str) -> bool:
        """Tell whether a domain runs."""
        return os.path.ismount(self._file(uuid, "ns"))

    def start(self, config: DomainConfig) -> None:
        """Start a domain whose vifs are the host's devices `target`, up and on no bridge yet; all of it or nothing."""
        pin = self._file(config.uuid, "ns")
        with ExitStack() as undo:
            undo.callback(self._forget_running, config.uuid)
            self._write(config, "live")
            pin.touch(mode=0o600)
            run("unshare", f"--net={pin}", "ip", "link", "set", "lo", "up")
            for number, vif in enumerate(config.vifs):
                self._wire(str(vif.target), pin, f"eth{number}", str(vif.mac), str(vif.mtu or DEFAULT_MTU))
                undo.callback(self._delete_device, str(vif.target))
            undo.pop_all()

    def update(self, config: DomainConfig) -> None:
        """Keep what the XML of a running domain says now."""
        self._write(config, "live")

    def stop(self, config: DomainConfig) -> None:
        """End a running domain, and its devices, at once."""
        for vif in config.vifs:
            self._delete_device(str(vif.target))
        self._forget_running(config.uuid)

    # What follows is of network namespaces alone.

    def _wire(self, port: str, pin: Path, device: str, mac: str, mtu: str) -> None:
        """Join a namespace to a device of the host's."""
        host, guest = ("nsenter", f"--net={self.netns}"), ("nsenter", f"--net={pin}")
        peer = ("peer", "name", device, "address", mac, "mtu", mtu, "netns", str(pin))
        run(*host, "ip", "link", "add", port, "mtu", mtu, "type", "veth", *peer)
        for where, name in ((host, port), (guest, device)):
            # Open vSwitch's datapath in user space passes on checksums that were left to hardware, unfilled.
            run(*where, "ethtool", "-K", name, "tx", "off")
            run(*where, "ip", "link", "set", name, "up")

    def _delete_device(self, port: str) -> None:
        with suppress(BackendError):  # it may be gone already
            run("nsenter", f"--net={self.netns}", "ip", "link", "delete", port)

    def _forget_running(self, uuid: str) -> None:
        if self.is_running(uuid):
            run("umount", str(self._file(uuid, "ns")))
        for suffix in ("ns", "live"):
            self._file(uuid, suffix).unlink(missing_ok=True)

    def _file(self, uuid: str, suffix: str) -> Path:
        return self.directory / f"{uuid}.{suffix}"

    def _read(self, uuid: str, suffix: str) -> DomainConfig | None:
        try:
            return parse_domain(self._file(uuid, suffix).read_bytes())
        except FileNotFoundError:
            return None
        except OSError as error:
            raise BackendError(f"{self.directory}: {error.strerror}") from error

    def _write(self, config: DomainConfig, suffix: str) -> None:
        """Replace a file at once: a reader sees the old text or the new."""
        draft = self._file(config.uuid, "draft")
        draft.write_text(config.to_xml(), encoding="utf-8")
        draft.replace(self._file(config.uuid, suffix))


def run(*argv: str) -> None:
    """Run a command. Raises BackendError with its last line."""
    environment = {**os.environ, "PATH": f"{os.environ.get('PATH', '/usr/bin:/bin')}:/usr/sbin:/sbin"}
    try:
        subprocess.run(argv, check=True, capture_output=True, text=True, env=environment)
    except FileNotFoundError as error:
        raise BackendError(f"{argv[0]} is not installed") from error
    except subprocess.CalledProcessError as error:
        said = (error.stderr.strip() or f"exit status {error.returncode}").splitlines()[-1]
        raise BackendError(f"{argv[0]}: {said}") from error
