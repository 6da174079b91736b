"""What drivers that talk through libvirt share: connections, domains, events, a service. It is no driver itself."""

from . import quiet  # noqa: F401  before anything else loads the binding
