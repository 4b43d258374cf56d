"""Options of connections: what they mean for requests, and values that cannot work."""

import pytest

from arcwire.engineio.client import Cookies, EngineClientConfig
from arcwire.engineio.client.address import read_url
from arcwire.engineio.deflate import PerMessageDeflate


def target(url="http://example.org", transport="websocket", sid=None, **options):
    config = EngineClientConfig(**options)
    return read_url(url).target(config.of(transport), transport, sid)


# -- URLs ------------------------------------------------------------------------


@pytest.mark.parametrize(
    "url, secure, host, port, authority",
    [
        ("http://example.org", False, "example.org", 80, "example.org"),
        ("https://example.org/", True, "example.org", 443, "example.org"),
        ("ws://example.org:3000/chat", False, "example.org", 3000, "example.org:3000"),
        ("wss://example.org:443", True, "example.org", 443, "example.org"),
        ("https://example.org:80", True, "example.org", 80, "example.org:80"),
        ("//example.org", True, "example.org", 443, "example.org"),
        ("example.org:8080", True, "example.org", 8080, "example.org:8080"),
        ("http://[::1]:3000", False, "::1", 3000, "[::1]:3000"),
        ("http://BÜCHER.example", False, "xn--bcher-kva.example", 80, "xn--bcher-kva.example"),
    ],
)
def test_urls(url, secure, host, port, authority):
    address = read_url(url)
    assert (address.secure, address.host, address.port, address.authority) == (secure, host, port, authority)
    assert str(address) == f"{'https' if secure else 'http'}://{authority}"


@pytest.mark.parametrize("url", ["unix:/run/app.sock", "unix:///run/app.sock", "unix:/run/app.sock?room=1"])
def test_urls_of_unix_sockets(url):
    address = read_url(url)
    assert address.unix == "/run/app.sock"
    assert address.authority == "localhost"
    assert str(address) == "unix:/run/app.sock"


@pytest.mark.parametrize(
    "url", ["ftp://example.org", "http://", "http:///path", "unix:", "unix://host/x", "http://x:port", ""]
)
def test_urls_of_nothing(url):
    with pytest.raises(ValueError, match=r"."):
        read_url(url)


def test_user_and_password_are_not_shown():
    address = read_url("https://us%40er:se%3Acret@example.org/?token=secret")
    assert address.credentials == "Basic dXNAZXI6c2U6Y3JldA=="
    assert address.headers(EngineClientConfig())["Authorization"] == address.credentials
    assert str(address) == "https://example.org"
    assert "cret" not in repr(str(address))


# -- requests ---------------------------------------------------------------------


def test_target_of_a_websocket():
    assert target() == "/engine.io/?EIO=4&transport=websocket&arcwire=batch"
    assert target(sid="abc") == "/engine.io/?EIO=4&transport=websocket&arcwire=batch&sid=abc"
    assert target(protocol=3, force_base64=True) == "/engine.io/?EIO=3&transport=websocket&b64=1"


def test_target_of_a_poll_is_unique():
    first, second = target(transport="polling"), target(transport="polling")
    start = "/engine.io/?EIO=4&transport=polling&arcwire=batch&t="
    assert first.startswith(start)
    assert first != second
    assert len(first) == len(second) == len(start) + 8


def test_no_batches_that_would_be_too_large():
    assert "arcwire" not in target(max_message_size=65535)
    assert "arcwire" in target(max_message_size=65536)


def test_timestamps():
    assert "t=" not in target(transport="polling", timestamp_requests=False).replace("transport=", "")
    assert "&t=" in target(timestamp_requests=True)
    assert "&when=" in target(transport="polling", timestamp_param="when")


def test_query():
    url = "http://example.org/?room=1&a=%26&empty="
    assert target(url) == "/engine.io/?room=1&a=%26&empty=&EIO=4&transport=websocket&arcwire=batch"
    assert target(url, query={"room": "2"}).startswith("/engine.io/?room=2&a=%26&")
    assert target(query="?x=1&y=a b") == "/engine.io/?x=1&y=a%20b&EIO=4&transport=websocket&arcwire=batch"
    assert target(query={"EIO": "9", "n": 5}) == "/engine.io/?EIO=4&n=5&transport=websocket&arcwire=batch"


def test_path():
    assert target("http://example.org/ignored", path="/socket.io/").startswith("/socket.io/?")
    assert target(path="/socket.io", add_trailing_slash=False).startswith("/socket.io?")
    assert target(path="/über").startswith("/%C3%BCber/?")


def test_options_of_one_transport():
    options = {"transport_options": {"polling": {"path": "/other", "extra_headers": {"x-real": "1"}}}}
    assert target(**options).startswith("/engine.io/?")
    assert target(transport="polling", **options).startswith("/other/?")
    config = EngineClientConfig(extra_headers={"x-both": "2"}, cookies={"a": "b"}, **options)
    polling = config.of("polling")
    assert polling.extra_headers == {"x-real": "1"}
    assert config.of("websocket") is config
    assert polling.jar is config.jar
    assert polling.memory is config.memory


