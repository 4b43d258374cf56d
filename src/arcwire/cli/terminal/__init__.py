"""The interactive terminal of `arcwire connect`."""
