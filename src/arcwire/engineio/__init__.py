"""Engine.IO: sessions of ordered messages over long-polling and WebSocket."""
