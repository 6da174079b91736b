"""Attribute records, lists and tables, as an HMC reads and writes them."""

import csv
import io
from collections.abc import Iterable, Mapping, Sequence


class Refusal(Exception):
    """What an HMC says where it does not do what it is asked, with status 1."""


def read_record(text: str) -> dict[str, str]:
    """Read 'name=value,"name=value,value",…'. Raises Refusal."""
    found: dict[str, str] = {}
    for item in read_list(text):
        name, equals, value = item.partition("=")
        if not equals or not name or name in found:
            raise Refusal(f"The format of the configuration data is not valid near {item}.")
        found[name] = value
    return found


def read_list(text: str) -> list[str]:
    """Read 'value,"value,value",…'. Raises Refusal."""
    try:
        rows = list(csv.reader(io.StringIO(text), strict=True))
    except csv.Error:
        rows = []
    if len(rows) != 1:
        raise Refusal("The format of the configuration data is not valid.")
    return rows[0]


def listed(rows: Iterable[Mapping[str, str]], names: Sequence[str] | None, header: bool, default: Sequence[str]) -> str:
    """Write rows as `-F` has them written, or else each as a record of the default attributes that it has."""
    rows = list(rows)
    if not rows:
        return "No results were found.\n"
    text = io.StringIO()
    write = csv.writer(text, lineterminator="\n").writerow
    if names is None:
        for row in rows:
            write([f"{name}={row[name]}" for name in default if row[name] != "null"])
        return text.getvalue()
    if header:
        write(names)
    for row in rows:
        for name in names:
            if name not in row:
                raise invalid(name)
        write([row[name] for name in names])
    return text.getvalue()


def invalid(name: str) -> Refusal:
    """Give what an HMC says of an attribute that it does not know."""
    return Refusal(
        f"An invalid attribute was entered.  The invalid attribute is {name}.  Please correct your entry and retry the "
        "command."
    )


def insist(true: object, said: str) -> None:
    """Raise Refusal if something is not so."""
    if not true:
        raise Refusal(said)
