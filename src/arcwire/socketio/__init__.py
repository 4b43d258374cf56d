"""Socket.IO: events, namespaces, rooms, acknowledgements."""
