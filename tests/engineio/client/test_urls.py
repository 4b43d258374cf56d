"""URLs that people write."""

import pytest

from arcwire.engineio.client import EngineClientConfig
from arcwire.engineio.client.address import read_url


@pytest.mark.parametrize(
    "url, message",
    [
        ("http://127.0.0.1:0", r"the port in '127.0.0.1:0' is no number from 1 to 65535"),
        ("http://127.0.0.1:99999", r"the port in '127.0.0.1:99999' is no number"),
        ("http://user:secret@server.example:abc/", r"the port in 'server.example:abc' is no number"),
        ("http://exa mple", r"the URL 'http://exa mple' has no host"),
        ("http://xn--\u20ac.com", "the host 'xn--\u20ac.com' of the URL is no host name"),
    ],
)
def test_urls_that_lead_nowhere(url, message):
    with pytest.raises(ValueError, match=message):
        read_url(url)


@pytest.mark.parametrize(
    "url, authority",
    [
        ("HTTP://[::1]:3000/chat/?q=%C3%BC&empty=", "[::1]:3000"),
        ("ws://user:p%40ss@server.example/?q=\u00fc&empty=#part", "server.example"),
    ],
)
def test_what_stands_in_a_url_reaches_requests(url, authority):
    address = read_url(url)
    assert address.authority == authority
    target = address.target(EngineClientConfig(path="/socket.io"), "websocket")
    assert target.startswith("/socket.io/?q=%C3%BC&empty=&EIO=4&transport=websocket")


@pytest.mark.parametrize(
    "url, host, authority",
    [
        ("http://[fe80::1%25Eth0]:3000", "fe80::1%Eth0", "[fe80::1]:3000"),
        ("http://127.1:3000", "127.0.0.1", "127.0.0.1:3000"),
        ("http://256.256.256.256", "256.256.256.256", "256.256.256.256"),
        ("http://B\u00fccher.example", "xn--bcher-kva.example", "xn--bcher-kva.example"),
    ],
)
def test_hosts(url, host, authority):
    address = read_url(url)
    assert (address.host, address.authority) == (host, authority)
