"""Builds the simulator, and says where it is."""

import sys

from . import SimulatorError, built

try:
    print(built())  # noqa: T201
except SimulatorError as error:
    sys.exit(f"vifkit_vsphere.simulator: {error}")
