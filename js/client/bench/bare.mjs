// A WebSocket with next to nothing on top: what is left for a client to be fast with. Knows echoes of text alone.

export function io(url) {
  const socket = new WebSocket(`${url.replace(/^http/, "ws")}/socket.io/?EIO=4&transport=websocket`);
  const listeners = {};
  socket.onmessage = ({ data }) => {
    if (data.startsWith("42")) listeners.echo(JSON.parse(data.slice(2))[1]);
    else if (data === "2") socket.send("3");
    else if (data.startsWith("0")) socket.send("40");
    else if (data.startsWith("40")) listeners.connect();
  };
  socket.onerror = () => listeners.connect_error(new Error("websocket error"));
  return {
    on(name, listener) { listeners[name] = listener; },
    once(name, listener) { listeners[name] = listener; },
    emit(...values) { socket.send(`42${JSON.stringify(values)}`); },
    disconnect: () => socket.close(),
  };
}
