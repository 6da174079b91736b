"""Domains that the tests make."""


def domain_xml(name: str = "guest", *bandwidths: str, number: int = 1, network: str = "br0", more: str = "") -> str:
    interfaces = "".join(
        f"<interface type='bridge'><mac address='52:54:00:00:{number:02x}:{each:02x}'/><source bridge='{network}'/>"
        f"{bandwidth}{more}</interface>"
        for each, bandwidth in enumerate(bandwidths or ("",))
    )
    uuid = f"00000000-0000-4000-8000-{number:012x}"
    return (
        f"<domain type='vmware'><name>{name}</name><uuid>{uuid}</uuid><memory unit='MiB'>64</memory><vcpu>2</vcpu>"
        f"<devices>{interfaces}</devices></domain>"
    )
