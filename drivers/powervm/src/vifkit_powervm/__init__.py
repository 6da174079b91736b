"""The POWER Hypervisor by the HMC's command line over SSH."""
