"""Every error that the contract knows.

    VifkitError
    ├ UnsupportedError         .capability
    ├ InvalidXmlError          (also ValueError)  .path .reason
    ├ InvalidBandwidthError    (also ValueError)  .field .value
    ├ DomainNotFoundError      (also LookupError) .name
    ├ DomainExistsError        .name
    ├ InvalidStateError        .state .wanted
    ├ AccessDeniedError        (also PermissionError)  whoever asks may not
    ├ ConnectError             (also ConnectionError)  may be tried again
    └ BackendError             what lies below failed; raised `from` its error
        ├ SwitchUnavailableError   ovsdb-server or ovs-vswitchd is not answering  .committed
        ├ PortNotFoundError        (also LookupError) no such port on a bridge  .port
        ├ PortExistsError          a bridge has a port of this name already  .port
        └ ForeignQosError          a QoS row that is not ours holds the port  .port

Each message is one line that a person can act on. `BandwidthWarning` is no error: the request is
carried out, and does not mean what it seems to.
"""


class VifkitError(Exception):
    """The root of every error that a driver, netqos or the suite raises on purpose."""


class UnsupportedError(VifkitError):
    """The driver does not do this, as its `Capabilities` say; nothing was changed."""

    def __init__(self, capability: str, message: str | None = None) -> None:
        super().__init__(message or f"not supported: {capability}")
        self.capability = capability


class InvalidXmlError(VifkitError, ValueError):
    """The XML is not well formed, not allowed, or not what is expected at `path`."""

    def __init__(self, path: str, reason: str) -> None:
        super().__init__(f"{path}: {reason}" if path else reason)
        self.path = path
        self.reason = reason


class InvalidBandwidthError(VifkitError, ValueError):
    """A figure of a bandwidth is missing, malformed or out of range."""

    def __init__(self, field: str, value: object, reason: str) -> None:
        # repr refuses an int of more than some thousand digits, and nobody would read it.
        shown = f"of {value.bit_length()} bits" if isinstance(value, int) and abs(value) >> 128 else repr(value)
        super().__init__(f"{field} {shown if len(shown) <= 40 else shown[:36] + '…'}: {reason}")
        self.field = field
        self.value = value


class DomainNotFoundError(VifkitError, LookupError):
    """No domain bears this name."""

    def __init__(self, name: str) -> None:
        super().__init__(f"no domain is named {name!r}")
        self.name = name


class DomainExistsError(VifkitError):
    """Another domain bears this name or UUID."""

    def __init__(self, name: str) -> None:
        super().__init__(f"a domain named {name!r}, or with its UUID, exists")
        self.name = name


class InvalidStateError(VifkitError):
    """The domain is in a state in which this cannot be done."""

    def __init__(self, name: str, state: str, wanted: str) -> None:
        super().__init__(f"domain {name!r} is {state}, not {wanted}")
        self.state = state
        self.wanted = wanted


class AccessDeniedError(VifkitError, PermissionError):
    """Whoever asks may not do this, or the connection is for reading only; nothing was changed."""


class ConnectError(VifkitError, ConnectionError):
    """The hypervisor cannot be reached; a later try may succeed."""


class BackendError(VifkitError):
    """What lies below (Open vSwitch, netlink, libvirt, …) failed; its error is the `__cause__`."""


class SwitchUnavailableError(BackendError):
    """ovsdb-server or ovs-vswitchd is not answering.

    `committed` is true where the rows are written, but ovs-vswitchd has not acted on them.
    """

    def __init__(self, message: str, *, committed: bool = False) -> None:
        super().__init__(message)
        self.committed = committed


class PortNotFoundError(BackendError, LookupError):
    """No bridge of this Open vSwitch has such a port."""

    def __init__(self, port: str, message: str | None = None) -> None:
        super().__init__(message or f"no bridge has a port named {port!r}")
        self.port = port


class PortExistsError(BackendError):
    """A bridge has a port of this name already; it was left alone."""

    def __init__(self, port: str) -> None:
        super().__init__(f"a bridge has a port named {port!r} already")
        self.port = port


class ForeignQosError(BackendError):
    """A QoS row that is neither ours nor this domain's holds the port; it was left alone."""

    def __init__(self, port: str, message: str) -> None:
        super().__init__(message)
        self.port = port


class BandwidthWarning(UserWarning):
    """A bandwidth is in effect, and does not do what it seems to say; `code` is stable."""

    def __init__(self, code: str, message: str) -> None:
        super().__init__(f"{code}: {message}")
        self.code = code
