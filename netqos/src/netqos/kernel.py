"""Reads interfaces, qdiscs, classes and filters from the kernel, in any network namespace.

RTM_GETTCLASS has to be asked once an interface, so a read costs one small exchange each. The messages are
read here, and not by a netlink library: unpacking four fields instead of a whole message is what keeps
a thousand ports within a tenth of a second. Structures are those of the kernel's linux/rtnetlink.h,
linux/if_link.h and linux/pkt_sched.h.
"""

import ctypes
import errno
import os
import socket
import struct
import threading
from collections.abc import Collection, Iterator, Mapping
from pathlib import Path

from vifkit import BackendError

from . import htb
from .htb import HtbClass, Qdisc, Tree
from .link import Counters, Filter, Link

Netns = str | int | None
"""A network namespace: None for ours, a process id, a path, or a name under /run/netns."""

CLONE_NEWNET = 0x40000000
RTM_GETLINK, RTM_GETQDISC, RTM_GETTCLASS, RTM_GETTFILTER = 18, 38, 42, 46
NLM_F_REQUEST, NLM_F_ACK, NLM_F_DUMP, NLM_F_DUMP_INTR = 0x1, 0x4, 0x300, 0x10
NLMSG_ERROR, NLMSG_DONE = 2, 3
IFLA_IFNAME, IFLA_MTU, IFLA_EXT_MASK, RTEXT_FILTER_SKIP_STATS = 3, 4, 29, 8
TCA_KIND, TCA_OPTIONS, TCA_STATS2 = 1, 2, 7
TCA_STATS_BASIC, TCA_STATS_QUEUE, TCA_STATS_PKT64 = 1, 3, 8
TCA_HTB_PARMS, TCA_HTB_INIT, TCA_HTB_RATE64, TCA_HTB_CEIL64 = 1, 2, 6, 7
TC_H_ROOT, TC_H_INGRESS_PARENT = 0xFFFFFFFF, 0xFFFF0000

_HEADER = struct.Struct("=IHHII")
_LINK = struct.Struct("=BxHiII")
_TC = struct.Struct("=BxxxiIII")
_ATTRIBUTE = struct.Struct("=HH")
_U32 = struct.Struct("=I")
_U64 = struct.Struct("=Q")
_HTB_OPT = struct.Struct("=2xHhHI 2xHhHI IIIII")  # tc_htb_opt: two tc_ratespec, then buffer … prio
_HTB_GLOB = struct.Struct("=IIIII")


