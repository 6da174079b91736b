"""What a guest sends: policed by a filter that is held against the prediction, and measured.

It needs a kernel that polices and has Open vSwitch's datapath: `ci/demo` runs it in its own, or else in a full one.
"""

import sys

from rich.console import Console

from netqos import Psched, translate
from netqos.enforce import enforce, version_tuple
from netqos.kernel import Kernel
from netqos.ovsdb import Switch
from netqos.policing import predict
from netqos.render import human_rate
from netqos.tc import tc_filter_lines
from vifkit import parse_bandwidth
from vifkit_conformance.lab import Lab, LinkEndpoint, enter_user_namespace, measure, privileged

BANDWIDTH = "<bandwidth><outbound average='512' burst='256'/></bandwidth>"
AVERAGE_BPS = 4_096_000
GUEST, RECEIVER = "198.51.100.2", "198.51.100.1"
TOLERANCE = 0.05
ATTEMPTS = 3  # a busy host falls short of a rate


def main() -> int:
    """Show every step; 0 if all held."""
    console = Console(highlight=False, markup=False, emoji=False, width=None if sys.stdout.isatty() else 100)
    if not privileged():
        enter_user_namespace()
    bandwidth = parse_bandwidth(BANDWIDTH)
    with Lab(datapath="system") as lab:
        lab.bridge("br0")
        port, guest = lab.guest(f"{GUEST}/24")
        _, receiver = lab.guest(f"{RECEIVER}/24")
        guest.add_neighbour(RECEIVER, receiver.mac)
        with Switch(lab.ovs.db) as switch, Kernel(lab.host.path) as kernel:
            drifts = enforce(switch, kernel, {port.name: bandwidth}).drifts
            found = kernel.read([port.name], policers=True)[port.name].policers
            version = version_tuple(switch.version)
        clock = Psched.here()
        predicted = predict(translate(bandwidth, port.name).policing, ovs_version=version, psched=clock)
        same = predicted is not None and list(found) == [predicted]
        console.print(f"   {BANDWIDTH}")
        for line in tc_filter_lines(found[0], clock) if found else ["no filter"]:
            if line.strip():
                console.print(f"   {line.strip()}", style="dim")
        console.print(f"   the filter is {'as predicted, to the tick' if same else f'NOT AS PREDICTED: {predicted}'}")
        ends = LinkEndpoint(guest.namespace, guest.name), LinkEndpoint(receiver.namespace, receiver.name)
        for _ in range(ATTEMPTS):
            measured = measure(*ends, RECEIVER, rate_bps=4 * AVERAGE_BPS, seconds=3.0)
            rate_bps = round(measured.rate_bps(after=1.0))
            if rate_bps >= AVERAGE_BPS * (1 - TOLERANCE):
                break
    console.print(f"   offered {human_rate(4 * AVERAGE_BPS)} of UDP, {human_rate(rate_bps)} arrived", style="bold")
    return 0 if same and not drifts and abs(rate_bps - AVERAGE_BPS) <= TOLERANCE * AVERAGE_BPS else 1


if __name__ == "__main__":
    sys.exit(main())
