"""bhyve by libvirt: domains and their vifs; a bandwidth is refused, as FreeBSD has no tc."""
