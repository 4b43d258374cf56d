import { type Clock, systemClock } from "../clock.js";
import { Emitter } from "../emitter.js";
import { PayloadTooLargeError } from "../errors.js";
import { listenToPage } from "../page.js";
import { parse } from "../url.js";
import type { EngineOptions } from "./options.js";
import type { Packet, PacketType, RawData } from "./packet.js";
import type { CloseDetails, Transport, TransportConstructor, TransportSettings } from "./transport.js";

export interface HandshakeData {
  sid: string;
  upgrades: string[];
  /** Milliseconds, both. */
  pingInterval: number;
  pingTimeout: number;
  /** Bytes that the server takes in one message, or one request. */
  maxPayload?: number;
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

/** What a session is made of, besides its options: only what is named here gets into a bundle. */
export interface Parts {
  /** In the order in which they are tried. */
  transports: TransportConstructor[];
  /** How to move to a better transport. */
  probe?: (session: Session, transport: Transport) => void;
}

/**
 * A session of Engine.IO, protocol 4: ordered messages over a transport that may change under way. Begins to connect
 * at once; `close` is its last event. Knows transports and the clock only as arguments.
 */
export class Session extends Emitter<Record<never, never>, Record<never, never>, SessionEvents> {
  static protocol = 4;
  /** Whether the last session had a WebSocket in the end: for `rememberUpgrade`. */
  static priorWebsocketSuccess = false;

  /** Undefined until the handshake, and when closed. */
  id?: string | undefined;
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

  private readonly _clock: Clock;
  private readonly _kinds: { [name: string]: TransportConstructor } = {};
  private _names: string[] = [];
  private _probing: Transport[] = [];
  /** How many packets of `writeBuffer` the transport is sending. */
  private _sending = 0;
  private _pingDelay = 0;
  private _pingDeadline = Number.POSITIVE_INFINITY;
  private _pingTimer: unknown;
  private _leavePage: () => void;

  constructor(
    uri: string | undefined,
    opts: EngineOptions,
    private readonly _parts: Parts,
  ) {
    super();
    const address = parse(uri || opts.host || opts.hostname);
    this._clock = opts.clock || systemClock(opts.useNativeTimers);
    this.opts = {
      ...opts,
      ...address,
      ...(!uri && { secure: opts.secure ?? address.secure, port: `${opts.port ?? address.port}` }),
      path: (opts.path || "/engine.io").replace(/\/$/, "") + (opts.addTrailingSlash === false ? "" : "/"),
      query: Object.fromEntries(new URLSearchParams(opts.query || address.query)),
      clock: this._clock,
    };
    const chosen = opts.transports || _parts.transports;
    for (const kind of [..._parts.transports, ...(opts.transportImplementations || []), ...chosen]) {
      if (typeof kind !== "string") this._kinds[kind.prototype.name] = kind;
    }
    this._names = chosen
      .map((kind) => (typeof kind === "string" ? kind : (kind.prototype.name as string)))
      .filter((name) => this._kinds[name]);

    const offline = listenToPage("offline", () => {
      // What runs on this machine is reached without a network.
      if (address.hostname !== "localhost") {
        this._onClose("transport close", { description: "network connection lost" });
      }
    });
    const leaving = listenToPage("beforeunload", () => {
      if (opts.closeOnBeforeunload) this._dropTransport();
    });
    this._leavePage = () => {
      offline();
      leaving();
    };
    this._open();
  }

  /**
   * Send a message; before the session is open it waits in `writeBuffer`, once it is closed it is dropped. `sent` is
   * called when it is handed to the transport. THROWS PayloadTooLargeError for what the server would not take.
   */
  send(data: RawData, options?: WriteOptions, sent?: () => void): this {
    this._check(data);
    this._send("message", data, options);
    if (sent) this.once("flush", sent);
    return this;
  }

  write(data: RawData, options?: WriteOptions, sent?: () => void): this {
    return this.send(data, options, sent);
  }

  /** Close when all that waits is sent. */
  close(): this {
    const close = () => this._onClose("forced close");
    const closeOrWait = () => {
      if (!this.upgrading) return close();
      this.once("upgrade", close);
      this.once("upgradeError", close);
    };
    if (this.readyState === "opening" || this.readyState === "open") {
      this.readyState = "closing";
      if (this.writeBuffer.length) this.once("drain", closeOrWait);
      else closeOrWait();
    }
    return this;
  }

  /** THROWS PayloadTooLargeError for a message that the server would not take. */
  _check(data: RawData): void {
    const { maxPayload } = this;
    // No character takes more than three bytes: most texts need not be measured.
    if (!maxPayload || (typeof data === "string" && data.length * 3 < maxPayload)) return;
    const size = this.transport.size(data);
    if (size > maxPayload) throw new PayloadTooLargeError(size, maxPayload);
  }

