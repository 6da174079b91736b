"""`python -m vifkit_powervm.double DIRECTORY` listens, says its port, and ends when its standard input does."""

import asyncio
import sys
from pathlib import Path

from vifkit_base.doubles.byhand import directory

from .server import Hmc


async def _main(where: Path) -> None:
    port = await Hmc(where).listen()
    sys.stdout.write(f"{port}\n")
    sys.stdout.flush()
    await asyncio.get_running_loop().run_in_executor(None, sys.stdin.read)


if __name__ == "__main__":
    asyncio.run(_main(Path(directory("vifkit_powervm.double"))))
