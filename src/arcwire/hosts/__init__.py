"""How bytes reach the engine: one module or package a kind of server."""
