"""The whole suite, on this driver."""

import pytest
from vifkit_conformance.suite import *

from vifkit_skeleton.driver import SkeletonDriver


@pytest.fixture(scope="session")
def driver() -> SkeletonDriver:
    """What is judged."""
    return SkeletonDriver()
