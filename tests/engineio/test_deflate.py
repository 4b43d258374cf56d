import pytest

from arcwire.engineio.config import EngineConfig
from arcwire.engineio.deflate import PerMessageDeflate


def test_an_engine_takes_settings_or_a_yes_or_a_no():
    settings = PerMessageDeflate(threshold=0)
    assert EngineConfig().deflate is None
    assert EngineConfig(per_message_deflate=False).deflate is None
    assert EngineConfig(per_message_deflate=True).deflate == PerMessageDeflate()
    assert EngineConfig(per_message_deflate=settings).deflate is settings


@pytest.mark.parametrize("value", [None, 1, {"threshold": 1}, "yes"])
def test_an_engine_takes_nothing_else(value):
    with pytest.raises(ValueError, match="per_message_deflate must be True, False or a PerMessageDeflate"):
        EngineConfig(per_message_deflate=value)


@pytest.mark.parametrize(
    "name, value",
    [
        ("threshold", -1),
        ("threshold", 1.5),
        ("server_max_window_bits", 8),
        ("server_max_window_bits", 16),
        ("client_max_window_bits", 8),
        ("client_max_window_bits", "12"),
        ("memory_level", 0),
        ("memory_level", 10),
        ("level", -2),
        ("level", 10),
    ],
)
def test_options_that_cannot_work(name, value):
    with pytest.raises(ValueError, match=f"{name} must be a whole number"):
        PerMessageDeflate(**{name: value})
