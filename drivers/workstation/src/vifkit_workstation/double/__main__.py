"""`python -m vifkit_workstation.double DIRECTORY` makes a vmrun there, and says under which URI a driver finds it."""

import sys
from pathlib import Path

from vifkit_base.doubles.byhand import directory

from .install import Double

if __name__ == "__main__":
    sys.stdout.write(f"{Double(Path(directory('vifkit_workstation.double'))).uri}\n")
