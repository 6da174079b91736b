"""Puts a bandwidth on a port, holds the kernel's tree against the prediction, measures, and certifies the driver.

All of it happens on a private Open vSwitch that is gone at the end. `ci/demo` installs what this needs.
"""

import signal
import subprocess
import sys
import time
from bisect import bisect
from collections.abc import Iterator
from itertools import pairwise
from pathlib import Path
from tempfile import TemporaryDirectory

from rich.console import Console, RenderableType
from rich.live import Live
from rich.padding import Padding
from rich.table import Table
from rich.text import Text
from rich.tree import Tree as Drawn

from netqos import HtbClass, PortRows, Psched, Tree, find, predict, translate
from netqos.enforce import enforce, version_tuple
from netqos.kernel import Kernel
from netqos.ovsdb import Switch
from netqos.probe import policing_available
from netqos.render import human_rate
from netqos.units import bps_from_Bps
from vifkit import parse_bandwidth
from vifkit_conformance.lab import (
    Lab,
    LabError,
    LabUnavailableError,
    Link,
    Sink,
    Source,
    enter_user_namespace,
    privileged,
    why_not,
)
from vifkit_conformance.uml import Machine

BANDWIDTH = "<bandwidth><inbound average='512' peak='1024' burst='32'/></bandwidth>"
AVERAGE_BPS, PEAK_BPS = 4_096_000, 8_192_000
GUEST, SENDER = "198.51.100.2", "198.51.100.1"
SECONDS = 3.0
TOLERANCE = 0.05
COLUMNS, ROWS = 36, 8  # of the chart, which fits into 80 columns; a row is an eighth of the peak
SUITE = ("-m", "pytest", "--pyargs", "vifkit_conformance.suite", "--driver", "netns", "--require-environment")
TERSE = ("-n", "2", "-q", "-p", "no:cacheprovider", "-p", "no:randomly")


def main() -> int:
    """Show every step; 0 if all held."""
    if hasattr(sys.stdout, "reconfigure"):
        sys.stdout.reconfigure(errors="replace")  # a terminal that cannot draw is no reason to end
    console = Console(highlight=False, markup=False, emoji=False, width=None if sys.stdout.isatty() else 100)
    if (reason := why_not()) is not None:
        hint = "" if privileged() else "; or run it as root: sudo ci/demo"
        console.print(f"vifkit: no private Open vSwitch can be made here: {reason}{hint}", style="red", soft_wrap=True)
        return 1
    if not privileged():
        console.print("vifkit: not root: going on in a user namespace", style="dim")
        enter_user_namespace()
    began = time.monotonic()
    verdicts = [*on_a_port(console), *what_is_sent(console), certified(console)]
    seconds = f"in {time.monotonic() - began:.0f} s"
    failed = [what for what, held in verdicts if not held]
    console.print()
    if failed:
        console.print(f"vifkit: FAILED: {', '.join(failed)}; {seconds}", style="bold red", soft_wrap=True)
        return 1
    held = ", ".join(what for what, _ in verdicts)
    console.print(f"vifkit: all held ({held}) {seconds}", style="bold green", soft_wrap=True)
    return 0


def on_a_port(console: Console) -> Iterator[tuple[str, bool]]:
    """Plug a port with the bandwidth; give what was looked at, and whether it held."""
    bandwidth = parse_bandwidth(BANDWIDTH)
    with Lab() as lab:
        lab.bridge("br0")
        port, guest = lab.guest(f"{GUEST}/24")
        _, sender = lab.guest(f"{SENDER}/24")
        sender.add_neighbour(GUEST, guest.mac)
        with Switch(lab.ovs.db) as switch, Kernel(lab.host.path) as kernel:
            outcome = enforce(switch, kernel, {port.name: bandwidth})
            rows = switch.ports([port.name])[port.name]
            link = kernel.read([port.name])[port.name]
            version = version_tuple(switch.version)
        clock = Psched.here()
        wanted = translate(bandwidth, port.name)
        predicted = predict(wanted.qos, mtu=link.mtu, ovs_version=version, psched=clock)
        findings = find(bandwidth, wanted, predicted, mtu=link.mtu, ovs_version=version, psched=clock)

        title(console, "asked", BANDWIDTH)
        title(console, f"the rows of Open vSwitch {lab.ovs.version}", f"on port {port.name}")
        console.print(rows_table(rows))
        same = predicted == link.tree
        title(console, "the tree of classes", "the same, to the tick" if same else "NOT THE SAME")
        console.print(side_by_side(predicted, link.tree))
        for finding in findings:
            title(console, f"to be known: {finding.code}")
            console.print(indented(Text(finding.message, style="yellow")))
        yield "rows", not outcome.drifts and outcome.changed == [port.name]
        yield "tree", same
        rate_bps = measured(console, sender, guest)
        yield f"rate {human_rate(rate_bps)}", abs(rate_bps - PEAK_BPS) <= TOLERANCE * PEAK_BPS


