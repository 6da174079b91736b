"""What prlctl tells, in the JSON of PrlVm::append_configuration and PrlOutFormatterJSON, tabs included."""

from __future__ import annotations

from .environments import device

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Any

    from .environments import Environment

_ESCAPES = {"\\": "\\\\", '"': '\\"', "\n": "\\n", "\t": "\\t", "\b": "\\b", "\f": "\\f", "\r": "\\r"}


def as_json(environments: list[Environment]) -> str:
    """Write `list -i -j`."""
    return "[\n" + ",\n".join("{\n" + _object(_details(each), 1) + "\n}\n" for each in environments) + "\n]\n"


def table(environments: list[Environment]) -> str:
    """Write `list`."""
    lines = [f"{{{each['uuid']}}}  {each['state']:<12} -               {each['name']}" for each in environments]
    return "\n".join([f"{'UUID':<40}{'STATUS':<13}{'IP_ADDR':<16}NAME", *lines]) + "\n"


def brief(environments: list[Environment]) -> str:
    """Write `list -j`."""
    each = [
        {"uuid": one["uuid"], "status": one["state"], "ip_configured": "-", "name": one["name"]} for one in environments
    ]
    return "[\n" + ",\n".join("\t{\n" + _object(one, 2) + "\n\t}" for one in each) + "\n]\n"


def _details(environment: Environment) -> dict[str, Any]:
    hardware: dict[str, Any] = {
        "cpu": {"sockets": 1, "cpus": 2, "cores": 2, "VT-x": True},
        "memory": {"size": "1024Mb", "hotplug": False},
    }
    for number, image in enumerate(environment["disks"]):
        hardware[f"hdd{number}"] = {"enabled": True, "port": f"scsi:{number}", "image": image, "type": "expanded"}
    if environment["type"] == "CT":
        hardware["venet0"] = {"enabled": True, "type": "routed"}
    for name, each in sorted(environment["nets"].items()):
        hardware[name] = {
            "enabled": True,
            "dev": device(each["mac"]),
            "network": each["network"],
            "mac": each["mac"],
            "card": "virtio",
        }
    return {
        "ID": environment["uuid"],
        "EnvID": environment["uuid"],
        "Name": environment["name"],
        "Description": environment["description"],
        "Type": environment["type"],
        "State": environment["state"],
        "OS": "linux",
        "Template": "no",
        "Uptime": "0",
        "Home": environment["home"],
        "Hardware": hardware,
        "Offline management": {"enabled": False},
    }


def _object(of: dict[str, Any], depth: int) -> str:
    lines = []
    for key, value in of.items():
        written = (
            "{\n" + _object(value, depth + 1) + "\n" + "\t" * depth + "}" if isinstance(value, dict) else _one(value)
        )
        lines.append("\t" * depth + f'"{key}": {written}')
    return ",\n".join(lines)


def _one(value: object) -> str:
    if isinstance(value, bool):
        return "true" if value else "false"
    if isinstance(value, int):
        return str(value)
    return '"' + "".join(_ESCAPES.get(each, each) for each in str(value)) + '"'
