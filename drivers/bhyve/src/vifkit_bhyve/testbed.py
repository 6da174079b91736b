"""How the suite boots bhyve's stand-in: libvirt's own test driver, in a libvirtd of its own.

It is part of libvirt (src/test/test_driver.c), takes domains of bhyve's type, and answers over the same wire, by the
same calls; nothing in it runs, and its networks lead nowhere. What it holds is libvirtd's: it goes when that ends, and
is one for all connections while one of them is open.
"""

from collections.abc import Iterator
from contextlib import contextmanager
from urllib.parse import quote

import libvirt

from vifkit_conformance.lab import Lab
from vifkit_conformance.testbed import Testbed
from vifkit_libvirt.testbed import PrivateLibvirt


class BhyveTestbed(Testbed):
    """Domains of type bhyve that nothing runs."""

    domain_type = "bhyve"
    domain_body = "<os><type>hvm</type></os>"
    on_openvswitch = False
    plugs_vifs = False
    judged_on = "simulator"
    tools = {"libvirt": ("libvirtd", "--version")}  # noqa: RUF012
    nonexistent = {  # noqa: RUF012
        "SupportsSecondHost": "libvirt's bhyve driver moves no domain",
        "SupportsTuning": "libvirt's bhyve driver has no domiftune",
    }

    @contextmanager
    def boot(self, lab: Lab) -> Iterator[str]:
        """Boot a libvirtd, and give the URI of a bhyve whose libvirtd opens its test driver."""
        with PrivateLibvirt(lab) as booted:
            uri = f"bhyve+unix:///system?socket={quote(str(booted.socket))}&name=test:///default"
            held = libvirt.open(uri)
            try:
                for each in held.listAllDomains(0):  # it comes with one, of its own type
                    each.destroy()
                    each.undefine()
                yield uri
            finally:
                held.close()
