"""Who is at the other end, where proxies stand in between.

Only what comes from a proxy that is trusted is believed, and of the chain only the part that
trusted proxies wrote: the address is the last one that is not a trusted proxy's.
"""

import re
from collections.abc import Sequence
from ipaddress import IPv4Address, IPv4Network, IPv6Address, IPv6Network, ip_address, ip_network
from typing import TypeAlias

from arcwire.engineio.link import Request

_Address: TypeAlias = IPv4Address | IPv6Address
_Network: TypeAlias = IPv4Network | IPv6Network

# RFC 7239 section 4: pairs of a token and a value, which is a token or a quoted string.
_PAIR = re.compile(r'\s*([!#$%&\'*+\-.^_`|~\w]+)=(?:"((?:[^"\\]|\\.)*)"|([^\s",;]*))\s*(;|,|$)', re.ASCII)


def parse_networks(names: Sequence[str]) -> tuple[_Network, ...]:
    """Addresses and networks of trusted proxies; "*" is all. Raises ValueError."""
    networks: list[_Network] = []
    for name in names:
        found = ("0.0.0.0/0", "::/0") if name == "*" else (name,)
        networks += [ip_network(each, strict=False) for each in found]
    return tuple(networks)


class TrustedProxies:
    """The proxies of one engine, by their networks."""

    def __init__(self, networks: Sequence[str]) -> None:
        self._networks = parse_networks(networks)

    def resolve(self, request: Request) -> str | None:
        """Correct `client` and `secure` of a request that came through trusted proxies.

        The result is the host that the client asked for, where a proxy says so. `Forwarded` counts
        where there is no `X-Forwarded-For`: most proxies write the latter, and pass on what a client
        wrote into the former.
        """
        if not self._networks or request.client is None or not self._trusts(request.client[0]):
            return None
        listed = request.headers
        if "x-forwarded-for" in listed:
            hops = [{"for": hop.strip()} for hop in listed["x-forwarded-for"].split(",")]
            hop = self._client_of(hops)
            for name in ("proto", "host"):
                value = listed.get(f"x-forwarded-{name}", "").rpartition(",")[2].strip()
                if value:
                    hop[name] = value
        elif "forwarded" in listed:
            hop = self._client_of(_parse_forwarded(listed["forwarded"]))
        else:
            hop = {}
        address = _parse_address(hop.get("for", ""))
        if address is not None:
            request.client = (str(address), 0)
        if "proto" in hop:
            request.secure = hop["proto"].lower() in ("https", "wss")
        return hop.get("host")

    def _client_of(self, hops: list[dict[str, str]]) -> dict[str, str]:
        """The last hop that is not a trusted proxy, or the first of all."""
        hop: dict[str, str] = {}
        for each in reversed(hops):
            if _parse_address(each.get("for", "")) is None:
                break  # "unknown", a name of the proxy's own, or nonsense: nothing before it is sure
            hop = each
            if not self._trusts(each["for"]):
                break
        return dict(hop)

    def _trusts(self, name: str) -> bool:
        address = _parse_address(name)
        return address is not None and any(address in network for network in self._networks)


def _parse_address(name: str) -> _Address | None:
    """An address as in `Forwarded` or `X-Forwarded-For`: perhaps in brackets, perhaps with a port."""
    if name.startswith("["):
        name = name[1:].partition("]")[0]
    elif name.count(":") == 1:
        name = name.partition(":")[0]
    try:
        address = ip_address(name)
    except ValueError:
        return None
    mapped = address.ipv4_mapped if isinstance(address, IPv6Address) else None
    return mapped or address


def _parse_forwarded(field: str) -> list[dict[str, str]]:
    """RFC 7239; names in lower case. Of what cannot be read nothing is believed."""
    hops: list[dict[str, str]] = [{}]
    position = 0
    while position < len(field):
        found = _PAIR.match(field, position)
        if found is None:
            return []
        name, quoted, token, end = found.groups()
        hops[-1][name.lower()] = re.sub(r"\\(.)", r"\1", quoted) if quoted is not None else token
        if end == ",":
            hops.append({})
        position = found.end()
    return hops
