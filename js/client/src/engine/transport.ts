import type { Clock } from "../clock.js";
import type { EngineOptions } from "./options.js";
import type { Packet, RawData } from "./packet.js";

export interface CloseDetails {
  description: string;
  context?: unknown;
}

/** Who is told what happens on a transport; after `_onError` or `_closed` there is nothing more to tell. */
export interface TransportReceiver {
  /** Characters of a batch; 0 where none has been agreed on. */
  _batchLimit?: number;
  _onOpen?(): void;
  /** A packet, as `decodePacket` takes it. */
  _onPacket(message: RawData): void;
  /** All packets of the last `send` are out. */
  _drained?(): void;
  _onError(error: Error): void;
  _closed(details?: CloseDetails): void;
}

export interface TransportSettings extends EngineOptions {
  authority: string;
  hostname: string;
  path: string;
  query: Record<string, string>;
  clock: Clock;
}

/**
 * A way for packets to the server and back. Subclasses of those that there are may be passed in the option `transports`.
 */
export abstract class Transport {
  /** Whether `send` may be called. */
  writable = false;
  /** Without it nobody is told anything: a discarded transport is silent. */
  _receiver?: TransportReceiver | undefined;

  constructor(protected readonly opts: TransportSettings) {}

  abstract get name(): string;
  abstract open(): void;
  /** Sends packets and takes those that are out from the list, all or as many as go at once; only while writable. */
  abstract send(packets: Packet[], maxPayload?: number): void;
  abstract close(): void;
  /** Let what is under way end and begin nothing new, then call `paused`; until `_resume`. */
  _pause?(paused: () => void): void;
  _resume?(): void;

  /** Close, and tell nobody of anything any more. */
  _discard(): void {
    this._receiver = undefined;
    this.close();
  }

  /** Bytes that the server counts for a message; in a frame of a WebSocket, text as UTF-8 and with its type. */
  _size(data: RawData): number {
    return new Blob([data as BlobPart]).size + +(typeof data === "string");
  }

  /** The address, with `scheme` (http or ws) and what else is asked. */
  protected _uri(scheme: string, query?: Record<string, string>): string {
    const { opts, name } = this;
    const parameters = new URLSearchParams({
      ...opts.query,
      EIO: "4",
      transport: name,
      arcwire: "batch",
      ...query,
    });
    return `${scheme}${opts.authority}${opts.path}?${parameters}`;
  }
}

/** What makes an address one of its kind. */
export function timestamp({ timestampParam = "t", clock }: TransportSettings): Record<string, string> {
  return { [timestampParam]: clock.random().toString(36).slice(2, 10) };
}

export type TransportConstructor = new (opts: TransportSettings) => Transport;
