"""A driver that is no libvirt's stays small, its double and its testbed not counted."""

import ast
import io
import tokenize
import tomllib
from pathlib import Path

import pytest

ROOT = Path(__file__).parent.parent.parent
LIMIT = 500
"""What a driver has fewer lines of code than: neither blank, nor comment, nor docstring."""
_NO_CODE = {
    tokenize.COMMENT,
    tokenize.DEDENT,
    tokenize.ENCODING,
    tokenize.ENDMARKER,
    tokenize.INDENT,
    tokenize.NEWLINE,
    tokenize.NL,
}


def depends_on_base(project: Path) -> bool:
    dependencies = tomllib.loads(project.read_text(encoding="utf-8"))["project"]["dependencies"]
    return any(each.startswith("vifkit-base=") for each in dependencies)


DRIVERS = sorted(path.parent for path in ROOT.glob("drivers/*/pyproject.toml") if depends_on_base(path))


def lines_of_code(text: str) -> int:
    """Count the lines that hold code."""
    found = set()
    for token in tokenize.generate_tokens(io.StringIO(text).readline):
        if token.type not in _NO_CODE:
            found |= set(range(token.start[0], token.end[0] + 1))
    for node in ast.walk(ast.parse(text)):
        if isinstance(node, ast.Expr) and isinstance(node.value, ast.Constant) and isinstance(node.value.value, str):
            found -= set(range(node.lineno, (node.end_lineno or node.lineno) + 1))
    return len(found)


def test_what_is_counted() -> None:
    assert lines_of_code('"""A\nmodule."""\n\n# A comment.\nLONG = """a\n\nb"""  # three lines\n') == 3
    assert lines_of_code('class A:\n    """One."""\n\n    b = (\n        1,\n    )\n    """An attribute\'s."""\n') == 4


def test_drivers_are_found() -> None:
    assert {"hyperv", "powervm", "vsphere", "workstation"} <= {each.name for each in DRIVERS}


@pytest.mark.parametrize("driver", DRIVERS, ids=lambda path: path.name)
def test_a_driver_is_small(driver: Path) -> None:
    files = [path.relative_to(driver) for path in driver.glob("src/**/*.py")]
    counted = [path for path in files if not {"double", "simulator"} & set(path.parts) and path.name != "testbed.py"]
    sizes = {str(path): lines_of_code((driver / path).read_text(encoding="utf-8")) for path in counted}
    assert sizes
    assert sum(sizes.values()) < LIMIT, sizes
