"""What opens libvirt."""

from vifkit import BackendError, ConnectError, Connection, Credentials, Driver

from .connection import LibvirtConnection
from .session import Session
from .shaper import Shaper
from .uri import parse_uri


class LibvirtDriver(Driver):
    """What the drivers that talk through libvirt have in common."""

    switched: bool = True
    """Whether there is an Open vSwitch beside the hypervisor."""

    def open(self, uri: str, credentials: Credentials | None = None) -> Connection:
        """Connect to libvirt, and to the Open vSwitch beside it. Raises ConnectError, ValueError."""
        address = parse_uri(uri, self.schemes, switched=self.switched)
        session = Session(address, credentials)
        try:
            shaper = None
            if address.repair:
                sees_kernel = address.netns is not None or not address.remote
                shaper = Shaper(address.db, address.netns, sees_kernel=sees_kernel)
            return self.connection(session, shaper)
        except BaseException as error:
            session.close()
            if isinstance(error, BackendError | OSError):
                advice = "; root may" if isinstance(error.__cause__ or error, PermissionError) else ""
                raise ConnectError(f"{uri}: {error}{advice}") from error
            raise

    def connection(self, session: Session, shaper: Shaper | None) -> LibvirtConnection:
        """Make what `open` gives."""
        raise NotImplementedError
