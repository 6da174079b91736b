"""A machine's files: its .vmx, and the definition that waits beside it while the machine runs."""

import re
from contextlib import suppress
from pathlib import Path
from uuid import NAMESPACE_URL, UUID, uuid5

from vifkit import DomainConfig, State, UnsupportedError, VifkitError, parse_domain, safe_xml
from vifkit_base.amounts import memory_MiB, vcpus
from vifkit_base.configs import as_config
from vifkit_base.hypervisor import Machine
from vifkit_base.notes import note, noted

from . import adapters
from .files import VmxFile, touching
from .vmx import Vmx

NOTE = "vifkit.note"
"""The key that keeps what VMware has no key for; VMware keeps keys that it does not know."""
SUSPENDED = "checkpoint.vmState"
"""The key that names the file in which a suspended machine sleeps; empty, or not there, for all others."""
BLANK = b'.encoding = "UTF-8"\nconfig.version = "8"\nvirtualHW.version = "8"\nguestOS = "other"\nuuid.action = "keep"\n'
"""A machine that has nothing, and is not to get another UUID at its first start, or to be asked about whether it is."""

_LITTER = r".+\.(vmxf|vmsd|nvram)|vmware(-\d+)?\.log"


def find(directory: Path) -> Path | None:
    """Find the .vmx file of a machine's directory: the one of its name, or else the only one."""
    named = directory / f"{directory.name}.vmx"
    with touching(directory):
        try:
            there = [each for each in directory.iterdir() if each.suffix.lower() == ".vmx" and each.is_file()]
        except (FileNotFoundError, NotADirectoryError):
            return None
    return named if named in there else there[0] if len(there) == 1 else None


def waiting_of(vmx: Path) -> Path:
    """Name the file of the definition that waits for a machine's end."""
    return vmx.with_name(f"{vmx.name}.vifkit")


def read(name: str, file: VmxFile, *, running: bool) -> Machine:
    """Tell what a .vmx file says of a machine. Raises BackendError for what is no domain."""
    text, waiting = file.text, None
    kept = noted(text.get(NOTE))
    with touching(file.path):
        uuid = re.sub(r"[\s-]", "", text.get("uuid.bios"))
        uuid = str(UUID(uuid) if uuid else uuid5(NAMESPACE_URL, file.path.as_uri()))
        config = as_config(name, uuid, "vmware", list(adapters.read(text).values()), kept.xml if kept else None)
    with suppress(OSError, VifkitError):
        replaced = noted(waiting_of(file.path).read_text(encoding="ascii", errors="replace"))
        waiting = parse_domain(replaced.xml) if replaced else None
    state = State.RUNNING if running else State.PAUSED if text.get(SUSPENDED) else State.SHUTOFF
    transient = kept is not None and kept.transient and waiting is None
    return Machine(config=config, state=state, transient=transient, waiting=waiting)


def fill(text: Vmx, config: DomainConfig, *, transient: bool) -> None:
    """Write a domain: its name, memory, processors and adapters as VMware has them, and the rest as a note.

    Raises InvalidXmlError for an amount that is none, UnsupportedError for too many adapters.
    """
    if len(config.vifs) > adapters.MOST:
        raise UnsupportedError("interface", f"VMware gives a machine {adapters.MOST} adapters, not {len(config.vifs)}")
    if not all(vif.source for vif in config.vifs):
        raise UnsupportedError("interface", "an adapter is on a network that has a name, as vmnet8")
    digits, memory, processors = config.uuid.replace("-", ""), memory_MiB(config, 4), vcpus(config)
    text.set("displayName", text.get("displayName", config.name))
    text.set("uuid.bios", "-".join(bytes.fromhex(half).hex(" ") for half in (digits[:16], digits[16:])))
    if memory is not None:  # by fours of MiB (virVMXFormatConfig)
        text.set("memsize", str(memory))
    if processors is not None:
        text.set("numvcpus", str(processors))
    models = {str(vif.mac): _model(config.interface_xml(str(vif.mac))) for vif in config.vifs}
    adapters.write(text, config.vifs, models)
    text.set(NOTE, note(config, transient=transient))


def forget(vmx: Path) -> None:
    """Delete a machine: what VMware and we have made of it, but no disk, and nothing of one that has a disk."""
    with touching(vmx):
        vmx.unlink(missing_ok=True)
        waiting_of(vmx).unlink(missing_ok=True)
        there = list(vmx.parent.iterdir())
        if not any(each.suffix.lower() == ".vmdk" for each in there):
            litter = rf"{_LITTER}|{re.escape(vmx.stem)}(-[0-9a-f]{{8}})?\.(vmss|vmem)"  # the last ones of its sleep
            for each in filter(lambda each: re.fullmatch(litter, each.name), there):
                each.unlink(missing_ok=True)
            with suppress(OSError):  # what else is there is somebody's
                vmx.parent.rmdir()


def _model(interface: str) -> str | None:
    model = safe_xml.only(safe_xml.parse_again(interface), "model")
    return None if model is None else model.get("type")
