"""Makes in the kernel what `netqos.average` predicts, by netlink (linux/pkt_sched.h).

Until its class is there the qdisc lets nothing through: a packet without a class goes to HTB's queue for such, and that
is given no room. So there is no moment without a limit, and a change of figures alone loses no packet.
"""

import errno
import socket
import struct
from collections.abc import Mapping

from vifkit import AccessDeniedError, BackendError

from . import average, htb, units
from .htb import HtbClass, Tree
from .kernel import Kernel
from .link import Link
from .messages import (
    TC_H_ROOT,
    TCA_HTB_CEIL64,
    TCA_HTB_INIT,
    TCA_HTB_PARMS,
    TCA_HTB_RATE64,
    TCA_KIND,
    TCA_OPTIONS,
    TCMSG,
    U32,
    attribute,
)
from .rows import PortRows
from .units import Psched

RTM_NEWQDISC, RTM_DELQDISC, RTM_NEWTCLASS = 36, 37, 40
NLM_F_REPLACE, NLM_F_CREATE = 0x100, 0x400
TCA_HTB_DIRECT_QLEN = 5
TC_LINKLAYER_ETHERNET = 1  # with it htb_change_class needs no table of rates
HTB_VERSION = 3
NO_DEVICE = 0x7FFFFFFF

_U64 = struct.Struct("=Q")
_HTB_OPT = struct.Struct("=xBHhHI xBHhHI IIIII")  # tc_htb_opt: two tc_ratespec, then buffer … prio
_HTB_GLOB = struct.Struct("=IIIII")


def insist(kernel: Kernel) -> None:
    """Raise AccessDeniedError unless this process may set qdiscs in the kernel's namespace; nothing is changed.

    The kernel looks at this first, and at the device only then (rtnetlink_rcv_msg in net/core/rtnetlink.c).
    """
    try:
        kernel.request(RTM_DELQDISC, 0, TCMSG.pack(socket.AF_UNSPEC, NO_DEVICE, 0, TC_H_ROOT, 0))
    except PermissionError as error:
        raise AccessDeniedError("without CAP_NET_ADMIN netqos cannot shape by itself; nothing was changed") from error
    except OSError as error:
        if error.errno != errno.ENODEV:
            raise BackendError(f"netlink does not answer: {error.strerror}") from error


def hold(kernel: Kernel, ports: Mapping[str, PortRows], links: Mapping[str, Link], psched: Psched) -> None:
    """Make the trees of ports whose average netqos enforces, and remove those of ours from ports without a QoS row.

    What is as it should be is left alone, as is what others have set on all other ports. A device that has gone
    meanwhile is none to shape. Raises BackendError for the first that fails, when all others are done.
    """
    failed: dict[str, OSError] = {}
    for port in ports.values():
        for link in (links[each.name] for each in port.interfaces if each.name in links):
            try:
                if port.qos is None and link.tree.qdisc is not None and average.ours(link.tree):
                    _remove(kernel, link, link.tree.qdisc.handle)
                elif average.enforced(port.qos) and not port.foreign:
                    _make(kernel, link, average.predict(port.qos, mtu=link.mtu, ovs_version=(), psched=psched))
            except OSError as error:
                if error.errno != errno.ENODEV:
                    failed[link.name] = error
    for name, cause in failed.items():
        reason = "the kernel has no HTB" if cause.errno == errno.ENOENT else cause.strerror
        raise BackendError(f"the rows are committed, but {name} is not shaped by them: {reason}") from cause


def _make(kernel: Kernel, link: Link, wanted: Tree) -> None:
    if link.tree == wanted or wanted.qdisc is None or wanted.leaf is None:
        return
    if link.tree.qdisc == wanted.qdisc and _shape(link.tree) == _shape(wanted):
        _set_class(kernel, link, wanted.leaf)
        return
    if link.tree.qdisc is not None and link.tree.qdisc.handle == wanted.qdisc.handle:
        _set_qdisc(kernel, link, average.SPARE)  # HTB replaces none of its own handle
    _set_qdisc(kernel, link, wanted.qdisc.handle)
    try:
        _set_class(kernel, link, wanted.leaf)
    except OSError:
        _remove(kernel, link, wanted.qdisc.handle)  # it would let nothing through for ever
        raise


def _shape(tree: Tree) -> list[tuple[str, str, int]]:
    """What of the classes cannot be changed in place."""
    return [(each.handle, each.parent, each.level) for each in tree.classes.values()]


def _remove(kernel: Kernel, link: Link, handle: str) -> None:
    kernel.request(RTM_DELQDISC, 0, TCMSG.pack(socket.AF_UNSPEC, link.index, _number(handle), TC_H_ROOT, 0))


def _set_qdisc(kernel: Kernel, link: Link, handle: str) -> None:
    """Put an empty qdisc in the place of the one that is there, at one stroke (qdisc_graft in net/sched/sch_api.c)."""
    options = attribute(TCA_HTB_INIT, _HTB_GLOB.pack(HTB_VERSION, htb.R2Q, average.DEFAULT, 0, 0))
    options += attribute(TCA_HTB_DIRECT_QLEN, U32.pack(0))
    _put(kernel, RTM_NEWQDISC, link, handle, options)


def _set_class(kernel: Kernel, link: Link, leaf: HtbClass) -> None:
    rate, ceil = (
        (TC_LINKLAYER_ETHERNET, 0, 0, leaf.mpu, min(value, units.U32 - 1)) for value in (leaf.rate, leaf.ceil)
    )
    figures = (leaf.buffer, leaf.cbuffer, leaf.quantum, leaf.level, leaf.prio)
    options = attribute(TCA_HTB_PARMS, _HTB_OPT.pack(*rate, *ceil, *figures))
    options += attribute(TCA_HTB_RATE64, _U64.pack(leaf.rate)) + attribute(TCA_HTB_CEIL64, _U64.pack(leaf.ceil))
    _put(kernel, RTM_NEWTCLASS, link, leaf.handle, options)


def _put(kernel: Kernel, kind: int, link: Link, handle: str, options: bytes) -> None:
    message = TCMSG.pack(socket.AF_UNSPEC, link.index, _number(handle), TC_H_ROOT, 0)
    message += attribute(TCA_KIND, b"htb\0") + attribute(TCA_OPTIONS, options)
    kernel.request(kind, NLM_F_CREATE | NLM_F_REPLACE, message)


def _number(handle: str) -> int:
    major, _, minor = handle.partition(":")
    return int(major, 16) << 16 | int(minor or "0", 16)
