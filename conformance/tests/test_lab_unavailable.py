from pathlib import Path

import pytest

from vifkit_conformance.lab import Lab, LabUnavailableError, binaries, opening, schema, userns, why_not
from vifkit_conformance.lab.binaries import binary


@pytest.fixture
def nothing_installed(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setenv("PATH", str(tmp_path))
    monkeypatch.setattr(binaries, "_ADMINISTRATORS_PATH", str(tmp_path))


@pytest.mark.usefixtures("nothing_installed")
@pytest.mark.parametrize(
    ("program", "package"), [("ovs-vswitchd", "openvswitch-switch"), ("ip", "iproute2"), ("nsenter", "util-linux")]
)
def test_a_missing_program_is_an_error_of_one_line_that_names_the_package(program: str, package: str) -> None:
    with pytest.raises(LabUnavailableError) as raised:
        binary(program)
    assert str(raised.value) == f"{program} is not installed: install the package {package}"


@pytest.mark.usefixtures("nothing_installed")
def test_why_not_says_what_to_install() -> None:
    assert why_not() == "ovs-vswitchd is not installed: install the package openvswitch-switch"


@pytest.mark.switch
def test_a_lab_says_what_to_install_and_leaves_nothing(
    monkeypatch: pytest.MonkeyPatch, request: pytest.FixtureRequest
) -> None:
    schema.schema_file.cache_clear()
    request.addfinalizer(schema.schema_file.cache_clear)
    monkeypatch.setattr(Path, "is_file", lambda _path: False)
    lab = Lab()
    with pytest.raises(LabUnavailableError, match=r"vswitch\.ovsschema is not installed: .* openvswitch-switch"), lab:
        pass
    assert not lab.directory.exists()


def test_programs_outside_a_users_path_are_found(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    program = tmp_path / "ovs-vswitchd"
    program.touch(mode=0o755)
    monkeypatch.setattr(binaries, "_ADMINISTRATORS_PATH", str(tmp_path))
    monkeypatch.setenv("PATH", "/nowhere")
    assert binary("ovs-vswitchd") == str(program)


def test_why_not_names_a_tun_device_that_cannot_be_opened(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setattr(userns, "_PROGRAMS", ())
    monkeypatch.setattr(userns, "_TUN", tmp_path / "tun")
    assert (why_not() or "").startswith(f"{tmp_path}/tun: No such file or directory: load the module tun")


@pytest.mark.switch
def test_why_not_has_nothing_to_say_where_labs_are_made() -> None:
    assert why_not() is None


@pytest.mark.parametrize(
    ("closed", "opened"),
    [
        ({"user/max_user_namespaces": "0"}, "user.max_user_namespaces=15000"),
        ({"kernel/unprivileged_userns_clone": "0"}, "kernel.unprivileged_userns_clone=1"),
        (
            {"kernel/apparmor_restrict_unprivileged_userns": "1", "kernel/unprivileged_userns_clone": "1"},
            "kernel.apparmor_restrict_unprivileged_userns=0",
        ),
        (
            {"user/max_net_namespaces": "0", "user/max_user_namespaces": "0"},
            "user.max_user_namespaces=15000 user.max_net_namespaces=15000",
        ),
    ],
    ids=["any-kernel", "debian", "ubuntu", "two"],
)
def test_what_is_closed_by_a_sysctl_is_told_how_to_open(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path, closed: dict[str, str], opened: str
) -> None:
    for name, value in closed.items():
        (tmp_path / name).parent.mkdir(exist_ok=True)
        (tmp_path / name).write_text(f"{value}\n")
    monkeypatch.setattr(opening, "_SYSCTLS", tmp_path)
    how = opening.how_to_open_namespaces(by_users=True)
    assert how == f"as root, sysctl -w {opened}; for good, the same in /etc/sysctl.d/60-vifkit.conf"


def test_where_no_sysctl_is_in_the_way_a_container_may_be(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setattr(opening, "_SYSCTLS", tmp_path)
    assert "seccomp=unconfined" in opening.how_to_open_namespaces(by_users=True)
    assert "--privileged" in opening.how_to_open_namespaces(by_users=False)
