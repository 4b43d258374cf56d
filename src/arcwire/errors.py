"""The root of Arcwire's exceptions.

ArcwireError
├── engineio.errors ...     misuse of the engine
└── socketio.errors ...     what handlers raise and what awaiting an answer may raise
"""


class ArcwireError(Exception):
    """Base of every exception that Arcwire raises on purpose."""
