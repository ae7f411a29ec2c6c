"""Which addresses images may be fetched from."""

from __future__ import annotations

import pytest

from zoo.errors import EaiError
from zoo.serve.addresses import Policy

PUBLIC = Policy.of("public")


@pytest.mark.parametrize(
    "address", ["93.184.215.14", "2606:4700::1111", "::ffff:93.184.215.14", "64:ff9b::808:808"]
)
def test_public_addresses_are_allowed(address: str) -> None:
    assert PUBLIC.allows("images.example", 443, address)


@pytest.mark.parametrize(
    "address",
    [
        "127.0.0.1",
        "127.9.9.9",
        "0.0.0.0",
        "10.0.0.1",
        "172.16.0.1",
        "192.168.1.1",
        "100.64.0.1",
        "169.254.169.254",
        "192.0.2.1",
        "192.88.99.1",
        "198.18.0.1",
        "224.0.0.1",
        "239.255.255.250",
        "240.0.0.1",
        "255.255.255.255",
        "::",
        "::1",
        "::127.0.0.1",
        "::ffff:127.0.0.1",
        "::ffff:10.0.0.1",
        "64:ff9b::7f00:1",
        "64:ff9b:1::1",
        "100::1",
        "2001::1",
        "2001:db8::1",
        "2002:7f00:1::",
        "3fff::1",
        "5f00::1",
        "fc00::1",
        "fd00::1",
        "fe80::1",
        "fe80::1%eth0",
        "fec0::1",
        "ff02::1",
        "no address",
        "2130706433",
        "0177.0.0.1",
    ],
)
def test_addresses_that_not_everybody_could_ask_are_refused(address: str) -> None:
    assert not PUBLIC.allows("images.example", 443, address)


def test_other_ports_than_the_webs_are_refused() -> None:
    assert not PUBLIC.allows("images.example", 6379, "93.184.215.14")


def test_none_allows_nothing() -> None:
    assert not Policy.of("none").allows("images.example", 443, "93.184.215.14")


def test_a_listed_host_may_be_private_at_the_webs_ports() -> None:
    policy = Policy.of(("files.lan",))
    assert policy.allows("files.lan", 80, "10.0.0.7")
    assert not policy.allows("files.lan", 8000, "10.0.0.7")
    assert not policy.allows("other.lan", 80, "10.0.0.7")
    assert policy.allows("images.example", 443, "93.184.215.14")


def test_a_listed_port_is_that_hosts_alone() -> None:
    policy = Policy.of(("Files.LAN:8000", "10.0.0.9:9000", "[0:0::1]:7000"))
    assert policy.allows("files.lan", 8000, "10.0.0.7")
    assert not policy.allows("files.lan", 80, "10.0.0.7")
    assert policy.allows("10.0.0.9", 9000, "10.0.0.9")
    assert policy.allows("::1", 7000, "::1")
    assert not policy.allows("::1", 80, "::1")


def test_a_listed_network_may_be_private_under_any_name() -> None:
    policy = Policy.of(("10.0.0.0/8", "fd00::/8"))
    assert policy.allows("files.lan", 80, "10.1.2.3")
    assert policy.allows("files.lan", 80, "::ffff:10.1.2.3")
    assert policy.allows("files.lan", 443, "fd00::7")
    assert not policy.allows("files.lan", 80, "192.168.0.1")
    assert not policy.allows("files.lan", 8000, "10.1.2.3")


def test_a_lock_that_was_written_by_hand_is_an_error() -> None:
    with pytest.raises(EaiError, match="remote-images"):
        Policy.of(("10.0.0.1/8",))
