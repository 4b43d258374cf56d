"""Which namespace a URL means."""

import pytest

from arcwire import Client
from arcwire.socketio.client.address import check_name, namespace_of


@pytest.mark.parametrize(
    "url, namespace",
    [
        ("https://host", "/"),
        ("https://host/", "/"),
        ("https://host?token=1", "/"),
        ("https://host/chat?room=1#x", "/chat"),
        ("ws://user:pass@[::1]:80/a/b/", "/a/b/"),
        ("host:3000/chat", "/chat"),
        ("localhost:3000", "/"),
        ("//host/chat", "/chat"),
        ("http://host/a%20b%2Cc", "/a%20b%2Cc"),
        ("http://host/café", "/café"),
        ("unix:/run/app.sock", "/"),
    ],
)
def test_the_path_is_the_namespace(url, namespace):
    assert namespace_of(url) == namespace
    assert Client(url).socket.namespace.name == namespace


def test_names():
    assert check_name("chat") == "/chat"
    assert check_name("/chat") == "/chat"
    with pytest.raises(ValueError, match="without commas"):
        check_name("/a,b")
    with pytest.raises(TypeError, match="a string"):
        check_name(1)


@pytest.mark.parametrize("url", ["ftp://host", "http://", "unix://host/path", "https://host/a,b"])
def test_urls_that_cannot_be(url):
    with pytest.raises(ValueError, match=r"."):
        Client(url)
    with pytest.raises(TypeError):
        Client(None)
