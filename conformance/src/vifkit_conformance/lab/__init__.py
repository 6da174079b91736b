"""Kernel objects for tests, each of which cleans up after itself."""

from .counters import Counters, counters
from .directory import RunDirectory
from .endpoint import Endpoint, LinkEndpoint, measure
from .errors import CommandError, LabError, LabUnavailableError
from .flood import Flood
from .lab import Lab
from .link import Link, tap, veth
from .measurement import Measurement
from .namespace import Namespace
from .openvswitch import OpenVSwitch
from .process import Daemon, spawn
from .ssh import SshServer
from .traffic import FRAME_BYTES, UDP_PORT, Sink, Source
from .userns import enter_user_namespace, private_mounts, privileged, reexec_in_user_namespace, why_not
from .waiting import until

__all__ = [
    "FRAME_BYTES",
    "UDP_PORT",
    "CommandError",
    "Counters",
    "Daemon",
    "Endpoint",
    "Flood",
    "Lab",
    "LabError",
    "LabUnavailableError",
    "Link",
    "LinkEndpoint",
    "Measurement",
    "Namespace",
    "OpenVSwitch",
    "RunDirectory",
    "Sink",
    "Source",
    "SshServer",
    "counters",
    "enter_user_namespace",
    "measure",
    "private_mounts",
    "privileged",
    "reexec_in_user_namespace",
    "spawn",
    "tap",
    "until",
    "veth",
    "why_not",
]
