"""Other ways in to a lab's libvirtd: certificates for TLS, a server for ssh, passwords for SASL."""

from .certificates import Authority
from .passwords import Passwords
from .ssh import SshServer

__all__ = ["Authority", "Passwords", "SshServer"]
