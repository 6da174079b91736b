"""The SSH server before the commands. It can be in a mood, which a file tells it before each command."""

import asyncio
import json
import os
from pathlib import Path
from typing import Any

import asyncssh

from .commands import carry_out
from .system import ManagedSystem

USER = "hscroot"
FLOOD_BYTES = 10 << 20
MAX_SESSIONS = 10
"""What a connection may have at once: sshd_config(5), MaxSessions."""


class _Server(asyncssh.SSHServer):
    """Lets one user in, by one password or one key."""

    def __init__(self, hmc: "Hmc", password: str, key: asyncssh.SSHKey) -> None:
        self._hmc = hmc
        self._password = password
        self._key = key
        self._sessions = 0

    def connection_made(self, conn: asyncssh.SSHServerConnection) -> None:
        self._connection = conn

    def session_requested(self) -> "tuple[asyncssh.SSHServerChannel[bytes], asyncssh.SSHServerSession[bytes]]":
        if self._sessions >= MAX_SESSIONS:
            raise asyncssh.ChannelOpenError(asyncssh.OPEN_RESOURCE_SHORTAGE, "no more sessions")
        self._sessions += 1
        return (
            self._connection.create_server_channel(encoding=None),
            asyncssh.SSHServerProcess(self._serve, None, 0, False),
        )

    async def _serve(self, process: "asyncssh.SSHServerProcess[bytes]") -> None:
        try:
            await self._hmc.serve(process)
        finally:
            self._sessions -= 1

    def begin_auth(self, username: str) -> bool:
        return True

    def password_auth_supported(self) -> bool:
        return True

    def public_key_auth_supported(self) -> bool:
        return True

    def validate_password(self, username: str, password: str) -> bool:
        return (username, password) == (USER, self._password)

    def validate_public_key(self, username: str, key: asyncssh.SSHKey) -> bool:
        return username == USER and key == self._key


class Hmc:
    """A server on loopback, all its files in one directory that is there.

    `host` and `user` are keys, with their public halves beside them; `stranger` is a key that is not let in; `password`
    has the password; `known_hosts` knows the host. `mood` may be written by tests: {"mood": …, "command": the one that
    it is for, "text": …}. `commands` has a line for each command that came.
    """

    def __init__(self, directory: Path) -> None:
        self._directory = directory
        self._system = ManagedSystem(directory)

    async def listen(self) -> int:
        """Make the keys, and listen; give the port."""
        host, user, stranger = (asyncssh.generate_private_key("ssh-ed25519") for _ in range(3))
        password = os.urandom(9).hex()
        for name, key in (("host", host), ("user", user), ("stranger", stranger)):
            _secretly(self._directory / name, key.export_private_key().decode())
            (self._directory / f"{name}.pub").write_bytes(key.export_public_key())
        _secretly(self._directory / "password", f"username = {USER}\npassword = {password}\n")
        server = await asyncssh.create_server(
            lambda: _Server(self, password, user.convert_to_public()),
            "127.0.0.1",
            0,
            server_host_keys=[host],
            agent_forwarding=False,
        )
        port = server.get_port()
        known = f"[127.0.0.1]:{port} {host.export_public_key().decode()}"
        (self._directory / "known_hosts").write_text(known, encoding="ascii")
        return port

    async def serve(self, process: "asyncssh.SSHServerProcess[bytes]") -> None:
        """Carry out the command that came."""
        if process.command is None:
            process.exit(1)  # nobody sits before this console
            return
        with (self._directory / "commands").open("a", encoding="utf-8") as log:
            log.write(f"{process.command}\n")
        await self._say(process, process.command, self._mood(process.command))

    async def _say(self, process: "asyncssh.SSHServerProcess[bytes]", line: str, mood: dict[str, Any]) -> None:
        self._system.lag = mood.get("lag", self._system.lag)
        self._system.description_characters = mood.get("holds", self._system.description_characters)
        match mood.get("mood"):
            case "silent":
                await asyncio.sleep(3600)
            case "held":  # until it is in another mood
                while self._mood(line).get("mood") == "held":
                    await asyncio.sleep(0.01)
            case "slow":
                await asyncio.sleep(mood["seconds"])
            case "fail":
                process.stdout.write(f"{mood['text']}\n".encode())
                process.exit(1)
                return
            case "garbage":
                process.stdout.write(bytes.fromhex(mood["hex"]))
                process.exit(0)
                return
            case "flood":
                process.stdout.write(b"x" * FLOOD_BYTES)
                process.exit(0)
                return
        status, said = carry_out(self._system, line)
        if mood.get("mood") == "close":
            process.stdout.write(said.encode()[: len(said) // 2])
            await process.stdout.drain()
            process.get_extra_info("connection").abort()
            return
        process.stdout.write(said.encode())
        process.exit(status)

    def _mood(self, line: str) -> dict[str, Any]:
        try:
            mood: dict[str, Any] = json.loads((self._directory / "mood").read_text(encoding="utf-8"))
        except FileNotFoundError:
            return {}
        return mood if mood.get("command", "") in line else {}


def _secretly(path: Path, text: str) -> None:
    path.touch(mode=0o600)
    path.write_text(text, encoding="ascii")
