"""VMware Workstation by vmrun and the .vmx file: bandwidths by its network adapters."""
