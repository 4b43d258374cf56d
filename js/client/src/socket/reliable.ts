import { call } from "../emitter.js";
import { failure } from "../errors.js";
import type { DefaultEventsMap, EventsMap } from "../types.js";
import { type Outgoing, remove } from "./outgoing.js";
import { CONNECT, type Packet } from "./packet.js";
import { Socket } from "./socket.js";

/**
 * A socket that sends events until they are acknowledged, with `retries`, and keeps a limited number of them.
 *
 * Events are sent in the order in which they were emitted; the first ones, a window, are under way. A try fails when
 * its time is over or its connection is lost. The next try has the same id, by which a server knows what it has seen.
 * After `retries` tries more the event is given up, and those behind it go on.
 */
export class ReliableSocket<
  ListenEvents extends EventsMap = DefaultEventsMap,
  EmitEvents extends EventsMap = ListenEvents,
> extends Socket<ListenEvents, EmitEvents> {
  override deduplicated = false;
  override _queue: Outgoing[] = [];
  private _retryId?: string;
  /** How the offsets of this session begin, where they are Arcwire's. */
  private _prefix: string | undefined;

  override _onPacket(packet: Packet): void {
    if (packet.type === CONNECT) this.deduplicated = !!packet.data?.retry;
    super._onPacket(packet);
    // There may be a connection now, or a place in the window.
    this._drain();
  }

  protected override _onEvent(args: ReadonlyArray<unknown>): void {
    const before = this._lastOffset;
    super._onEvent(args);
    const after = this._lastOffset as string;
    if (after === before) return;
    // An offset comes last; so does any text of an event that has none. Once Arcwire's form was seen, only texts of
    // that form, with the same beginning, are taken.
    if (!before || !this._prefix) this._prefix = OFFSET.exec(after)?.[1];
    else if (!after.startsWith(this._prefix)) this._lastOffset = before;
  }

  protected override _introduction(auth?: object): object | undefined {
    if (this._opts.retries) {
      this._retryId ||= randomId();
      auth = { retry: { id: this._retryId, from: this._queue[0]?.id ?? this._ids }, ...auth };
    }
    return super._introduction(auth);
  }

  protected override _post(event: Outgoing, isVolatile?: boolean): void {
    if (!this._opts.retries || isVolatile) {
      if (this._isReady() || this._hasPlace(this.sendBuffer as Outgoing[], event)) super._post(event);
      return;
    }
    event.args = event.data;
    event.tryCount = 0;
    event._withError = !!event._fn;
    if (event.id === undefined) this._expectAck(event);
    if (this._hasPlace(this._queue, event)) this._queue.push(event);
    this._drain(event);
  }

  /** False for an event that is not to wait. THROWS BufferFullError where nobody else can be told. */
  private _hasPlace(waiting: Outgoing[], event: Outgoing): boolean {
    const { bufferLimit = 10_000, bufferOverflow } = this._opts;
    if (waiting.length < bufferLimit) return true;
    const oldest = bufferOverflow === "drop-oldest" && waiting.find(({ _isSent }) => !_isSent);
    const error = failure("buffer full", { name: "BufferFullError", limit: bufferLimit });
    if (!this._settle(oldest || event, error) && !/^drop/.test(bufferOverflow as string)) throw error;
    return !!oldest;
  }

  /** THROWS for `emitted` alone, if it cannot be sent at all and has nobody waiting who could be told. */
  private _drain(emitted?: Outgoing): void {
    for (;;) {
      const window = this._queue.slice(0, this._opts.retryWindow ?? 64);
      const event = this._isReady() && window.find(({ _isSent }) => !_isSent);
      if (!event) return;
      (event.tryCount as number)++;
      this._startTimer(event);
      if (event === emitted) this._transmit(event);
      else call(this._transmit, this, [event]);
    }
  }

  protected override _lose(event: Outgoing, error: Error): void {
    event._isSent = false;
    event._stopTimer?.();
    if (!((event.tryCount as number) <= (this._opts.retries as number))) super._lose(event, error);
    this._drain();
  }

  protected override _settle(event: Outgoing, error: unknown, answer?: unknown[]): boolean {
    remove(this._queue, event);
    return super._settle(event, error, answer);
  }
}

/**
 * What offsets of Arcwire's servers look like: the beginning is the server's, a number follows. Those with two digits
 * might be of the reference's adapter, which has seven characters of any kind.
 */
const OFFSET = /^([\w-]{4}-)(\d|\d{3,})$/;

/** Not to be guessed: who knows it gets the answers. */
function randomId(): string {
  return btoa(String.fromCharCode(...crypto.getRandomValues(new Uint8Array(18)))).replace(/\W/g, "-");
}
