// Ours with the package `ws` below, as the official client has it in Node: `on_ws.mjs?OUR_MODULE`.

import { createRequire } from "node:module";

const { io: connect, WebSocket: OverWebSocket } = await import(new URL(import.meta.url).search.slice(1));
// The copy that the official client has.
const { WebSocket } = createRequire(new URL("../../../tests/interop/", import.meta.url))("ws");

class OverWs extends OverWebSocket {
  createSocket(uri, protocols) {
    return new WebSocket(uri, protocols);
  }
}

export const io = (url, options) => connect(url, { ...options, transports: [OverWs] });
