"""vCenter and ESX by pyVmomi: bandwidths by distributed port groups and network adapters."""
