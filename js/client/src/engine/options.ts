import type { Clock } from "../clock.js";
import type { TransportConstructor } from "./transport.js";

export type TransportName = "polling" | "websocket" | "webtransport" | (string & {});

/** Options of a connection. Durations are milliseconds. */
export interface EngineOptions {
  /** Host, port and whether to encrypt: from the URL, unless given. */
  host?: string;
  hostname?: string;
  port?: string | number;
  secure?: boolean;
  /** The path of the server: `/socket.io` for Socket.IO, `/engine.io` for Engine.IO alone. */
  path?: string;
  /** Whether the path ends with a slash. Default: true. */
  addTrailingSlash?: boolean;
  /** Sent with every request. */
  // biome-ignore lint/suspicious/noExplicitAny: whatever can be written in a URL
  query?: { [key: string]: any } | string;
  /** Ways to the server, by name or as classes, in the order in which they are tried. */
  transports?: TransportName[] | TransportConstructor[];
  /** Classes for the names in `transports`, instead of those built in. */
  transportImplementations?: TransportConstructor[];
  /** Whether to go over to a better transport after connecting. Default: true. */
  upgrade?: boolean;
  /** Begin with the WebSocket if the last connection of this page had one in the end. Default: false. */
  rememberUpgrade?: boolean;
  /** Go on with the next transport where one fails to connect. Default: false. */
  tryAllTransports?: boolean;
  /** Ask the server to send binary data as base64. Default: false. */
  forceBase64?: boolean;
  /** Make the address of each request one of its kind. Default: only for polling. */
  timestampRequests?: boolean;
  timestampParam?: string;
  /** Options for one transport only, by name. */
  transportOptions?: { [transport: string]: Partial<EngineOptions> };
  /** Headers for HTTP requests; browsers send none with a WebSocket. */
  extraHeaders?: { [header: string]: string };
  /** Send cookies to other origins. Default: false. */
  withCredentials?: boolean;
  /** Sub-protocols of the WebSocket. */
  protocols?: string | string[];
  /** Close without a word when the page is left. Default: false. */
  closeOnBeforeunload?: boolean;
  /** Take no notice of replaced timer functions. Default: false. */
  useNativeTimers?: boolean;
  /** Time and chance from elsewhere, for tests. */
  clock?: Clock;

  /** For programs with the reference's client on Node.js, or with its XMLHttpRequest; without effect here. */
  requestTimeout?: number;
  agent?: string | boolean;
  pfx?: string;
  key?: string;
  passphrase?: string;
  cert?: string;
  ca?: string | string[];
  ciphers?: string;
  rejectUnauthorized?: boolean;
  autoUnref?: boolean;
  perMessageDeflate?: { threshold: number };
}
