"""Users and passwords for SASL, by the mechanism SCRAM-SHA-256."""

import subprocess
from pathlib import Path

from vifkit_conformance.lab.binaries import binary


class Passwords:
    """A database of users, and the configuration that leads libvirtd there, in one new directory.

    libvirtd finds it by SASL_CONF_PATH in its environment. Raises LabUnavailableError.
    """

    realm = "lab"

    def __init__(self, directory: Path) -> None:
        self.directory = directory
        directory.mkdir(mode=0o700)
        conf = f"mech_list: scram-sha-256\nsasldb_path: {directory}/passwd.db\n"
        (directory / "libvirt.conf").write_text(conf)

    def add(self, user: str, password: str) -> None:
        """Add a user, who gives the name `user@lab`."""
        where = ("-a", "libvirt", "-u", self.realm, "-f", str(self.directory / "passwd.db"))
        subprocess.run([binary("saslpasswd2"), "-p", "-c", *where, user], input=password, text=True, check=True)
