"""Virtuozzo by prlctl: vifs of containers and VMs on Open vSwitch, shaped by netqos."""
