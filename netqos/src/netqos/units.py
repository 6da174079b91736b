"""Every conversion between libvirt's units, Open vSwitch's, and the kernel's. Nowhere else is a factor written."""

from dataclasses import dataclass
from pathlib import Path

U32 = 2**32
"""One more than a 32-bit field holds."""


def bps_from_kBps(kBps: int) -> int:
    """Kilobytes/s to bits/s: VIR_NETDEV_TX_TO_OVS in libvirt's src/util/virnetdevopenvswitch.c."""
    return kBps * 8000


def bits_from_KiB(KiB: int) -> int:
    """Kibibytes to bits: VIR_NETDEV_BURST_TO_OVS in libvirt's src/util/virnetdevopenvswitch.c."""
    return KiB * 8192


def kbps_from_kBps(kBps: int) -> int:
    """Kilobytes/s to kilobits/s, as `ingress_policing_rate` takes them: VIR_NETDEV_RX_TO_OVS, there too."""
    return kBps * 8


def kbit_from_KiB(KiB: int) -> int:
    """Kibibytes to what `ingress_policing_burst` calls kbit, and polices as 1024 bits: VIR_NETDEV_RX_TO_OVS."""
    return KiB * 8


def Bps_from_bps(bps: int) -> int:
    """Bits/s to whole bytes/s, cut as ovs-vswitchd cuts them."""
    return bps // 8


def bps_from_Bps(Bps: int) -> int:
    """Bytes/s to bits/s."""
    return Bps * 8


@dataclass(frozen=True, slots=True)
class Psched:
    """The packet scheduler's clock: `ticks_per_s`, and the `buffer_hz` that sizes the smallest burst."""

    ticks_per_s: int = 15_625_000
    buffer_hz: int = 1_000_000_000

    @classmethod
    def parse(cls, text: str) -> "Psched":
        """Read the four hexadecimal words of /proc/net/psched, as read_psched in OVS's lib/netdev-linux.c does.

        Raises ValueError.
        """
        a, b, c, d = (int(word, 16) for word in text.split())
        buffer_hz = d if c == 1_000_000 else 100
        if min(a, b, c, buffer_hz) <= 0:
            raise ValueError(f"invalid scheduler parameters: {text.strip()}")
        return cls(ticks_per_s=a * c // b, buffer_hz=buffer_hz)

    @classmethod
    def here(cls) -> "Psched":
        """Read this kernel's clock; where there is none to read, that of a kernel with high-resolution timers."""
        try:
            return cls.parse(Path("/proc/net/psched").read_text(encoding="ascii"))
        except OSError:
            return cls()

    def ticks(self, size_bytes: int, rate_Bps: int) -> int:
        """How long `size_bytes` take at `rate_Bps`, in ticks: 32 bits, and beyond them it wraps.

        From tc_bytes_to_ticks in OVS's lib/netdev-linux.c.
        """
        return self.ticks_per_s * size_bytes // rate_Bps % U32 if rate_Bps else 0