class Kernel:
    """A netlink socket in one network namespace; a context manager.

    Raises BackendError if the namespace is not there or may not be entered.
    """

    def __init__(self, netns: Netns = None) -> None:
        self.netns = netns
        self._socket = _open(netns)
        self._sequence = 0

    def __enter__(self) -> "Kernel":
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def close(self) -> None:
        """Close the socket."""
        self._socket.close()

    def links(self) -> dict[str, Link]:
        """List all interfaces by name, without trees. Raises BackendError."""
        found = {}
        request = _LINK.pack(socket.AF_UNSPEC, 0, 0, 0, 0) + _attribute(
            IFLA_EXT_MASK, _U32.pack(RTEXT_FILTER_SKIP_STATS)
        )
        for body in self._dump(RTM_GETLINK, request):
            attributes = dict(_attributes(body, _LINK.size))
            name = _text(attributes[IFLA_IFNAME])
            found[name] = Link(name=name, index=_LINK.unpack_from(body)[2], mtu=_U32.unpack(attributes[IFLA_MTU])[0])
        return found

    def read(self, names: Collection[str] | None = None, *, policers: bool = False) -> dict[str, Link]:
        """Read interfaces with their trees and counters; all of them by default, and only those that exist.

        `policers` reads the ingress filters as well. Raises BackendError.
        """
        links = self.links()
        wanted = links if names is None else {name: links[name] for name in names if name in links}
        qdiscs = self._qdiscs()
        return {name: self._read(link, qdiscs, policers) for name, link in wanted.items()}

    def _read(self, link: Link, qdiscs: Mapping[int, tuple[Qdisc | None, bool]], policers: bool) -> Link:
        qdisc, ingress = qdiscs.get(link.index, (None, False))
        classes, counters = {}, {}
        if qdisc is not None and qdisc.kind == "htb":
            for body in self._dump(RTM_GETTCLASS, _TC.pack(socket.AF_UNSPEC, link.index, 0, 0, 0)):
                made, counted = _htb_class(body)
                classes[made.handle], counters[made.handle] = made, counted
        return Link(
            name=link.name,
            index=link.index,
            mtu=link.mtu,
            tree=Tree(qdisc=qdisc, classes=dict(sorted(classes.items(), key=lambda item: item[0] != htb.ROOT))),
            counters=counters,
            policers=tuple(self._filters(link.index)) if policers and ingress else (),
        )

    def _qdiscs(self) -> dict[int, tuple[Qdisc | None, bool]]:
        """By interface: the root qdisc, and whether there is an ingress qdisc."""
        found: dict[int, tuple[Qdisc | None, bool]] = {}
        for body in self._dump(RTM_GETQDISC, _TC.pack(socket.AF_UNSPEC, 0, 0, 0, 0)):
            _, index, handle, parent, _ = _TC.unpack_from(body)
            root, ingress = found.get(index, (None, False))
            if parent == TC_H_ROOT:
                root = _qdisc(body, handle)
            found[index] = (root, ingress or handle == TC_H_INGRESS_PARENT)
        return found

    def _filters(self, index: int) -> Iterator[Filter]:
        for body in self._dump(RTM_GETTFILTER, _TC.pack(socket.AF_UNSPEC, index, 0, TC_H_INGRESS_PARENT, 0)):
            _, _, handle, _, info = _TC.unpack_from(body)
            if handle:
                yield Filter(kind=_text(dict(_attributes(body, _TC.size))[TCA_KIND]), pref=info >> 16)

    def request(self, kind: int, flags: int, payload: bytes) -> None:
        """Have the kernel change something, and return when it has. Raises OSError with its reason."""
        self._sequence += 1
        header = _HEADER.pack(_HEADER.size + len(payload), kind, NLM_F_REQUEST | NLM_F_ACK | flags, self._sequence, 0)
        self._socket.send(header + payload)
        while True:
            data = self._socket.recv(1 << 17)
            _, what, _, sequence, _ = _HEADER.unpack_from(data)
            if sequence == self._sequence and what == NLMSG_ERROR:
                code = -struct.unpack_from("=i", data, _HEADER.size)[0]
                if code:
                    raise OSError(code, os.strerror(code))
                return

    def _dump(self, kind: int, payload: bytes) -> list[memoryview]:
        """Ask for all of a kind, and again where the kernel says that it changed meanwhile."""
        for _ in range(5):
            answer = self._ask(kind, payload)
            if answer is not None:
                return answer
        raise BackendError("the kernel's interfaces change faster than they can be read")

    def _ask(self, kind: int, payload: bytes) -> list[memoryview] | None:
        self._sequence += 1
        header = _HEADER.pack(_HEADER.size + len(payload), kind, NLM_F_REQUEST | NLM_F_DUMP, self._sequence, 0)
        try:
            self._socket.send(header + payload)
            bodies: list[memoryview] = []
            interrupted = False
            while True:
                data = memoryview(self._socket.recv(1 << 17))
                while data:
                    length, what, flags, sequence, _ = _HEADER.unpack_from(data)
                    if sequence == self._sequence:
                        interrupted = interrupted or bool(flags & NLM_F_DUMP_INTR)
                        if what == NLMSG_DONE:
                            return None if interrupted else bodies
                        if what == NLMSG_ERROR:
                            code = -struct.unpack_from("=i", data, _HEADER.size)[0]
                            raise OSError(code, os.strerror(code))
                        bodies.append(data[_HEADER.size : length])
                    data = data[(length + 3) & ~3 :]
        except OSError as error:
            if error.errno == errno.ENODEV:
                return []  # it went away between two questions
            raise BackendError(f"netlink does not answer: {error.strerror}") from error


