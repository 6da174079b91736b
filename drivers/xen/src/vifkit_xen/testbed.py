"""What the suite runs on Xen. It boots none here, where nothing boots below a hypervisor: see ci/xen-lab."""

from collections.abc import Sequence
from contextlib import AbstractContextManager

from vifkit_conformance.lab import Lab, LabUnavailableError
from vifkit_conformance.testbed import Testbed

KERNEL, INITRD = "/srv/guest/vmlinux", "/srv/guest/initrd"
"""Where the host has what a guest boots."""

COMMAND_LINE = "console=hvc0 quiet nokaslr cryptomgr.notests lsm= ipv6.disable=1"
MEMORY_MiB = 80


class XenTestbed(Testbed):
    """Paravirtual guests of the host that `--hosts` names."""

    domain_type = "xen"
    judged_on = "real"

    def boot(self, lab: Lab) -> AbstractContextManager[str]:
        """Refuse. Raises LabUnavailableError."""
        raise LabUnavailableError("Xen is a machine of its own: ci/xen-lab boots one, and judges it by --hosts")

    def domain_xml(self, name: str, uuid: str, interfaces: Sequence[str]) -> str:
        """Write the XML of a guest that boots a Linux, and lets go of what is unplugged."""
        return (
            f"<domain type='xen'><name>{name}</name><uuid>{uuid}</uuid><memory unit='MiB'>{MEMORY_MiB}</memory>"
            "<vcpu>1</vcpu><os><type arch='x86_64' machine='xenpv'>linux</type>"
            f"<kernel>{KERNEL}</kernel><initrd>{INITRD}</initrd><cmdline>{COMMAND_LINE}</cmdline></os>"
            f"<devices>{''.join(interfaces)}"
            "<console type='pty'><target type='xen' port='0'/></console></devices></domain>"
        )
