import { type Clock, clockFrom } from "../clock.js";
import { Emitter } from "../emitter.js";
import { failure } from "../errors.js";
import { parse } from "../url.js";
import type { EngineOptions } from "./options.js";
import type { Packet, PacketType, RawData } from "./packet.js";
import type { Route, Router } from "./routes.js";
import type { CloseDetails, Transport, TransportReceiver, TransportSettings } from "./transport.js";

export interface HandshakeData {
  sid: string;
  upgrades: string[];
  /** Milliseconds, both. */
  pingInterval: number;
  pingTimeout: number;
  /** Bytes that the server takes in one message, or one request. */
  maxPayload?: number;
  /** "batch" where the server takes several packets in one WebSocket message, and sends them so. */
  arcwire?: string;
}

export interface SessionEvents {
  open: () => void;
  handshake: (data: HandshakeData) => void;
  packet: (packet: Packet) => void;
  packetCreate: (packet: Packet) => void;
  data: (data: RawData) => void;
  message: (data: RawData) => void;
  drain: () => void;
  flush: () => void;
  heartbeat: () => void;
  ping: () => void;
  pong: () => void;
  error: (error: Error) => void;
  upgrading: (transport: Transport) => void;
  upgrade: (transport: Transport) => void;
  upgradeError: (error: Error) => void;
  close: (reason: string, description?: CloseDetails | Error) => void;
}

export interface WriteOptions {
  compress?: boolean;
}

/**
 * A session of Engine.IO, protocol 4: ordered messages over a transport that may change under way. Begins to connect
 * at once; `close` is its last event. Knows transports and the clock only as arguments.
 */
