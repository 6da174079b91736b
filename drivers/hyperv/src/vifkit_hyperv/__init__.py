"""Hyper-V by PowerShell over WinRM: bandwidths by the virtual machine's network adapter."""
