"""What is wrong is told once, and once more when it is over."""

from vifkit_libvirt.watch.troubles import Troubles


def test_a_trouble_that_lasts_is_told_once() -> None:
    troubles = Troubles()
    troubles.begin("port", "vnet0", "it is held")
    assert troubles.news() == (["it is held"], [])
    troubles.begin("port", "vnet0", "it is held, they say")
    assert troubles.news() == ([], [])
    assert troubles.kinds() == {"port"}


def test_the_end_of_a_trouble_is_told_once() -> None:
    troubles = Troubles()
    troubles.begin("switch", "", "it is away")
    troubles.end("switch", "", "it is back")
    troubles.end("switch", "", "it is back")
    assert troubles.news() == (["it is away"], ["it is back"])
    assert troubles.kinds() == set()


def test_where_there_was_none_no_end_is_told() -> None:
    troubles = Troubles()
    troubles.end("port", "vnet0", "it is right")
    assert troubles.news() == ([], [])


def test_a_trouble_that_comes_again_is_told_again() -> None:
    troubles = Troubles()
    for _ in range(2):
        troubles.begin("port", "vnet0", "it is held")
        troubles.end("port", "vnet0", "it is free")
    assert troubles.news() == (["it is held"] * 2, ["it is free"] * 2)


def test_what_is_gone_is_forgotten_without_a_word() -> None:
    troubles = Troubles()
    troubles.begin("port", "vnet0", "it is held")
    troubles.begin("port", "vnet1", "it is held")
    troubles.begin("domain", "vnet0", "it is odd")
    troubles.news()
    troubles.keep("port", {"vnet1"})
    assert troubles.kinds() == {"port", "domain"}
    troubles.end("port", "vnet0", "it is free")
    assert troubles.news() == ([], [])
    troubles.keep("port", ())
    assert troubles.kinds() == {"domain"}
