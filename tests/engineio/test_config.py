import dataclasses

import pytest

from arcwire.engineio.config import EngineConfig, HttpOptions


def test_defaults_are_those_of_the_reference():
    assert dataclasses.asdict(EngineConfig()) == {
        "allow_request": None,
        "generate_id": None,
        "cors_allowed_origins": None,
        "cors_credentials": False,
        "cors_allowed_headers": None,
        "cors_exposed_headers": (),
        "cors_max_age": None,
        "cookie": False,
        "initial_packet": None,
        "http_compression": True,
        "trusted_proxies": (),
        "add_trailing_slash": True,
        "path": "/engine.io",
        "transports": ("polling", "websocket"),
        "ping_interval": 25.0,
        "ping_timeout": 20.0,
        "upgrade_timeout": 10.0,
        "max_payload": 1_000_000,
        "allow_upgrades": True,
        "allow_eio3": False,
        "per_message_deflate": False,
    }


@pytest.mark.parametrize(
    "options",
    [
        {"ping_interval": 0.5},
        {"ping_interval": 0.001, "ping_timeout": 0.001, "upgrade_timeout": 0.001},
        {"ping_interval": 30},
        {"max_payload": 1},
        {"transports": ("websocket",)},
        {"path": "/a/b"},
    ],
)
def test_values_that_work(options):
    config = EngineConfig(**options)
    assert {name: getattr(config, name) for name in options} == options


@pytest.mark.parametrize("name", ["ping_interval", "ping_timeout", "upgrade_timeout"])
@pytest.mark.parametrize("value", [0, -1, 0.0004, float("nan"), float("inf"), "25", None])
def test_durations_that_cannot_work(name, value):
    with pytest.raises(ValueError, match=f"{name} must be a number of seconds"):
        EngineConfig(**{name: value})


@pytest.mark.parametrize("value", [0, -1, 1.5, "1000", None])
def test_sizes_that_cannot_work(value):
    with pytest.raises(ValueError, match="max_payload must be a positive number of bytes"):
        EngineConfig(max_payload=value)


@pytest.mark.parametrize("value", [(), ("polling", "carrier pigeon"), "polling", "websocket", ("Polling",)])
def test_transports_that_cannot_work(value):
    with pytest.raises(ValueError, match="transports must be some of polling, websocket"):
        EngineConfig(transports=value)


@pytest.mark.parametrize("value", ["", "/", "//", "socket.io"])
def test_paths_that_cannot_work(value):
    with pytest.raises(ValueError, match="path must be a URL path"):
        EngineConfig(path=value)


def test_a_slash_at_the_end_of_the_path_says_nothing():
    assert EngineConfig(path="/socket.io/").path == "/socket.io"


def test_transports_may_come_as_a_list():
    assert EngineConfig(transports=["websocket"]).transports == ("websocket",)


def test_is_frozen():
    with pytest.raises(dataclasses.FrozenInstanceError):
        EngineConfig().path = "/x"  # type: ignore[misc]


@pytest.mark.parametrize(
    "value",
    [
        "https://app.example/",
        "https://app.example/path",
        "https://App.example",
        "app.example",
        "",
        ["*"],
        ["https://app.example", "*"],
        [b"https://app.example"],
        "https://a.example https://b.example",
    ],
)
def test_origins_that_no_browser_sends(value):
    with pytest.raises(ValueError, match="is not an origin"):
        EngineConfig(cors_allowed_origins=value)


@pytest.mark.parametrize(
    "value",
    [
        "*",
        "null",
        "file://",
        "http://localhost:3000",
        [],
        ["https://[::1]:8443", "capacitor://localhost"],
        lambda _: True,
    ],
)
def test_origins_that_browsers_send(value):
    assert EngineConfig(cors_allowed_origins=value).cors_allowed_origins is value


def test_cookies_for_every_site_cannot_work():
    with pytest.raises(ValueError, match="cors_credentials"):
        EngineConfig(cors_allowed_origins="*", cors_credentials=True)


@pytest.mark.parametrize(
    "options",
    [
        {"trusted_proxies": ["10.0.0"]},
        {"trusted_proxies": ["proxy.internal"]},
        {"trusted_proxies": "10.0.0.1"},
        {"cors_allowed_headers": "x-token"},
        {"cors_exposed_headers": "x-token"},
        {"http_compression": -1},
        {"http_compression": None},
        {"http_compression": 1.5},
        {"initial_packet": 7},
        {"cookie": {"httpOnly": True}},
        {"cookie": {"name": "a b"}},
        {"cookie": {"name": ""}},
        {"cookie": {"path": "/; secure"}},
        {"cookie": {"domain": "a\r\nb"}},
        {"cookie": {"same_site": "Lax"}},
    ],
)
def test_answers_that_cannot_work(options):
    (name,) = options
    with pytest.raises(ValueError, match=name):
        EngineConfig(**options)


def test_compression_thresholds():
    thresholds = [
        EngineConfig(http_compression=value).compression_threshold for value in (True, 0, 99, False)
    ]
    assert thresholds == [1024, 0, 99, float("inf")]


def test_the_options_of_a_server_are_those_of_the_engine():
    fields = {field.name for field in dataclasses.fields(EngineConfig)}
    assert set(HttpOptions.__annotations__) < fields
