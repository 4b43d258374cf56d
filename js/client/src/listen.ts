import type { Listener } from "./emitter.js";
import type { Socket, SocketReservedEvents } from "./socket/socket.js";
import type { EventsMap, ReservedOrUserEventNames, ReservedOrUserListener } from "./types.js";

/** Listeners by event, as `listen` takes them. */
export type Listeners<ListenEvents extends EventsMap> = {
  [Ev in ReservedOrUserEventNames<SocketReservedEvents, ListenEvents>]?: ReservedOrUserListener<
    SocketReservedEvents,
    ListenEvents,
    Ev
  >;
};

const owners = new WeakMap<object, Map<unknown, () => void>>();

/**
 * Listen to several events; returns what ends it, whatever else listens. With an `owner`, any value, what that owner
 * listened to before ends first: so it may be called again and again, in a `connect` handler too, and each event is
 * handled once.
 */
export function listen<ListenEvents extends EventsMap, EmitEvents extends EventsMap>(
  socket: Socket<ListenEvents, EmitEvents>,
  listeners: Listeners<ListenEvents>,
  owner?: unknown,
): () => void {
  const entries = Object.entries(listeners) as [never, never][];
  const end = () => {
    for (const [event, listener] of entries) socket.off(event, listener as Listener as never);
  };
  if (owner !== undefined) {
    let ends = owners.get(socket);
    if (!ends) {
      ends = new Map();
      owners.set(socket, ends);
    }
    ends.get(owner)?.();
    ends.set(owner, end);
  }
  for (const [event, listener] of entries) socket.on(event, listener);
  return end;
}
