import { call, Emitter, type Listener } from "../emitter.js";
import type { CloseDetails } from "../engine/transport.js";
import { BufferFullError } from "../errors.js";
import type {
  AllButLast,
  DecorateAcknowledgements,
  DefaultEventsMap,
  EventNames,
  EventParams,
  EventsMap,
  FirstArg,
  Last,
} from "../types.js";
import { Acks, DISCONNECTED } from "./acks.js";
import type { Manager } from "./manager.js";
import type { SocketOptions } from "./options.js";
import { ACK, BINARY, CONNECT, CONNECT_ERROR, DISCONNECT, EVENT, type Packet, RESERVED } from "./packet.js";
import { RetryQueue } from "./retries.js";

export type DisconnectDescription = Error | CloseDetails;

export interface ExtendedError extends Error {
  /** What the server said beside its message. */
  // biome-ignore lint/suspicious/noExplicitAny: whatever it said
  data?: any;
}

export interface SocketReservedEvents {
  connect: () => void;
  connect_error: (error: ExtendedError) => void;
  disconnect: (reason: Socket.DisconnectReason, description?: DisconnectDescription) => void;
}

interface Flags {
  volatile?: boolean;
  timeout?: number | undefined;
}

/**
 * A participant in a namespace: emits events and hears those of the server. What is emitted without a connection
 * waits, in order, in `sendBuffer`, unless it is volatile.
 */
export class Socket<
  ListenEvents extends EventsMap = DefaultEventsMap,
  EmitEvents extends EventsMap = ListenEvents,
