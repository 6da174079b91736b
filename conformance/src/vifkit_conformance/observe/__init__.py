"""A host seen from outside: its rows by Open vSwitch's database, its devices by the kernel; never by what is judged.

`Lab` is one such host, read by netlink. `Commands` reads any other by what its own `tc`, `ip` and `ovsdb-client` print.
"""

from .observer import Observer, pinned

__all__ = ["Observer", "pinned"]
