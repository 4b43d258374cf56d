import { delayAfter } from "../backoff.js";
import { type Clock, systemClock } from "../clock.js";
import { Emitter, type Listener } from "../emitter.js";
import { type Parts, Session } from "../engine/session.js";
import { listenToPage } from "../page.js";
import type { DefaultEventsMap, EventsMap } from "../types.js";
import type { ManagerOptions, SocketOptions } from "./options.js";
import type { Packet } from "./packet.js";
import { type DisconnectDescription, Socket } from "./socket.js";

export interface ManagerReservedEvents {
  open: () => void;
  error: (error: Error) => void;
  ping: () => void;
  packet: (packet: Packet) => void;
  close: (reason: string, description?: DisconnectDescription) => void;
  reconnect_failed: () => void;
  reconnect_attempt: (attempt: number) => void;
  reconnect_error: (error: Error) => void;
  reconnect: (attempt: number) => void;
}

/** What a manager is made of, besides its options: only what is named here gets into a bundle. */
export interface ManagerParts extends Parts {
  // biome-ignore lint/suspicious/noExplicitAny: as the option `parser`
  parser: any;
}

interface Settings {
  reconnection: boolean;
  reconnectionAttempts: number;
  reconnectionDelay: number;
  reconnectionDelayMax: number;
  randomizationFactor: number;
  timeout: number | boolean;
}

/**
 * One connection to a server, shared by sockets of several namespaces; made again when it is lost. `uri` and `opts`
 * may be changed between attempts.
 */
export abstract class Manager<
  ListenEvents extends EventsMap = DefaultEventsMap,
  EmitEvents extends EventsMap = ListenEvents,