> extends Emitter<ListenEvents, EmitEvents, SocketReservedEvents> {
  /** Given by the server at each connection; undefined while there is none. */
  id: string | undefined;
  connected = false;
  /** Whether the connection continues the one before: the same id, and nothing missed. */
  recovered = false;
  /** Whether the server knows which events it has seen, and handles none twice though `retries` sends them again. */
  deduplicated = false;
  auth: SocketOptions["auth"];
  /** Events that came before the answer to CONNECT. */
  receiveBuffer: ReadonlyArray<unknown>[] = [];
  sendBuffer: Packet[] = [];
  /** What names this session for recovery, and the position in it. */
  _pid: string | undefined;
  _lastOffset: string | undefined;
  _queue: RetryQueue["queue"] = [];

  private _active = false;
  private _flags: Flags = {};
  private _ids = 0;
  private readonly _acks: Acks;
  private readonly _retries: RetryQueue | undefined;
  private readonly _retryId: string | undefined;
  private _anyListeners: Listener[] = [];
  private _anyOutgoingListeners: Listener[] = [];

  constructor(
    readonly io: Manager<ListenEvents, EmitEvents>,
    readonly nsp: string,
    private readonly _opts: Partial<SocketOptions> = {},
  ) {
    super();
    const { auth, retries, retryWindow = 64 } = _opts;
    this.auth = auth;
    this._acks = new Acks(io._clock);
    if (retries) {
      this._retries = new RetryQueue(
        { isReady: () => this._isReady(), transmit: (packet) => this._transmit(packet) },
        io._clock,
        retries,
        retryWindow,
      );
      this._queue = this._retries.queue;
      this._retryId = Array.from(crypto.getRandomValues(new Uint8Array(24)), (byte) =>
        (byte % 32).toString(32),
      ).join("");
    }
    if (io._autoConnect) this.connect();
  }

  get disconnected(): boolean {
    return !this.connected;
  }

  /** Whether the socket is connected, or will be without being asked. */
  get active(): boolean {
    return this._active;
  }

  connect(): this {
    if (this.connected) return this;
    this._active = true;
    if (!this.io._reconnecting) this.io.open();
    if (this.io._readyState === "open") this._onOpen();
    return this;
  }

  open(): this {
    return this.connect();
  }

  /** Leave the namespace. Who waits for an acknowledgement is told that none will come. */
  disconnect(): this {
    const wasConnected = this.connected;
    if (wasConnected) this.io._packet({ type: DISCONNECT, nsp: this.nsp });
    this._detach();
    if (wasConnected) this._onClose("io client disconnect");
    this._giveUp();
    return this;
  }

  close(): this {
    return this.disconnect();
  }

  /** Emit an event named "message". */
  send(...args: unknown[]): this {
    return this.emit("message" as never, ...(args as never));
  }

  /**
   * Send an event. A function as the last argument is called with the acknowledgement. THROWS for a reserved name;
   * PayloadTooLargeError or BufferFullError for an event that will not be sent and has no one else to tell.
   */
  override emit<Ev extends EventNames<EmitEvents>>(event: Ev, ...args: EventParams<EmitEvents, Ev>): this {
    const fn = typeof args.at(-1) === "function" ? (args.pop() as Listener) : undefined;
    return this._emit(event, args, fn);
  }

  /** Send an event; resolves with what the acknowledgement brings, rejects where none will come. */
  emitWithAck<Ev extends EventNames<EmitEvents>>(
    event: Ev,
    ...args: AllButLast<EventParams<EmitEvents, Ev>>
  ): Promise<FirstArg<Last<EventParams<EmitEvents, Ev>>>> {
    return new Promise((resolve, reject) => {
      this._emit(event, args, (error, value) => (error ? reject(error) : resolve(value)), true);
    });
  }

  /** Has no effect: browsers decide on compression. */
  compress(_compress: boolean): this {
    return this;
  }

  /** The next event is dropped where it cannot be sent at once. */
  get volatile(): this {
    this._flags.volatile = true;
    return this;
  }

  /** How long to wait for the acknowledgement of the next event, in milliseconds. */
  timeout(timeout: number): Socket<ListenEvents, DecorateAcknowledgements<EmitEvents>> {
    this._flags.timeout = timeout;
    return this as never;
  }

  /** Hear of every event that arrives: its name, then its arguments. */
  onAny(listener: Listener): this {
    this._anyListeners = [...this._anyListeners, listener];
    return this;
  }

  prependAny(listener: Listener): this {
    this._anyListeners = [listener, ...this._anyListeners];
    return this;
  }

  offAny(listener?: Listener): this {
    this._anyListeners = without(this._anyListeners, listener);
    return this;
  }

  listenersAny(): Listener[] {
    return this._anyListeners;
  }

  /** Hear of every event that is sent. */
  onAnyOutgoing(listener: Listener): this {
    this._anyOutgoingListeners = [...this._anyOutgoingListeners, listener];
    return this;
  }

  prependAnyOutgoing(listener: Listener): this {
    this._anyOutgoingListeners = [listener, ...this._anyOutgoingListeners];
    return this;
  }

  offAnyOutgoing(listener?: Listener): this {
    this._anyOutgoingListeners = without(this._anyOutgoingListeners, listener);
    return this;
  }

  listenersAnyOutgoing(): Listener[] {
    return this._anyOutgoingListeners;
  }

  /** The manager's connection is open. */
  _onOpen(): void {
    const { engine } = this.io;
    const connect = (auth?: object) => {
      // An answer may come late: for a connection that is gone, or twice.
      if (engine !== this.io.engine || this.io._readyState !== "open" || !this._active || this.connected)
        return;
      const retry = this._retryId && { id: this._retryId, from: this._queue[0]?.id ?? this._ids };
      const data = {
        ...(this._pid && { pid: this._pid, offset: this._lastOffset }),
        ...(retry && { retry }),
        ...auth,
      };
      this.io._packet({ type: CONNECT, nsp: this.nsp, data: auth || this._pid || retry ? data : undefined });
    };
    if (typeof this.auth === "function") call(this.auth as Listener, this, [connect]);
    else connect(this.auth);
  }

  /** The connection could not be made, or failed. */
  _onError(error: Error): void {
    if (!this.connected) this._dispatch("connect_error", error);
  }

  _onClose(reason: string, description?: DisconnectDescription): void {
    this.connected = false;
    this.id = undefined;
    this._dispatch("disconnect", reason, description);
    const error = new Error(DISCONNECTED);
    const waiting = new Set(this.sendBuffer.map((packet) => packet.id));
    this._acks.failAll(error, (id) => waiting.has(id));
    this._retries?.interrupt(error);
  }

  /** There will be no connection, unless someone asks for one: tell those who wait. */
  _giveUp(): void {
    const error = new Error(DISCONNECTED);
    const told = this.sendBuffer.filter((packet) => this._acks.takesError(packet.id));
    this.sendBuffer = this.sendBuffer.filter((packet) => !told.includes(packet));
    for (const packet of told) this._acks.fail(packet.id, error);
    this._retries?.giveUp(error);
  }

  _onPacket({ type, id, data }: Packet): void {
    switch (type) {
      case CONNECT:
        if (data?.sid) return this._onConnect(data);
        return this._onError(
          new Error("the server speaks Socket.IO 2, which this client does not: its CONNECT has no sid"),
        );
      case EVENT:
      case EVENT + BINARY: {
        const args = id === undefined ? data : [...data, this._answer(id)];
        if (this.connected) this._onEvent(args);
        else this.receiveBuffer.push(args);
        return;
      }
      case ACK:
      case ACK + BINARY:
        if (!this._retries?.settle(id as number, data)) this._acks.settle(id as number, data);
        return;
      case DISCONNECT:
        this._detach();
        return this._onClose("io server disconnect");
      case CONNECT_ERROR:
        this._detach();
        this._dispatch(
          "connect_error",
          Object.assign(new Error(data?.message ?? data), { data: data?.data }),
        );
    }
  }

  private _onConnect({ sid, pid, retry }: { sid: string; pid?: string; retry?: unknown }): void {
    this.id = sid;
    this.recovered = !!pid && pid === this._pid;
    if (!this.recovered) this._lastOffset = undefined;
    this._pid = pid;
    this.deduplicated = !!this._retryId && !!retry;
    this.connected = true;
    const { receiveBuffer, sendBuffer } = this;
    this.receiveBuffer = [];
    this.sendBuffer = [];
    for (const args of receiveBuffer) this._onEvent(args);
    // What cannot be sent has no emitter any more that it could be thrown at.
    for (const packet of sendBuffer) call(this._deliver, this, [packet]);
    if (this._retries) call(this._retries.drain, this._retries, []);
    this._dispatch("connect");
  }

  private _onEvent(args: ReadonlyArray<unknown>): void {
    for (const listener of this._anyListeners) call(listener, this, args as unknown[]);
    const [event, ...rest] = args;
    this._dispatch(event as string, ...rest);
    const offset = rest.at(-1);
    // Offsets come last; so does any text of events without one, and only what may be an offset is taken for it.
    if (this._pid && typeof offset === "string" && /^[\w.:+/=-]{1,64}$/.test(offset))
      this._lastOffset = offset;
  }

  /** What a handler calls to acknowledge; counts once, and only on the connection that the event came by. */
  private _answer(id: number): Listener {
    const { engine } = this.io;
    let answered = false;
    return (...data) => {
      if (answered || engine !== this.io.engine || !this.connected) return;
      answered = true;
      this.io._packet({ type: ACK, nsp: this.nsp, id, data });
    };
  }

  private _emit(event: unknown, args: unknown[], fn?: Listener, withError = false): this {
    if (RESERVED.test(String(event))) throw new Error(`"${String(event)}" is a reserved event name`);
    const { volatile, timeout = this._opts.ackTimeout } = this._flags;
    this._flags = {};
    const packet: Packet = { type: EVENT, nsp: this.nsp, data: [event, ...args] };
    const retries = volatile ? undefined : this._retries;
    try {
      if (retries) {
        packet.id = this._ids++;
        this._makePlace(this._queue, (error) => retries.dropOldest(error));
        retries.add(packet, fn, timeout);
        return this;
      }
      if (fn) {
        packet.id = this._ids++;
        this._acks.add(packet.id, fn, withError, timeout, () => {
          this.sendBuffer = this.sendBuffer.filter((each) => each !== packet);
        });
      }
      if (volatile && !this.io.engine?.transport?.writable) {
        this._acks.fail(packet.id, new Error("volatile event has been dropped"));
      } else if (this._isReady()) {
        this._deliver(packet);
      } else {
        this._makePlace(this.sendBuffer, (error) => this._acks.fail(this.sendBuffer.shift()?.id, error));
        this.sendBuffer.push(packet);
      }
    } catch (error) {
      if (retries && fn) call(fn, this, [error]);
      else if (
        !this._acks.fail(packet.id, error as Error) &&
        (error as BufferFullError).policy !== "drop-newest"
      ) {
        throw error;
      }
    }
    return this;
  }

  /** THROWS BufferFullError where a list of what waits is full and nothing in it may make way. */
  private _makePlace(waiting: unknown[], dropOldest: (error: Error) => void): void {
    const { bufferLimit = 10_000, bufferPolicy = "throw" } = this._opts;
    if (waiting.length < bufferLimit) return;
    const error = new BufferFullError(bufferLimit, bufferPolicy);
    if (bufferPolicy !== "drop-oldest") throw error;
    dropOldest(error);
  }

  private _isReady(): boolean {
    return this.connected && !this.io.engine._hasPingExpired();
  }

  /** Send; what cannot be sent is told to who waits for the acknowledgement, and thrown where nobody does. */
  private _deliver(packet: Packet): void {
    try {
      this._transmit(packet);
    } catch (error) {
      if (!this._acks.fail(packet.id, error as Error)) throw error;
    }
  }

  private _transmit(packet: Packet): void {
    for (const listener of this._anyOutgoingListeners) call(listener, this, packet.data);
    this.io._packet(packet);
  }

  /** From now on the manager does not connect for this socket. */
  private _detach(): void {
    this._active = false;
    this.io._destroy(this);
  }
}

export namespace Socket {
  export type DisconnectReason =
    | "io server disconnect"
    | "io client disconnect"
    | "ping timeout"
    | "transport close"
    | "transport error"
    | "parse error";
}

function without(listeners: Listener[], listener?: Listener): Listener[] {
  const at = listeners.indexOf(listener as Listener);
  return listener ? listeners.filter((_, index) => index !== at) : [];
}
