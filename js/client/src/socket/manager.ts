import { delayAfter } from "../backoff.js";
import { type Clock, clockFrom } from "../clock.js";
import { Emitter, type Listener } from "../emitter.js";
import type { Router } from "../engine/routes.js";
import { Session } from "../engine/session.js";
import { failure } from "../errors.js";
import type { DefaultEventsMap, EventsMap } from "../types.js";
import type { ManagerOptions, SocketOptions } from "./options.js";
import type { Packet } from "./packet.js";
import type { DisconnectDescription, Socket } from "./socket.js";

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
export interface ManagerParts {
  _router: Router;
  // biome-ignore lint/suspicious/noExplicitAny: as the option `parser`
  _parser: any;
  _Socket: typeof Socket;
  /** What sees that it is time to connect at once; returns what ends it. */
  _watch?: (manager: Manager) => () => void;
}

const DEFAULTS = {
  reconnection: true,
  reconnectionAttempts: Infinity,
  reconnectionDelay: 1000,
  reconnectionDelayMax: 5000,
  randomizationFactor: 0.5,
  timeout: 20_000 as number | boolean,
};

type Settings = typeof DEFAULTS;

/** Tells a setting, or changes it. */
interface Setting<Owner, Value> {
  (value: Value): Owner;
  (): Value;
  (value?: Value): Owner | Value;
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
  readonly nsps: { [namespace: string]: Socket } = {};
  readonly _clock: Clock;

  declare reconnection: Setting<this, boolean>;
  declare reconnectionAttempts: Setting<this, number>;
  declare reconnectionDelay: Setting<this, number>;
  declare reconnectionDelayMax: Setting<this, number>;
  declare randomizationFactor: Setting<this, number>;
  declare timeout: Setting<this, number | boolean>;

  // biome-ignore lint/suspicious/noExplicitAny: parsers are written by anyone, without types
  private readonly _encoder: any;
  // biome-ignore lint/suspicious/noExplicitAny: as above
  private readonly _decoder: any;
  private _attempts = 0;
  private _skipReconnect = false;
  /** What ends the present wait: for the connection, or for the next attempt. */
  private _stopTimer: (() => void) | undefined;
  private _unwatch: (() => void) | undefined;

