"""What prlctl says, read; and what it does not say."""

import json

import pytest
from hypothesis import given
from hypothesis import strategies as st

from vifkit import BackendError, State
from vifkit_virtuozzo.listing import Adapter, environments

# A virtual machine of Virtuozzo 7 as `prlctl list -i -j` tells of it, with what nobody reads left out.
MACHINE = """[
{
	"ID": "56850624-9fd8-441a-b24f-00131f7f79ca",
	"EnvID": "56850624",
	"Name": "web \\"1\\"",
	"Description": "by hand\\nvifkit1:no",
	"Type": "VM",
	"State": "running",
	"OS": "rhel7",
	"Template": "no",
	"Uptime": "8 days",
	"Hardware": {
		"cpu": {
			"sockets": 1,
			"cpus": 2
		},
		"hdd0": {
			"enabled": true,
			"port": "scsi:0",
			"image": "/vz/vmprivate/56850624-9fd8-441a-b24f-00131f7f79ca/harddisk1.hdd",
			"type": "expanded"
		},
		"usb": {
			"enabled": true
		},
		"net10": {
			"enabled": true,
			"dev": "vme001c42e1a820",
			"network": "Bridged",
			"mac": "001C42E1A820",
			"card": "virtio"
		},
		"net0": {
			"enabled": true,
			"dev": "vme001c42e1a819",
			"network": "1211-vlan",
			"mac": "001C42E1A819",
			"card": "virtio",
			"ips": "192.0.2.143/255.255.255.192 "
		}
	},
	"Offline management": {
		"enabled": false
	}
}

]
"""


def test_a_virtual_machine_is_read_with_its_adapters_in_order() -> None:
    (found,) = environments(MACHINE)
    assert (found.name, found.uuid) == ('web "1"', "56850624-9fd8-441a-b24f-00131f7f79ca")
    assert (found.kind, found.state, found.has_disks) == ("VM", State.RUNNING, True)
    assert found.description == "by hand\nvifkit1:no"
    assert found.adapters == (
        Adapter(device="net0", mac="00:1c:42:e1:a8:19", network="1211-vlan", host="vme001c42e1a819"),
        Adapter(device="net10", mac="00:1c:42:e1:a8:20", network="Bridged", host="vme001c42e1a820"),
    )


def test_a_container_without_adapters_is_read() -> None:
    (found,) = environments(
        MACHINE.replace('"VM"', '"CT"')
        .replace("net0", "venet0")
        .replace("net10", "other")
        .replace('"running"', '"mounted"')
    )
    assert (found.kind, found.state, found.adapters) == ("CT", State.SHUTOFF, ())


def test_control_characters_that_prlctl_leaves_as_they_are_do_not_matter() -> None:
    (found,) = environments(MACHINE.replace("by hand", "by\x01hand"))
    assert found.description.startswith("by\x01hand")


@pytest.mark.parametrize(
    ("said", "state"),
    [
        ("stopped", State.SHUTOFF),
        ("suspended", State.SHUTOFF),
        ("paused", State.PAUSED),
        ("starting", State.RUNNING),
        ("stopping", State.RUNNING),
    ],
)
def test_each_state_is_one_of_the_contract(said: str, state: State) -> None:
    (found,) = environments(MACHINE.replace('"running"', f'"{said}"'))
    assert found.state is state


@pytest.mark.parametrize(
    "text",
    [
        "garbage",
        "",
        "{}",
        "[1]",
        '[{"ID": "x"}]',
        '[{"ID": 1, "Hardware": []}]',
        MACHINE[:700],
        "x" * 10_000_000,
        "[" * 100_000,
    ],
    ids=["garbage", "nothing", "no-list", "no-objects", "too-little", "other-types", "cut", "10-MB", "deep"],
)
def test_what_is_no_answer_of_prlctl_is_refused(text: str) -> None:
    with pytest.raises(BackendError, match="not understood") as caught:
        environments(text)
    assert "\n" not in str(caught.value)


@given(
    st.recursive(
        st.none() | st.booleans() | st.integers() | st.text(),
        lambda each: st.lists(each) | st.dictionaries(st.text(), each),
    )
)
def test_any_json_is_read_or_refused(value: object) -> None:
    for text in (
        json.dumps(value),
        MACHINE.replace('{\n\t\t\t"sockets": 1,\n\t\t\t"cpus": 2\n\t\t}', json.dumps(value)),
    ):
        try:
            said = str(len(environments(text)))
        except BackendError as error:
            said = str(error)
        assert len(said.splitlines()) == 1
