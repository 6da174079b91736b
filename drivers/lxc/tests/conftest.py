"""The driver and its testbed; `lab`, `uri`, `connection` and `guest` are the suite's."""

from typing import TYPE_CHECKING

import pytest

from vifkit_conformance.fixtures import uri  # noqa: F401  anew, as it is one for all that has one testbed

if TYPE_CHECKING:
    from vifkit_lxc.driver import LxcDriver
    from vifkit_lxc.testbed import LxcTestbed


@pytest.fixture(scope="session")
def driver() -> "LxcDriver":
    from vifkit_lxc.driver import LxcDriver

    return LxcDriver()


@pytest.fixture(scope="session")
def testbed() -> "LxcTestbed":
    from vifkit_lxc.testbed import LxcTestbed

    return LxcTestbed()
