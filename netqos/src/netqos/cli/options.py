"""What several commands share: options, bounded input, the switch and its kernel, progress."""

from collections.abc import Callable
from contextlib import ExitStack
from functools import cached_property, wraps
from typing import TYPE_CHECKING, Any, get_args

import click

from netqos import Enforce

if TYPE_CHECKING:
    from netqos.kernel import Kernel
    from netqos.ovsdb import Switch

Command = Callable[..., int]

as_json = click.option("--json", "as_json", is_flag=True, help="Print JSON for another program.")


enforce = click.option(
    "--enforce",
    type=click.Choice(get_args(Enforce)),
    default="htb",
    show_default=True,
    help="How the guest's inbound is limited: by Open vSwitch's linux-htb, where it reaches its peak for ever, "
    "or by netqos itself, to its average.",
)


class Host:
    """The switch, and the kernel that it works in: each opened when it is first asked for."""

    def __init__(self, db: str | None, netns: str | None, timeout: int) -> None:
        self.db, self.netns, self.timeout = db, netns, timeout
        self._stack = ExitStack()

    def __enter__(self) -> "Host":
        return self

    def __exit__(self, *_: object) -> None:
        self._stack.close()

    @cached_property
    def switch(self) -> "Switch":
        """The switch. Raises SwitchUnavailableError, click.UsageError for an address that is none."""
        from netqos.ovsdb import Switch

        try:
            return self._stack.enter_context(Switch(self.db, timeout=self.timeout))
        except ValueError as error:  # an address that is none
            raise click.UsageError(f"--db: {error}") from error

    @cached_property
    def kernel(self) -> "Kernel":
        """The kernel. Raises BackendError."""
        from netqos.kernel import Kernel

        return self._stack.enter_context(Kernel(self.netns))


_DB = click.option(
    "--db",
    envvar="NETQOS_DB",
    metavar="SERVER",
    help="The OVSDB server: unix:PATH or tcp:HOST:PORT. [default: the local one]",
)
_TIMEOUT = click.option(
    "--timeout",
    type=click.IntRange(1, 3600),
    default=10,
    show_default=True,
    metavar="SECONDS",
    help="How long to wait for the switch.",
)
_NETNS = click.option(
    "--netns",
    envvar="NETQOS_NETNS",
    metavar="NAMESPACE",
    help="The network namespace of the switch's devices: a name, a path or a process id. [default: this one]",
)


def on_host(*, kernel: bool = True) -> Callable[[Command], Command]:
    """Give a command the options that name a switch, and a Host as its first argument."""

    def decorate(command: Command) -> Command:
        @wraps(command)
        def with_host(*, db: str | None, timeout: int, netns: str | None = None, **others: Any) -> int:
            with Host(db, netns, timeout) as host:
                return command(host, **others)

        for option in (_TIMEOUT, *([_NETNS] if kernel else []), _DB):
            option(with_host)
        return with_host

    return decorate
