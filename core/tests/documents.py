"""Documents that the tests read, and how a refusal is caught."""

import pytest

from vifkit import (
    Bandwidth,
    InvalidXmlError,
    Rate,
    Vif,
    parse_bandwidth,
    parse_domain,
    parse_interface,
)
from vifkit.domain_xml import read_document

MAC = "52:54:00:aa:bb:cc"
UUID = "0b6a1d7c-5a1f-4a5e-9a51-2f6f5a0c7d11"
PARSERS = [parse_bandwidth, parse_interface, parse_domain, read_document]

INTERFACE = f"""\
<interface type='bridge'>
      <mac address='{MAC.upper()}'/>
      <source bridge='ovsbr0'/>
      <virtualport type='openvswitch'>
        <parameters interfaceid='{UUID}'/>
      </virtualport>
      <target dev='vnet0'/>
      <mtu size='9000'/>
      <bandwidth>
        <inbound average='1000' peak='5000' floor='200' burst='1024'/>
        <outbound average='128' peak='256' burst='256'/>
      </bandwidth>
    </interface>"""

DOMAIN = f"""\
<domain xmlns:qemu='http://libvirt.org/schemas/domain/qemu/1.0' type='kvm'>
  <name>web</name>
  <uuid>{UUID.upper()}</uuid>
  <metadata>
    <app:info xmlns:app='urn:app'><interface><mac address='{MAC}'/></interface></app:info>
  </metadata>
  <devices>
    <!-- the only one -->
    {INTERFACE}
    <interface type='user'>
      <mac address='52:54:00:00:00:02'/>
    </interface>
  </devices>
  <qemu:commandline/>
</domain>"""

VIF = Vif(
    type="bridge",
    mac=MAC,
    source="ovsbr0",
    virtualport="openvswitch",
    interface_id=UUID,
    target="vnet0",
    mtu=9000,
    bandwidth=Bandwidth(
        inbound=Rate(average=1000, peak=5000, floor=200, burst=1024),
        outbound=Rate(average=128, peak=256, burst=256),
    ),
)
BAD_DEVICES = ["", "-", "-x", ".", "..", "a/b", "a b", "a\tb", "a\u00a0b", "eth0:1", "x" * 16, "é" * 8]


def domain(devices: str = "", name: str = "web", identity: str = f"<uuid>{UUID}</uuid>") -> str:
    return f"<domain type='kvm'><name>{name}</name>{identity}<devices>{devices}</devices></domain>"


def interface(inside: str = "", mac: str = MAC) -> str:
    return f"<interface type='bridge'><mac address='{mac}'/>{inside}</interface>"


def refusal(parser: object, xml: str | bytes) -> InvalidXmlError:
    assert callable(parser)
    with pytest.raises(InvalidXmlError) as caught:
        parser(xml)
    assert len(str(caught.value).splitlines()) == 1
    assert len(str(caught.value)) < 300
    return caught.value
