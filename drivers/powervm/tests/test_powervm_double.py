"""The double says what documents and records of real HMCs say, to the letter, and refuses everything else."""

import pytest

from vifkit_powervm.double.commands import carry_out
from vifkit_powervm.double.system import SYSTEM, ManagedSystem

USUAL = (
    "lpar_env=aixlinux,min_mem=1024,desired_mem=1024,max_mem=1024,proc_mode=shared,sharing_mode=uncap,uncap_weight=128,"
    "min_procs=1,desired_procs=1,max_procs=1,min_proc_units=0.1,desired_proc_units=0.1,max_proc_units=0.1,"
    "max_virtual_slots=200"
)
INVALID = (
    "An invalid attribute was entered.  The invalid attribute is bogus_attr_xyz.  "
    "Please correct your entry and retry the command.\n"
)


class Typist:
    """Somebody at an HMC."""

    def __init__(self) -> None:
        self.system = ManagedSystem()

    def __call__(self, line: str) -> tuple[int, str]:
        return carry_out(self.system, line.replace("SYS", SYSTEM))

    def make(self, name: str, adapters: str = "none") -> None:
        record = f"name={name},profile_name={name},{USUAL}"
        assert self(f'mksyscfg -r lpar -m SYS -i "{record},\\"virtual_eth_adapters={adapters}\\""') == (0, "")


@pytest.fixture
def types() -> Typist:
    return Typist()


def test_lshmc_names_the_version(types: Typist) -> None:
    status, said = types("lshmc -V")
    assert status == 0
    assert said.startswith('"version= Version: 10\n Release: 3\n Service Pack: 1060\nHMC Build level 2408210051\n",')
    assert said.endswith(',"base_version=V10R3\n"\n')


def test_nothing_is_said_so(types: Typist) -> None:
    assert types("lssyscfg -r lpar -m SYS -F name") == (0, "No results were found.\n")
    assert types("lshwres -r virtualio --rsubtype eth --level lpar -m SYS") == (0, "No results were found.\n")


def test_an_lpar_is_listed_as_in_the_virtualization_guide_for_aix(types: Typist) -> None:
    types.make("lpar05")
    types.system.lpars["lpar05"].lpar_id = 15
    row = types.system.lpars["lpar05"].said
    row |= {"lpar_id": "15", "logical_serial_num": "06C3A0PF", "os_version": "AIX 7.1 7100-00-00-0000"}
    row |= {"rmc_ipaddr": "10.207.111.93", "curr_lpar_proc_compat_mode": "POWER7"}
    assert types("chsysstate -r lpar -m SYS -o on -f lpar05 -n lpar05") == (0, "")
    said = (
        "name=lpar05,lpar_id=15,lpar_env=aixlinux,state=Running,resource_config=1,os_version=AIX 7.1 7100-00-00-0000,"
        "logical_serial_num=06C3A0PF,default_profile=lpar05,curr_profile=lpar05,work_group_id=none,"
        "shared_proc_pool_util_auth=0,allow_perf_collection=0,power_ctrl_lpar_ids=none,boot_mode=norm,lpar_keylock=norm,"
        "auto_start=0,redundant_err_path_reporting=0,rmc_state=inactive,rmc_ipaddr=10.207.111.93,time_ref=0,"
        "lpar_avail_priority=127,desired_lpar_proc_compat_mode=default,curr_lpar_proc_compat_mode=POWER7,"
        "suspend_capable=0,remote_restart_capable=0,affinity_group_id=none\n"
    )
    assert types("lssyscfg -r lpar -m SYS") == (0, said)


def test_adapters_are_listed_as_in_ibms_document(types: Typist) -> None:
    types.make(
        "p72vio1", '\\"\\"2/1/1/10,11/1/0/ETHERNET0/761FA3934802/all/none\\"\\",4/0/99//0/0/ETHERNET0/761FA3934804//'
    )
    assert types("chsysstate -r lpar -m SYS -o on -f p72vio1 -n p72vio1") == (0, "")
    said = (
        "lpar_name=p72vio1,lpar_id=1,slot_num=2,state=1,is_required=0,is_trunk=1,trunk_priority=1,ieee_virtual_eth=1,"
        'port_vlan_id=1,vswitch=ETHERNET0,"addl_vlan_ids=10,11",mac_addr=761FA3934802,allowed_os_mac_addrs=all,'
        "qos_priority=none\n"
        "lpar_name=p72vio1,lpar_id=1,slot_num=4,state=1,is_required=0,is_trunk=0,ieee_virtual_eth=0,port_vlan_id=99,"
        "vswitch=ETHERNET0,addl_vlan_ids=,mac_addr=761FA3934804,allowed_os_mac_addrs=all,qos_priority=none\n"
    )
    assert types("lshwres -r virtualio --rsubtype eth --level lpar -m SYS") == (0, said)
    fields = "-F lpar_name,slot_num,trunk_priority,addl_vlan_ids --header"
    said = 'lpar_name,slot_num,trunk_priority,addl_vlan_ids\np72vio1,2,1,"10,11"\np72vio1,4,null,\n'
    assert types(f"lshwres -r virtualio --rsubtype eth --level lpar -m SYS {fields}") == (0, said)


def test_an_adapter_is_plugged_as_in_powercampus(types: Typist) -> None:
    types.make("aix01")
    types("chsysstate -r lpar -m SYS -o on -f aix01 -n aix01")
    line = "chhwres -m SYS -r virtualio --rsubtype eth -o a -p aix01 -s 2 -a 'ieee_virtual_eth=0,port_vlan_id=900'"
    assert types(line) == (0, "")
    fields = "-F slot_num:port_vlan_id:vswitch".replace(":", ",")
    assert types(f"lshwres -r virtualio --rsubtype eth --level lpar -m SYS {fields}") == (0, "2,900,ETHERNET0\n")


