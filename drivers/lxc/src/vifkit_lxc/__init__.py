"""LXC, by libvirt."""
