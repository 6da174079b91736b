"""Xen by libvirt: a vif is a port of Open vSwitch, shaped by netqos."""
