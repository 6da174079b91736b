"""The commands of PowerShell itself: Select-Object, Where-Object, Get-CimInstance.

From the pages Select-Object (Microsoft.PowerShell.Utility), Where-Object (Microsoft.PowerShell.Core), Get-CimInstance
(CimCmdlets) and about_Calculated_Properties. A property that is null is expanded to nothing.
"""

from collections.abc import Callable, Iterator, Mapping

from .binding import Bound
from .errors import Category, RefusedError
from .host import Host
from .values import Custom, member, properties


def select_object(_host: Host, bound: Bound, given: object, _warn: Callable[[str], None]) -> Iterator[object]:
    """Make a new object of some properties, or give a property itself with others beside it."""
    if given is None:
        return
    wanted = bound.arguments.get("Property")
    picked = dict(_picked(given, each) for each in wanted) if isinstance(wanted, list) else {}
    expanded = bound.text("ExpandProperty")
    if expanded is None:
        names = list(getattr(given, "type_names", ()))
        first = next((each for each in names if not each.startswith("Selected.")), "System.Object")
        yield Custom((f"Selected.{first}", "System.Management.Automation.PSCustomObject", "System.Object"), picked)
        return
    if expanded.lower() not in {each.lower() for each in properties(given)}:
        text = f'Property "{expanded}" cannot be found.'
        raise RefusedError("ExpandPropertyNotFound", text, Category.INVALID_ARGUMENT, "PSArgumentException")
    value = member(given, expanded)
    if value is not None:
        yield Custom(getattr(value, "type_names", ("System.Object",)), {**properties(value), **picked})


def where_object(_host: Host, bound: Bound, given: object, _warn: Callable[[str], None]) -> Iterator[object]:
    """Let through what has a property of a value: -EQ whatever the case, -CEQ in this case."""
    if given is None:
        return
    held, wanted = str(member(given, bound.text("Property") or "")), bound.text("Value") or ""
    same = held == wanted if bound.switch("CEQ") else held.lower() == wanted.lower()
    if same and (bound.switch("EQ") or bound.switch("CEQ")):
        yield given


def get_cim_instance(_host: Host, bound: Bound, _given: object, _warn: Callable[[str], None]) -> Iterator[object]:
    """Give the operating system, the one class that is known."""
    if (bound.text("ClassName") or "").lower() != "win32_operatingsystem":
        text = "Invalid class "
        raise RefusedError("HRESULT 0x80041010", text, Category.INVALID_ARGUMENT, "CimException")
    name = "Microsoft.Management.Infrastructure.CimInstance#root/cimv2/Win32_OperatingSystem"
    system: dict[str, object] = {"Caption": "Microsoft Windows Server 2022 Datacenter", "Version": "10.0.20348"}
    yield Custom((name, "Microsoft.Management.Infrastructure.CimInstance", "System.Object"), system)


def _picked(given: object, wanted: object) -> tuple[str, object]:
    """Give a property, or a calculated one whose expression is a string: the name of another property."""
    if isinstance(wanted, Mapping):
        keys = {str(key).lower(): str(value) for key, value in wanted.items()}
        return keys.get("name", keys.get("label", "")), member(given, keys.get("expression", ""))
    return str(wanted), member(given, str(wanted))
