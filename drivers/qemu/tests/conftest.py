"""The driver and its testbed; `lab`, `uri`, `connection` and `guest` are the suite's."""

from typing import TYPE_CHECKING

import pytest

from vifkit_conformance.fixtures import uri  # noqa: F401  anew, as it is one for all that has one testbed

if TYPE_CHECKING:
    from vifkit_qemu.driver import QemuDriver
    from vifkit_qemu.testbed import QemuTestbed


@pytest.fixture(scope="session")
def driver() -> "QemuDriver":
    from vifkit_qemu.driver import QemuDriver

    return QemuDriver()


@pytest.fixture(scope="session")
def testbed() -> "QemuTestbed":
    from vifkit_qemu.testbed import QemuTestbed

    return QemuTestbed()
