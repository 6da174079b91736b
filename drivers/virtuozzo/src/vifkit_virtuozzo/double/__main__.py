"""`python -m vifkit_virtuozzo.double DIRECTORY ARGUMENT...` is prlctl, with its state in a directory."""

import sys

from .program import main

if __name__ == "__main__":
    sys.exit(main(sys.argv[1], sys.argv[2:]))
