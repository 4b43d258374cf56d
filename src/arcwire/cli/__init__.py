"""The `arcwire` command."""
