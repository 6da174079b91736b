"""What VBoxManage says, of several releases, and what it does not say, read."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from vifkit import BackendError, State
from vifkit_virtualbox.listing import Adapter, machines

TRACE = (
    "Trace: off (file: none), Type: 82540EM, Reported speed: 0 Mbps, Boot priority: 0, Promisc Policy: deny, "
    "Bandwidth group: none"
)

# VirtualBox 7.0, with lines left out that nobody reads.
RELEASE_7 = """\
Name:                        rh9 "node" 1
Encryption:                  disabled
Groups:                      /
Guest OS:                    Red Hat (64-bit)
UUID:                        5d0e7fbc-3d24-4a0b-8b4f-5a0e8a7a3d35
Config file:                 /home/alma/VirtualBox VMs/rh9/rh9.vbox
Hardware UUID:               5d0e7fbc-3d24-4a0b-8b4f-5a0e8a7a3d35
Memory size:                 2048MB
State:                       running (since 2024-05-11T08:20:04.345000000)
Storage Controllers:
#0: 'SATA Controller', Type: IntelAhci, Instance: 0, Ports: 30 (max 30), Bootable
  Port 0, Unit 0: UUID: 4973af85-5e20-43c2-b630-73084cc5191f
    Location: "/home/alma/rh9-node1.vdi"
NIC 1:                       MAC: 080027B9DDCA, Attachment: Bridged Interface 'eth0', Cable connected: on, TRACE
NIC 2:                       MAC: 0800275EB507, Attachment: NAT, Cable connected: on, TRACE
NIC 2 Settings:  MTU: 0, Socket (send: 64, receive: 64), TCP Window (send:64, receive: 64)
NIC 3:                       disabled
NIC 4:                       MAC: 0800270F6E88, Attachment: Host-only Interface 'vboxnet0', Cable connected: on, TRACE
NIC 5:                       MAC: 0800270F6E89, Attachment: Generic 'UDP' { dest='::1' }, Cable connected: on, TRACE
Pointing Device:             PS/2 Mouse
Description:
NIC 6:                       MAC: 080027000006, Attachment: Bridged Interface 'eth6', Cable connected: on, of no meaning

State:                       powered off (since the beginning)
* Guest:
Configured memory balloon:   0MB

""".replace("TRACE", TRACE)

# VirtualBox 5.2.
RELEASE_5 = """\
Name:            HK
Groups:          /
Guest OS:        Ubuntu (64-bit)
UUID:            0ba2ee2f-6b1c-4c54-8b4f-5a0e8a7a3d35
Config file:     /root/VirtualBox VMs/HK/HK.vbox
Hardware UUID:   0ba2ee2f-6b1c-4c54-8b4f-5a0e8a7a3d35
State:           powered off (since 2019-08-11T10:01:02.000000000)
Storage Controller Name (0):            IDE
IDE (1, 0): Empty
NIC 1:           MAC: 0800274D5932, Attachment: Internal Network 'lan'd', Cable connected: on, TRACE
NIC 2:           disabled
VRDE:            disabled
Guest:

Configured memory balloon size:      0 MB

""".replace("TRACE", TRACE)

INACCESSIBLE = """\
Name:            <inaccessible!>
UUID:            1ba2ee2f-6b1c-4c54-8b4f-5a0e8a7a3d35
Config file:     /gone.vbox
Access error details:

"""

WARNING = """\
WARNING: The vboxdrv kernel module is not loaded. Either there is no module
         available for the current kernel (6.1.0) or it failed to
         load.

"""


def test_a_machine_of_release_7_is_read_and_its_description_is_not() -> None:
    (found,) = machines(RELEASE_7)
    assert (found.name, found.uuid) == ('rh9 "node" 1', "5d0e7fbc-3d24-4a0b-8b4f-5a0e8a7a3d35")
    assert (found.state, found.has_media) == (State.RUNNING, True)
    assert found.adapters == (
        Adapter(mac="08:00:27:b9:dd:ca", kind="Bridged Interface", source="eth0"),
        Adapter(mac="08:00:27:5e:b5:07", kind="NAT", source=None),
        Adapter(mac="08:00:27:0f:6e:88", kind="Host-only Interface", source="vboxnet0"),
        Adapter(mac="08:00:27:0f:6e:89", kind="Generic", source="UDP' { dest='::1"),
    )
    assert [each.bridged_to for each in found.adapters] == ["eth0", None, None, None]


def test_a_machine_of_release_5_is_read() -> None:
    (found,) = machines(RELEASE_5)
    assert (found.name, found.state, found.has_media) == ("HK", State.SHUTOFF, False)
    assert found.adapters == (Adapter(mac="08:00:27:4d:59:32", kind="Internal Network", source="lan'd"),)


def test_many_are_read_and_those_that_virtualbox_cannot_read_are_left_out() -> None:
    found = machines(WARNING + RELEASE_7 + INACCESSIBLE + RELEASE_5)
    assert [each.name for each in found] == ['rh9 "node" 1', "HK"]
    assert [len(each.adapters) for each in found] == [4, 1]


@pytest.mark.parametrize("text", ["", WARNING, INACCESSIBLE])
def test_there_may_be_none(text: str) -> None:
    assert machines(text) == []


@pytest.mark.parametrize(
    ("said", "state"),
    [
        ("powered off", State.SHUTOFF),
        ("saved", State.SHUTOFF),
        ("aborted", State.SHUTOFF),
        ("aborted-saved", State.SHUTOFF),
        ("paused", State.PAUSED),
        ("running", State.RUNNING),
        ("starting", State.RUNNING),
        ("stopping", State.RUNNING),
        ("guru meditation", State.RUNNING),
    ],
)
def test_each_state_is_one_of_the_contract(said: str, state: State) -> None:
    (found,) = machines(RELEASE_7.replace("running (since 2", f"{said} (since 2"))
    assert found.state is state


@pytest.mark.parametrize("name", ["a'b", "semi;colon", "Gästin-客-🙂", " around", "--help", "x" * 200, "two\nlines"])
def test_a_name_may_be_anything(name: str) -> None:
    (found,) = machines(RELEASE_7.replace('rh9 "node" 1', name))
    assert found.name == name


@pytest.mark.parametrize(
    "text",
    ["garbage", "x" * 10_000_000, RELEASE_7[:200], RELEASE_7[:700], RELEASE_7 + RELEASE_5[:100], RELEASE_7[:-50]],
    ids=["garbage", "10-MB", "cut-in-the-head", "cut-in-a-line", "cut-in-the-second", "cut-near-the-end"],
)
def test_what_is_no_answer_of_vboxmanage_is_refused(text: str) -> None:
    with pytest.raises(BackendError, match="not understood") as caught:
        machines(text)
    assert "\n" not in str(caught.value)


@given(st.text())
def test_any_text_is_read_or_refused(text: str) -> None:
    for each in (text, RELEASE_7[:300] + text + RELEASE_7[300:]):
        try:
            machines(each)
        except BackendError as error:
            said = str(error)
        else:
            said = "read"
        assert len(said.splitlines()) == 1
