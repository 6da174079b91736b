"""A double of VMware in a directory of the test's own, and the driver's connection to it."""

from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, contextmanager
from pathlib import Path

import pytest

from vifkit import Connection, VifkitError
from vifkit_workstation.double.install import Double
from vifkit_workstation.driver import WorkstationDriver

UUID = "0a1b2c3d-1111-4222-8333-444455556666"


@pytest.fixture
def vmware(tmp_path: Path) -> Double:
    return Double(tmp_path)


@pytest.fixture
def machines(vmware: Double) -> Iterator[Connection]:
    with WorkstationDriver().open(vmware.uri) as opened:
        yield opened


@pytest.fixture
def untouched(vmware: Double) -> Callable[..., AbstractContextManager[None]]:
    """Expect a refusal of one line, after which every file is as it was: `with untouched(error, said): …`."""

    def files() -> dict[str, bytes]:
        return {str(each): each.read_bytes() for each in vmware.machines.rglob("*") if each.is_file() and each.stem}

    @contextmanager
    def expect(error: type[Exception], said: str) -> Iterator[None]:
        before = files()
        with pytest.raises(error, match=said) as caught:
            yield
        assert isinstance(caught.value, VifkitError)
        assert "\n" not in str(caught.value)
        assert files() == before

    return expect
