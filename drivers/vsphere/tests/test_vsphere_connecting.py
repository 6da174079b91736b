"""Who is let in, and who is trusted."""

import os
import socket
from collections.abc import Callable
from pathlib import Path

import pytest
from vspheres.domains import domain_xml
from vspheres.raw import Raw

from vifkit import ConnectError, Credentials, VifkitError
from vifkit_vsphere.driver import VsphereDriver
from vifkit_vsphere.testbed import running

SECRET = "pa55-word-that-nobody-sees"


def refusal(uri: str, credentials: Credentials | None = None) -> str:
    """Give the one line with which a connection is refused."""
    with pytest.raises(ConnectError) as caught:
        VsphereDriver().open(uri, credentials)
    said = str(caught.value)
    assert "\n" not in said
    assert SECRET not in said
    return said


def without(uri: str, *names: str) -> str:
    """Take parameters out of a URI."""
    where, _, query = uri.partition("?")
    return where + "?" + "&".join(each for each in query.split("&") if each.split("=")[0] not in names)


def test_a_wrong_password_is_refused(uri: str) -> None:
    assert "'root' was not let in" in refusal(uri, lambda _: SECRET)


def test_a_provider_is_asked_before_the_file_is_read(uri: str) -> None:
    asked: list[str] = []

    def provide(prompt: str) -> str:
        asked.append(prompt)
        return {"username": "somebody", "password": SECRET}[prompt]

    refusal(uri.replace("root@", ""), provide)
    assert asked == ["username", "password"]


def test_without_a_password_nobody_is_asked_to_connect(uri: str) -> None:
    assert "no password" in refusal(without(uri, "credentials"))


def test_a_file_that_others_may_read_is_refused(uri: str, tmp_path: Path) -> None:
    file = tmp_path / "credentials"
    file.write_text(f"password = {SECRET}\n", encoding="utf-8")
    file.chmod(0o644)
    assert "others may read it" in refusal(f"{without(uri, 'credentials')}&credentials={file}")


def test_a_password_in_the_uri_is_refused(uri: str) -> None:
    with pytest.raises(ValueError, match="holds no password") as caught:
        VsphereDriver().open(uri.replace("root@", f"root:{SECRET}@"))
    assert SECRET not in str(caught.value)


@pytest.mark.parametrize(
    "wrong",
    [
        "vcenter:///path",
        "esx://host?insecure=1",
        "esx://host?no_verify=1",
        "vcenter://h#x",
        "esx://root@a b:1",
        "esx://root@h:0",
    ],
)
def test_a_uri_that_is_not_understood_is_refused(wrong: str) -> None:
    with pytest.raises(ValueError, match="not understood"):
        VsphereDriver().open(wrong)


def test_a_certificate_of_nobody_known_is_refused(uri: str) -> None:
    assert "CERTIFICATE_VERIFY_FAILED" in refusal(without(uri, "cacert"))


def test_a_certificate_for_another_host_is_refused(simulated: Callable[..., str], uri: str) -> None:
    assert "127.0.0.2" in refusal(uri.replace("127.0.0.1", "127.0.0.2"))


def test_a_certificate_that_has_expired_is_refused(tmp_path: Path) -> None:
    with running("esx", tmp_path, "-expired") as expired:
        assert "certificate has expired" in refusal(expired)


def test_a_file_without_certificates_is_refused(uri: str, tmp_path: Path) -> None:
    (tmp_path / "empty.pem").touch()
    assert "empty.pem: no certificates" in refusal(f"{without(uri, 'cacert')}&cacert={tmp_path}/empty.pem")
    assert "missing.pem: no certificates" in refusal(f"{without(uri, 'cacert')}&cacert={tmp_path}/missing.pem")


def test_an_esx_is_no_vcenter(uris: dict[str, str]) -> None:
    assert "no vcenter" in refusal(uris["esx"].replace("esx:", "vcenter:"))
    assert "no esx" in refusal(uris["vcenter"].replace("vcenter:", "esx:"))


@pytest.mark.parametrize("path", ["nowhere", "DC0", "DC0/vm", "DC0/host/DC0_C0/Resources", "'\""])
def test_a_path_to_no_cluster_is_refused(uris: dict[str, str], path: str) -> None:
    assert "no cluster or host is at" in refusal(uris["vcenter"].replace("?", f"/{path}?"))


def test_a_path_names_the_cluster(uris: dict[str, str]) -> None:
    with VsphereDriver().open(uris["vcenter"].replace("?", "/DC0/host/DC0_C0?datastore=LocalDS_0&")) as opened:
        assert opened.version().startswith("VMware vCenter Server 6.5")


def test_a_datastore_that_is_none_is_refused(uri: str) -> None:
    assert "no datastore 'nowhere'" in refusal(f"{uri}&datastore=nowhere")


def test_a_host_that_does_not_listen_is_refused() -> None:
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        assert "refused" in refusal(f"esx://root@127.0.0.1:{taken.getsockname()[1]}", lambda _: SECRET)


def test_a_vsphere_that_has_ended_is_not_there_any_more(tmp_path: Path, mode: str) -> None:
    with running(mode, tmp_path) as uri:
        opened = VsphereDriver().open(uri)
        domain = opened.define(domain_xml("guest"))
    for verb in (opened.domains, domain.start, domain.xml):
        with pytest.raises(ConnectError):
            verb()
    opened.close()
    opened.close()


def test_a_session_that_is_ended_by_somebody_is_told(tmp_path: Path, mode: str) -> None:
    with running(mode, tmp_path) as uri, VsphereDriver().open(uri) as opened, Raw(uri) as raw:
        sessions = raw.content.sessionManager
        (other,) = [each.key for each in sessions.sessionList if each.key != sessions.currentSession.key]
        sessions.TerminateSession([other])
        with pytest.raises(ConnectError, match="the session has ended"):
            opened.define(domain_xml("guest"))


def test_a_slow_vsphere_is_waited_for(tmp_path: Path) -> None:
    with running("esx", tmp_path, "-delay", "20") as uri, VsphereDriver().open(uri) as opened:
        opened.create(domain_xml("guest", "<bandwidth><outbound average='1'/></bandwidth>")).stop()


def test_a_secret_is_in_no_command_line_and_no_log(tmp_path: Path) -> None:
    with running("esx", tmp_path) as uri:
        password = (tmp_path / "credentials").read_text(encoding="utf-8").split()[-1]
        with VsphereDriver().open(uri) as opened, pytest.raises(VifkitError):
            opened.domain("nobody")
        lines = [path.read_bytes() for path in Path("/proc").glob("[0-9]*/cmdline") if os.access(path, os.R_OK)]
        assert not [line for line in lines if password.encode() in line]
        assert password not in (tmp_path / "vcsim.log").read_text(encoding="utf-8")
