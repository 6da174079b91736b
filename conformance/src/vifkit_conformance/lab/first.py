"""Process 1 of a PID namespace: it runs a command and ends as that does, and the kernel ends all that is left there.

A program of its own, `python first.py [--terminal] COMMAND…`. With `--terminal` the command has the terminal: its
process group is one that it can see, without which dash does not give the terminal back.
"""

import os
import signal
import subprocess
import sys


def main(argv: list[str]) -> int:
    """Run a command, and return its exit code."""
    # For ps and its like. Where the host's /proc is partly hidden, as in containers, the kernel says no.
    subprocess.run(["mount", "-t", "proc", "proc", "/proc"], stderr=subprocess.DEVNULL, check=False)
    if argv[0] == "--terminal":
        argv = argv[1:]
        os.setpgid(0, 0)
        theirs = signal.signal(signal.SIGTTOU, signal.SIG_IGN)
        os.tcsetpgrp(0, os.getpgrp())
        signal.signal(signal.SIGTTOU, theirs)
    signal.signal(signal.SIGINT, lambda *_: None)  # it is for the command
    try:
        # Python ignores these, and what is ignored stays so in a command.
        command = os.posix_spawnp(argv[0], argv, os.environ, setsigdef=[signal.SIGPIPE, signal.SIGXFSZ])
    except (OSError, ValueError) as error:  # ValueError: an empty name
        sys.stderr.write(f"vifkit-conformance: {argv[0]!r}: {getattr(error, 'strerror', error)}\n")
        return 127
    while True:
        process, status = os.wait()  # also for those whose parents have ended
        if process == command:
            code = os.waitstatus_to_exitcode(status)
            return code if code >= 0 else 128 - code


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
