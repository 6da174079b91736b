"""Other ways in to a lab's libvirtd: certificates for TLS, passwords for SASL."""

from .certificates import Authority
from .passwords import Passwords

__all__ = ["Authority", "Passwords"]
