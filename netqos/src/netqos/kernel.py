"""Reads interfaces, qdiscs, classes and filters from the kernel, in any network namespace.

RTM_GETTCLASS has to be asked once an interface, so a read costs one small exchange each. The messages are
read by us, and not by a netlink library: unpacking four fields instead of a whole message is what keeps
a thousand ports within a tenth of a second. Structures are those of the kernel's linux/rtnetlink.h and
linux/if_link.h.
"""

import ctypes
import errno
import os
import socket
import struct
import threading
from collections.abc import Collection, Mapping
from pathlib import Path

from vifkit import BackendError

from . import htb, messages
from .htb import HtbClass, Qdisc, Tree
from .link import POLICE, Counters, Link
from .messages import TC_H_ROOT, TCMSG, U32, attribute, attributes, text
from .policing import Filter, find

Netns = str | int | None
"""A network namespace: None for ours, a process id, a path, or a name under /run/netns."""

CLONE_NEWNET = 0x40000000
RTM_GETLINK, RTM_GETQDISC, RTM_GETTCLASS, RTM_GETTFILTER, RTM_GETACTION = 18, 38, 42, 46, 50
NLM_F_REQUEST, NLM_F_ACK, NLM_F_DUMP, NLM_F_DUMP_INTR = 0x1, 0x4, 0x300, 0x10
NLMSG_ERROR, NLMSG_DONE = 2, 3
IFLA_IFNAME, IFLA_MTU, IFLA_EXT_MASK, RTEXT_FILTER_SKIP_STATS = 3, 4, 29, 8
TC_H_INGRESS_PARENT = 0xFFFF0000
TCA_ACT_TAB, TCA_ACT_KIND, TCA_ACT_INDEX = 1, 1, 3

_HEADER = struct.Struct("=IHHII")
_LINK = struct.Struct("=BxHiII")
_TCAMSG = bytes(4)
_NO_INDEX = 0x7FFFFFFF


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
        request = _LINK.pack(socket.AF_UNSPEC, 0, 0, 0, 0) + attribute(IFLA_EXT_MASK, U32.pack(RTEXT_FILTER_SKIP_STATS))
        for body in self._dump(RTM_GETLINK, request):
            said = dict(attributes(body, _LINK.size))
            name = text(said[IFLA_IFNAME])
            found[name] = Link(name=name, index=_LINK.unpack_from(body)[2], mtu=U32.unpack(said[IFLA_MTU])[0])
        return found

    def read(self, names: Collection[str] | None = None, *, policers: bool = False) -> dict[str, Link]:
        """Read interfaces with their trees and counters; all of them by default, and only those that exist.

        `policers` reads the ingress filters as well, with the counters of the one that is Open vSwitch's.
        Raises BackendError.
        """
        links = self.links()
        wanted = links if names is None else {name: links[name] for name in names if name in links}
        qdiscs = self._qdiscs()
        return {name: self._read(link, qdiscs, policers) for name, link in wanted.items()}

    def has_police(self) -> bool:
        """Tell whether act_police is loaded, or built in; it changes nothing, and loads nothing. Raises BackendError.

        tcf_action_get_1 in the kernel's net/sched/act_api.c says of an index that nobody has ENOENT where it knows
        the kind of the action, and EINVAL where not.
        """
        action = attribute(TCA_ACT_KIND, b"police\0") + attribute(TCA_ACT_INDEX, U32.pack(_NO_INDEX))
        payload = _TCAMSG + attribute(TCA_ACT_TAB, attribute(1, action))
        try:
            self._ask(RTM_GETACTION, payload)
        except BackendError as error:
            code = error.__cause__.errno if isinstance(error.__cause__, OSError) else None
            if code in (errno.EINVAL, errno.EOPNOTSUPP):
                return False
            if code not in (0, errno.ENOENT):
                raise
        return True

    def _read(self, link: Link, qdiscs: Mapping[int, tuple[Qdisc | None, bool]], filters: bool) -> Link:
        qdisc, ingress = qdiscs.get(link.index, (None, False))
        classes: dict[str, HtbClass] = {}
        counters: dict[str, Counters] = {}
        if qdisc is not None and qdisc.kind == "htb":
            for body in self._dump(RTM_GETTCLASS, TCMSG.pack(socket.AF_UNSPEC, link.index, 0, 0, 0)):
                made, counters[made.handle] = messages.htb_class(body)
                classes[made.handle] = made
        policers: tuple[Filter, ...] = ()
        if filters and ingress:
            policers, counted = self._filters(link.index)
            counters |= counted
        return Link(
            name=link.name,
            index=link.index,
            mtu=link.mtu,
            tree=Tree(qdisc=qdisc, classes=dict(sorted(classes.items(), key=lambda item: item[0] != htb.ROOT))),
            counters=counters,
            policers=policers,
        )

    def _qdiscs(self) -> dict[int, tuple[Qdisc | None, bool]]:
        """By interface: the root qdisc, and whether there is an ingress qdisc."""
        found: dict[int, tuple[Qdisc | None, bool]] = {}
        for body in self._dump(RTM_GETQDISC, TCMSG.pack(socket.AF_UNSPEC, 0, 0, 0, 0)):
            _, index, handle, parent, _ = TCMSG.unpack_from(body)
            root, ingress = found.get(index, (None, False))
            if parent == TC_H_ROOT:
                root = messages.qdisc(body)
            found[index] = (root, ingress or handle == TC_H_INGRESS_PARENT)
        return found

    def _filters(self, index: int) -> tuple[tuple[Filter, ...], dict[str, Counters]]:
        """The filters on the ingress of an interface, and what Open vSwitch's has counted."""
        answer = self._dump(RTM_GETTFILTER, TCMSG.pack(socket.AF_UNSPEC, index, 0, TC_H_INGRESS_PARENT, 0))
        found = [each for each in map(messages.ingress_filter, answer) if each is not None]
        filters = tuple(each for each, _ in found)
        policer = find(filters)
        counted = next((counters for each, counters in found if each is policer), None)
        return filters, {POLICE: counted} if counted is not None else {}

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
        how = NLM_F_ACK if kind == RTM_GETACTION else NLM_F_DUMP
        header = _HEADER.pack(_HEADER.size + len(payload), kind, NLM_F_REQUEST | how, self._sequence, 0)
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
