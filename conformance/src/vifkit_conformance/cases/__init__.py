"""Golden pairs: `NAME.xml` is a `<bandwidth>`, `NAME.json` the tree that the kernel then holds.

The figures are literal. They were read off kernels, and never come from the code that is judged: `rate` and
`ceil` in bytes/s, `buffer` and `cbuffer` in ticks of 64 ns, `quantum` and `mtu` in bytes. `tc` has the
lines of iproute2 6.1's `tc -d class show`.
"""

import json
from dataclasses import dataclass
from importlib.resources import files

from netqos.htb import HtbClass, Qdisc, Tree


@dataclass(frozen=True)
class Case:
    """One pair; `mtu` is the vif's, None for the usual 1500."""

    name: str
    title: str
    xml: str
    mtu: int | None
    tree: Tree
    tc: tuple[str, ...]


def load(name: str) -> Case:
    """Read one pair."""
    folder = files(__name__)
    golden = json.loads((folder / f"{name}.json").read_text(encoding="utf-8"))
    tree = Tree(
        qdisc=Qdisc(**golden["qdisc"]), classes={each["handle"]: HtbClass(**each) for each in golden["classes"]}
    )
    xml = (folder / f"{name}.xml").read_text(encoding="utf-8")
    return Case(name=name, title=golden["title"], xml=xml, mtu=golden.get("mtu"), tree=tree, tc=tuple(golden["tc"]))


def load_all() -> list[Case]:
    """Read every pair, by name."""
    return [load(path.name[:-5]) for path in sorted(files(__name__).iterdir(), key=str) if path.name.endswith(".json")]
