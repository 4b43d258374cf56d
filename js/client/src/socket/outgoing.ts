import type { Listener } from "../emitter.js";
import type { Packet } from "./packet.js";

/** An event on its way, and who waits for its acknowledgement. */
export interface Outgoing extends Packet {
  /** The event's name, then its arguments. */
  args?: unknown[];
  /** How often it has been sent, where it may be sent again. */
  tryCount?: number;
  /** Whether it has been sent on the present connection. */
  _isSent?: boolean;
  _fn: Listener | undefined;
  /** Whether `_fn` takes an error, or null, as its first argument. */
  _withError: boolean;
  /** Milliseconds; for each try, where there are several. */
  _timeout: number | undefined;
  _stopTimer?: () => void;
}

/** Take an event out of a list, if it is there. */
export function remove(list: Packet[], event: Packet): void {
  const at = list.indexOf(event);
  if (at >= 0) list.splice(at, 1);
}
