import type { EngineOptions } from "../engine/options.js";

/** What becomes of an event for which the buffer has no place. */
export type BufferOverflow =
  /** `emit` throws, or its acknowledgement gets the error. */
  | "throw"
  /** The event that has waited longest makes way. */
  | "drop-oldest"
  /** It is not taken. */
  | "drop-newest";

export interface SocketOptions {
  /** What the server is told at each connection, or a function that calls back with it. */
  // biome-ignore lint/suspicious/noExplicitAny: whatever the server understands
  auth?: { [key: string]: any } | ((callback: (data: object) => void) => void);
  /** How often an event is sent again that is not acknowledged. Without it events are sent once. */
  retries?: number;
  /** How long to wait for acknowledgements, in milliseconds. Default: for ever. */
  ackTimeout?: number;
  /** How many events may be under way at a time, with `retries`. Default: 64. */
  retryWindow?: number;
  /** How many events may wait while there is no connection. Default: 10000. */
  bufferLimit?: number;
  /** What becomes of further ones. Default: "throw". */
  bufferOverflow?: BufferOverflow;
}

export interface ManagerOptions extends EngineOptions {
  /** Whether to take a connection of its own, though there is one to the same server. Default: false. */
  forceNew: boolean;
  /** The opposite. Default: true. */
  multiplex: boolean;
  path: string;
  /** Whether to connect again after the connection was lost, or not made. Default: true. */
  reconnection: boolean;
  /** Default: Infinity. */
  reconnectionAttempts: number;
  /** Milliseconds before the first attempt; twice as long before each further one. Default: 1000. */
  reconnectionDelay: number;
  /** Milliseconds at most. Default: 5000. */
  reconnectionDelayMax: number;
  /** By which part the delay may be longer or shorter by chance. Default: 0.5. */
  randomizationFactor: number;
  /** Milliseconds that an attempt may take; false for no limit. Default: 20000. */
  timeout: number | false;
  /** Whether to connect at once. Default: true. */
  autoConnect: boolean;
  /** `{Encoder, Decoder}`, the same as the server's. */
  // biome-ignore lint/suspicious/noExplicitAny: parsers are written by anyone, without types
  parser: any;
}
