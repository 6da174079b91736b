"""A user of the host who may not, and is told so."""

import json
import subprocess
import sys
from collections.abc import Iterator
from typing import NamedTuple

import pytest

from vifkit_conformance.bandwidths import REFERENCE
from vifkit_conformance.guest import Guests
from vifkit_conformance.lab import Lab
from vifkit_conformance.leftovers import Leftovers
from vifkit_libvirt.testbed import PrivateLibvirt
from vifkit_qemu.driver import QemuDriver
from vifkit_qemu.testbed import QemuTestbed

pytestmark = pytest.mark.switch

GUARDED = 'unix_sock_rw_perms = "0770"'  # and its group is root's: as Debian has it, whose group is libvirt

# The modules are imported first, since nobody may not be able to read where they are. A process that has changed its
# user does not own its files in /proc until it says that it may be looked into (PR_SET_DUMPABLE, prctl(2)).
AS_NOBODY = """
import ctypes, encodings.ascii, encodings.idna, json, os, shutil, sys, warnings
import netqos.enforce, netqos.kernel, netqos.ovsdb, netqos.probe
from vifkit import Connection
from vifkit_qemu.driver import QemuDriver

home, disk, xml = sys.argv[1:]
os.mkdir(home)
shutil.copy(disk, home)
xml = xml.replace(os.path.dirname(disk), home)
os.chmod(home, 0o777)
os.setgroups([])
os.setresgid(65534, 65534, 65534)
os.setresuid(65534, 65534, 65534)
ctypes.CDLL(None).prctl(4, 1, 0, 0, 0)
os.environ |= {"HOME": home, "XDG_RUNTIME_DIR": home, "XDG_CACHE_HOME": home, "XDG_CONFIG_HOME": home}
os.environ["PATH"] = "/usr/sbin:/usr/bin:/sbin:/bin"
os.chdir(home)
warnings.simplefilter("ignore")
told = {}

def attempt(name, action):
    try:
        result = action()
    except Exception as error:
        told[name] = [type(error).__name__, str(error)]
    else:
        told[name] = ["", result if isinstance(result, str) else ""]
        return result

def opened(uri):
    return QemuDriver().open(uri)

attempt("system", lambda: opened("qemu:///system"))
attempt("database", lambda: opened("qemu:///system?readonly=on"))
attempt("session's database", lambda: opened("qemu:///session"))
reader = attempt("reader", lambda: opened("qemu:///system?readonly=on&repair=off"))
attempt("reader's domains", lambda: " ".join(each.name for each in reader.domains()))
attempt("reader stops", lambda: reader.domains()[0].stop())
own = attempt("session", lambda: opened("qemu:///session?repair=off"))
attempt("session's version", own.version)
attempt("switch", lambda: own.create(xml))
attempt("switch, defined", lambda: own.define(xml).start())
attempt("left", lambda: " ".join(f"{each.name} {each.state().value}" for each in own.domains()))
own.domains()[0].undefine()
begin, end = xml.index("<interface"), xml.index("<model")
attempt("user", lambda: own.create(f"{xml[:begin]}<interface type='user'>{xml[end:]}").stop())
print(json.dumps(told))
"""


class Told(NamedTuple):
    error: str
    message: str


@pytest.fixture(scope="module")
def told(lab: Lab, testbed: QemuTestbed, uri: str) -> Iterator[dict[str, Told]]:
    """What nobody is told, on a host where a domain of root's runs."""
    before = Leftovers.of(lab)
    with PrivateLibvirt(lab, libvirtd_conf=GUARDED) as libvirt, QemuDriver().open(libvirt.uri("qemu")) as connection:
        guest = Guests(connection, testbed, lab)
        running, other = guest(REFERENCE), guest.write(REFERENCE)[0]
        disk = lab.directory / "boot-sector.img"
        command = libvirt.command(sys.executable, "-c", AS_NOBODY, "/run/nobody", str(disk), other)
        ended = subprocess.run(command, capture_output=True, text=True, check=False, timeout=60)
        assert (ended.returncode, ended.stderr) == (0, "")
        said = {name: Told(*each) for name, each in json.loads(ended.stdout).items()}
        assert all("\n" not in each.message for each in said.values())
        assert said.pop("reader's domains") == ("", running.domain.name)
        assert str(Leftovers.of(lab) - before).count("Port") == 1  # the running one's
        yield said
        guest.close()
    assert str(Leftovers.of(lab) - before) == ""


def test_who_may_not_open_libvirt_is_told_which_socket_and_who_may(told: dict[str, Told]) -> None:
    assert told["system"].error == "ConnectError"
    assert "Failed to connect socket to '/var/run/libvirt/libvirt-sock': Permission denied" in told["system"].message
    assert "root may, and the members of the socket's group, which often is libvirt" in told["system"].message


@pytest.mark.parametrize("name", ["database", "session's database"])
def test_who_may_not_open_the_database_is_told_which_and_who_may(told: dict[str, Told], name: str) -> None:
    assert told[name].error == "ConnectError"
    assert "at unix:/var/run/openvswitch/db.sock: Permission denied; root may" in told[name].message


def test_who_may_only_read_is_told_that_it_is_not_enough(told: dict[str, Told]) -> None:
    assert told["reader"].error == ""
    assert told["reader stops"].error == "AccessDeniedError"
    assert "read only access prevents virDomainDestroy" in told["reader stops"].message


def test_a_users_own_libvirt_is_started_and_runs_what_needs_no_switch(told: dict[str, Told]) -> None:
    assert told["session"].error == ""
    assert told["session's version"].message.startswith("QEMU ")
    assert told["user"].error == ""


@pytest.mark.parametrize("name", ["switch", "switch, defined"])
def test_a_users_own_libvirt_plugs_nothing_into_open_vswitch(told: dict[str, Told], name: str) -> None:
    assert told[name] == (
        "AccessDeniedError",
        "a user's own libvirt cannot plug a vif into Open vSwitch: that takes the system's",
    )


def test_what_was_denied_to_a_user_has_left_nothing_but_the_definition(told: dict[str, Told]) -> None:
    name, _, state = told["left"].message.partition(" ")
    assert name.startswith("guest-")
    assert state == "shut off"
