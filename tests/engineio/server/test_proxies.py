import pytest

from arcwire.engineio.config import EngineConfig
from arcwire.engineio.link import Admission, Response
from arcwire.engineio.server.proxies import TrustedProxies
from support.links import admit, open_link
from support.recorder import RecordedEngine
from support.requests import request_with

PROXY = ("10.0.0.5", 4000)


def resolve(trusted: list[str], headers: dict[str, str], client=PROXY, secure=False):
    request = request_with("GET", headers, client=client, secure=secure)
    host = TrustedProxies(trusted).resolve(request)
    return (request.client and request.client[0], request.secure, host)


@pytest.mark.parametrize(
    "trusted, headers, address",
    [
        (["10.0.0.0/8"], {"x-forwarded-for": "203.0.113.7"}, "203.0.113.7"),
        (["10.0.0.5"], {"x-forwarded-for": "203.0.113.7"}, "203.0.113.7"),
        (["10.0.0.0/8"], {"x-forwarded-for": "6.6.6.6, 203.0.113.7"}, "203.0.113.7"),
        (["10.0.0.0/8"], {"x-forwarded-for": "6.6.6.6, 203.0.113.7, 10.9.9.9"}, "203.0.113.7"),
        (["10.0.0.0/8"], {"x-forwarded-for": "10.1.1.1, 10.9.9.9"}, "10.1.1.1"),
        (["*"], {"x-forwarded-for": "6.6.6.6, 203.0.113.7"}, "6.6.6.6"),
        (["10.0.0.0/8"], {"x-forwarded-for": "203.0.113.7:4711"}, "203.0.113.7"),
        (["10.0.0.0/8"], {"x-forwarded-for": "2001:db8::7"}, "2001:db8::7"),
        (["10.0.0.0/8"], {"x-forwarded-for": "[2001:db8::7]:4711"}, "2001:db8::7"),
        (["10.0.0.0/8"], {"x-forwarded-for": "::ffff:203.0.113.7"}, "203.0.113.7"),
        (["10.0.0.0/8"], {"x-forwarded-for": "unknown"}, "10.0.0.5"),
        (["10.0.0.0/8"], {"x-forwarded-for": "6.6.6.6, nonsense"}, "10.0.0.5"),
        (["10.0.0.0/8"], {"x-forwarded-for": ""}, "10.0.0.5"),
        (["10.0.0.0/8"], {"forwarded": 'for="[2001:db8::7]:4711";proto=https'}, "2001:db8::7"),
        (["10.0.0.0/8"], {"forwarded": "for=6.6.6.6, for=203.0.113.7;by=10.0.0.5"}, "203.0.113.7"),
        (["10.0.0.0/8"], {"forwarded": "For=203.0.113.7 , for=10.1.1.1"}, "203.0.113.7"),
        (["10.0.0.0/8"], {"forwarded": "for=_hidden"}, "10.0.0.5"),
        (["10.0.0.0/8"], {"forwarded": 'for="203.0.113.7'}, "10.0.0.5"),
        (["10.0.0.0/8"], {"forwarded": "for 203.0.113.7;;,"}, "10.0.0.5"),
        # A proxy that writes the one passes on what a client wrote into the other.
        (["10.0.0.0/8"], {"forwarded": "for=6.6.6.6", "x-forwarded-for": "203.0.113.7"}, "203.0.113.7"),
        (["10.0.0.0/8"], {}, "10.0.0.5"),
        # Nobody is trusted, or not this one.
        ([], {"x-forwarded-for": "203.0.113.7"}, "10.0.0.5"),
        (["192.0.2.0/24"], {"x-forwarded-for": "203.0.113.7", "forwarded": "for=6.6.6.6"}, "10.0.0.5"),
    ],
)
def test_the_address_of_the_client(trusted, headers, address):
    assert resolve(trusted, headers)[0] == address


def test_a_proxy_with_an_ipv4_address_in_ipv6():
    assert (
        resolve(["10.0.0.5"], {"x-forwarded-for": "203.0.113.7"}, ("::ffff:10.0.0.5", 1))[0] == "203.0.113.7"
    )


def test_where_the_peer_has_no_address():
    assert resolve(["*"], {"x-forwarded-for": "203.0.113.7"}, None)[0] is None


@pytest.mark.parametrize(
    "headers, secure, host",
    [
        ({"x-forwarded-for": "203.0.113.7", "x-forwarded-proto": "https"}, True, None),
        ({"x-forwarded-for": "203.0.113.7", "x-forwarded-host": "app.example"}, False, "app.example"),
        ({"forwarded": "for=203.0.113.7;proto=https;host=app.example"}, True, "app.example"),
        (
            {"forwarded": "for=6.6.6.6;host=evil.example, for=203.0.113.7;host=app.example"},
            False,
            "app.example",
        ),
    ],
)
def test_what_the_client_asked_for(headers, secure, host):
    assert resolve(["10.0.0.0/8"], headers)[1:] == (secure, host)
    assert resolve([], headers)[1:] == (False, None)


async def test_the_connection_knows_its_client() -> None:
    engine = RecordedEngine(EngineConfig(trusted_proxies=["10.0.0.0/8"]))
    headers = {"x-forwarded-for": "203.0.113.7", "x-forwarded-proto": "https"}
    open_link(engine, request_with("GET", headers, client=PROXY, transport="websocket"))
    (recorder,) = engine.recorded.values()
    request = recorder.connection.request
    assert (request.client, request.secure) == (("203.0.113.7", 0), True)


async def test_the_origin_is_compared_with_the_host_that_a_trusted_proxy_names() -> None:
    headers = {
        "host": "127.0.0.1:3000",
        "origin": "https://app.example",
        "x-forwarded-for": "203.0.113.7",
        "x-forwarded-host": "app.example",
    }
    of = {"client": PROXY, "transport": "websocket"}
    trusting = RecordedEngine(EngineConfig(trusted_proxies=["10.0.0.5"]))
    assert isinstance(admit(trusting, request_with("GET", headers, **of)), Admission)
    assert isinstance(admit(RecordedEngine(), request_with("GET", headers, **of)), Response)


async def test_own_origin_and_addresses_that_are_not_believed() -> None:
    """Of peers: the address is always 127.0.0.1, an untrusted `X-Forwarded-Proto` counts, and the page's
    own `https` origin gets 400 because the server does not see TLS."""
    engine = RecordedEngine(EngineConfig(cors_allowed_origins=[]))
    headers = {"x-forwarded-for": "6.6.6.6", "x-forwarded-proto": "http", "origin": "https://example.test"}
    link = open_link(
        engine, request_with("GET", headers, client=("198.51.100.3", 7), secure=True, transport="websocket")
    )
    assert link.open
    (recorder,) = engine.recorded.values()
    request = recorder.connection.request
    assert (request.client, request.secure) == (("198.51.100.3", 7), True)
    # Behind a proxy that ends TLS, too.
    assert open_link(
        engine, request_with("GET", {"origin": "https://example.test"}, transport="websocket")
    ).open