> extends Emitter<Record<never, never>, Record<never, never>, ManagerReservedEvents> {
  /** The session of the latest attempt. */
  declare engine: Session;
  uri: string | undefined;
  opts: Partial<ManagerOptions & SocketOptions>;
  _autoConnect: boolean;
  _readyState: "opening" | "open" | "closed" = "closed";
  _reconnecting = false;
  readonly nsps: { [namespace: string]: Socket<ListenEvents, EmitEvents> } = {};
  readonly _clock: Clock;

  private readonly _settings: Settings;
  // biome-ignore lint/suspicious/noExplicitAny: parsers are written by anyone, without types
  private readonly _encoder: any;
  // biome-ignore lint/suspicious/noExplicitAny: as above
  private readonly _decoder: any;
  private _attempts = 0;
  private _skipReconnect = false;
  private _retryTimer: unknown;
  private _cleanups: (() => void)[] = [];
  private _leavePage: (() => void)[] = [];

  constructor(
    uri: string | Partial<ManagerOptions & SocketOptions> | undefined,
    opts: Partial<ManagerOptions & SocketOptions> | undefined,
    private readonly _parts: ManagerParts,
  ) {
    super();
    if (typeof uri === "object") {
      opts = uri;
      uri = undefined;
    }
    this.uri = uri;
    this.opts = opts = { ...opts };
    opts.path ||= "/socket.io";
    this._clock = opts.clock || systemClock(opts.useNativeTimers);
    this._settings = {
      reconnection: opts.reconnection !== false,
      reconnectionAttempts: opts.reconnectionAttempts || Number.POSITIVE_INFINITY,
      reconnectionDelay: opts.reconnectionDelay || 1000,
      reconnectionDelayMax: opts.reconnectionDelayMax || 5000,
      randomizationFactor: opts.randomizationFactor ?? 0.5,
      timeout: opts.timeout ?? 20_000,
    };
    const { Encoder, Decoder } = opts.parser || _parts.parser;
    this._encoder = new Encoder();
    this._decoder = new Decoder();
    this._decoder.on("decoded", (packet: Packet) => {
      this._dispatch("packet", packet);
      const socket = this.nsps[packet.nsp];
      if (socket?.active) socket._onPacket(packet);
    });
    this._autoConnect = opts.autoConnect !== false;
    if (this._autoConnect) this.open();
  }

  reconnection(value: boolean): this;
  reconnection(): boolean;
  reconnection(value?: boolean): this | boolean;
  reconnection(value?: boolean): this | boolean {
    return this._setting("reconnection", value);
  }

  reconnectionAttempts(value: number): this;
  reconnectionAttempts(): number;
  reconnectionAttempts(value?: number): this | number;
  reconnectionAttempts(value?: number): this | number {
    return this._setting("reconnectionAttempts", value);
  }

  reconnectionDelay(value: number): this;
  reconnectionDelay(): number;
  reconnectionDelay(value?: number): this | number;
  reconnectionDelay(value?: number): this | number {
    return this._setting("reconnectionDelay", value);
  }

  randomizationFactor(value: number): this;
  randomizationFactor(): number;
  randomizationFactor(value?: number): this | number;
  randomizationFactor(value?: number): this | number {
    return this._setting("randomizationFactor", value);
  }

  reconnectionDelayMax(value: number): this;
  reconnectionDelayMax(): number;
  reconnectionDelayMax(value?: number): this | number;
  reconnectionDelayMax(value?: number): this | number {
    return this._setting("reconnectionDelayMax", value);
  }

  timeout(value: number | boolean): this;
  timeout(): number | boolean;
  timeout(value?: number | boolean): this | number | boolean;
  timeout(value?: number | boolean): this | number | boolean {
    return this._setting("timeout", value);
  }

  /** Connect, unless there is a connection or an attempt. `done` is called once, with the error if it failed. */
  open(done?: (error?: Error) => void): this {
    if (this._readyState !== "closed") return this;
    this._readyState = "opening";
    this._skipReconnect = false;
    this._clock.clearTimeout(this._retryTimer);
    this._watchPage();
    const engine = new Session(this.uri, this.opts, this._parts);
    this.engine = engine;
    const fail = (error: Error) => {
      this._cleanUp();
      this._readyState = "closed";
      engine.close();
      this._onError(error);
      done?.(error);
      if (this._reconnecting) {
        this._reconnecting = false;
        this._reconnect();
        this._dispatch("reconnect_error", error);
      } else if (!done) {
        this._reconnect();
      }
    };
    const on = (event: string, listener: Listener) => {
      engine.on(event as never, listener as never);
      this._cleanups.push(() => engine.off(event as never, listener as never));
    };
    on("open", () => {
      clearTimeout();
      this._readyState = "open";
      this._dispatch("open");
      for (const socket of Object.values(this.nsps)) if (socket.active) socket._onOpen();
      done?.();
      if (this._reconnecting) {
        const attempt = this._attempts;
        this._reconnecting = false;
        this._attempts = 0;
        this._dispatch("reconnect", attempt);
      }
    });
    on("error", (error: Error) => {
      if (this._readyState === "open") this._onError(error);
      else fail(error);
    });
    on("close", (reason: string, description?: DisconnectDescription) => {
      if (this._readyState === "open") this._onClose(reason, description);
      else fail(Object.assign(new Error(reason), { description }));
    });
    on("ping", () => this._dispatch("ping"));
    on("data", (data: unknown) => {
      try {
        this._decoder.add(data);
      } catch (error) {
        this._onClose("parse error", error as Error);
      }
    });
    const { timeout } = this._settings;
    const timer =
      timeout !== false && this._clock.setTimeout(() => fail(new Error("timeout")), timeout as number);
    const clearTimeout = () => this._clock.clearTimeout(timer);
    this._cleanups.push(clearTimeout);
    return this;
  }

  connect(done?: (error?: Error) => void): this {
    return this.open(done);
  }

  /** The socket of a namespace; there is one. */
  socket(nsp: string, opts?: Partial<SocketOptions>): Socket<ListenEvents, EmitEvents> {
    let socket = this.nsps[nsp];
    if (!socket) {
      socket = this.nsps[nsp] = new Socket<ListenEvents, EmitEvents>(this, nsp, opts);
    } else if (this._autoConnect && !socket.active) {
      socket.connect();
    }
    return socket;
  }

  /** A socket needs no connection any more: close it after the last one. */
  _destroy(_socket: Socket<ListenEvents, EmitEvents>): void {
    if (!Object.values(this.nsps).some((socket) => socket.active)) this._close();
  }

  /** THROWS for what cannot be written, or is too large for the server; then nothing of it is sent. */
  _packet(packet: Packet): void {
    const { engine } = this;
    const messages = this._encoder.encode(packet);
    for (const message of messages) engine._check(message);
    for (const message of messages) engine._send("message", message);
  }

  /** Close, and stay so. */
  _close(): void {
    this._skipReconnect = true;
    this._reconnecting = false;
    this._onClose("forced close");
  }

  // biome-ignore lint/suspicious/noExplicitAny: the overloads of its callers say what it is
  private _setting(name: keyof Settings, value: any): any {
    if (value === undefined) return this._settings[name];
    this._settings[name] = value as never;
    return this;
  }

  private _cleanUp(): void {
    for (const cleanUp of this._cleanups.splice(0)) cleanUp();
    this._decoder.destroy();
  }

  private _onError(error: Error): void {
    this._dispatch("error", error);
    for (const socket of Object.values(this.nsps)) if (socket.active) socket._onError(error);
  }

  private _onClose(reason: string, description?: DisconnectDescription): void {
    this._cleanUp();
    this.engine?.close();
    this._attempts = 0;
    this._readyState = "closed";
    this._dispatch("close", reason, description);
    for (const socket of Object.values(this.nsps)) if (socket.active) socket._onClose(reason, description);
    this._reconnect();
  }

  /** Connect again, after a while, where that is wanted and not under way. */
  private _reconnect(): void {
    const { reconnection, reconnectionAttempts, ...delays } = this._settings;
    if (this._readyState !== "closed" || this._reconnecting) return;
    if (!this._skipReconnect && reconnection && this._attempts < reconnectionAttempts) {
      this._reconnecting = true;
      this._retryTimer = this._clock.setTimeout(
        () => this._attempt(),
        delayAfter(this._attempts++, delays, this._clock.random()),
      );
      return;
    }
    for (const leave of this._leavePage.splice(0)) leave();
    this._clock.clearTimeout(this._retryTimer);
    if (this._attempts) {
      this._attempts = 0;
      this._dispatch("reconnect_failed");
      for (const socket of Object.values(this.nsps)) socket._giveUp();
    }
  }

  private _attempt(): void {
    this._dispatch("reconnect_attempt", this._attempts);
    if (!this._skipReconnect) this.open();
  }

  /** Connect at once when there is reason to believe that it works again, and see what a sleep has left. */
  private _watchPage(): void {
    if (this._leavePage.length) return;
    const attempt = () => {
      if (!this._reconnecting || this._readyState !== "closed") return;
      this._clock.clearTimeout(this._retryTimer);
      this._attempt();
    };
    const wake = () => {
      if (this._readyState === "open" && this.engine._hasPingExpired()) queueMicrotask(attempt);
      else if (!globalThis.document?.hidden) attempt();
    };
    this._leavePage = [
      listenToPage("online", wake),
      listenToPage("visibilitychange", wake),
      listenToPage("pageshow", wake),
      // A page with an open connection cannot be kept for the way back.
      listenToPage("pagehide", (event) => {
        if ((event as PageTransitionEvent).persisted) {
          this.engine._onClose("transport close", { description: "page has been left" });
        }
      }),
    ];
  }
}
