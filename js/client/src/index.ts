/** The client with everything: polling, WebSocket, and the way from one to the other. */

import { PollingTransport } from "./engine/polling.js";
import { anyOf } from "./engine/routes.js";
import { WebSocketTransport } from "./engine/websocket.js";
import { watch } from "./page.js";
import { lookupWith } from "./socket/connect.js";
import { Manager as BaseManager } from "./socket/manager.js";
import type { ManagerOptions, SocketOptions } from "./socket/options.js";
import { Decoder, Encoder } from "./socket/parser.js";
import { ReliableSocket } from "./socket/reliable.js";
import type { Socket as BaseSocket } from "./socket/socket.js";
import type { DefaultEventsMap, EventsMap } from "./types.js";

export class Manager<
  ListenEvents extends EventsMap = DefaultEventsMap,
  EmitEvents extends EventsMap = ListenEvents,
> extends BaseManager<ListenEvents, EmitEvents> {
  constructor(opts: Partial<ManagerOptions & SocketOptions>);
  constructor(uri?: string, opts?: Partial<ManagerOptions & SocketOptions>);
  constructor(
    uri?: string | Partial<ManagerOptions & SocketOptions>,
    opts?: Partial<ManagerOptions & SocketOptions>,
  );
  constructor(
    uri?: string | Partial<ManagerOptions & SocketOptions>,
    opts?: Partial<ManagerOptions & SocketOptions>,
  ) {
    super(uri, opts, parts);
  }
}

export const Socket: typeof BaseSocket = ReliableSocket;
export type Socket<
  ListenEvents extends EventsMap = DefaultEventsMap,
  EmitEvents extends EventsMap = ListenEvents,
> = BaseSocket<ListenEvents, EmitEvents>;
export declare namespace Socket {
  type DisconnectReason = BaseSocket.DisconnectReason;
}

const parts = {
  _router: anyOf([PollingTransport, WebSocketTransport]),
  _parser: { Encoder, Decoder },
  _Socket: Socket,
  _watch: watch,
};

export const io = /* @__PURE__ */ lookupWith(Manager);

export {
  PollingTransport as Fetch,
  PollingTransport as NodeXHR,
  PollingTransport as XHR,
} from "./engine/polling.js";
export { WebSocketTransport as NodeWebSocket, WebSocketTransport as WebSocket } from "./engine/websocket.js";
export { listen } from "./listen.js";
export * from "./shared.js";
export { io as connect, io as default };
