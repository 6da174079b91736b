"""URIs: what is understood, and what is refused before anybody is asked."""

import pytest

from vifkit_powervm.driver import PowervmDriver


@pytest.mark.parametrize(
    "uri",
    [
        "hmc:///system",
        "hmc://hmc.example",
        "hmc://hmc.example/",
        "hmc://hmc.example/a/b",
        "hmc://hmc.example/-x",
        "hmc://hmc.example/a%20b",
        "hmc://hmc.example/a;b",
        "hmc://hmc.example/a%0Ab",
        "hmc://hmc.example/system?verify=no",
        "hmc://hmc.example/system?timeout=0",
        "hmc://hmc.example/system?timeout=1000",
        "hmc://hmc.example/system?timeout=1e3",
        "hmc://hmc.example/system?timeout=1&timeout=2",
        "hmc://hmc.example:99999/system",
        "hmc://hmc.example/system#part",
        "phyp://hmc.example/system",
    ],
)
def test_what_is_not_understood_is_refused(uri: str) -> None:
    with pytest.raises(ValueError, match="understood") as caught:
        PowervmDriver().open(uri)
    assert "\n" not in str(caught.value)


def test_a_password_in_a_uri_is_refused_and_not_shown() -> None:
    with pytest.raises(ValueError, match="a URI holds no password") as caught:
        PowervmDriver().open("hmc://hscroot:abc123@hmc.example/system")
    assert "abc123" not in str(caught.value)
