"""Mistakes in a change of bandwidth while the guest runs, or does not."""

import socket
import warnings

from vifkit import BackendError, Bandwidth, DomainConfig, InvalidStateError, Rate
from vifkit_netns.driver import NetnsConnection, NetnsDomain

from .handmade import Handmade, caught_by, write


@caught_by("test_a_dropped_burst_is_gone", "assert 'burst' not in")
class StaleKeys(Handmade):
    """Sets the keys of the new bandwidth, and leaves those of the old one that it does not have."""

    def change(self, held: str, rate: Rate) -> None:
        """Set without a clear."""
        config = write(self.config(rate, "QoS"))
        self.vsctl("set", "QoS", held, *config, "--", "set", "Queue", self.queue(held), *config)


@caught_by("test_an_update_is_in_effect_on_return[raise]", "(1024000, 1024000) == (1024000, 2048000)")
class StaleParent(Handmade):
    """Changes the Queue row alone, so that the parent class keeps the old peak."""

    def change(self, held: str, rate: Rate) -> None:
        """Leave the QoS row as it was."""
        queue = self.queue(held)
        self.vsctl("clear", "Queue", queue, "other_config", "--", "set", "Queue", queue, *write(self.config(rate, "")))


@caught_by("test_an_update_is_in_effect_on_return[lower]", "(512000, 1024000) == (128000, 256000)")
class UpdatesXmlAlone(NetnsConnection):
    """Keeps the new bandwidth in the XML, and leaves the port as it was."""

    def shape(self, port: str, bandwidth: Bandwidth | None) -> None:
        """Do nothing."""


@caught_by("test_an_update_shows_in_xml_and_bandwidth", "average=512")
class UpdatesKernelAlone(NetnsConnection):
    """Changes the port, and tells the old bandwidth."""

    def update(self, config: DomainConfig, mac: str, bandwidth: Bandwidth | None) -> None:
        """Keep nothing."""
        super().update(config, mac, bandwidth)
        self.store.keep_live(config)


@caught_by("test_an_update_survives_a_restart_of_the_domain", "(512000, 1024000) == (256000, 512000)")
class UpdatesUntilTheNextStart(NetnsConnection):
    """Changes the running domain, and not its definition."""

    def update(self, config: DomainConfig, mac: str, bandwidth: Bandwidth | None) -> None:
        """Keep the definition as it was."""
        defined = self.store.defined(config.name)
        super().update(config, mac, bandwidth)
        if defined is not None:
            self.store.keep(defined)


@caught_by("test_a_shut_off_domain_takes_an_update", "is shut off, not running")
class UpdatesRunningDomainsAlone(NetnsConnection):
    """Changes the bandwidth of a running domain, and of no other."""

    def update(self, config: DomainConfig, mac: str, bandwidth: Bandwidth | None) -> None:
        """Refuse for a domain that is shut off."""
        if not self.store.is_running(config.name):
            raise InvalidStateError(config.name, "shut off", "running")
        super().update(config, mac, bandwidth)


@caught_by("test_an_update_waits_for_vswitchd", "set_bandwidth did not wait for ovs-vswitchd")
class DoesNotWait(Handmade):
    """Returns when the rows are written, and ovs-vswitchd has not read them."""

    waits = False


@caught_by("test_the_same_bandwidth_again_changes_nothing", "_uuid")
class MakesRowsAnew(Handmade):
    """Takes the rows away at each update and makes new ones, so that the guest runs unshaped in between."""

    def change(self, held: str, rate: Rate) -> None:
        """Clear, and add."""
        (port,) = self.vsctl("--bare", "--columns=name", "find", "Port", f"qos={held}").split()
        self.clear(port)
        self.add(port, rate)


@caught_by("test_ten_updates_leave_one_qos_row", "(11, 11) == (1, 1)")
class LeaksOnUpdate(Handmade):
    """Gives the port new rows at each update, and forgets the old ones."""

    def change(self, held: str, rate: Rate) -> None:
        """Add, and clear nothing."""
        (port,) = self.vsctl("--bare", "--columns=name", "find", "Port", f"qos={held}").split()
        self.add(port, rate)


@caught_by("test_a_cleared_bandwidth_is_gone_from_rows_and_kernel", "is None")
class NeverClears(Handmade):
    """Takes None to mean that nothing changes."""

    def shape(self, port: str, bandwidth: Bandwidth | None) -> None:
        """Shape what is to be shaped."""
        if bandwidth is not None:
            super().shape(port, bandwidth)


@caught_by("test_a_changed_mtu_is_counted_in_at_the_next_update[9000]", "class 1:fffe has buffer 22888, and not 137329")
class LooksAtRowsAlone(Handmade):
    """Does nothing where the rows are as wanted already, though the MTU has changed."""

    def change(self, held: str, rate: Rate) -> None:
        """Change what differs."""
        wanted = ", ".join(f'{key}="{value}"' for key, value in sorted(self.config(rate, "QoS").items()))
        if self.vsctl("get", "QoS", held, "other_config").strip() != f"{{{wanted}}}":
            super().change(held, rate)


@caught_by("test_an_update_warns_as_a_start_does", "DID NOT WARN")
class WarnsAtStartAlone(NetnsConnection):
    """Warns when a domain starts, and not when it is updated."""

    def update(self, config: DomainConfig, mac: str, bandwidth: Bandwidth | None) -> None:
        """Keep the warnings back."""
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            super().update(config, mac, bandwidth)


@caught_by("test_a_restart_of_ovsdb_server_is_survived", "the database has closed the connection")
class OneSocketForEver(Handmade):
    """Opens a socket to the database once, and does not open another when ovsdb-server has gone away."""

    _socket: socket.socket | None = None

    def shape(self, port: str, bandwidth: Bandwidth | None) -> None:
        """Ask over the one socket whether the server is there."""
        if self._socket is None:
            self._socket = socket.socket(socket.AF_UNIX)
            self._socket.connect(self.switch.db.removeprefix("unix:"))
        try:
            self._socket.sendall(b'{"method":"echo","params":[],"id":1}')
            assert self._socket.recv(4096)
        except (OSError, AssertionError) as error:
            raise BackendError("the database has closed the connection") from error
        super().shape(port, bandwidth)

    def close(self) -> None:
        """Close the socket, too."""
        super().close()
        if self._socket:
            self._socket.close()


@caught_by("test_an_update_by_another_connection_is_seen", "average=512")
class RemembersWhatItRead(NetnsConnection):
    """Reads the bandwidth of a domain once, and does not see what others change."""

    class _Domain(NetnsDomain):
        _read: Bandwidth | None = None

        def bandwidth(self, mac: str) -> Bandwidth | None:
            self._read = self._read or super().bandwidth(mac)
            return self._read

    def handle(self, config: DomainConfig) -> NetnsDomain:
        """Give a domain that remembers."""
        return self._Domain(self, config.name, config.uuid)
