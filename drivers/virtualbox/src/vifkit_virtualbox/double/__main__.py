"""`python -m vifkit_virtualbox.double DIRECTORY ARGUMENT...` is VBoxManage, with its state in a directory."""

import sys

from vifkit_base.doubles.byhand import directory

from .program import main

if __name__ == "__main__":
    sys.exit(main(directory("vifkit_virtualbox.double", "ARGUMENT..."), sys.argv[2:]))
