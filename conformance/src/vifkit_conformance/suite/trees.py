"""A port's tree held against a golden one, so that a failure names what is wrong."""

from dataclasses import fields

from netqos.htb import HtbClass, Qdisc, Tree
from vifkit_conformance import cases
from vifkit_conformance.guest import Guest
from vifkit_conformance.judging import evidence


def leaf(made: Guest, number: int = 0) -> HtbClass:
    """The class 1:1 of one vif's port, which all that goes to the guest goes through."""
    found = made.tree(number).leaf
    assert found is not None, f"the port {made.device(number)} has no class 1:1: it is not shaped"
    return found


def differences(tree: Tree, golden: Tree | str) -> list[str]:
    """List what is not as in a golden tree, or the golden case of this name: a line for each field."""
    if isinstance(golden, str):
        golden = cases.load(golden).tree
    found = []
    if tree.qdisc != golden.qdisc:
        found.append(f"the qdisc is {_said(tree.qdisc)}, and not {_said(golden.qdisc)}")
    for handle in sorted(tree.classes.keys() | golden.classes.keys()):
        have, want = tree.classes.get(handle), golden.classes.get(handle)
        if have is None or want is None:
            found.append(f"class {handle} is {'missing' if have is None else 'one too many'}")
            continue
        names = [field.name for field in fields(HtbClass) if getattr(have, field.name) != getattr(want, field.name)]
        found += [f"class {handle} has {name} {getattr(have, name)}, and not {getattr(want, name)}" for name in names]
    evidence.note_tree(golden, tree, found)
    return found


def _said(qdisc: Qdisc | None) -> str:
    return f"{qdisc.kind} {qdisc.handle} default {qdisc.default} r2q {qdisc.r2q}" if qdisc else "none"
