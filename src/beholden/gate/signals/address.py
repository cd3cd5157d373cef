"""Addresses that others give us to call: what may stand in one, and into which networks a call may go.

Whoever registers an address makes our host call it, from inside (server-side request forgery). So: https alone, plain
http only to this very host; no credentials in it; and the network address that the name turns out to have is judged
when the call is made, not before, since a name can mean another address the next moment.
"""

from collections.abc import Sequence
from ipaddress import IPv4Address, IPv4Network, IPv6Address, IPv6Network, ip_address, ip_network
from urllib.parse import urlsplit

from beholden.model.errors import BadInput

LONGEST = 500
Network = IPv4Network | IPv6Network
_LOOPBACK_NAMES = {"localhost", "127.0.0.1", "::1"}
_NAT64 = IPv6Network("64:ff9b::/96")


def checked(address: str, what: str) -> str:
    """The address when it can be registered; raises BadInput that names `what` it was for."""
    plain = len(address) <= LONGEST and address.isascii() and address.isprintable() and " " not in address
    try:
        parts = urlsplit(address) if plain else None
        port_fits = parts is not None and (parts.port is None or parts.port > 0)
    except ValueError:
        parts, port_fits = None, False
    if parts is None or not parts.hostname or not port_fits or "\\" in address:
        raise BadInput(f"The {what} is not an address.", f"Use an absolute https URL of at most {LONGEST} characters.")
    if parts.scheme != "https" and not (parts.scheme == "http" and parts.hostname in _LOOPBACK_NAMES):
        raise BadInput(f"The {what} is not https.", "Use https; plain http is for this host alone.")
    if "@" in parts.netloc or parts.fragment:
        raise BadInput(f"The {what} has a user name or a fragment in it.", "Leave that out.")
    return address


def networks(text: str) -> tuple[Network, ...]:
    """Networks as an operator writes them: `10.0.0.0/8, fd00::/8`; raises BadInput."""
    try:
        return tuple(ip_network(part.strip()) for part in text.split(",") if part.strip())
    except ValueError as error:
        raise BadInput(f"BEHOLDEN_RECEIVER_NETWORKS: {error}.", "Write networks as 10.0.0.0/8, fd00::/8.") from error


def may_call(ip: str, private: Sequence[Network]) -> bool:
    """Whether a call may go to this address: a public one, or one in a network that an operator named."""
    try:
        found = _plain(ip_address(ip))
    except ValueError:
        return False
    if any(found in network for network in private if network.version == found.version):
        return True
    return found.is_global and not found.is_multicast


def _plain(ip: IPv4Address | IPv6Address) -> IPv4Address | IPv6Address:
    """An IPv4 address in IPv6 clothes is judged as what it reaches."""
    if isinstance(ip, IPv6Address):
        if ip.ipv4_mapped is not None:
            return ip.ipv4_mapped
        if ip.sixtofour is not None:
            return ip.sixtofour
        if ip in _NAT64:
            return IPv4Address(int(ip) & 0xFFFFFFFF)
    return ip
