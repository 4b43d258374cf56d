import type { Clock } from "../clock.js";
import { call, type Listener } from "../emitter.js";
import { TIMED_OUT } from "./acks.js";
import type { Packet } from "./packet.js";

/** An event that is sent until it is acknowledged. */
export interface Attempt {
  /** The acknowledgement's id, the same in every try: by it a server knows what it has seen. */
  id: number;
  /** The event and its arguments. */
  args: unknown[];
  tryCount: number;
  /** Whether it is under way on the present connection. */
  pending: boolean;
}

interface Queued extends Attempt {
  packet: Packet;
  fn: Listener | undefined;
  timeout: number | undefined;
  timer?: unknown;
}

/** What a queue asks of its socket. */
export interface Carrier {
  /** Whether there is a connection to send on. */
  isReady(): boolean;
  /** THROWS for a packet that cannot be sent at all. */
  transmit(packet: Packet): void;
}

/**
 * Events in the order in which they were emitted, of which the first ones, a window, are under way. A try fails when
 * its time is over or its connection is lost; after `retries` more the event is given up, and those behind it go on.
 */
export class RetryQueue {
  readonly queue: Queued[] = [];

  constructor(
    private readonly _carrier: Carrier,
    private readonly _clock: Clock,
    private readonly _retries: number,
    private readonly _window: number,
  ) {}

  /** `fn` gets an error or null, and what the acknowledgement brought; `timeout` is for each try. */
  add(packet: Packet, fn: Listener | undefined, timeout: number | undefined): void {
    const id = packet.id as number;
    this.queue.push({ id, args: packet.data, tryCount: 0, pending: false, packet, fn, timeout });
    this.drain();
  }

  /** Send what may be sent. THROWS as the carrier, for an event whose emitter cannot be told otherwise. */
  drain(): void {
    if (!this._carrier.isReady()) return;
    for (const entry of this.queue.slice(0, this._window)) {
      if (entry.pending) continue;
      entry.pending = true;
      entry.tryCount++;
      if (entry.timeout !== undefined) {
        entry.timer = this._clock.setTimeout(() => {
          this._fail(entry, new Error(TIMED_OUT));
          this.drain();
        }, entry.timeout);
      }
      try {
        this._carrier.transmit(entry.packet);
      } catch (error) {
        this._finish(entry, [error]);
        if (!entry.fn) throw error;
      }
    }
  }

  /** The acknowledgement of an event has come. False where there is no such event. */
  settle(id: number, args: unknown[]): boolean {
    const entry = this.queue.find((each) => each.id === id);
    if (!entry) return false;
    this._finish(entry, [null, ...args]);
    this.drain();
    return true;
  }

  /** The connection is lost, and with it what was under way. */
  interrupt(error: Error): void {
    for (const entry of [...this.queue]) if (entry.pending) this._fail(entry, error);
  }

  /** Give up the event that has waited longest. */
  dropOldest(error: Error): void {
    const oldest = this.queue.find((entry) => !entry.pending);
    if (oldest) this._finish(oldest, [error]);
  }

  /** Give up what someone waits for; what nobody waits for stays. */
  giveUp(error: Error): void {
    for (const entry of [...this.queue]) if (entry.fn) this._finish(entry, [error]);
  }

  private _fail(entry: Queued, error: Error): void {
    entry.pending = false;
    this._clock.clearTimeout(entry.timer);
    if (entry.tryCount > this._retries) this._finish(entry, [error]);
  }

  private _finish(entry: Queued, result: unknown[]): void {
    const at = this.queue.indexOf(entry);
    if (at < 0) return;
    this.queue.splice(at, 1);
    this._clock.clearTimeout(entry.timer);
    if (entry.fn) call(entry.fn, null, result);
  }
}
