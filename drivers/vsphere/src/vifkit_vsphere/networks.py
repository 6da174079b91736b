"""Port groups, which shape each of their ports alike: a vif with a bandwidth of its own has a port group of its own.

It is beside that of the vif's network, and like it in all else. A port of a distributed switch could have a policy of
its own as well, but only where its port group allows it (shapingOverrideAllowed, which is not vCenter's default), and
to learn of it one would have to read every port of every switch, whole.
"""

from abc import ABC, abstractmethod
from collections.abc import Callable, Collection, Iterable, Sequence
from contextlib import ExitStack, suppress
from typing import Any, NamedTuple

from vifkit import BackendError, Bandwidth
from vifkit_base.overtaken import OvertakenError, afresh

from .session import Session
from .shaping import Limits, limits


class Group(NamedTuple):
    """A port group: `key` is what an adapter on it says, `held` what it takes to change it."""

    name: str
    key: str
    limits: Limits
    held: Any


class Networks(ABC):
    """The port groups of a datacenter, or of a host's network system: its `root`."""

    inbound: bool
    """Whether they shape what guests receive, too."""

    def __init__(self, session: Session, root: Any) -> None:
        self.session = session
        self.root = root

    def of(self, machines: Sequence[Any]) -> Iterable[Group]:
        """Read the port groups that virtual machines are on, and maybe others; here it is all, as one call does."""
        del machines
        return self.find(lambda _: True)

    @abstractmethod
    def find(self, wanted: Callable[[str], bool]) -> Iterable[Group]:
        """Read the port groups of which the name is wanted."""

    @abstractmethod
    def backing(self, group: Group) -> Any:
        """Put an adapter on a port group."""

    @abstractmethod
    def put(self, name: str, like: Group, wanted: Limits) -> None:
        """Change the limits of a port group, or make one that is like another in all else."""

    @abstractmethod
    def remove(self, group: Group) -> None:
        """Remove a port group that nobody uses."""

    def place(self, own: str, network: str, bandwidth: Bandwidth | None, undo: ExitStack) -> Group:
        """Give the port group on which a vif has this bandwidth: that of its network, where none is asked or it has it.

        `own` is how the name begins of one that is the vif's own. Raises BackendError where there is no such network.
        """
        name, wanted = own + network, limits(bandwidth)
        found = {group.name: group for group in self.find((network, name).__contains__)}
        if network not in found:
            raise BackendError(f"no port group is named {network!r}")
        if not bandwidth or found[network].limits == wanted:
            return found[network]
        if name not in found:
            self.put(name, found[network], wanted)
            for made in self.find(name.__eq__):
                undo.callback(self.remove, made)
                return made
            raise OvertakenError(f"the port group {name!r} was made, and has gone")
        if found[name].limits != wanted:
            self.put(name, found[name], wanted)
            undo.callback(self.put, name, found[name], found[name].limits)
        return found[name]

    def sweep(self, own: Sequence[str], kept: Collection[str]) -> None:
        """Remove the vifs' own port groups, as their names begin, but for those that are kept."""
        for group in afresh(lambda: list(self.find(lambda name: name.startswith(tuple(own)) and name not in kept))):
            with suppress(OvertakenError):  # somebody has removed it, or uses it by now
                self.remove(group)
