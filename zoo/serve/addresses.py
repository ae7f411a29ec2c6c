"""Which hosts the proxy may fetch images from: pure, by the address that is about to be connected to.

Whoever may ask a model something can name a URL, and the proxy reaches what they may not: this machine's
other services, the network it stands in, a cloud's metadata. So only public addresses are asked, unless
`remote-images` of [server] lists a host or a network.
"""

from __future__ import annotations

import ipaddress
from dataclasses import dataclass
from typing import Literal
from urllib.parse import urlsplit

from zoo.errors import EaiError

Address = ipaddress.IPv4Address | ipaddress.IPv6Address
Network = ipaddress.IPv4Network | ipaddress.IPv6Network

PORTS = frozenset({80, 443})

_UNICAST = ipaddress.IPv6Network("2000::/3")
# What Python calls global, and what leads elsewhere or nowhere all the same.
_ELSEWHERE: tuple[Network, ...] = (
    ipaddress.IPv4Network("192.88.99.0/24"),  # relays of 6to4
    ipaddress.IPv6Network("2001::/23"),  # Teredo, and other protocols' own
    ipaddress.IPv6Network("2002::/16"),  # 6to4: an IPv4 address inside
    ipaddress.IPv6Network("3fff::/20"),  # documentation
)
_NAT64 = ipaddress.IPv6Network("64:ff9b::/96")


@dataclass(frozen=True, slots=True)
class Policy:
    """Where images may come from.

    Attributes:
        public: Whether public addresses may be asked at all.
        hosts: Hosts that may be asked wherever they are, each with its port; None for 80 and 443.
        networks: Networks whose addresses may be asked although they are private.
    """

    public: bool
    hosts: frozenset[tuple[str, int | None]] = frozenset()
    networks: tuple[Network, ...] = ()

    @classmethod
    def of(cls, declared: Literal["public", "none"] | tuple[str, ...]) -> Policy:
        """Read `remote-images` of [server].

        Raises:
            EaiError: An entry is neither a host nor a network; reading a zoofile refuses it earlier.
        """
        if isinstance(declared, str):
            return cls(public=declared == "public")
        try:
            networks = tuple(ipaddress.ip_network(entry) for entry in declared if "/" in entry)
            hosts = frozenset(_host(entry) for entry in declared if "/" not in entry)
        except ValueError as error:
            raise EaiError(
                f"the lock's `remote-images` holds what is no host: {error}", hint="run `eai lock`"
            ) from error
        return cls(public=True, hosts=hosts, networks=networks)

    def knocks(self, host: str, port: int) -> bool:
        """Whether a host may be asked at a port, if its addresses are good ones."""
        return self.public and (port in PORTS or (host, port) in self.hosts)

    def allows(self, host: str, port: int, address: str) -> bool:
        """Whether the address that a host has may be connected to."""
        try:
            seen = _real(ipaddress.ip_address(address))
        except ValueError:
            return False
        if not self.knocks(host, port):
            return False
        listed = (host, port) in self.hosts or ((host, None) in self.hosts and port in PORTS)
        return listed or is_public(seen) or any(seen in network for network in self.networks)


def is_public(address: Address) -> bool:
    """Whether anybody on the internet could ask it."""
    seen = _real(address)
    if isinstance(seen, ipaddress.IPv6Address) and seen not in _UNICAST:
        return False
    if seen.is_multicast or seen.is_reserved or any(seen in network for network in _ELSEWHERE):
        return False
    return seen.is_global


def _real(address: Address) -> Address:
    """The IPv4 address that an IPv6 one stands for, where it stands for one."""
    if isinstance(address, ipaddress.IPv4Address):
        return address
    if address.ipv4_mapped is not None:
        return address.ipv4_mapped
    return ipaddress.IPv4Address(address.packed[-4:]) if address in _NAT64 else address


def _host(entry: str) -> tuple[str, int | None]:
    parts = urlsplit(f"//{entry}")
    if parts.hostname is None or parts.username is not None or parts.path:
        raise ValueError(entry)
    host = str(ipaddress.ip_address(parts.hostname)) if ":" in parts.hostname else parts.hostname
    return host.removesuffix("."), parts.port
