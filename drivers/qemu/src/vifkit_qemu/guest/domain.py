"""What a domain's XML holds for the guest to boot, and for the host to reach into it."""

from pathlib import Path
from xml.sax.saxutils import escape, quoteattr

from .image import Image

MEMORY_MiB = 128
"""What the kernel needs to unpack itself, and some to spare: 64 is not enough."""

CMDLINE = (
    "console=ttyS0 quiet "
    # What takes long where a processor is emulated: together a quarter of the time to boot.
    "nokaslr cryptomgr.notests noreplace-smp lsm= "
    "initcall_blacklist=init_kprobe_trace,trace_eval_init,load_system_certificate_list "
    "clocksource=hpet "  # the host's own time; how fast the processor counts, the guest would have to measure
    "ipv6.disable=1"  # it sends without being asked
)


def body(image: Image) -> str:
    """Write `<os>` and `<features>`: it boots the image, and the power button works."""
    return (
        "<os><type arch='x86_64' machine='pc'>hvm</type>"
        f"<kernel>{escape(str(image.kernel))}</kernel><initrd>{escape(str(image.initrd))}</initrd>"
        f"<cmdline>{escape(CMDLINE)}</cmdline></os><features><acpi/></features>"
    )


def devices(channel: Path) -> str:
    """Write what goes into `<devices>` beside the interfaces, which are to be of the model virtio.

    `channel` is the socket that QEMU makes for `QemuGuest`; what the guest says there is kept in CHANNEL.log.
    """
    return (
        "<emulator>/usr/bin/qemu-system-x86_64</emulator>"
        "<controller type='usb' model='none'/><memballoon model='none'/>"
        f"<serial type='unix'><source mode='bind' path={quoteattr(str(channel))}/>"
        f"<log file={quoteattr(f'{channel}.log')} append='off'/><target port='0'/></serial>"
    )
