"""Asks this kernel what it can do, by trying it in a namespace that is gone a moment later."""

import subprocess
from functools import cache

_POLICE = (
    "ip link add probe type veth peer name peer && tc qdisc add dev probe ingress && "
    "tc filter add dev probe parent ffff: matchall action police rate 1mbit burst 10k conform-exceed drop"
)


@cache
def policing_available() -> bool:
    """Tell whether tc can police here, so that Open vSwitch's ingress policing takes effect.

    False as well where this process may not make a network namespace.
    """
    command = ["unshare", "--net", "sh", "-c", f"PATH=$PATH:/usr/sbin:/sbin; {_POLICE}"]
    try:
        return subprocess.run(command, capture_output=True, check=False).returncode == 0
    except OSError:
        return False
