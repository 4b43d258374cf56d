"""What is read at a glance is what a parser of HTTP reads; all else is left to one."""

import httptools
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from arcwire.hosts.uvicorn.requests import GlancedRequest, Unreadable

GET = b"GET /socket.io/?EIO=4&transport=polling HTTP/1.1\r\nHost: x\r\n"
POST = b"POST /socket.io/?EIO=4&transport=polling HTTP/1.1\r\nHost: x\r\n"


class Parsed:
    """The same by httptools."""

    def __init__(self, data: bytes) -> None:
        self.url = b""
        self.headers: list[tuple[bytes, bytes]] = []
        self.body = b""
        self.complete = False
        self.upgrades = False
        self.keep_alive = False
        self.parser = parser = httptools.HttpRequestParser(self)
        try:
            parser.feed_data(data)
        except httptools.HttpParserUpgrade as upgrade:
            self.upgrades = True
            self.body = data[upgrade.args[0] :]
        self.method = parser.get_method()
        self.version = parser.get_http_version()

    def on_url(self, url: bytes) -> None:
        self.url += url

    def on_header(self, name: bytes, value: bytes) -> None:
        self.headers.append((name.lower(), value.strip(b" \t")))

    def on_headers_complete(self) -> None:
        self.keep_alive = self.parser.should_keep_alive()

    def on_body(self, body: bytes) -> None:
        self.body += body

    def on_message_complete(self) -> None:
        self.complete = True


SPACES = st.sampled_from([b"", b" ", b"\t ", b"  "])
ODD_NAMES = st.sampled_from([b"Transfer-Encoding", b"Expect", b"Upgrade", b"content-LENGTH", b"", b"X A"])
ODD_VALUES = st.one_of(st.sampled_from([b"chunked", b"+3", b"websocket, h2c"]), st.binary(max_size=6))
PLAIN_FIELDS = st.tuples(
    st.sampled_from([b"Host", b"X-A", b"x-a", b"Cookie"]),
    SPACES,
    st.sampled_from([b"", b"x", b"a: b, c", b"\xe9"]),
    SPACES,
)
TELLING_FIELDS = st.sampled_from(
    [
        (b"Content-Length: 3",),
        (b"content-length:\t0 ",),
        (b"Connection: keep-alive",),
        (b"connection:close",),
        (b"Connection: Upgrade", b"Upgrade: websocket"),
        (b"Connection: keep-alive, upgrade", b"UPGRADE: WebSocket"),
        (),
    ]
)
FIELDS = st.one_of(PLAIN_FIELDS, PLAIN_FIELDS, PLAIN_FIELDS, st.tuples(ODD_NAMES, SPACES, ODD_VALUES, SPACES))


def mostly(usual: list[bytes], odd: list[bytes]) -> st.SearchStrategy[bytes]:
    return st.one_of(*[st.sampled_from(usual)] * 7, st.sampled_from(odd))


@settings(max_examples=1000)  # few of them are plain
@given(
    method=mostly([b"GET", b"POST"], [b"PUT", b"get"]),
    target=mostly(
        [b"/io/?a=b", b"/?", b"/a?b?c"], [b"/a", b"*", b"http://x/?y", b"/a?b#c", b"/ a?b", b"/\xe9?"]
    ),
    version=mostly([b"HTTP/1.1"], [b"HTTP/1.0", b"HTTP/2.0"]),
    fields=st.lists(FIELDS.map(lambda parts: parts[0] + b":" + b"".join(parts[1:])), max_size=3),
    telling=st.lists(TELLING_FIELDS, max_size=2),
    rest=mostly([b"", b"abc"], [b"ab", b"abcd", b"0\r\n\r\n", GET]),
    end=mostly([b"\r\n"], [b"\n"]),
)
def test_a_glance_sees_what_a_parser_sees(
    method: bytes,
    target: bytes,
    version: bytes,
    fields: list[bytes],
    telling: list[tuple[bytes, ...]],
    rest: bytes,
    end: bytes,
) -> None:
    lines = [b"%b %b %b" % (method, target, version), *fields, *[line for lines in telling for line in lines]]
    data = end.join([*lines, b"", rest])
    try:
        glanced = GlancedRequest(data)
    except Unreadable:
        return
    parsed = Parsed(data)
    assert glanced.method == parsed.method
    assert glanced.path + b"?" + glanced.query == parsed.url
    assert glanced.fields.pairs() == parsed.headers
    assert parsed.version == "1.1"
    assert glanced.body == parsed.body
    assert glanced.fields.upgrades is parsed.upgrades
    if not glanced.fields.upgrades:
        assert (glanced.missing == 0) is parsed.complete
        assert glanced.fields.keep_alive is parsed.keep_alive


