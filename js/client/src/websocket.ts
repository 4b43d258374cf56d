/** The client with WebSocket alone: smaller, and connected one step sooner. */

import { only } from "./engine/routes.js";
import { WebSocketTransport } from "./engine/websocket.js";
import { lookupWith } from "./socket/connect.js";
import { Manager as BaseManager } from "./socket/manager.js";
import type { ManagerOptions, SocketOptions } from "./socket/options.js";
import { Decoder, Encoder } from "./socket/parser.js";
import { Socket } from "./socket/socket.js";
import type { DefaultEventsMap, EventsMap } from "./types.js";

const parts = { _router: only(WebSocketTransport), _parser: { Encoder, Decoder }, _Socket: Socket };

export class Manager<
  ListenEvents extends EventsMap = DefaultEventsMap,
  EmitEvents extends EventsMap = ListenEvents,
> extends BaseManager<ListenEvents, EmitEvents> {
  constructor(opts: Partial<ManagerOptions>);
  constructor(uri?: string, opts?: Partial<ManagerOptions>);
  constructor(uri?: string | Partial<ManagerOptions>, opts?: Partial<ManagerOptions>);
  constructor(uri?: string | Partial<ManagerOptions>, opts?: Partial<ManagerOptions & SocketOptions>) {
    super(uri, opts, parts);
  }
}

export const io = /* @__PURE__ */ lookupWith(Manager);

export { WebSocketTransport as NodeWebSocket, WebSocketTransport as WebSocket } from "./engine/websocket.js";
export * from "./shared.js";
export { io as connect, io as default, Socket };
