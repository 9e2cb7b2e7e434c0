"""Which addresses of the internet are somebody else's and public: a list of our own, since `is_global` knows too few."""

from __future__ import annotations

import ipaddress
from typing import Final

from afterclick.core.said import Said, Spoken

_REFUSED_V4: Final = tuple(
    ipaddress.IPv4Network(text)
    for text in (
        "0.0.0.0/8",  # this network
        "10.0.0.0/8",
        "100.64.0.0/10",  # shared by carriers; some clouds keep their metadata here
        "127.0.0.0/8",
        "169.254.0.0/16",  # link-local: the metadata of most clouds
        "172.16.0.0/12",
        "192.0.0.0/24",  # protocol assignments
        "192.0.2.0/24",
        "192.31.196.0/24",
        "192.52.193.0/24",
        "192.88.99.0/24",  # relays of 6to4
        "192.168.0.0/16",
        "192.175.48.0/24",
        "198.18.0.0/15",  # benchmarks
        "198.51.100.0/24",
        "203.0.113.0/24",
        "224.0.0.0/3",  # multicast, reserved, broadcast
    )
)
_PUBLIC_V6: Final = ipaddress.IPv6Network("2000::/3")
"""Everything handed out so far; what is outside (mapped, translated, local, multicast) is refused as a whole."""
_REFUSED_V6: Final = tuple(
    ipaddress.IPv6Network(text)
    for text in (
        "2001::/23",  # protocol assignments, Teredo among them
        "2001:db8::/32",
        "2002::/16",  # 6to4: an IPv4 address in disguise
        "2620:4f:8000::/48",
        "3fff::/20",
    )
)


def refusal(address: str) -> Spoken:
    """Why nobody may be called at this address (IANA's registries of special-purpose addresses), "" if it is public."""
    try:
        found = ipaddress.ip_address(address.partition("%")[0])
    except ValueError:
        return Said("refusals.not_a_network", given=address)
    if isinstance(found, ipaddress.IPv4Address):
        inside = next((network for network in _REFUSED_V4 if found in network), None)
        return "" if inside is None else Said("refusals.no_public_network", address=found, network=inside)
    if found not in _PUBLIC_V6:
        return Said("refusals.outside_public", address=found, network=_PUBLIC_V6)
    special = next((network for network in _REFUSED_V6 if found in network), None)
    return "" if special is None else Said("refusals.no_public_network", address=found, network=special)
