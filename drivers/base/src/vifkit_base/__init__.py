"""What drivers share that speak to their hypervisor themselves: connections, domains, commands, secrets."""
