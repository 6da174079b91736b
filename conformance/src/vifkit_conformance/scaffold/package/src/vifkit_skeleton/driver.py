"""The entry: a URI becomes a connection.

    skeleton-scheme:///var/lib/skeleton?db=unix:/var/run/openvswitch/db.sock&netns=4711

The path is a directory that keeps the domains (default /run/vifkit-skeleton). `db` is the database of the Open
vSwitch (default: the local one), `netns` the namespace of its devices: a name, a path or a process id (default: ours).
"""

import os
from pathlib import Path
from urllib.parse import parse_qsl, unquote, urlsplit

from netqos.kernel import namespace_path
from netqos.ovsdb import Switch
from vifkit import BackendError, ConnectError, Connection, Credentials, Driver

from .connection import SkeletonConnection
from .hypervisor import Hypervisor


class SkeletonDriver(Driver):
    """Opens `skeleton-scheme:` URIs."""

    name = "skeleton"
    schemes = ("skeleton-scheme",)

    def open(self, uri: str, credentials: Credentials | None = None) -> Connection:
        """Connect. Raises ConnectError, and ValueError for a URI that is not understood."""
        parts = urlsplit(uri)
        query = dict(parse_qsl(parts.query, strict_parsing=True)) if parts.query else {}
        if parts.scheme not in self.schemes or parts.netloc or parts.fragment or query.keys() - {"db", "netns"}:
            raise ValueError(f"not understood: {uri!r}; {self.schemes[0]}:///DIRECTORY?db=ADDRESS&netns=NAMESPACE is")
        directory = Path(unquote(parts.path) or "/run/vifkit-skeleton")
        netns = str(namespace_path(query.get("netns", os.getpid())))
        try:
            return SkeletonConnection(Hypervisor(directory, netns), Switch(query.get("db")), netns)
        except (BackendError, OSError) as error:
            raise ConnectError(f"{uri}: {error}") from error