def test_a_profiles_list_is_quoted_as_a_whole(types: Typist) -> None:
    adapters = "3/0/1//0/0/ETHERNET0/06552b000005/all/none,4/0/1//0/0/ETHERNET0/06552b000006/all/none"
    types.make("aix01", adapters)
    said = f'name,virtual_eth_adapters,io_slots\naix01,"{adapters}",none\n'
    fields = "-F name,virtual_eth_adapters,io_slots --header"
    assert types(f"lssyscfg -r prof -m SYS --filter lpar_names=aix01 {fields}") == (0, said)


@pytest.mark.parametrize("line", ["lssyscfg -r prof -m SYS -F", "lssyscfg -r lpar -m SYS -F"])
def test_an_unknown_attribute_is_named_as_a_live_hmc_does(types: Typist, line: str) -> None:
    types.make("aix01")
    assert types(f"{line} bogus_attr_xyz --header") == (1, INVALID)
    assert types("chsyscfg -r lpar -m SYS -i name=aix01,bogus_attr_xyz=1") == (1, INVALID)
    assert types(f"mksyscfg -r lpar -m SYS -i name=a,profile_name=b,{USUAL},bogus_attr_xyz=1") == (1, INVALID)


@pytest.mark.parametrize(
    ("line", "code"),
    [
        ("lssyscfg -r lpar -m SYS --filter lpar_names=nobody -F state", "HSCL8012"),
        ("chsysstate -r lpar -m SYS -o on -f p -n nobody", "HSCL8012"),
        ("rmsyscfg -r lpar -m SYS -n nobody", "HSCL8012"),
        ("lssyscfg -r lpar -m aix01 -F state", "HSCL8018"),
        ("chsysstate -r lpar -m SYS -o on -n aix01", "HSCL3680"),
        ("chsysstate -r lpar -m SYS -o shutdown --immed -n aix01", "HSCL1558"),
        (f"mksyscfg -r lpar -m SYS -i name=a,profile_name=b,{USUAL.replace('red_procs=1', 'red_procs=2')}", "HSCL0622"),
    ],
)
def test_a_message_begins_with_its_code(types: Typist, line: str, code: str) -> None:
    types.make("aix01")
    status, said = types(line)
    assert (status, said.partition(" ")[0]) == (1, code)


def test_an_lpar_that_is_on_is_not_activated_again_nor_removed(types: Typist) -> None:
    types.make("aix01")
    assert types("chsysstate -r lpar -m SYS -o on -f aix01 -n aix01") == (0, "")
    assert types("chsysstate -r lpar -m SYS -o on -f aix01 -n aix01")[1].startswith("HSCL3681 ")
    assert types("rmsyscfg -r lpar -m SYS -n aix01")[0] == 1
    assert types("chsysstate -r lpar -m SYS -o shutdown --immed -n aix01") == (0, "")
    said = ""
    assert types("chsysstate -r lpar -m SYS -o on -n aix01") == (
        0,
        said,
    )  # as it was


@pytest.mark.parametrize(
    "line",
    [
        "ls", "lssyscfg", "lssyscfg -r lpar", "lssyscfg -r lpar -m SYS; id", "lssyscfg -r lpar -m $(id)",
        "lshmc", "lshmc -v",
        "lssyscfg -r lpar -m SYS | head", "lssyscfg -r lpar -m SYS > x", "lssyscfg -r lpar -m SYS --force",
        "lssyscfg -r lpar -m SYS -F", "lssyscfg -r frame -m SYS", "lssyscfg -r lpar -m SYS -m SYS",
        "lssyscfg -r lpar -m 'SYS",
        "lssyscfg -r lpar -m SYS --filter x=1", "lshwres -r sriov -m SYS", "chsysstate -r lpar -m SYS -o off -n aix01",
        "chsysstate -r lpar -m SYS -o shutdown -n aix01", "rmsyscfg -r prof -m SYS -n aix01", "",
        "mksyscfg -r lpar -m SYS -f ../x", "mksyscfg -r lpar -m SYS", "chsyscfg -r sys -m SYS -i name=x",
        "chsyscfg -r lpar -m SYS -i name=aix01,new_name=-x",
    ],
)  # fmt: skip
def test_everything_else_is_refused(types: Typist, line: str) -> None:
    types.make("aix01")
    before = types("lssyscfg -r lpar -m SYS -F name,uuid,state")
    assert types(line)[0] in (1, 127)
    assert types("lssyscfg -r lpar -m SYS -F name,uuid,state") == before


@pytest.mark.parametrize(
    "adapter",
    [
        "1/0/1//0/0", "200/0/1//0/0", "2/2/1//0/0", "2/0/0//0/0", "2/0/4095//0/0", "2/0/1//0/2", "x/0/1//0/0", "2/0/1",
        "2/0/1//0/0/nowhere", "2/0/1//0/0/br0/01005e000001", "2/0/1//0/0/br0/005056000001", "2/0/1//0/0/br0/xyz",
        "2/0/1//0/0,2/0/2//0/0",
    ],
)  # fmt: skip
def test_an_adapter_that_cannot_be_is_refused(types: Typist, adapter: str) -> None:
    record = f'name=a,profile_name=b,{USUAL},\\"virtual_eth_adapters={adapter}\\"'
    assert types(f'mksyscfg -r lpar -m SYS -i "{record}"')[0] == 1
    assert types("lssyscfg -r lpar -m SYS -F name") == (0, "No results were found.\n")
