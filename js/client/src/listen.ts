import type { Listener } from "./emitter.js";
import type { Socket, SocketReservedEvents } from "./socket/socket.js";
import type { EventsMap, ReservedOrUserEventNames, ReservedOrUserListener } from "./types.js";

/** Listeners by event, as `listen` takes them; events without one are passed over. */
export type Listeners<ListenEvents extends EventsMap> = {
  [Ev in ReservedOrUserEventNames<SocketReservedEvents, ListenEvents>]?:
    | ReservedOrUserListener<SocketReservedEvents, ListenEvents, Ev>
    | undefined;
};

const owners = new WeakMap<object, Map<unknown, () => void>>();

/**
 * Listen to several events; returns what ends it, once, whatever else listens. With an `owner`, any value, what that
 * owner listened to before ends first: so it may be called again and again, in a `connect` handler too, and each event
 * is handled once.
 */
export function listen<ListenEvents extends EventsMap, EmitEvents extends EventsMap>(
  socket: Socket<ListenEvents, EmitEvents>,
  listeners: Listeners<ListenEvents>,
  owner?: unknown,
): () => void {
  const entries = Object.entries(listeners).filter(([, listener]) => listener) as [never, never][];
  const ends = owners.get(socket) ?? new Map<unknown, () => void>();
  const end = () => {
    for (const [event, listener] of entries.splice(0)) socket.off(event, listener as Listener as never);
    if (ends.get(owner) === end) ends.delete(owner);
  };
  if (owner !== undefined) {
    owners.set(socket, ends);
    ends.get(owner)?.();
    ends.set(owner, end);
  }
  for (const [event, listener] of entries) socket.on(event, listener);
  return end;
}
