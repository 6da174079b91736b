"""VirtualBox by VBoxManage: adapters bridged to ports of Open vSwitch, shaped by netqos."""
