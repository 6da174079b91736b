"""What VBoxManage tells of a machine, for people: showVMInfo in VBoxManageInfo.cpp.

Of the lines that do not concern a driver there are some, so that it has something to skip.
"""

from __future__ import annotations

TYPE_CHECKING = False
if TYPE_CHECKING:
    from .machines import Adapter, Machine


def compact(machine: Machine) -> str:
    """Write a line of `list vms`."""
    if machine.get("inaccessible"):
        return f'"<inaccessible>" {{{machine["uuid"]}}}\n'
    return f'"{machine["name"]}" {{{machine["uuid"]}}}\n'


def details(machine: Machine) -> str:
    """Write what `showvminfo` and `list --long vms` give, the empty line at the end included."""
    if machine.get("inaccessible"):
        return (
            f"Name:            <inaccessible!>\nUUID:            {machine['uuid']}\n"
            f"Config file:     {machine['file']}\nAccess error details:\n\n"
        )
    lines = [
        _line("Name:", machine["name"]),
        _line("Encryption:", "disabled"),
        _line("Groups:", machine["groups"]),
        _line("Guest OS:", "Other/Unknown"),
        _line("UUID:", machine["uuid"]),
        _line("Config file:", machine["file"]),
        _line("Hardware UUID:", machine["uuid"]),
        _line("Memory size:", "128MB"),
        _line("Chipset:", "piix3"),
        _line("Number of CPUs:", "1"),
        _line("State:", f"{machine['state']} (since {machine['since']})"),
        _line("Graphics Controller:", "VBoxVGA"),
        *_storage(machine),
        *(_line(f"NIC {number}:", _adapter(each)) for number, each in sorted(machine["adapters"].items())),
        _line("Pointing Device:", "PS/2 Mouse"),
        _line("Bandwidth groups:", "<none>"),
        _line("Shared folders:", "<none>"),
        *(["Description:", machine["description"]] if machine["description"] else []),
        "* Guest:",
        _line("Configured memory balloon:", "0MB"),
    ]
    return "\n".join(lines) + "\n\n"


def _line(name: str, value: str) -> str:
    return f"{name:<28} {value}"


def _storage(machine: Machine) -> list[str]:
    if not machine.get("disks"):
        return [_line("Storage Controllers:", "<none>")]
    return [
        "Storage Controllers:",
        "#0: 'SATA', Type: IntelAhci, Instance: 0, Ports: 30 (max 30), Bootable",
        *(
            f'  Port {port}, Unit 0: UUID: 4973af85-5e20-43c2-b630-{port:012x}\n    Location: "{disk}"'
            for port, disk in enumerate(machine["disks"])
        ),
    ]


def _adapter(adapter: Adapter) -> str:
    if adapter["kind"] == "none":
        return "disabled"
    attachment = {
        "null": "none",
        "nat": "NAT",
        "bridged": f"Bridged Interface '{adapter.get('bridge', '')}'",
        "intnet": "Internal Network 'intnet'",
        "hostonly": "Host-only Interface 'vboxnet0'",
    }[adapter["kind"]]
    mac = adapter.get("mac", "080027000000")
    return (
        f"MAC: {mac}, Attachment: {attachment}, Cable connected: on, Trace: off (file: none), Type: Am79C973, "
        "Reported speed: 0 Mbps, Boot priority: 0, Promisc Policy: deny, Bandwidth group: none"
    )