def _open(netns: Netns) -> socket.socket:
    """Open a netlink socket in a namespace; only a thread of its own ever enters it."""
    if netns is None:
        return socket.socket(socket.AF_NETLINK, socket.SOCK_RAW | socket.SOCK_CLOEXEC, socket.NETLINK_ROUTE)
    made: list[socket.socket] = []
    failed: list[OSError | ValueError] = []

    def enter() -> None:
        try:
            flags = os.O_RDONLY | os.O_CLOEXEC | os.O_NONBLOCK  # a pipe under this name must not hold us up
            with os.fdopen(os.open(namespace_path(netns), flags), "rb") as namespace:
                libc = ctypes.CDLL(None, use_errno=True)
                if libc.setns(namespace.fileno(), CLONE_NEWNET):
                    code = ctypes.get_errno()
                    raise OSError(code, os.strerror(code))
            made.append(_open(None))
        except (OSError, ValueError) as error:
            failed.append(error)

    thread = threading.Thread(target=enter, name="netns")
    thread.start()
    thread.join()
    if failed:
        reason = getattr(failed[0], "strerror", None) or failed[0]  # a name with a null byte is a ValueError
        raise BackendError(f"network namespace {netns!s:.200}: {reason}") from failed[0]
    return made[0]


def namespace_path(netns: str | int) -> Path:
    """Find a namespace's file: digits are a process id, a slash makes a path, all else a name under /run/netns."""
    text = str(netns)
    if text.isdigit():
        return Path("/proc", text, "ns/net")
    return Path(text) if "/" in text else Path("/run/netns", text)


def _attributes(body: memoryview, offset: int) -> Iterator[tuple[int, memoryview]]:
    end = len(body)
    while offset + 4 <= end:
        length, kind = _ATTRIBUTE.unpack_from(body, offset)
        yield kind & 0x3FFF, body[offset + 4 : offset + length]
        offset += (length + 3) & ~3


def _attribute(kind: int, value: bytes) -> bytes:
    return _ATTRIBUTE.pack(4 + len(value), kind) + value


def _text(value: memoryview) -> str:
    return bytes(value).rstrip(b"\0").decode(errors="backslashreplace")


def _handle(number: int) -> str:
    return f"{number >> 16:x}:{number & 0xFFFF:x}" if number & 0xFFFF else f"{number >> 16:x}:"


def _qdisc(body: memoryview, handle: int) -> Qdisc:
    attributes = dict(_attributes(body, _TC.size))
    kind = _text(attributes[TCA_KIND])
    if kind != "htb":
        return Qdisc(kind=kind, handle=_handle(handle))
    options = dict(_attributes(attributes[TCA_OPTIONS], 0))
    _, r2q, default, *_ = _HTB_GLOB.unpack_from(options[TCA_HTB_INIT])
    return Qdisc(kind=kind, handle=_handle(handle), default=default, r2q=r2q)


def _htb_class(body: memoryview) -> tuple[HtbClass, Counters]:
    _, _, handle, parent, _ = _TC.unpack_from(body)
    attributes = dict(_attributes(body, _TC.size))
    options = dict(_attributes(attributes[TCA_OPTIONS], 0))
    (_, _, mpu, rate, _, _, _, ceil, buffer, cbuffer, quantum, level, prio) = _HTB_OPT.unpack_from(
        options[TCA_HTB_PARMS]
    )
    leaf = level == 0
    made = HtbClass(
        handle=_handle(handle),
        parent="root" if parent == TC_H_ROOT else _handle(parent),
        rate=_U64.unpack(options[TCA_HTB_RATE64])[0] if TCA_HTB_RATE64 in options else rate,
        ceil=_U64.unpack(options[TCA_HTB_CEIL64])[0] if TCA_HTB_CEIL64 in options else ceil,
        buffer=buffer,
        cbuffer=cbuffer,
        quantum=quantum if leaf else None,
        prio=prio if leaf else None,
        level=level,
        mpu=mpu,
    )
    return made, _counters(attributes)


def _counters(attributes: Mapping[int, memoryview]) -> Counters:
    stats = dict(_attributes(attributes[TCA_STATS2], 0)) if TCA_STATS2 in attributes else {}
    if TCA_STATS_BASIC not in stats:
        return Counters()
    sent, packets = struct.unpack_from("=QI", stats[TCA_STATS_BASIC])
    if TCA_STATS_PKT64 in stats:
        packets = _U64.unpack(stats[TCA_STATS_PKT64])[0]
    _, _, dropped, _, overlimits = struct.unpack_from("=IIIII", stats[TCA_STATS_QUEUE])
    return Counters(bytes=sent, packets=packets, dropped=dropped, overlimits=overlimits)
