"""`python -m vifkit_virtualbox.double DIRECTORY ARGUMENT...` is VBoxManage, with its state in a directory."""

import sys

from .program import main

if __name__ == "__main__":
    sys.exit(main(sys.argv[1], sys.argv[2:]))
