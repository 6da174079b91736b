"""Rivals at the same rows."""

import threading

import pytest
from shared.rows import CONFIG, REFERENCE, Port, Rival, create, inbound, interface, qos_of, table

from netqos.ovsdb import Switch
from netqos.rpc import LostRaceError
from vifkit import Bandwidth, ForeignQosError, PortNotFoundError, Rate
from vifkit_conformance.lab import Lab

pytestmark = pytest.mark.switch


def test_a_lost_race_is_run_again_on_what_the_rival_left(lab: Lab, switch: Switch, port: Port) -> None:
    port("vnet0")
    late = Rival(lab.ovs.db, lambda: switch.apply({"vnet0": inbound(100)}))
    assert late.apply({"vnet0": REFERENCE}) == ["vnet0"]
    qos = qos_of(lab, "vnet0")
    assert qos is not None
    assert qos["other_config"] == CONFIG
    assert len(lab.ovs.rows("QoS")) == len(lab.ovs.rows("Queue")) == 1


def test_a_rival_that_wanted_the_same_leaves_nothing_to_do(lab: Lab, switch: Switch, port: Port) -> None:
    port("vnet0")
    late = Rival(lab.ovs.db, lambda: switch.apply({"vnet0": REFERENCE}))
    assert late.apply({"vnet0": REFERENCE}) == []
    assert len(lab.ovs.rows("QoS")) == len(lab.ovs.rows("Queue")) == 1


def test_a_race_that_is_always_lost_ends(lab: Lab, switch: Switch, port: Port) -> None:
    port("vnet0")
    rates = iter(range(1, 100))
    late = Rival(lab.ovs.db, lambda: switch.apply({"vnet0": inbound(next(rates))}), times=99)
    with pytest.raises(LostRaceError):
        late.apply({"vnet0": REFERENCE})
    qos = qos_of(lab, "vnet0")
    assert qos is not None
    assert qos["external_ids"]["netqos"] == "average=10"


def test_a_foreign_row_that_comes_meanwhile_is_left_alone(lab: Lab, port: Port) -> None:
    port("vnet0")
    late = Rival(lab.ovs.db, lambda: create(lab, "vnet0", "other_config:max-rate=1000000"))
    with pytest.raises(ForeignQosError):
        late.apply({"vnet0": REFERENCE})
    (row,) = lab.ovs.rows("QoS")
    assert row["other_config"] == {"max-rate": "1000000"}


def test_a_row_that_others_come_to_share_meanwhile_is_not_deleted(lab: Lab, switch: Switch, port: Port) -> None:
    port("vnet0")
    port("vnet1")
    switch.apply({"vnet0": REFERENCE})
    (uuid,) = table(lab, "QoS")
    late = Rival(lab.ovs.db, lambda: lab.ovs.vsctl("set", "Port", "vnet1", f"qos={uuid}"))
    assert late.apply({"vnet0": None}) == ["vnet0"]
    assert qos_of(lab, "vnet0") is None
    assert list(table(lab, "QoS")) == [uuid]


def test_a_port_that_goes_meanwhile_is_told(lab: Lab, port: Port) -> None:
    port("vnet0")
    late = Rival(lab.ovs.db, lambda: lab.ovs.vsctl("del-port", "vnet0"))
    with pytest.raises(PortNotFoundError):
        late.apply({"vnet0": REFERENCE})
    assert (lab.ovs.rows("QoS"), lab.ovs.rows("Queue")) == ([], [])


def test_two_that_differ_in_both_directions_do_not_mix(lab: Lab, switch: Switch, port: Port) -> None:
    def both(average: int, outbound: int) -> Bandwidth:
        return Bandwidth(inbound=Rate(average=average), outbound=Rate(average=outbound))

    port("vnet0")
    switch.apply({"vnet0": both(200, 10)})
    late = Rival(lab.ovs.db, lambda: switch.apply({"vnet0": both(200, 20)}))
    late.apply({"vnet0": both(100, 10)})
    qos = qos_of(lab, "vnet0")
    assert qos is not None
    assert (qos["other_config"]["min-rate"], interface(lab, "vnet0")["ingress_policing_rate"]) == ("800000", 80)


def test_two_threads_at_one_port_leave_what_one_of_them_wanted(lab: Lab, port: Port) -> None:
    port("vnet0")
    bandwidths = [
        Bandwidth(inbound=Rate(average=512, peak=1024, burst=32), outbound=Rate(average=100)),
        Bandwidth(inbound=Rate(average=100), outbound=Rate(average=200, burst=50)),
    ]
    failed: list[BaseException] = []
    start = threading.Barrier(2)

    def work(mine: int) -> None:
        try:
            switch = Switch(lab.ovs.db)
            start.wait()
            for turn in range(50):
                switch.apply({"vnet0": bandwidths[mine] if turn % 5 or turn == 0 else None})
        except BaseException as error:  # noqa: BLE001  told to the test
            failed.append(error)

    threads = [threading.Thread(target=work, args=(number,)) for number in (0, 1)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert failed == []
    (qos,) = lab.ovs.rows("QoS")
    (queue,) = lab.ovs.rows("Queue")
    row = interface(lab, "vnet0")
    policing = row["ingress_policing_rate"], row["ingress_policing_burst"], row["external_ids"]
    assert qos["other_config"] == queue["other_config"]
    assert (qos["other_config"], policing) in (
        (CONFIG, (800, 0, {"netqos": "average=100"})),
        ({"min-rate": "800000", "max-rate": "800000"}, (1600, 400, {"netqos": "average=200 burst=50"})),
    )


def test_many_rivals_all_get_their_turn(lab: Lab, port: Port) -> None:
    port("vnet0")
    failed: list[BaseException] = []

    def work(mine: int) -> None:
        try:
            switch = Switch(lab.ovs.db)
            for turn in range(10):
                switch.apply({"vnet0": inbound(100 * mine + turn)})
        except BaseException as error:  # noqa: BLE001  told to the test
            failed.append(error)

    threads = [threading.Thread(target=work, args=(number,)) for number in range(1, 7)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert failed == []
    (qos,) = lab.ovs.rows("QoS")
    (queue,) = lab.ovs.rows("Queue")
    assert qos["external_ids"] == queue["external_ids"]
    assert qos["external_ids"]["netqos"] in {f"average={100 * number + 9}" for number in range(1, 7)}
