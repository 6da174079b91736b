"""What drivers that talk through libvirt share: connections, domains, events, a service. It is no driver itself."""