  /**
   * Whether the server has been silent for too long, by the wall clock: timers stand still while a machine sleeps.
   * Then the session closes, soon.
   */
  _hasPingExpired(): boolean {
    const expired = this._clock.now() > this._pingDeadline;
    if (expired) queueMicrotask(() => this._onClose("ping timeout"));
    return expired;
  }

  _setTransport(transport: Transport): void {
    if (this.transport) this.transport.receiver = null;
    this._probing = this._probing.filter((each) => each !== transport);
    this.transport = transport;
    transport.receiver = {
      opened() {},
      received: (packet) => this._onPacket(packet),
      drained: () => {
        this.writeBuffer.splice(0, this._sending);
        this._sending = 0;
        if (this.writeBuffer.length) this._flush();
        else this._dispatch("drain");
      },
      failed: (error) => this._onError(error),
      closed: (details) => this._onClose("transport close", details),
    };
  }

  _endProbe(transport: Transport): void {
    transport.receiver = null;
    transport.close();
    this._probing = this._probing.filter((each) => each !== transport);
  }

  _flush(): void {
    const { transport, writeBuffer } = this;
    if (
      this.readyState === "closed" ||
      !transport.writable ||
      this.upgrading ||
      this._sending ||
      !writeBuffer.length
    ) {
      return;
    }
    const packets =
      transport.batch?.(writeBuffer, this.maxPayload || Number.POSITIVE_INFINITY) || writeBuffer;
    this._sending = packets.length;
    transport.send(packets);
    this._dispatch("flush");
  }

  private _open(): void {
    const name =
      this.opts.rememberUpgrade && Session.priorWebsocketSuccess && this._names.includes("websocket")
        ? "websocket"
        : this._names[0];
    if (!name) {
      queueMicrotask(() => this._onError(new Error("No transports available")));
      return;
    }
    this._setTransport(this._create(name));
    this.transport.open();
  }

  private _create(name: string): Transport {
    return new (this._kinds[name] as TransportConstructor)({
      ...this.opts,
      ...(this.opts.transportOptions?.[name] as TransportSettings),
    });
  }

  _send(type: PacketType, data?: RawData, options?: WriteOptions): void {
    if (this.readyState === "closing" || this.readyState === "closed") return;
    const packet: Packet = { type, data, options: options as WriteOptions };
    this._dispatch("packetCreate", packet);
    this.writeBuffer.push(packet);
    this._flush();
  }

  private _onPacket(packet: Packet): void {
    const { type, data } = packet;
    this._dispatch("packet", packet);
    this._dispatch("heartbeat");
    if (type === "message") {
      this._dispatch("data", data);
      this._dispatch("message", data);
    } else if (type === "ping") {
      this._send("pong");
      this._dispatch("ping");
      this._dispatch("pong");
      this._awaitPing();
    } else if (type === "open") {
      this._onHandshake(data);
    } else if (type === "error") {
      this._onError(Object.assign(new Error("server error"), { code: data }));
    }
  }

  private _onHandshake(text: string): void {
    let data: HandshakeData;
    try {
      data = JSON.parse(text);
    } catch (error) {
      return this._onError(error as Error);
    }
    this.id = this.opts.query.sid = data.sid;
    this.maxPayload = data.maxPayload;
    this._pingDelay = data.pingInterval + data.pingTimeout;
    this._dispatch("handshake", data);
    if (this.readyState === "closed") return;
    this.readyState = "open";
    this._awaitPing();
    Session.priorWebsocketSuccess = this.transport.name === "websocket";
    this._dispatch("open");
    this._flush();
    const { probe } = this._parts;
    if (!probe || this.opts.upgrade === false || (this.readyState as string) !== "open") return;
    for (const name of data.upgrades) {
      if (!this._names.includes(name)) continue;
      const transport = this._create(name);
      this._probing.push(transport);
      probe(this, transport);
    }
  }

  private _awaitPing(): void {
    const { _clock } = this;
    _clock.clearTimeout(this._pingTimer);
    this._pingDeadline = _clock.now() + this._pingDelay;
    this._pingTimer = _clock.setTimeout(() => this._onClose("ping timeout"), this._pingDelay);
  }

  private _onError(error: Error): void {
    Session.priorWebsocketSuccess = false;
    if (this.opts.tryAllTransports && this._names.length > 1 && this.readyState === "opening") {
      this._names = this._names.filter((name) => name !== this.transport.name);
      this._dropTransport();
      return this._open();
    }
    this._dispatch("error", error);
    this._onClose("transport error", error);
  }

  private _dropTransport(): void {
    if (!this.transport) return;
    this.transport.receiver = null;
    this.transport.close();
  }

  _onClose(reason: string, description?: CloseDetails | Error): void {
    if (this.readyState === "closed") return;
    this.readyState = "closed";
    this._clock.clearTimeout(this._pingTimer);
    this._leavePage();
    this._dropTransport();
    this._probing.forEach(this._endProbe, this);
    this.id = undefined;
    this._dispatch("close", reason, description);
    this.writeBuffer = [];
  }
}
