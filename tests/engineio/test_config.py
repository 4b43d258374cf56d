import dataclasses

import pytest

from arcwire.engineio.config import EngineConfig


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
