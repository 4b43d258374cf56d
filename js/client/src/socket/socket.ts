import { call, Emitter, type Listener } from "../emitter.js";
import type { CloseDetails } from "../engine/transport.js";
import { failure } from "../errors.js";
import type {
  AckValue,
  AllButLast,
  DecorateAcknowledgements,
  DefaultEventsMap,
  EventNames,
  EventParams,
  EventsMap,
  Last,
} from "../types.js";
import type { Manager } from "./manager.js";
import type { SocketOptions } from "./options.js";
import { type Outgoing, remove } from "./outgoing.js";
import { ACK, BINARY, CONNECT, DISCONNECT, EVENT, type Packet, RESERVED } from "./packet.js";

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

/** The events of `_any`. */
const IN = 0 as unknown as string;
const OUT = 1 as unknown as string;
const DISCONNECTED = "socket has been disconnected";

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
  declare id: string | undefined;
  connected = false;
  /** Whether the connection continues the one before: the same id, and nothing missed. */
  recovered = false;
  /** Whether the socket is connected, or will be without being asked. */
  active = false;
  /** Whether the server knows which events it has seen, and handles none twice though `retries` sends them again. */
  declare deduplicated: boolean;
  /** Events that are sent until they are acknowledged, with `retries`. */
  declare _queue: Outgoing[];
  auth: SocketOptions["auth"];
  /** Events that came before the answer to CONNECT. */
  receiveBuffer: ReadonlyArray<unknown>[] = [];
  sendBuffer: Packet[] = [];
  /** What names this session for recovery, and the position in it. */
  declare _pid: string | undefined;
  declare _lastOffset: string | undefined;

  protected _ids = 0;
  private _flags: Flags = {};
  /** Events that wait for an acknowledgement, by id, and so in order. */
  private readonly _unacknowledged: { [id: number]: Outgoing } = {};
  /** Those who hear of every event that arrives, and of every one that is sent. */
  private readonly _any = new Emitter<DefaultEventsMap>();

  constructor(
    readonly io: Manager<ListenEvents, EmitEvents>,
    readonly nsp: string,
    protected readonly _opts: Partial<SocketOptions> = {},
  ) {
    super();
    this.auth = _opts.auth;
  }

  get disconnected(): boolean {
    return !this.connected;
  }

  connect(): this {
    const { active, io } = this;
    this.active = true;
    if (!io._reconnecting) io.open();
    // One that is active has asked, or will when the connection is there.
    if (!active && io._readyState === "open") this._onOpen();
    return this;
  }

  open(): this {
    return this.connect();
  }

  /** Leave the namespace. Who waits for an acknowledgement is told that none will come. */
  disconnect(): this {
    const wasConnected = this.connected;
    if (wasConnected) this.io._packet({ type: DISCONNECT, nsp: this.nsp });
    this._destroy();
    if (wasConnected) this._onClose("io client disconnect");
    // Unless a handler has come back: then what waits goes on waiting.
    if (!this.active) this._giveUp();
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
    return this._emit([event, ...args]);
  }

  /** Send an event; resolves with what the acknowledgement brings, rejects where none will come. */
  emitWithAck<Ev extends EventNames<EmitEvents>>(
    event: Ev,
    ...args: AllButLast<EventParams<EmitEvents, Ev>>
  ): Promise<AckValue<Last<EventParams<EmitEvents, Ev>>>> {
    return new Promise((resolve, reject) => {
      this._emit([event, ...args], (error, value) => (error ? reject(error) : resolve(value)), true);
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
    this._any.on(IN, listener);
    return this;
  }

  prependAny(listener: Listener): this {
    this._any._prepend(IN, listener);
    return this;
  }

  offAny(listener?: Listener): this {
    this._any.off(IN, listener);
    return this;
  }

  listenersAny(): Listener[] {
    return this._any.listeners(IN);
  }

  /** Hear of every event that is sent. */
  onAnyOutgoing(listener: Listener): this {
    this._any.on(OUT, listener);
    return this;
  }

  prependAnyOutgoing(listener: Listener): this {
    this._any._prepend(OUT, listener);
    return this;
  }

  offAnyOutgoing(listener?: Listener): this {
    this._any.off(OUT, listener);
    return this;
  }

  listenersAnyOutgoing(): Listener[] {
    return this._any.listeners(OUT);
  }

  /** The manager's connection is open. */
  _onOpen(): void {
    const { io, nsp, auth } = this;
    const { engine } = io;
    const connect = (data?: object) => {
      // An answer may come late: for a connection that is gone, or twice.
      if (engine.readyState === "open" && this.active && !this.connected) {
        io._packet({ type: CONNECT, nsp, data: this._introduction(data) });
      }
    };
    // What cannot be sent does not keep other namespaces from connecting.
    call(typeof auth === "function" ? (auth as Listener) : () => connect(auth), this, [connect]);
  }

  /** The connection could not be made, or failed. */
  _onError(error: Error): void {
    if (!this.connected) this._dispatch("connect_error", error);
  }

  _onClose(reason: string, description?: DisconnectDescription): void {
    this.connected = false;
    this.id = undefined;
    // What came before an answer that did not come: it is sent again, if at all.
    this.receiveBuffer = [];
    this._dispatch("disconnect", reason, description);
    for (const event of Object.values(this._unacknowledged)) {
      if (event._isSent) this._lose(event, new Error(DISCONNECTED));
    }
  }

  /** There will be no connection, unless someone asks for one: tell those who can be told, and send nothing for them. */
  _giveUp(): void {
    // Not those that are emitted meanwhile.
    for (const event of Object.values(this._unacknowledged)) {
      if (event._withError) this._settle(event, new Error(DISCONNECTED));
    }
  }

  _onPacket({ type, id, data }: Packet): void {
    if (type === CONNECT) {
      if (data?.sid) this._onConnect(data);
      else this._onError(new Error("no sid"));
    } else if (type === EVENT || type === EVENT + BINARY) {
      const args = id === undefined ? data : [...data, this._answer(id)];
      if (this.connected) this._onEvent(args);
      else this.receiveBuffer.push(args);
    } else if (type === ACK || type === ACK + BINARY) {
      const event = this._unacknowledged[id as number];
      if (event) this._settle(event, null, data);
    } else {
      this._destroy();
      if (type === DISCONNECT) this._onClose("io server disconnect");
      else this._onError(failure(data?.message ?? data, { data: data?.data }));
    }
  }

  private _onConnect({ sid, pid }: { sid: string; pid?: string }): void {
    this.id = sid;
    this.recovered = !!pid && pid === this._pid;
    if (!this.recovered) this._lastOffset = undefined;
    this._pid = pid;
    this.connected = true;
    for (const args of this.receiveBuffer.splice(0)) this._onEvent(args);
    // What cannot be sent has no emitter any more that it could be thrown at.
    for (const event of this.sendBuffer.splice(0)) call(this._transmit, this, [event]);
    this._dispatch("connect");
  }

  protected _onEvent(args: ReadonlyArray<unknown>): void {
    this._any._dispatch(IN, ...args);
    this._dispatch(...(args as [string]));
    const last = args.at(-1);
    if (this._pid && typeof last === "string") this._lastOffset = last;
  }

  /** What a handler calls to acknowledge; counts once, and only on the connection that the event came by. */
  private _answer(id: number): Listener {
    const { io, nsp } = this;
    let engine: unknown = io.engine;
    return (...data) => {
      if (engine === io.engine && this.connected) io._packet({ type: ACK, nsp, id, data });
      engine = null;
    };
  }

  private _emit(args: unknown[], fn?: Listener, withError?: boolean): this {
    const { volatile, timeout = this._opts.ackTimeout } = this._flags;
    this._flags = {};
    if (!fn && typeof args.at(-1) === "function") fn = args.pop() as Listener;
    if (RESERVED.test(args[0] as string)) throw new Error(`"${args[0]}" is a reserved event name`);
    const event: Outgoing = {
      type: EVENT,
      nsp: this.nsp,
      data: args,
      _fn: fn,
      _withError: withError || timeout !== undefined,
      _timeout: timeout,
    };
    if (fn) this._expectAck(event);
    if (volatile && !this.io.engine?.transport?.writable) this._settle(event, new Error("dropped"));
    else this._post(event, volatile);
    return this;
  }

  /** Send an event, now or when there is a connection. */
  protected _post(event: Outgoing, _isVolatile?: boolean): void {
    this._startTimer(event);
    if (this._isReady()) this._transmit(event);
    else this.sendBuffer.push(event);
  }

  /** What the server is told at a connection: `auth`, and what this session has to add. */
  protected _introduction(auth?: object): object | undefined {
    return this._pid ? { pid: this._pid, offset: this._lastOffset, ...auth } : auth;
  }

  /** Give an event the id by which it is acknowledged. */
  protected _expectAck(event: Outgoing): void {
    event.id = this._ids++;
    this._unacknowledged[event.id] = event;
  }

  protected _isReady(): boolean {
    // A connection is lost for all, and told to one after the other.
    return this.connected && this.io._readyState === "open" && !this.io.engine._hasPingExpired();
  }

  /** Send. What cannot be sent is told to who waits for the acknowledgement; THROWS where nobody does. */
  protected _transmit(event: Outgoing): void {
    event._isSent = true;
    try {
      this._any._dispatch(OUT, ...event.data);
      this.io._packet(event);
    } catch (error) {
      if (!this._settle(event, error)) throw error;
    }
  }

  protected _startTimer(event: Outgoing): void {
    if (event._timeout === undefined) return;
    event._stopTimer = this.io._clock.after(event._timeout, () =>
      this._lose(event, new Error("operation has timed out")),
    );
  }

  /** An event was not acknowledged. */
  protected _lose(event: Outgoing, error: Error): void {
    this._settle(event, error);
  }

  /** An event is done with, by an error or an answer. False where nobody could be told. */
  protected _settle(event: Outgoing, error: unknown, answer: unknown[] = []): boolean {
    const { _fn, _withError } = event;
    event._stopTimer?.();
    delete this._unacknowledged[event.id as number];
    remove(this.sendBuffer, event);
    if (!_fn || (error && !_withError)) return false;
    call(_fn, this, _withError ? [error, ...answer] : answer);
    return true;
  }

  /** From now on the manager does not connect for this socket. */
  private _destroy(): void {
    this.active = false;
    this.io._destroy();
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
