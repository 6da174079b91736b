"""Drivers that are wrong on purpose, so that the suite can be seen to catch them.

Each class is one mistake, and its docstring says which. `handmade` holds what they vary, `judging` runs
the suite on them; the other modules hold the mistakes.
"""

from . import lifecycle, native, outbound, ownership, promises, translation, updates
from .handmade import MISTAKES, Mistake

__all__ = ["MISTAKES", "Mistake", "lifecycle", "native", "outbound", "ownership", "promises", "translation", "updates"]
