"""Memory and processors, as libvirt's XML writes them."""

import pytest

from vifkit import DomainConfig, InvalidXmlError, parse_domain
from vifkit_base.amounts import memory_bytes, memory_MiB, vcpus


def domain(inner: str) -> DomainConfig:
    return parse_domain(f"<domain type='vmware'><name>guest</name>{inner}</domain>")


@pytest.mark.parametrize(
    ("memory", "held"),
    [
        ("<memory>1</memory>", 1024),
        ("<memory unit='b'>5</memory>", 5),
        ("<memory unit='bytes'>5</memory>", 5),
        ("<memory unit='KB'>2</memory>", 2000),
        ("<memory unit='k'>2</memory>", 2048),
        ("<memory unit='MiB'> 64 </memory>", 67_108_864),
        ("<memory unit='mb'>64</memory>", 64_000_000),
        ("<memory unit='G'>1</memory>", 1_073_741_824),
        ("<memory unit='TiB'>1</memory>", 1_099_511_627_776),
        ("", None),
    ],
)
def test_memory_is_told_in_bytes(memory: str, held: int | None) -> None:
    assert memory_bytes(domain(memory)) == held


@pytest.mark.parametrize(
    ("memory", "held"),
    [
        ("<memory unit='MiB'>64</memory>", 64),
        ("<memory unit='MiB'>65</memory>", 68),
        ("<memory unit='b'>1</memory>", 4),
        ("", None),
    ],
)
def test_memory_is_told_in_steps(memory: str, held: int | None) -> None:
    assert memory_MiB(domain(memory), 4) == held


@pytest.mark.parametrize("text", ["much", "", "-1", "0", "000", "1.5", "1e3", "٣", "--help"])
def test_what_is_no_amount_is_refused(text: str) -> None:
    with pytest.raises(InvalidXmlError, match="domain/memory: not understood"):
        memory_bytes(domain(f"<memory>{text}</memory>"))
    with pytest.raises(InvalidXmlError, match="domain/vcpu: not understood"):
        vcpus(domain(f"<vcpu>{text}</vcpu>"))


@pytest.mark.parametrize("memory", ["<memory unit='TiB'>4097</memory>", f"<memory>{'9' * 5000}</memory>"])
def test_more_than_any_machine_has_is_told_shortly(memory: str) -> None:
    with pytest.raises(InvalidXmlError, match=r"^domain/memory: more than any machine has: '[49]") as caught:
        memory_bytes(domain(memory))
    assert len(str(caught.value)) < 80
    with pytest.raises(InvalidXmlError, match=r"^domain/vcpu: more than any machine has: '16385'$"):
        vcpus(domain("<vcpu>16385</vcpu>"))


def test_the_most_that_is_taken() -> None:
    assert memory_bytes(domain("<memory unit='PiB'>4</memory>")) == 4_503_599_627_370_496
    assert vcpus(domain("<vcpu>000000000000000000000016384</vcpu>")) == 16384


def test_what_is_no_unit_is_refused() -> None:
    with pytest.raises(InvalidXmlError, match="not understood: '1' 'horse'"):
        memory_bytes(domain("<memory unit='horse'>1</memory>"))


def test_processors_are_counted() -> None:
    assert vcpus(domain("<vcpu placement='static'>2</vcpu>")) == 2
    assert vcpus(domain("")) is None
