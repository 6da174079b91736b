"""A full kernel without root: user-mode Linux on the host's own files, for what the host's kernel lacks."""

from .errors import UmlError
from .machine import INSIDE, LIMIT_REACHED, Machine

__all__ = ["INSIDE", "LIMIT_REACHED", "Machine", "UmlError"]
