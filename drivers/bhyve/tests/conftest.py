"""The driver and its testbed; `lab`, `uri`, `connection` and `guest` are the suite's."""

from typing import TYPE_CHECKING

import pytest

from vifkit_conformance.fixtures import uri  # noqa: F401  anew, as it is one for all that has one testbed

if TYPE_CHECKING:
    from vifkit_bhyve.driver import BhyveDriver
    from vifkit_bhyve.testbed import BhyveTestbed


@pytest.fixture(scope="session")
def driver() -> "BhyveDriver":
    from vifkit_bhyve.driver import BhyveDriver

    return BhyveDriver()


@pytest.fixture(scope="session")
def testbed() -> "BhyveTestbed":
    from vifkit_bhyve.testbed import BhyveTestbed

    return BhyveTestbed()
