"""The devices of a container that never came to be."""

import json
import os
import subprocess
from collections.abc import Collection

from netqos.kernel import Netns, namespace_path
from vifkit import BackendError


def drop_veths(netns: Netns, macs: Collection[str]) -> None:
    """Delete, in a network namespace, each veth that has one of these MAC addresses, and its other end with it.

    libvirt makes both ends on the host, gives one the container's MAC address, and then moves that one into the
    container (virLXCProcessSetupInterfaceTap in src/lxc/lxc_process.c). If libvirtd is killed before, it is still
    on the host, and nobody knows it any more. Raises BackendError.
    """
    for link in json.loads(_ip(netns, "-json", "link", "show", "type", "veth") or "[]"):
        if link["address"] in macs:
            _ip(netns, "link", "delete", "dev", link["ifname"])


def _ip(netns: Netns, *arguments: str) -> str:
    inside = () if netns is None else ("nsenter", f"--net={namespace_path(netns)}")
    # A user's PATH often lacks the administrator's tools.
    environment = {**os.environ, "PATH": f"{os.environ.get('PATH', '/usr/bin:/bin')}:/usr/sbin:/sbin"}
    try:
        return subprocess.run(
            [*inside, "ip", *arguments], check=True, capture_output=True, text=True, env=environment
        ).stdout
    except FileNotFoundError as error:
        raise BackendError(f"{error.filename} is not installed") from error
    except subprocess.CalledProcessError as error:
        raise BackendError(f"ip {' '.join(arguments)}: {error.stderr.strip()}") from error
