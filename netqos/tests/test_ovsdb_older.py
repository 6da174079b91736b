"""A database from before Open vSwitch 2.16, which has no columns for packets."""

import json
from collections.abc import Iterator
from pathlib import Path

import pytest
from shared.rows import CLASSES, classes

from netqos import Policing
from netqos.monitor import LiveSwitch
from netqos.ovsdb import Plug, Switch
from netqos.rpc import Rpc, UnknownColumnError
from vifkit import Bandwidth, Rate
from vifkit_conformance.lab import Lab, tap
from vifkit_conformance.lab.schema import schema_file

pytestmark = pytest.mark.switch
BOTH = Bandwidth(inbound=Rate(average=512, peak=1024, burst=32), outbound=Rate(average=100, burst=50))


@pytest.fixture
def older(_environment: None, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Lab]:
    schema = json.loads(schema_file().read_text(encoding="utf-8"))
    for column in ("ingress_policing_kpkts_rate", "ingress_policing_kpkts_burst"):
        del schema["tables"]["Interface"]["columns"][column]
    (tmp_path / "older.ovsschema").write_text(json.dumps(schema), encoding="utf-8")
    monkeypatch.setattr("vifkit_conformance.lab.openvswitch.schema_file", lambda: tmp_path / "older.ovsschema")
    with Lab() as lab:
        lab.bridge()
        yield lab


def test_the_server_refuses_a_column_that_it_has_not(older: Lab) -> None:
    select = {"op": "select", "table": "Interface", "where": [], "columns": ["ingress_policing_kpkts_rate"]}
    with Rpc(older.ovs.db, 10) as rpc:
        with pytest.raises(UnknownColumnError, match="ingress_policing_kpkts_rate is not a valid column name"):
            rpc.transact(select)
        with pytest.raises(UnknownColumnError):
            rpc.monitor({"Interface": ["ingress_policing_kpkts_rate"]})


@pytest.mark.parametrize("opened", [Switch, LiveSwitch])
def test_every_operation_does_without_it(older: Lab, opened: type[Switch]) -> None:
    with tap(older.host, "vnet0"), tap(older.host, "vnet1"), opened(older.ovs.db) as switch:
        older.ovs.add_port("br0", "vnet0")
        switch.plug(Plug(bridge="br0", port="vnet1", bandwidth=BOTH))
        assert switch.apply({"vnet0": BOTH}) == ["vnet0"]
        for name, port in switch.ports(["vnet0", "vnet1"]).items():
            assert port.interfaces[0].policing == Policing(ingress_policing_rate=800, ingress_policing_burst=400)
            assert classes(older, name) == CLASSES
        assert switch.apply({"vnet0": BOTH, "vnet1": None}) == ["vnet1"]
        switch.unplug(["vnet0", "vnet1"])
        assert switch.leaks() == []
