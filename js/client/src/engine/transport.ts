import type { Clock } from "../clock.js";
import type { EngineOptions } from "./options.js";
import { messageSize, type Packet, type RawData } from "./packet.js";

/** Why a transport failed. */
export class TransportError extends Error {
  readonly type = "TransportError";
  /** What the server said about it, where it did. */
  declare data?: { code: number; message: string };

  constructor(
    message: string,
    /** The status of an HTTP answer, or the error or event behind this one. */
    readonly description?: unknown,
    /** The answer with its `responseText`, or what else is known. */
    readonly context?: unknown,
  ) {
    super(message);
    try {
      const said = JSON.parse((context as { responseText: string }).responseText);
      if (said.message) this.data = said;
    } catch {
      // A proxy's page, or nothing.
    }
  }
}

export interface CloseDetails {
  description: string;
  context?: unknown;
}

/** Who is told what happens on a transport; after `failed` or `closed` there is nothing more to tell. */
export interface TransportReceiver {
  opened(): void;
  received(packet: Packet): void;
  /** All packets of the last `send` are out. */
  drained(): void;
  failed(error: TransportError): void;
  closed(details?: CloseDetails): void;
}

export interface TransportSettings extends EngineOptions {
  hostname: string;
  port: string;
  secure: boolean;
  path: string;
  query: Record<string, string>;
  clock: Clock;
}

/** A way for packets to the server and back. Subclasses are passed in the option `transports`. */
export abstract class Transport {
  /** Whether `send` may be called. */
  writable = false;
  /** Until someone listens nobody is told anything: a discarded transport is silent. */
  receiver: TransportReceiver | null = null;
  protected readonly query: Record<string, string>;

  constructor(protected readonly opts: TransportSettings) {
    this.query = opts.query;
  }

  abstract get name(): string;
  abstract open(): void;
  /** Takes the packets at once, or as the transport can; only while it is writable. */
  abstract send(packets: Packet[]): void;
  abstract close(): void;
  /** Let what is under way end and begin nothing new, then call `paused`; until `resume`. */
  pause?(paused: () => void): void;
  resume?(): void;

  /** A new list of those packets that one `send` may take; without this, all. */
  batch?(packets: Packet[], maxPayload: number): Packet[];

  /** Bytes that the server counts for a message. */
  size(data: RawData): number {
    return messageSize(data);
  }

  /** The address with `scheme` (http or ws); `timestamp` makes it one of its kind. */
  protected uri(scheme: string, timestamp?: boolean): string {
    const { opts } = this;
    const query = new URLSearchParams({ ...this.query, EIO: "4", transport: this.name });
    if (opts.forceBase64) query.set("b64", "1");
    if (timestamp) query.set(opts.timestampParam || "t", opts.clock.random().toString(36).slice(2, 10));
    const port = +opts.port === (opts.secure ? 443 : 80) ? "" : `:${opts.port}`;
    return `${scheme}${opts.secure ? "s" : ""}://${opts.hostname}${port}${opts.path}?${query}`;
  }
}

export type TransportConstructor = new (opts: TransportSettings) => Transport;