def what_is_sent(console: Console) -> Iterator[tuple[str, bool]]:
    """Show how outbound is policed, by a kernel that can: this one or, where it is installed, a full one."""
    script = [sys.executable, str(Path(__file__).with_name("demo_outbound.py"))]
    if policing_available() and Path("/sys/module/openvswitch").exists():
        title(console, "what the guest sends")
        yield "outbound", subprocess.run(script, check=False).returncode == 0
        return
    title(console, "what the guest sends", "in a full kernel (user-mode Linux), as this one cannot police; 20 seconds")
    try:
        yield "outbound", Machine(seconds=120).run(script) == 0
    except LabUnavailableError as error:
        console.print(indented(Text(f"not shown: {error}", style="dim")))
    except LabError as error:
        console.print(indented(Text(str(error), style="red")))
        yield "outbound", False


def certified(console: Console) -> tuple[str, bool]:
    """Judge the embedded driver by the whole suite."""
    title(console, "the suite judges the driver netns", "half a minute")
    with TemporaryDirectory(prefix="vifkit-demo-") as empty:
        status = judged(empty)
    if not policing_available():
        remark = (
            "skipped: what a guest sends, as this kernel cannot police (act_police) and the driver says so; "
            "and the refusals of what the driver does carry out"
        )
        console.print(indented(Text(remark, style="dim")))
    return "suite", status == 0


def judged(empty: str) -> int:
    """Run the suite in an empty directory, and give its exit status; if we are ended it ends its labs in order."""
    with subprocess.Popen([sys.executable, *SUITE, *TERSE, f"--basetemp={empty}/pytest"], cwd=empty) as suite:
        try:
            return suite.wait()
        except SystemExit:
            suite.send_signal(signal.SIGINT)
            raise


def title(console: Console, text: str, remark: str = "") -> None:
    """Print the head of a step."""
    console.print()
    mark = "■" if console.encoding.startswith("utf") else "*"
    console.print(Text.assemble((f"{mark} ", "cyan"), (text, "bold"), f"  {remark}"), soft_wrap=True)


def indented(body: RenderableType) -> Padding:
    """Put what belongs to a step under its title."""
    return Padding(body, (0, 0, 0, 3), expand=False)


def rows_table(port: PortRows) -> Padding:
    """Give QoS and Queue 0 side by side with their units."""
    table = Table.grid(padding=(0, 3, 0, 0))
    qos = port.qos
    if qos is not None:
        units = {"min-rate": "bit/s", "max-rate": "bit/s", "burst": "bit"}
        table.add_row("", *(Text(f"{key} ({unit})", style="dim") for key, unit in units.items()))
        for name, config in ((f"QoS {qos.type}", qos.other_config), ("Queue 0", qos.queues[0].other_config)):
            table.add_row(Text(name, style="cyan"), *(config.get(key, "none") for key in units))
    return indented(table)


def side_by_side(predicted: Tree, live: Tree) -> Padding:
    """Give two trees beside each other."""
    table = Table.grid(padding=(0, 4, 0, 0))
    table.add_row(Text("predicted", style="dim"), Text("in the kernel", style="dim"))
    table.add_row(drawn(predicted), drawn(live))
    return indented(table)


