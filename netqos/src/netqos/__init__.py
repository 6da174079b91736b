"""From a libvirt `<bandwidth>` to Open vSwitch rows to the Linux tc tree: predicted, applied, verified.

What opens no socket is here; `netqos.ovsdb.Switch` and `netqos.kernel.Kernel` are imported by their
modules, so that a prediction costs no start-up.
"""

from .average import predict
from .findings import CODES, Finding, find
from .htb import HtbClass, Qdisc, Tree
from .policing import Filter, Police
from .rows import Enforce, InterfaceRow, Policing, PortRows, QosRow, QueueRow, WantedRows, read_rates, translate
from .units import Psched
from .verify import Drift, marked, tree_drifts, verify

__version__ = "0.4.0"

__all__ = [
    "CODES",
    "Drift",
    "Enforce",
    "Filter",
    "Finding",
    "HtbClass",
    "InterfaceRow",
    "Police",
    "Policing",
    "PortRows",
    "Psched",
    "Qdisc",
    "QosRow",
    "QueueRow",
    "Tree",
    "WantedRows",
    "find",
    "marked",
    "predict",
    "read_rates",
    "translate",
    "tree_drifts",
    "verify",
]
