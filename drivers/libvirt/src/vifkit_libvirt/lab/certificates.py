"""Certificates for TLS, made by openssl and good for two days."""

from pathlib import Path

from vifkit_conformance.lab.command import run

_USAGE = {"server": "serverAuth", "client": "clientAuth"}


class Authority:
    """A certificate authority, and the keys and certificates that it has issued, in one new directory.

    The names are libvirt's, so the directory is what `pkipath` in a URI asks for (docs/uri.rst, section tls).
    Raises LabError, LabUnavailableError.
    """

    def __init__(self, directory: Path) -> None:
        self.directory = directory
        directory.mkdir(mode=0o700)
        self._make("ca", "-addext", "basicConstraints=critical,CA:TRUE", "-addext", "keyUsage=critical,keyCertSign")

    def issue(self, role: str, address: str = "") -> None:
        """Make a key and a certificate of the `server` at an IP address, or of a `client`."""
        # libvirt 9.0 insists on key encipherment (virNetTLSContextCheckCertKeyUsage), which only an RSA key can do.
        extensions = [
            "basicConstraints=critical,CA:FALSE",
            "keyUsage=critical,digitalSignature,keyEncipherment",
            f"extendedKeyUsage={_USAGE[role]}",
        ]
        if address:
            extensions.append(f"subjectAltName=IP:{address}")
        signed = ("-CA", str(self.directory / "cacert.pem"), "-CAkey", str(self.directory / "cakey.pem"))
        self._make(role, *signed, *(word for each in extensions for word in ("-addext", each)))

    def libvirtd_conf(self, address: str) -> str:
        """Write the lines by which libvirtd listens with the server's certificate, and asks clients for theirs."""
        return "\n".join((
            "listen_tls = 1",
            f'listen_addr = "{address}"',
            'auth_tls = "none"',
            f'key_file = "{self.directory}/serverkey.pem"',
            f'cert_file = "{self.directory}/servercert.pem"',
            f'ca_file = "{self.directory}/cacert.pem"',
        ))  # fmt: skip

    def _make(self, name: str, *arguments: str) -> None:
        files = ("-keyout", str(self.directory / f"{name}key.pem"), "-out", str(self.directory / f"{name}cert.pem"))
        new = ("req", "-x509", "-newkey", "rsa:2048", "-noenc", "-days", "2", "-subj", f"/CN=lab {name}")
        run(["openssl", *new, *files, *arguments])