def drawn(tree: Tree) -> RenderableType:
    """Draw one tree."""
    if tree.qdisc is None:
        return "no qdisc of Open vSwitch's"
    top = Drawn(f"qdisc {tree.qdisc.kind} {tree.qdisc.handle} default {tree.qdisc.default}", guide_style="dim")
    nodes = {"root": top}
    for each in tree.classes.values():
        nodes[each.handle] = nodes[each.parent].add(described(each))
    return top


def described(each: HtbClass) -> Text:
    """Describe a class, narrow enough for two of them in 80 columns."""
    rate, ceil = (human_rate(bps_from_Bps(value)) for value in (each.rate, each.ceil))
    return Text.assemble(
        (f"class {each.handle}", "bold"),
        f"\nrate {rate}\nceil {ceil}",
        (f"\nbuffer {each.buffer} ticks\ncbuffer {each.cbuffer} ticks", "dim"),
    )


def measured(console: Console, sender: Link, guest: Link) -> int:
    """Send twice the peak to the guest, draw what arrives, and give the rate in bits/s."""
    title(console, "what arrives in the guest", f"offered {human_rate(2 * PEAK_BPS)} of UDP for {SECONDS:.0f} s")
    with (
        Sink(guest.namespace, GUEST, SECONDS) as arriving,
        Source(sender.namespace, GUEST, 2 * PEAK_BPS, SECONDS + 1),
        Live(console=console, transient=True, auto_refresh=False) as live,
    ):
        while arriving.running:
            time.sleep(0.1)
            if console.is_terminal:
                live.update(chart(console, arriving.measurement.samples), refresh=True)
    rate_bps = round(arriving.measurement.rate_bps(after=1.0))
    console.print(chart(console, arriving.measurement.samples))
    console.print(f"   {human_rate(rate_bps)} after the first second", style="bold")
    return rate_bps


def chart(console: Console, samples: tuple[tuple[float, int], ...]) -> Text:
    """Draw bits/s over time; average and peak are the tops of two rows."""
    full, dash, steps = ("█", "┄", " ▁▂▃▄▅▆▇█") if console.encoding.startswith("utf") else ("#", "-", " ..::##")
    levels = [rate * ROWS / PEAK_BPS for rate in rates(samples)]
    marks = {ROWS: (PEAK_BPS, "peak: the limit"), ROWS * AVERAGE_BPS // PEAK_BPS: (AVERAGE_BPS, "average: guaranteed")}
    text = Text()
    for row in range(ROWS, 0, -1):
        rate, label = marks.get(row, (None, ""))
        text.append(f"   {rate / 1e6:5.3f} Mbit/s {dash} " if rate else " " * 18, style="dim")
        for level in levels:
            fraction = min(max(level - row + 1, 0.0), 1.0)
            # A frame more or less in a column is no change of the rate.
            text.append(full if fraction > 0.75 else steps[int(fraction * (len(steps) - 1))], style="green")
        text.append(f"{' ' * (COLUMNS - len(levels))} {dash} {label}\n" if rate else "\n", style="dim")
    return text.append(f"{' ' * 18}0 s{' ' * (COLUMNS - 6)}{SECONDS:.0f} s", style="dim")


def rates(samples: tuple[tuple[float, int], ...]) -> list[float]:
    """Give the rate in bits/s in each column of the chart that has passed."""
    if not samples:
        return []
    width = SECONDS / COLUMNS
    passed = min(int(samples[-1][0] / width), COLUMNS)
    totals = [arrived(samples, column * width) for column in range(passed + 1)]
    return [(after - before) * 8 / width for before, after in pairwise(totals)]


def arrived(samples: tuple[tuple[float, int], ...], at: float) -> float:
    """Give the bytes that had arrived at a time, between two samples in proportion."""
    number = bisect(samples, at, key=lambda sample: sample[0])
    (start, before), (end, after) = samples[number - 1], samples[min(number, len(samples) - 1)]
    return before + (after - before) * (at - start) / (end - start) if end > start else before


if __name__ == "__main__":
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(143))  # so that nothing is left then, either
    try:
        sys.exit(main())
    except KeyboardInterrupt:
        sys.exit(130)
