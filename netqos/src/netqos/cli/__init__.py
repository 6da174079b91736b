"""The command `netqos`. What takes long to import is imported by the command that needs it."""

from . import apply, explain, live
from .main import main

__all__ = ["apply", "explain", "live", "main"]
