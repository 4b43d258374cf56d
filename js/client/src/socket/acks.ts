import type { Clock } from "../clock.js";
import { call, type Listener } from "../emitter.js";

export const TIMED_OUT = "operation has timed out";
export const DISCONNECTED = "socket has been disconnected";

interface Pending {
  fn: Listener;
  /** Whether `fn` takes an error as its first argument. */
  withError: boolean;
  timer: unknown;
}

/** Who waits for an acknowledgement. Each is called once, or let go. */
export class Acks {
  private readonly _pending = new Map<number, Pending>();

  constructor(private readonly _clock: Clock) {}

  /** With a `timeout`, in milliseconds, `expired` is called before `fn` gets the error. */
  add(id: number, fn: Listener, withError: boolean, timeout?: number, expired?: () => void): void {
    const timer =
      timeout !== undefined &&
      this._clock.setTimeout(() => {
        expired?.();
        this.fail(id, new Error(TIMED_OUT));
      }, timeout);
    this._pending.set(id, { fn, withError: withError || timeout !== undefined, timer });
  }

  /** The answer has come; nobody may be waiting any more. */
  settle(id: number, args: unknown[]): void {
    const pending = this._take(id);
    if (pending) call(pending.fn, null, pending.withError ? [null, ...args] : args);
  }

  /** No answer will come. False where nobody could be told. */
  fail(id: number | undefined, error: Error): boolean {
    const pending = this._take(id as number);
    if (!pending?.withError) return false;
    call(pending.fn, null, [error]);
    return true;
  }

  /** `fail` for all but those in `kept`. */
  failAll(error: Error, kept: (id: number) => boolean): void {
    for (const id of [...this._pending.keys()]) if (!kept(id)) this.fail(id, error);
  }

  takesError(id: number | undefined): boolean {
    return !!this._pending.get(id as number)?.withError;
  }

  private _take(id: number): Pending | undefined {
    const pending = this._pending.get(id);
    this._pending.delete(id);
    this._clock.clearTimeout(pending?.timer);
    return pending;
  }
}
