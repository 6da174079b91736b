"""The bandwidths that most tests use."""

REFERENCE = "<bandwidth><inbound average='512' peak='1024' burst='32'/></bandwidth>"
"""4.096 Mbit/s guaranteed, 8.192 Mbit/s at most, 32 KiB at once."""

AVERAGE_ONLY = "<bandwidth><inbound average='512'/></bandwidth>"
LOW = "<bandwidth><inbound average='128' peak='128'/></bandwidth>"
USUAL = (REFERENCE, LOW)
"""What a domain has in tests that may be about something else."""

OUTBOUND = "<bandwidth><outbound average='512' burst='32'/></bandwidth>"
