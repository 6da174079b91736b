"""Golden pairs: `NAME.xml` is a `<bandwidth>`, `NAME.json` what the kernel then holds: a tree, or a police action.

The figures are literal. They were read off kernels, and never come from the code that is judged: `rate` and
`ceil` in bytes/s, `buffer`, `cbuffer` and `burst` in ticks of 64 ns, `quantum`, `mtu` and `mpu` in bytes. `tc` has
the lines of iproute2 6.1's `tc -d class show`, or its words for the action in `tc -d filter show`.
"""

import json
from dataclasses import dataclass
from importlib.resources import files

from netqos.htb import HtbClass, Qdisc, Tree
from netqos.policing import Police

OUTBOUND = "outbound-"
"""What the names of those for outbound begin with."""


@dataclass(frozen=True)
class Case:
    """One pair; `mtu` is the vif's, None for the usual 1500."""

    name: str
    title: str
    xml: str
    mtu: int | None
    tree: Tree
    tc: tuple[str, ...]


@dataclass(frozen=True)
class OutboundCase:
    """One pair for outbound; `interface` has the columns of the row.

    What happens to a packet that conforms is not golden: versions of Open vSwitch differ there, and all let it pass.
    """

    name: str
    title: str
    xml: str
    interface: dict[str, int]
    police: Police
    tc: str


def load(name: str) -> Case:
    """Read one pair for inbound."""
    folder = files(__name__)
    golden = json.loads((folder / f"{name}.json").read_text(encoding="utf-8"))
    tree = Tree(
        qdisc=Qdisc(**golden["qdisc"]), classes={each["handle"]: HtbClass(**each) for each in golden["classes"]}
    )
    xml = (folder / f"{name}.xml").read_text(encoding="utf-8")
    return Case(name=name, title=golden["title"], xml=xml, mtu=golden.get("mtu"), tree=tree, tc=tuple(golden["tc"]))


def load_all() -> list[Case]:
    """Read every pair for inbound, by name."""
    return [load(name) for name in _names() if not name.startswith(OUTBOUND)]


def load_outbound(name: str) -> OutboundCase:
    """Read one pair for outbound."""
    folder = files(__name__)
    golden = json.loads((folder / f"{name}.json").read_text(encoding="utf-8"))
    xml = (folder / f"{name}.xml").read_text(encoding="utf-8")
    return OutboundCase(name, golden["title"], xml, golden["interface"], Police(**golden["police"]), golden["tc"])


def load_all_outbound() -> list[OutboundCase]:
    """Read every pair for outbound, by name."""
    return [load_outbound(name) for name in _names() if name.startswith(OUTBOUND)]


def _names() -> list[str]:
    paths = sorted(files(__name__).iterdir(), key=str)
    return [path.name[:-5] for path in paths if path.name.endswith(".json")]
