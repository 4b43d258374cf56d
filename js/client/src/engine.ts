/** Engine.IO alone: messages over the transports, without events and namespaces. */

import type { EngineOptions } from "./engine/options.js";
import { PollingTransport } from "./engine/polling.js";
import { Session } from "./engine/session.js";
import { probe } from "./engine/upgrade.js";
import { WebSocketTransport } from "./engine/websocket.js";

const parts = { transports: [PollingTransport, WebSocketTransport], probe };

/** A connection to a server of Engine.IO. */
export class Socket extends Session {
  constructor(opts?: EngineOptions);
  constructor(uri: string, opts?: EngineOptions);
  constructor(uri?: string | EngineOptions, opts: EngineOptions = {}) {
    if (typeof uri === "object") super(undefined, uri, parts);
    else super(uri, opts, parts);
  }
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
  TransportError,
  type TransportReceiver,
  type TransportSettings,
} from "./engine/transport.js";
export { WebSocketTransport as NodeWebSocket, WebSocketTransport as WebSocket } from "./engine/websocket.js";
export { PayloadTooLargeError } from "./errors.js";
export { parse } from "./url.js";
