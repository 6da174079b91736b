"""Run the double as a process of its own: `python -m vifkit_hyperv.double DIRECTORY`.

It writes its certificate into the directory, reads the account from the lines `username = …` and `password = …` of
DIRECTORY/credentials, prints the port that it listens at on 127.0.0.1, and ends when its standard input does.
"""

import argparse
import sys
from pathlib import Path

from vifkit import ConnectError
from vifkit_base.secrets import secret

from .host import MODES, Host, Switch
from .server import Server


def main() -> None:
    """Serve."""
    usage = "python -m vifkit_hyperv.double DIRECTORY [--switch NAME[=MODE]]..., DIRECTORY/credentials being there"
    parser = argparse.ArgumentParser("python -m vifkit_hyperv.double", usage, __doc__)
    parser.add_argument("directory", type=Path)
    parser.add_argument("--switch", action="append", default=[], help="NAME or NAME=MODE; br0 without any")
    options = parser.parse_args()
    switches = [Switch(name, mode or "Absolute") for name, _, mode in (each.partition("=") for each in options.switch)]
    if any(each.mode not in MODES for each in switches):
        parser.error(f"a mode is one of {', '.join(MODES)}")
    try:
        user, password = (secret(each, None, options.directory / "credentials") for each in ("username", "password"))
    except ConnectError as error:
        parser.error(str(error))
    with Server(options.directory, user, password, Host(switches or [Switch("br0")])) as server:
        print(server.port, flush=True)  # noqa: T201
        sys.stdin.read()


if __name__ == "__main__":
    main()
