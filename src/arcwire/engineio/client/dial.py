"""From an address to an open byte stream: names, sockets, TLS, proxies; and what can go wrong with each."""

import asyncio
import errno
import os
import socket
import ssl
from collections.abc import Callable
from functools import lru_cache
from pathlib import Path
from typing import Any, TypeVar
from urllib.request import getproxies, proxy_bypass

from python_socks import ProxyConnectionError, ProxyTimeoutError
from python_socks import ProxyError as SocksError
from python_socks.async_.asyncio import Proxy

from arcwire.engineio.client.address import Address
from arcwire.engineio.client.config import EngineClientConfig, check_proxy
from arcwire.engineio.client.tcp import connect_tcp
from arcwire.errors import ConnectError, ProxyError, ResolveError, TlsError, Unreachable

_ProtocolT = TypeVar("_ProtocolT", bound=asyncio.BaseProtocol)


async def dial(
    make_protocol: Callable[[], _ProtocolT], address: Address, config: EngineClientConfig
) -> tuple[asyncio.Transport, _ProtocolT]:
    """Open a connection for a WebSocket. Raises ConnectError; cancelling it leaves nothing open."""
    loop = asyncio.get_running_loop()
    options: dict[str, Any] = {}
    if address.secure:
        options["ssl"] = tls_context(config)
        options["server_hostname"] = server_name(address, config)
    try:
        if address.unix:
            return await loop.create_unix_connection(make_protocol, address.unix, **options)
        proxy = proxy_for(address, config)
        if proxy is not None:
            sock = await _connect_through(proxy, address, config)
        else:
            sock = await connect_tcp(address.host, address.port, config.local)
        return await loop.create_connection(make_protocol, sock=sock, **options)
    except (OSError, ssl.SSLError, EOFError, UnicodeError) as error:
        raise network_error(error, address) from error


def network_error(error: BaseException, address: Address) -> ConnectError:
    """What an exception of the event loop means to someone who wants to connect."""
    url = str(address)
    if isinstance(error, ssl.SSLCertVerificationError):
        return TlsError(f"{url}: the certificate cannot be trusted: {error.verify_message}", url)
    if isinstance(error, ssl.SSLError):
        return TlsError(f"{url}: TLS failed: {error.reason or error}", url)
    if isinstance(error, ssl.CertificateError):
        return TlsError(f"{url}: the certificate cannot be trusted: {error}", url)
    if isinstance(error, socket.gaierror):
        return unresolved(address, error.strerror or "no address")
    if isinstance(error, UnicodeError):  # of the codec "idna", in which names are resolved
        return unresolved(address, "it is no host name")
    if isinstance(error, OSError):
        if address.secure and isinstance(
            error, ConnectionResetError | ConnectionAbortedError | BrokenPipeError
        ):
            return TlsError(f"{url}: the connection ended during the TLS handshake", url)
        return Unreachable(f"{url}: {_reason(error)}", url)
    return Unreachable(f"{url}: {str(error) or type(error).__name__}", url)


def unresolved(address: Address, reason: str) -> ResolveError:
    """The name of the host has no address."""
    url = str(address)
    return ResolveError(f"{url}: the host name {address.host} cannot be resolved: {reason}", url)


def _reason(error: OSError) -> str:
    if error.errno == errno.ECONNREFUSED:
        return "the connection was refused"
    return os.strerror(error.errno) if error.errno else str(error) or "no answer"


# -- TLS -----------------------------------------------------------------------


def server_name(address: Address, config: EngineClientConfig) -> str:
    """The name that the certificate has to be for."""
    return config.server_hostname or address.host.partition("%")[0]


def tls_context(config: EngineClientConfig) -> ssl.SSLContext:
    """The settings of TLS. Raises TlsError for files that cannot be used."""
    if config.ssl_context is not None:
        return config.ssl_context
    certificate = config.client_certificate
    parts = certificate if isinstance(certificate, tuple) else (certificate,)
    try:
        return _make_context(
            _version(config.ca_file),
            tuple(_version(part) for part in parts[:2]),
            *parts[2:3] or (None,),
            config.insecure,
        )
    except (OSError, ssl.SSLError) as error:
        raise TlsError(f"the certificates of this client cannot be loaded: {error}") from error


def _version(path: "str | Path | None") -> tuple[str, float] | None:
    """A file, and when it changed: certificates are renewed while programs run."""
    return None if path is None else (str(path), os.stat(path).st_mtime)


@lru_cache(maxsize=16)
def _make_context(
    authorities: tuple[str, float] | None,
    certificate: tuple[tuple[str, float] | None, ...],
    passphrase: str | None,
    insecure: bool,
) -> ssl.SSLContext:
    # A context has the system's authorities in it, about a megabyte: connections share it.
    context = ssl.create_default_context(cafile=authorities[0] if authorities else None)
    files = [part[0] for part in certificate if part]
    if files:
        key = files[1] if len(files) > 1 else None
        context.load_cert_chain(files[0], key, password=passphrase)
    if insecure:
        context.check_hostname = False
        context.verify_mode = ssl.CERT_NONE
    return context


# -- proxies -------------------------------------------------------------------


def proxy_for(address: Address, config: EngineClientConfig) -> str | None:
    """The URL of the proxy to take, None for none."""
    if address.unix:
        return None
    if config.proxy is not None:
        return config.proxy
    if not config.trust_env or proxy_bypass(f"{address.host}:{address.port}"):
        return None
    proxies = getproxies()
    found = proxies.get("https" if address.secure else "http") or proxies.get("all")
    if not found:
        return None
    url = found if "://" in found else f"http://{found}"
    try:
        check_proxy(url)
    except ValueError as error:
        raise ProxyError(
            f"{address}: the environment names a proxy that cannot be used: {error}", str(address)
        ) from None
    return url


def proxy_name(address: Address, config: EngineClientConfig) -> str:
    """The proxy as it may be shown: without user and password."""
    scheme, _, rest = (proxy_for(address, config) or "").partition("://")
    return f"{scheme}://{rest.rpartition('@')[2]}"


def split_proxy(proxy: str) -> tuple[str, bool]:
    """The URL as python-socks knows it, and whether the proxy resolves names: "h" and "a" say so."""
    scheme, _, rest = proxy.partition("://")
    return f"{scheme.rstrip('ah')}://{rest}", scheme in ("socks5h", "socks4a")


async def _connect_through(proxy: str, address: Address, config: EngineClientConfig) -> socket.socket:
    url = str(address)
    name = proxy_name(address, config)
    plain, resolves = split_proxy(proxy)
    try:
        return await Proxy.from_url(plain, rdns=resolves).connect(
            address.host, address.port, local_addr=config.local
        )
    except ProxyTimeoutError as error:
        raise ProxyError(f"{url}: the proxy {name} does not answer", url) from error
    except ProxyConnectionError as error:
        raise ProxyError(f"{url}: the proxy {name} cannot be reached: {error.strerror}", url) from error
    except SocksError as error:
        status = error.error_code if plain.startswith("http:") else None
        raise ProxyError(f"{url}: the proxy {name} refuses: {error}", url, status) from error
