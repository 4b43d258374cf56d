/** Engine.IO alone: messages over the transports, without events and namespaces. */

import type { EngineOptions } from "./engine/options.js";
import { PollingTransport } from "./engine/polling.js";
import { anyOf, priorSuccess } from "./engine/routes.js";
import { Session } from "./engine/session.js";
import { WebSocketTransport } from "./engine/websocket.js";

const router = anyOf([PollingTransport, WebSocketTransport]);

/** A connection to a server of Engine.IO. */
export class Socket extends Session {
  static protocol = 4;

  /** Whether the last connection had a WebSocket in the end: for `rememberUpgrade`. */
  static get priorWebsocketSuccess(): boolean {
    return priorSuccess.websocket;
  }

  static set priorWebsocketSuccess(value: boolean) {
    priorSuccess.websocket = value;
  }

  constructor(opts?: EngineOptions);
  constructor(uri: string, opts?: EngineOptions);
  constructor(uri?: string | EngineOptions, opts: EngineOptions = {}) {
    super(
      typeof uri === "string" ? uri : addressIn(uri || opts),
      typeof uri === "object" ? uri : opts,
      router,
    );
  }
}

/** The URL that options name instead; undefined for the page's own. */
function addressIn({ hostname, host = hostname, port, secure }: EngineOptions): string | undefined {
  return host && `http${secure ? "s" : ""}://${host}${port ? `:${port}` : ""}`;
}

/** Revision of Engine.IO. */
export const protocol = 4;

export const transports = {
  polling: PollingTransport,
  websocket: WebSocketTransport,
};

export type { EngineOptions as SocketOptions, TransportName } from "./engine/options.js";
export type { Packet, PacketType, RawData } from "./engine/packet.js";
export {
  PollingTransport as Fetch,
  PollingTransport as NodeXHR,
  PollingTransport as XHR,
} from "./engine/polling.js";
export type { HandshakeData, SessionEvents as SocketReservedEvents, WriteOptions } from "./engine/session.js";
export {
  type CloseDetails,
  Transport,
  type TransportConstructor as TransportCtor,
  type TransportReceiver,
  type TransportSettings,
} from "./engine/transport.js";
export { WebSocketTransport as NodeWebSocket, WebSocketTransport as WebSocket } from "./engine/websocket.js";
export type { PayloadTooLargeError, TransportError } from "./errors.js";
export { parse } from "./url.js";
