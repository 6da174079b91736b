"""What it costs to follow a large switch."""

import select
import socket
from pathlib import Path

import pytest
from shared.rows import CLASSES, REFERENCE, classes, next_cfg, qos_of
from shared.server import Serve

from netqos.monitor import LiveSwitch
from netqos.ovsdb import Switch
from vifkit_conformance.lab import Lab

pytestmark = pytest.mark.switch
NAMES = [f"vnet{number}" for number in range(300)]


class Counter:
    """Stands between a client and a database, and counts the bytes that the client receives."""

    def __init__(self, lab: Lab) -> None:
        self.address = str(lab.directory / "db.sock")
        self.bytes = 0

    def __call__(self, client: socket.socket) -> None:
        with socket.socket(socket.AF_UNIX) as server:
            server.connect(self.address)
            while True:
                for ready in select.select([client, server], [], [])[0]:
                    piece = ready.recv(1 << 20)
                    if not piece:
                        return
                    self.bytes += len(piece) if ready is server else 0
                    (client if ready is server else server).sendall(piece)

    def taken(self) -> int:
        """Give the bytes since the last time."""
        taken, self.bytes = self.bytes, 0
        return taken


@pytest.fixture
def large(own_lab: Lab, tmp_path: Path) -> Lab:
    """A switch with 300 taps."""
    batch = tmp_path / "ip"
    batch.write_text("".join(f"tuntap add dev {name} mode tap\n" for name in NAMES))
    own_lab.host.run("ip", "-batch", str(batch))
    own_lab.ovs.vsctl(*(word for name in NAMES for word in ("--", "add-port", "br0", name)))
    return own_lab


def test_300_ports_are_changed_in_one_transaction_and_one_of_them_for_no_full_read(large: Lab, serve: Serve) -> None:
    counter = Counter(large)
    db = serve(counter)
    with LiveSwitch(db) as live:
        before = next_cfg(large)
        assert live.apply(dict.fromkeys(NAMES, REFERENCE)) == NAMES
        assert next_cfg(large) == before + 1
        assert [name for name in NAMES[::30] if classes(large, name) != CLASSES] == []
        assert live.changes().ports == {"br0", *NAMES}
        qos = qos_of(large, "vnet7")
        assert qos is not None

        counter.taken()
        large.ovs.vsctl("set", "QoS", qos["_uuid"], "other_config:max-rate=1000000")
        assert select.select([live], [], [], 10)[0]
        assert live.changes().ports == {"vnet7"}
        assert 0 < counter.taken() < 1_000
        assert live.apply({"vnet7": REFERENCE}) == ["vnet7"]
        assert live.apply({"vnet7": REFERENCE}) == []
        assert len(live.ports()) == 301
        assert live.leaks() == []
        assert counter.taken() < 4_000
    assert classes(large, "vnet7") == CLASSES
    Switch(db).ports()
    assert counter.taken() > 200_000
