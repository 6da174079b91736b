"""Loads libvirt's binding without its habit to write to standard error what it raises as an error as well.

The library reads where to log once, when it is loaded (virLogSetFromEnv). Whoever sets a variable of it has what
they asked for.
"""

import os

_OUTPUTS = "LIBVIRT_LOG_OUTPUTS"

if not {_OUTPUTS, "LIBVIRT_LOG_FILTERS", "LIBVIRT_DEBUG"} & os.environ.keys():
    os.environ[_OUTPUTS] = "4:file:/dev/null"
    try:
        import libvirt  # noqa: F401
    finally:
        del os.environ[_OUTPUTS]  # what we start may talk
