"""The pytest plugin: options, header and markers. It imports nothing heavy until the suite really runs."""

import pytest

pytest_plugins = ("vifkit_conformance.fixtures",)


def pytest_addoption(parser: pytest.Parser) -> None:
    """Add the suite's options."""
    group = parser.getgroup("vifkit", "conformance of a hypervisor driver for Open vSwitch")
    group.addoption("--driver", metavar="NAME", help="judge this driver (an entry point of the group vifkit.drivers)")
    group.addoption("--driver-uri", metavar="URI", help="connect here instead of booting the driver's own testbed")
    group.addoption(
        "--require-environment",
        action="store_true",
        help="fail, and do not skip, where Open vSwitch or the right to make namespaces is missing",
    )


def pytest_configure(config: pytest.Config) -> None:
    """Register the suite's markers, and let its bandwidths warn also where warnings are errors."""
    config.addinivalue_line(
        "markers", "needs(*capabilities, **values): skip, with the reason, what the driver does not declare"
    )
    config.addinivalue_line("filterwarnings", "ignore::vifkit.errors.BandwidthWarning")


def pytest_report_header(config: pytest.Config) -> list[str]:
    """Name what is judged, and on what."""
    name = config.getoption("--driver")
    if name is None:
        return []
    from .environment import header

    return header(name)


@pytest.hookimpl(optionalhook=True)
def pytest_xdist_setupnodes(config: pytest.Config) -> None:
    """Become root of a user namespace before there are workers: they have threads, and then it is too late."""
    if config.getoption("--driver") is None:
        return
    from .lab import enter_user_namespace, privileged, why_not

    if not privileged() and why_not() is None:
        enter_user_namespace()
