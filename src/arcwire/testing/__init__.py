"""For the tests of what you build on Arcwire."""

from arcwire.testing.adapter import RecordingHome, RecordingMember, check_adapter

__all__ = ["RecordingHome", "RecordingMember", "check_adapter"]
