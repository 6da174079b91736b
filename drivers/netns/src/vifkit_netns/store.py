"""The domains of one directory: their XML, and the pins of their namespaces. It outlives every process."""

import errno
import fcntl
import os
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from urllib.parse import quote, unquote

from vifkit import BackendError, DomainConfig, DomainNotFoundError, VifkitError, parse_domain

from . import host


class Store:
    """`NAME.xml` keeps a defined domain, `NAME.live` the XML of a running one, `NAME.ns` pins its namespace."""

    def __init__(self, directory: Path) -> None:
        directory.mkdir(mode=0o700, parents=True, exist_ok=True)
        self.directory = directory

    @contextmanager
    def locked(self) -> Iterator[None]:
        """Keep other processes and threads out while a domain changes. Raises BackendError for what a file refuses."""
        try:
            with (self.directory / ".lock").open("w") as lock:
                fcntl.flock(lock, fcntl.LOCK_EX)
                yield
        except VifkitError:
            raise
        except OSError as error:
            raise BackendError(f"{self.directory}: {error.strerror}") from error

    def pin(self, name: str) -> Path:
        """Where a domain's namespace is pinned while it runs."""
        return self._file(name, "ns")

    def is_running(self, name: str) -> bool:
        """Tell whether a domain has a namespace."""
        return host.is_namespace(self.pin(name))

    def configs(self) -> list[DomainConfig]:
        """Read every domain, as it runs or as it is kept."""
        names = {unquote(path.stem) for suffix in ("xml", "live") for path in self.directory.glob(f"*.{suffix}")}
        found = []
        for name in sorted(names):
            with suppress(DomainNotFoundError):
                found.append(self.config(name))
        return found

    def config(self, name: str) -> DomainConfig:
        """Read a domain. Raises DomainNotFoundError."""
        found = self._read(name, "live") if self.is_running(name) else None
        found = found or self.defined(name)
        if found is None:
            raise DomainNotFoundError(name)
        return found

    def defined(self, name: str) -> DomainConfig | None:
        """Read a domain as it is kept, None if it is not."""
        return self._read(name, "xml")

    def keep(self, config: DomainConfig) -> None:
        """Keep a domain that need not run."""
        self._write(config, "xml")

    def keep_live(self, config: DomainConfig) -> None:
        """Keep the XML of a domain that runs."""
        self._write(config, "live")

    def drop_live(self, name: str) -> None:
        """Forget what ran."""
        self._file(name, "live").unlink(missing_ok=True)

    def forget(self, name: str) -> None:
        """Keep a domain no longer."""
        self._file(name, "xml").unlink(missing_ok=True)

    def _file(self, name: str, suffix: str) -> Path:
        return self.directory / f"{quote(name, safe=' ')}.{suffix}"

    def _read(self, name: str, suffix: str) -> DomainConfig | None:
        try:
            return parse_domain(self._file(name, suffix).read_bytes())
        except OSError as error:
            if error.errno in (errno.ENOENT, errno.ENAMETOOLONG):
                return None
            raise BackendError(f"{self.directory}: {error.strerror}") from error

    def _write(self, config: DomainConfig, suffix: str) -> None:
        """Replace a file at once: a reader sees the old text or the new."""
        path = self._file(config.name, suffix)
        draft = path.with_name(f".{os.getpid()}.draft")
        try:
            draft.write_text(config.to_xml(), encoding="utf-8")
            draft.replace(path)
        finally:
            draft.unlink(missing_ok=True)
