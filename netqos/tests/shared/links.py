"""Links of a namespace: made with tc, and read by netqos."""

from netqos.kernel import Kernel
from netqos.link import Link
from vifkit_conformance.lab import Namespace


def tc(host: Namespace, *commands: str) -> None:
    for command in commands:
        host.run("tc", *command.split())


def read(host: Namespace, *names: str, policers: bool = False) -> dict[str, Link]:
    with Kernel(host.path) as kernel:
        return kernel.read(names or None, policers=policers)