def test_headers():
    address = read_url("http://user:password@example.org")
    config = EngineClientConfig(
        extra_headers={"user-agent": "mine", "authorization": "Bearer x", "X-More": "é"}, cookies={"a": "1"}
    )
    assert address.headers(config) == {
        "Host": "example.org",
        "Accept": "*/*",
        "Cookie": "a=1",
        "user-agent": "mine",
        "authorization": "Bearer x",
        "X-More": "é",
    }
    assert (
        address.headers(EngineClientConfig(extra_headers={"cookie": "mine=1"}, cookies={"a": "1"}))["cookie"]
        == "mine=1"
    )


# -- values that cannot work ---------------------------------------------------------


@pytest.mark.parametrize(
    "options",
    [
        {"transports": ()},
        {"transports": ("websocket", "webtransport")},
        {"transports": "carrier pigeon"},
        {"protocol": 5},
        {"path": "socket.io"},
        {"path": "/a b"},
        {"path": "/a?b"},
        {"path": "/a\r\nb"},
        {"timeout": 0},
        {"timeout": "20"},
        {"timeout": float("inf")},
        {"timeout": True},
        {"request_timeout": -1},
        {"upgrade_timeout": None},
        {"max_message_size": 0},
        {"max_message_size": 1.5},
        {"extra_headers": {"a b": "c"}},
        {"extra_headers": {"a": "b\r\nc: d"}},
        {"extra_headers": {"a": "€"}},
        {"extra_headers": {"a": 1}},
        {"extra_headers": {"Upgrade": "h2c"}},
        {"protocols": ["a b"]},
        {"protocols": [1]},
        {"cookies": {"a": "b; c=d"}},
        {"cookies": {"a=b": "c"}},
        {"transport_options": {"webtransport": {}}},
        {"transport_options": {"polling": {"proxy": "http://example.org"}}},
        {"transport_options": {"polling": {"path": "other"}}},
        {"per_message_deflate": 5},
        {"proxy": "example.org:3128"},
        {"proxy": "ftp://example.org"},
        {"proxy": "http://"},
        {"proxy": "http://127.0.0.1"},
        {"proxy": "http://127.0.0.1:abc"},
        {"proxy": "socks5://127.0.0.1:70000"},
        {"proxy": "socks5://a..b:1080"},
    ],
)
def test_values_that_cannot_work(options):
    with pytest.raises(
        ValueError,
        match=r"^(transport|protocol|path|timeout|request_|upgrade_|max_|extra_|cookies|per_|proxy)",
    ):
        EngineClientConfig(**options)


def test_defaults_are_those_of_the_reference():
    config = EngineClientConfig()
    assert config.transports == ("websocket", "polling")
    assert config.timeout == 20
    assert not config.remember_upgrade
    assert config.jar is not EngineClientConfig().jar
    assert EngineClientConfig(transports="polling", protocols="one").transports == ("polling",)
    assert EngineClientConfig(per_message_deflate=PerMessageDeflate()).per_message_deflate


# -- cookies ----------------------------------------------------------------------------


def test_cookies_of_a_server_are_kept():
    cookies = Cookies({"a": "1", "b": "2"})
    assert cookies.header("http://example.org/engine.io/") == "a=1; b=2"
    cookies.keep(
        "http://example.org/engine.io/",
        ["b=3; Path=/; HttpOnly", "c=4; Path=/; Max-Age=1000", "d=5; Secure; Path=/"],
    )
    assert cookies.header("http://example.org/engine.io/") == "a=1; b=3; c=4"
    assert cookies.header("https://example.org/engine.io/") == "a=1; b=3; c=4; d=5"
    assert sorted(cookie.name for cookie in cookies) == ["b", "c", "d"]
    assert repr(cookies) == "Cookies(['a', 'b', 'b', 'c', 'd'])"


def test_cookies_go_only_where_they_belong():
    cookies = Cookies()
    cookies.keep("http://example.org/", ["a=1", "b=2; Path=/elsewhere/", "c=3; Domain=other.org"])
    assert cookies.header("http://example.org/engine.io/") == "a=1"
    assert cookies.header("http://another.org/engine.io/") == ""


def test_cookies_end():
    cookies = Cookies()
    cookies.keep("http://127.0.0.1:3000/", ["a=1; Path=/", "b=2; Path=/"])
    cookies.keep(
        "http://127.0.0.1:3000/",
        ["a=; Path=/; Max-Age=0", "b=; Path=/; Expires=Thu, 01 Jan 1970 00:00:00 GMT"],
    )
    assert cookies.header("http://127.0.0.1:3000/engine.io/") == ""


def test_cookies_that_make_no_sense_are_ignored():
    cookies = Cookies()
    cookies.keep("http://localhost/", ["", "=", ";;;", "a", "b=1; Path=/"])
    assert "b=1" in cookies.header("http://localhost/")
