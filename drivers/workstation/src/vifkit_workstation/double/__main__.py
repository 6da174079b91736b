"""`python -m vifkit_workstation.double DIRECTORY` makes a vmrun there, for who wants to play with it."""

import sys
from pathlib import Path

from .install import Double

if __name__ == "__main__":
    sys.stdout.write(f"{Double(Path(sys.argv[1])).program}\n")
