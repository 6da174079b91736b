"""The option `--hosts`, which is testinfra's: one host, on which a driver is judged from outside."""

from typing import TYPE_CHECKING

import pytest

from .report import redact

if TYPE_CHECKING:
    from .observe.remote import Remote

_OPTIONS = ("connection", "ssh_config", "ssh_identity_file", "ssh_extra_args", "sudo", "sudo_user")


def connect(config: pytest.Config) -> "Remote":
    """Reach the host. Raises pytest.UsageError, in one line, if that cannot be, or something is missing there."""
    from .lab import LabUnavailableError

    spec = config.getoption("hosts")
    shown = redact.uri(spec)
    if "," in spec:
        raise pytest.UsageError(f"--hosts {shown}: a driver is judged on one host at a time")
    if len(config.getoption("tx", default=())) > 1:
        raise pytest.UsageError(f"--hosts {shown}: workers would take each other's work for left behind: use one")
    if config.getoption("--driver-uri") is None:
        raise pytest.UsageError(f"--hosts {shown}: say by --driver-uri where the driver connects")
    try:
        from .observe.remote import Remote

        given = {name: config.getoption(name, default=None) for name in _OPTIONS}
        return Remote(spec, **{name: value for name, value in given.items() if value})
    except ModuleNotFoundError as error:
        raise pytest.UsageError("--hosts needs testinfra: install vifkit-conformance[hosts]") from error
    except LabUnavailableError as error:
        raise pytest.UsageError(f"--hosts: {error}") from error
