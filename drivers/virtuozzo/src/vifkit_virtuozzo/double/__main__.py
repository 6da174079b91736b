"""`python -m vifkit_virtuozzo.double DIRECTORY ARGUMENT...` is prlctl, with its state in a directory."""

import sys

from vifkit_base.doubles.byhand import directory

from .program import main

if __name__ == "__main__":
    sys.exit(main(directory("vifkit_virtuozzo.double", "ARGUMENT..."), sys.argv[2:]))
