"""`python -m vifkit_powervm.double DIRECTORY` listens, says its port, and ends when its standard input does."""

import asyncio
import sys
from pathlib import Path

from .server import Hmc


async def _main(directory: Path) -> None:
    port = await Hmc(directory).listen()
    sys.stdout.write(f"{port}\n")
    sys.stdout.flush()
    await asyncio.get_running_loop().run_in_executor(None, sys.stdin.read)


if __name__ == "__main__":
    asyncio.run(_main(Path(sys.argv[1])))