@pytest.mark.parametrize(
    "data",
    [
        b"",
        b"G",
        GET,
        GET + b"\r",
        GET.replace(b"/1.1", b"/1.0") + b"\r\n",
        GET.replace(b"GET", b"HEAD") + b"\r\n",
        GET.replace(b"?", b"") + b"\r\n",
        GET.replace(b"/socket", b"http://x/socket") + b"\r\n",
        GET.replace(b"/socket", b"/s\xc3\xb6cket") + b"\r\n",
        GET + b" folded\r\n\r\n",
        GET + b"X : 1\r\n\r\n",
        GET + b"X: \x01\r\n\r\n",
        GET + b"X: 1\r\nx: 1\r\n\r\n",
        GET + b"X: 1\n\r\n\r\n",
        GET + b"\r\nmore",
        GET + b"Content-Length: 0\r\n\r\n",
        GET + b"Content-Length:\r\n\r\n",
        GET + b"Connection: Upgrade\r\n\r\n",
        GET + b"Upgrade: websocket\r\n\r\n",
        GET + b"Connection: Upgrade\r\nUpgrade: websocket\r\nContent-Length: 1\r\n\r\n",
        GET + b"Upgrade: h2c\r\n\r\n",
        GET + b"Connection: TE\r\n\r\n",
        GET + b"Connection: close\r\nConnection: close\r\n\r\n",
        POST + b"\r\nmore",
        POST + b"Content-Length: 4\r\n\r\nfives",
        POST + b"Content-Length: 3\r\nContent-Length: 3\r\n\r\nabc",
        POST + b"Content-Length: 3, 3\r\n\r\nabc",
        POST + b"Content-Length: -3\r\n\r\nabc",
        POST + b"Content-Length: " + b"9" * 5000 + b"\r\n\r\nabc",
        POST + b"Content-Length: 70000\r\n\r\nabc",
        POST + b"Transfer-Encoding: chunked\r\n\r\n0\r\n\r\n",
        POST + b"Expect: 100-continue\r\nContent-Length: 3\r\n\r\n",
    ],
    ids=lambda data: repr(data[-60:]),
)
def test_what_is_not_plain_is_left_to_a_parser(data: bytes) -> None:
    with pytest.raises(Unreadable):
        GlancedRequest(data)


def test_a_body_that_is_not_all_there() -> None:
    request = GlancedRequest(POST + b"content-length:  6 \r\n\r\n4he")
    assert (request.body, request.missing, request.fields.keep_alive) == (b"4he", 3, True)


def test_a_request_for_a_websocket() -> None:
    lines = b"CONNECTION: keep-alive, Upgrade\r\nUpgrade: WebSocket\r\nSec-WebSocket-Key:  AbC=\r\n"
    request = GlancedRequest(GET + lines + b"sec-websocket-version:13\r\n\r\nearly")
    fields = request.fields
    assert (fields.upgrades, fields.key, fields.version) == (True, b"AbC=", b"13")
    assert request.body == b"early"
    assert (fields.found, fields.forwarded) == ({b"host": "x", b"origin": None}, False)
    assert GlancedRequest(GET + b"X-Forwarded-For: ::1\r\n\r\n").fields.forwarded


def test_fields_that_are_known_are_not_read_again() -> None:
    first = GlancedRequest(GET + b"\r\n")
    again = GlancedRequest(GET.replace(b"polling", b"polling&t=2") + b"\r\n", first.fields)
    assert again.fields is first.fields
    assert again.query == b"EIO=4&transport=polling&t=2"
    with pytest.raises(Unreadable):
        GlancedRequest(POST + b"\r\nbody", first.fields)
    other = GlancedRequest(POST + b"Content-Length: 4\r\n\r\nbody", first.fields)
    assert (other.body, other.fields.length) == (b"body", 4)