  constructor(
    uri: string | Partial<ManagerOptions & SocketOptions> | undefined,
    opts: Partial<ManagerOptions & SocketOptions> | undefined,
    readonly _parts: ManagerParts,
  ) {
    super();
    if (typeof uri === "object") {
      opts = uri;
      uri = undefined;
    }
    this.uri = uri;
    this.opts = opts = { ...opts };
    opts.path ||= "/socket.io";
    this._clock = clockFrom(opts);
    const settings = opts as { [name: string]: unknown };
    for (const name in DEFAULTS) settings[name] ??= DEFAULTS[name as keyof Settings];
    const { Encoder, Decoder } = opts.parser || _parts._parser;
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

  /** Connect, unless there is a connection or an attempt. `done` is called once, with the error if it failed. */
  open(done?: (error?: Error) => void): this {
    if (this._readyState !== "closed") return this;
    this._readyState = "opening";
    this._skipReconnect = false;
    this._stopTimer?.();
    this._unwatch ??= this._parts._watch?.(this as never);
    const engine = new Session(this.uri, this.opts, this._parts._router);
    this.engine = engine;
    const fail = (error: Error) => {
      const isAgain = this._reconnecting;
      this._reset();
      // Already: `connect()` in a handler of the error is no way around the delay.
      this._reconnecting ||= !done && this.reconnection();
      this._onError(error);
      this._reconnecting = false;
      if (isAgain || !done) this._reconnect();
      if (isAgain) this._dispatch("reconnect_error", error);
      done?.(error);
    };
    // A session that is given up may live a little longer.
    const on = (event: string, listener: Listener) =>
      engine.on(
        event as never,
        ((value: unknown, details: unknown) => {
          if (engine === this.engine && this._readyState !== "closed") listener(value, details);
        }) as never,
      );
    on("open", () => {
      this._stopTimer?.();
      this._readyState = "open";
      // First: those that connect in a handler of "open" do so by themselves.
      for (const socket of this._sockets()) socket._onOpen();
      this._dispatch("open");
      if (this._reconnecting) {
        const attempt = this._attempts;
        this._reconnecting = false;
        this._attempts = 0;
        this._dispatch("reconnect", attempt);
      }
      done?.();
    });
    on("error", (error: Error) => {
      if (this._readyState === "open") this._onError(error);
      else fail(error);
    });
    on("close", (reason: string, description?: DisconnectDescription) => {
      if (this._readyState === "open") this._onClose(reason, description);
      else fail(failure(reason, { description }));
    });
    on("ping", () => this._dispatch("ping"));
    on("data", (data: unknown) => {
      try {
        this._decoder.add(data);
      } catch (error) {
        this._onClose("parse error", error as Error);
      }
    });
    const timeout = this.timeout();
    if (timeout !== false) {
      this._stopTimer = this._clock.after(timeout as number, () => fail(new Error("timeout")));
    }
    return this;
  }

  connect(done?: (error?: Error) => void): this {
    return this.open(done);
  }

  /** The socket of a namespace; there is one. */
  socket(nsp: string, opts?: Partial<SocketOptions>): Socket<ListenEvents, EmitEvents> {
    const socket = this.nsps[nsp] || new this._parts._Socket(this as never, nsp, opts);
    this.nsps[nsp] = socket;
    if (this._autoConnect && !socket.active) socket.connect();
    return socket as never;
  }

  /** A socket needs no connection any more: close it after the last one. */
  _destroy(): void {
    if (!this._sockets().length) this._close();
  }

  /** THROWS for what cannot be written, or is too large for the server; then nothing of it is sent. */
  _packet({ type, nsp, id, data }: Packet): void {
    const { engine } = this;
    const messages = this._encoder.encode({ type, nsp, id, data });
    for (const message of messages) engine._check(message);
    for (const message of messages) engine._send("message", message);
  }

  /** Close, and stay so. */
  _close(): void {
    this._skipReconnect = true;
    this._reconnecting = false;
    this._onClose("forced close");
  }

  /** The sockets that want a connection. */
  private _sockets(): Socket[] {
    return Object.values(this.nsps).filter((socket) => socket.active);
  }

  private _reset(): void {
    this._stopTimer?.();
    this._decoder.destroy();
    this._readyState = "closed";
    this.engine?.close();
  }

  private _onError(error: Error): void {
    this._dispatch("error", error);
    for (const socket of this._sockets()) socket._onError(error);
  }

  private _onClose(reason: string, description?: DisconnectDescription): void {
    this._reset();
    this._attempts = 0;
    this._dispatch("close", reason, description);
    for (const socket of this._sockets()) socket._onClose(reason, description);
    this._reconnect();
  }

  /** Connect again, after a while, where that is wanted and not under way. */
  private _reconnect(): void {
    const settings = this.opts as Settings;
    if (this._readyState !== "closed" || this._reconnecting) return;
    if (
      !this._skipReconnect &&
      settings.reconnection &&
      this._attempts < (settings.reconnectionAttempts || Infinity)
    ) {
      this._reconnecting = true;
      const delay = delayAfter(this._attempts++, settings, this._clock.random());
      this._stopTimer = this._clock.after(delay, () => this._attempt());
      return;
    }
    this._unwatch?.();
    this._unwatch = undefined;
    if (this._attempts) {
      this._attempts = 0;
      this._dispatch("reconnect_failed");
    }
    for (const socket of this._sockets()) socket._giveUp();
  }

  /** Connect again, now, where that is being waited for. */
  _attempt(): void {
    if (!this._reconnecting || this._readyState !== "closed") return;
    // Switched off in the meantime.
    if (!(this.opts as Settings).reconnection) {
      this._reconnecting = false;
      return this._reconnect();
    }
    this._dispatch("reconnect_attempt", this._attempts);
    if (!this._skipReconnect) this.open();
  }
}

for (const name in DEFAULTS) {
  Object.assign(Manager.prototype, {
    [name](this: { opts: { [name: string]: unknown } }, value?: unknown) {
      if (value === undefined) return this.opts[name];
      this.opts[name] = value;
      return this;
    },
  });
}
