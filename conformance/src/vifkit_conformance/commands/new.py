"""`vifkit-conformance new`: a driver's package that passes the suite, to start from."""

import re
import shutil
from collections.abc import Iterator
from pathlib import Path

import click

# What an entry point, a distribution and, in lower case and with '_' for '-', a module may be called.
_NAME = re.compile("(?!.{41})[A-Za-z][A-Za-z0-9]*([_-][A-Za-z0-9]+)*")


@click.command(
    epilog="""\b
Examples:
  vifkit-conformance new mine                  makes ./vifkit-mine
  vifkit-conformance new mine --into ~/src

\b
Then, in its directory, with VIFKIT a clone of vifkit's repository:
  python3 -m venv .venv
  .venv/bin/pip install VIFKIT/core VIFKIT/netqos VIFKIT/conformance --editable '.[test]'
  .venv/bin/pytest -n 2

Exit codes: 0 written, 2 this name or directory cannot be had."""
)
@click.argument("name", metavar="NAME")
@click.option(
    "--into",
    "parent",
    metavar="DIR",
    default=".",
    type=click.Path(exists=True, file_okay=False, path_type=Path),
    help="Where the package's directory is made. [default: here]",
)
def new(name: str, parent: Path) -> None:
    """Write the package vifkit-NAME: a small driver that passes the suite, and that you then make your hypervisor's.

    NAME is a letter, and then letters, digits, '-' and '_'.
    """
    if not _NAME.fullmatch(name):
        raise click.UsageError(
            f"{name!r} is no name: a letter, then letters, digits, '-' and '_', not one of these at the end, 40 in all"
        )
    if (taken := _taken(name)) is not None:
        raise click.UsageError(f"the name {name!r} is taken: {taken} is installed")
    home = parent / f"vifkit-{name}"
    if home.exists() or home.is_symlink():
        raise click.UsageError(f"{home} exists already")
    try:
        _write(name, home)
    except OSError as error:
        raise click.ClickException(f"{home}: {error.strerror}") from error
    click.echo(f"{home} is written, and passes the suite. Its domains are network namespaces, until your hypervisor's")
    click.echo(f"calls stand in src/{_module(name)}/hypervisor.py; its README.md says how.")


def _module(name: str) -> str:
    return "vifkit_" + name.replace("-", "_").lower()


def _taken(name: str) -> str | None:
    """Name what has this name already: a driver, or another package of vifkit's."""
    from importlib.util import find_spec

    from vifkit import drivers

    for driver in drivers():
        if _module(driver) == _module(name):
            return f"the driver {driver}"
    return f"the package {_module(name)}" if find_spec(_module(name)) else None


def _write(name: str, home: Path) -> None:
    """Write the package: all of it or nothing."""
    draft = home.with_name(f".{home.name}.draft")
    draft.mkdir()
    try:
        for path, text in _files(name):
            (draft / path).parent.mkdir(parents=True, exist_ok=True)
            (draft / path).write_text(text, encoding="utf-8")
        draft.rename(home)
    except BaseException:
        shutil.rmtree(draft, ignore_errors=True)
        raise


def _files(name: str) -> Iterator[tuple[str, str]]:
    """Give the path and the text of each file of the package, under its new name."""
    from importlib.metadata import version

    words = {
        "vifkit_skeleton": _module(name),
        "skeleton-scheme": name.replace("_", "-").lower(),  # RFC 3986 has no underscore there
        "Skeleton": "".join(part[:1].upper() + part[1:] for part in re.split("[-_]", name)),
        "skeleton": name,
        "0.0.0": version("vifkit-conformance"),
        "tests/conformance": "tests/test_conformance",  # here pytest would take it for one of the suite's modules
    }
    word = re.compile("|".join(map(re.escape, words)))
    package = Path(__file__).parent.parent / "scaffold" / "package"
    for path in sorted(package.rglob("*")):
        if path.is_file() and "__pycache__" not in path.parts:
            parts = (str(path.relative_to(package)), path.read_text(encoding="utf-8"))
            renamed, text = (word.sub(lambda found: words[found[0]], part) for part in parts)
            yield renamed, text
