"""The requests of HTTP long-polling, on aiohttp. Importing this needs the extra `arcwire[client]`."""

import ssl
from typing import Final, cast

import aiohttp
import aiohttp_socks
from yarl import URL

from arcwire.engineio.client.address import Address
from arcwire.engineio.client.answers import BODY_LIMIT, Answer, AnswerTooLarge
from arcwire.engineio.client.config import EngineClientConfig
from arcwire.engineio.client.dial import (
    network_error,
    proxy_for,
    proxy_name,
    server_name,
    split_proxy,
    tls_context,
    unresolved,
)
from arcwire.errors import ConnectError, ConnectTimeout, NotAnEngine, ProxyError, Unreachable

_KEEP_ALIVE: Final = 4.0
"""Seconds that an idle connection is kept. Node and uvicorn end theirs after 5, and a post that meets
that end would be lost."""

_SOCKS_ERRORS: Final = (
    aiohttp_socks.ProxyError,
    aiohttp_socks.ProxyConnectionError,
    aiohttp_socks.ProxyTimeoutError,
)
# The last ones are raised for names that cannot be any.
_RESOLVE_ERRORS: Final = (aiohttp.ClientConnectorDNSError, aiohttp.InvalidURL, UnicodeError)
_TEXT: Final = "text/plain;charset=UTF-8"
_BINARY: Final = "application/octet-stream"


class _ConnectionLost(Exception):
    """The connection ended in the middle of a request."""


async def _once(request: aiohttp.ClientRequest, send: aiohttp.ClientHandlerType) -> aiohttp.ClientResponse:
    """Keep aiohttp from making a poll again whose connection was lost: the answer may have been on its way,
    and the messages in it would be missing without a sign."""
    try:
        return await send(request)
    except aiohttp.ClientConnectorError:
        raise
    except (aiohttp.ClientOSError, aiohttp.ServerDisconnectedError) as error:
        raise _ConnectionLost(error) from error


class PollingRequests:
    """Makes the requests of one session. `config` has what counts for this transport."""

    __slots__ = ("_address", "_config", "_proxy", "_session")

    def __init__(self, address: Address, config: EngineClientConfig) -> None:
        self._address = address
        self._config = config
        proxy = proxy_for(address, config)
        # aiohttp asks an HTTP proxy for pages without TLS as proxies expect; SOCKS it does not know.
        self._proxy = proxy if proxy is not None and proxy.startswith("http:") else None
        self._session = aiohttp.ClientSession(
            connector=_connector(address, config, None if self._proxy else proxy),
            cookie_jar=aiohttp.DummyCookieJar(),
            timeout=aiohttp.ClientTimeout(total=config.request_timeout),
            middlewares=(_once,),
        )

    async def request(
        self, method: str, sid: str | None = None, body: bytes | None = None, *, binary: bool = False
    ) -> Answer:
        """Make a request. Raises ConnectError, and AnswerTooLarge."""
        headers = self._address.headers(self._config)
        if body is not None:
            headers["Content-Type"] = _BINARY if binary else _TEXT
        url = URL(self._address.web + self._address.target(self._config, "polling", sid), encoded=True)
        if "%" in self._address.host:
            url = url.with_host(self._address.host)
        try:
            async with self._session.request(
                method,
                url,
                data=body,
                headers=headers,
                proxy=self._proxy,
                server_hostname=server_name(self._address, self._config) if self._address.secure else None,
                allow_redirects=False,
            ) as response:
                limit = self._config.max_message_size if response.status == 200 else BODY_LIMIT
                content = await _read(response, limit)
                self._config.jar.keep(self._address.web, response.headers.getall("set-cookie", []))
                fields = [(name.lower(), value) for name, value in response.headers.items()]
                return Answer(response.status, fields, content)
        except (aiohttp.ClientError, OSError, UnicodeError, _ConnectionLost, *_SOCKS_ERRORS) as error:
            raise self._explain(error) from error

    async def close(self) -> None:
        """End all connections."""
        await self._session.close()

    def _explain(self, error: Exception) -> ConnectError:
        url = str(self._address)
        if isinstance(error, TimeoutError) and not isinstance(error, aiohttp_socks.ProxyTimeoutError):
            limit = self._config.request_timeout
            return ConnectTimeout(
                f"{url} did not answer within {limit:g} seconds" if limit else str(error), url
            )
        return self._explain_proxy(error) or self._explain_server(error)

    def _explain_proxy(self, error: Exception) -> ProxyError | None:
        url = str(self._address)
        proxy = proxy_name(self._address, self._config)
        if isinstance(error, aiohttp.ClientHttpProxyError):
            return ProxyError(
                f"{url}: the proxy {proxy} refuses with status {error.status}", url, error.status
            )
        # With an HTTP proxy, it alone is connected to from here.
        if isinstance(error, aiohttp.ClientProxyConnectionError | aiohttp_socks.ProxyConnectionError) or (
            self._proxy and isinstance(error, _RESOLVE_ERRORS)
        ):
            return ProxyError(f"{url}: the proxy {proxy} cannot be reached", url)
        if isinstance(error, aiohttp_socks.ProxyTimeoutError):
            return ProxyError(f"{url}: the proxy {proxy} does not answer", url)
        if isinstance(error, aiohttp_socks.ProxyError):
            return ProxyError(f"{url}: the proxy {proxy} refuses: {error}", url)
        return None

    def _explain_server(self, error: Exception) -> ConnectError:
        url = str(self._address)
        if isinstance(error, aiohttp.ClientConnectorCertificateError):
            return network_error(error.certificate_error, self._address)
        if isinstance(error, aiohttp.ClientConnectorDNSError):
            return unresolved(self._address, error.os_error.strerror or str(error.os_error))
        if isinstance(error, aiohttp.InvalidURL):
            return unresolved(self._address, "it is no address")
        if isinstance(error, aiohttp.ClientConnectorError):
            return network_error(error.os_error, self._address)
        if isinstance(error, _ConnectionLost):
            return Unreachable(f"{url}: the connection ended without an answer", url)
        if isinstance(error, aiohttp.ClientResponseError):
            return NotAnEngine(f"{url}: what answers does not speak HTTP", url)
        # aiohttp wraps what is raised behind a SOCKS proxy.
        cause = error.__cause__ if isinstance(error, aiohttp.ClientOSError) else None
        return network_error(cause or error, self._address)


def _connector(address: Address, config: EngineClientConfig, socks: str | None) -> aiohttp.BaseConnector:
    tls: ssl.SSLContext | bool = tls_context(config) if address.secure else True
    if address.unix:
        return aiohttp.UnixConnector(address.unix, keepalive_timeout=_KEEP_ALIVE)
    if socks is None:
        return aiohttp.TCPConnector(ssl=tls, local_addr=config.local, keepalive_timeout=_KEEP_ALIVE)
    url, resolves = split_proxy(socks)
    connector = aiohttp_socks.ProxyConnector.from_url(
        url, rdns=resolves, ssl=tls, local_addr=config.local, keepalive_timeout=_KEEP_ALIVE
    )
    return cast("aiohttp.BaseConnector", connector)


async def _read(response: aiohttp.ClientResponse, limit: int) -> bytes:
    content = bytearray()
    async for chunk in response.content.iter_any():
        content += chunk
        if len(content) > limit:
            if response.status == 200:
                raise AnswerTooLarge(f"an answer of more than {limit} bytes")
            break
    return bytes(content[:limit])
