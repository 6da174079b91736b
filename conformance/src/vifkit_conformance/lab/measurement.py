"""What arrived, and when."""

from dataclasses import dataclass

from .errors import LabError


@dataclass(frozen=True)
class Measurement:
    """Samples (seconds since the first frame, layer 2 bytes that have arrived by then), in order of time."""

    samples: tuple[tuple[float, int], ...]

    @property
    def total_bytes(self) -> int:
        """All that has arrived, in bytes at layer 2."""
        return self.samples[-1][1] if self.samples else 0

    def rate_bps(self, after: float = 0.0) -> float:
        """Return the mean rate in bits/s at layer 2 from `after` seconds on, which leaves out a first burst.

        Raises `LabError` if too little arrived to tell.
        """
        steady = [sample for sample in self.samples if sample[0] >= after]
        if len(steady) < 2:
            raise LabError(f"no rate to tell: {len(steady)} samples after {after:g} s, {self.total_bytes} bytes in all")
        (start, before), (end, total) = steady[0], steady[-1]
        return (total - before) * 8 / (end - start)