export class Session
  extends Emitter<Record<never, never>, Record<never, never>, SessionEvents>
  implements TransportReceiver
{
  /** Undefined until the handshake, and when closed. */
  declare id?: string | undefined;
  declare transport: Transport;
  readyState: "opening" | "open" | "closing" | "closed" = "opening";
  /** What has not been handed to the network yet. */
  writeBuffer: Packet[] = [];
  binaryType = "arraybuffer";
  /** Bytes of one message; undefined until the server said it. */
  maxPayload?: number | undefined;
  /** The transport that is about to take over. */
  upgrading?: Transport | undefined;
  readonly opts: TransportSettings & EngineOptions;
  _batchLimit = 0;
  /** How many packets the present task has sent, where they leave together. */
  private _turn = 0;

  private readonly _clock: Clock;
  private readonly _route: Route;
  private _timeout = 0;
  private _pingDeadline = Infinity;
  private _stopTimer?: () => void;

  constructor(uri: string | undefined, opts: EngineOptions, router: Router) {
    super();
    const address = parse(uri);
    this._clock = clockFrom(opts);
    this.opts = {
      ...opts,
      ...address,
      path: (opts.path || "/engine.io").replace(/\/?$/, opts.addTrailingSlash === false ? "" : "/"),
      query: Object.fromEntries(new URLSearchParams(opts.query || address.query)),
      clock: this._clock,
    };
    this._route = router(this);
    this._route._open();
  }

  /**
   * Send a message; before the session is open it waits in `writeBuffer`, once it is closed it is dropped. `sent` is
   * called when it is handed to the transport. THROWS PayloadTooLargeError for what the server would not take.
   */
  send(data: RawData, options?: WriteOptions, sent?: () => void): this {
    this._check(data);
    if (sent) this.once("flush", sent);
    return this._send("message", data, options);
  }

  write(data: RawData, options?: WriteOptions, sent?: () => void): this {
    return this.send(data, options, sent);
  }

  /** Close when all that waits is sent; before the session is open, at once. */
  close(): this {
    if (this.readyState === "opening") this._end("forced close");
    // First what waits for the end of the task, so that all is told of it before `close`.
    this._flush();
    if (this.readyState === "open") this.readyState = "closing";
    this._flush();
    return this;
  }

  /** THROWS PayloadTooLargeError for a message that the server would not take. */
  _check(data: RawData): void {
    const { maxPayload } = this;
    // A character has three bytes at most, a number in a typed array eight: most messages need not be measured.
    if (!maxPayload || (data as string).length * 8 < maxPayload) return;
    const size = this.transport._size(data);
    if (size > maxPayload) {
      throw failure("too many bytes", { name: "PayloadTooLargeError", size, maxPayload });
    }
  }

  /**
   * Whether the server has been silent for too long, by the wall clock: timers stand still while a machine sleeps.
   * Then the session closes, soon.
   */
  _hasPingExpired(): boolean {
    const expired = this._clock.now() > this._pingDeadline;
    if (expired) queueMicrotask(() => this._end("ping timeout"));
    return expired;
  }

  /** Connect over `transport`. */
  _begin(transport: Transport): void {
    this._setTransport(transport);
    transport.open();
  }

  /** From now on `transport` is the session's. */
  _setTransport(transport: Transport): void {
    this.transport = transport;
    transport._receiver = this;
  }

  _send(type: PacketType, data?: RawData, options?: WriteOptions): this {
    // "opening" or "open".
    if (this.readyState[0] === "o") {
      const packet: Packet = { type, data, options: options as WriteOptions };
      this._dispatch("packetCreate", packet);
      this.writeBuffer.push(packet);
      // Those of one task leave together, at its end; not by polling, which one can pause. Outside of pages, where messages
      // cost less, two go before the others: so the server has work meanwhile.
      if (!this._batchLimit || this.transport._pause || (++this._turn === 2 && !globalThis.location)) {
        this._flush();
      } else if (this._turn === 1) {
        queueMicrotask(() => {
          this._turn = 0;
          this._flush();
        });
      }
    }
    return this;
  }

  /** Hand to the transport what it takes; with nothing left, end if that is what the session waits for. */
  _flush(): void {
    const { transport, writeBuffer } = this;
    if (!transport?.writable || this.upgrading) return;
    if (writeBuffer.length) {
      transport.send(writeBuffer, this.maxPayload);
      this._dispatch("flush");
    } else if (this.readyState === "closing") {
      this._end("forced close");
    }
  }

  _drained(): void {
    if (!this.writeBuffer.length) this._dispatch("drain");
    this._flush();
  }

  _onPacket(message: RawData): void {
    let packet: Packet;
    let handshake: HandshakeData | undefined;
    try {
      packet = this._route._decode(message);
      if (packet.type === "open") handshake = JSON.parse(packet.data);
    } catch {
      return this._onError(failure("server error", { code: "parser error" }));
    }
    const { type, data } = packet;
    this._dispatch("packet", packet);
    this._dispatch("heartbeat");
    if (handshake) {
      this._onHandshake(handshake);
    } else if (type === "message") {
      this._dispatch("data", data);
      this._dispatch("message", data);
    } else if (type === "ping") {
      this._send("pong");
      this._dispatch("ping");
      this._dispatch("pong");
      this._startTimer();
    }
  }

  _onError(error: Error): void {
    if (this._route._next?.()) return;
    this._dispatch("error", error);
    this._end("transport error", error);
  }

  _closed(details?: CloseDetails): void {
    this._end("transport close", details);
  }

  _end(reason: string, description?: CloseDetails | Error): void {
    if (this.readyState === "closed") return;
    this.readyState = "closed";
    this._stopTimer?.();
    this._dropTransport();
    this._route._end?.();
    this.id = undefined;
    this._dispatch("close", reason, description);
    this.writeBuffer = [];
  }

  private _onHandshake(data: HandshakeData): void {
    this.id = this.opts.query.sid = data.sid;
    this.maxPayload = data.maxPayload;
    // Within 64 KiB, as a character has three bytes at most; larger packets gain nothing from it.
    if (data.arcwire === "batch")
      this._batchLimit = Math.min(20_000, (data.maxPayload as number) / 3 || 20_000);
    this._timeout = data.pingInterval + data.pingTimeout;
    this._dispatch("handshake", data);
    if (this.readyState !== "opening") return;
    this.readyState = "open";
    this._startTimer();
    this._dispatch("open");
    this._flush();
    if ((this.readyState as string) === "open") this._route._onOpen?.(data.upgrades);
  }

  private _startTimer(): void {
    const { _clock, _timeout } = this;
    this._stopTimer?.();
    this._pingDeadline = _clock.now() + _timeout;
    this._stopTimer = _clock.after(_timeout, () => this._end("ping timeout"));
  }

  /** Close the transport, without a word to anyone here. */
  _dropTransport(): void {
    // What was sent in this task has been waiting for its end.
    this._flush();
    this.transport?._discard();
  }
}
