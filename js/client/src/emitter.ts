import type {
  EventNames,
  EventParams,
  EventsMap,
  ReservedOrUserEventNames,
  ReservedOrUserListener,
} from "./types.js";

// biome-ignore lint/suspicious/noExplicitAny: listeners take what their event brings
export type Listener = (...args: any[]) => unknown;

/**
 * Call what belongs to the application. What it throws is reported as uncaught, and nothing here stops for it:
 * neither the other listeners nor the state machine that called.
 */
export function call(fn: Listener, self: unknown, args: unknown[]): void {
  try {
    fn.apply(self, args);
  } catch (error) {
    queueMicrotask(() => {
      throw error;
    });
  }
}

/**
 * Listeners by name of event; they run in the order in which they were added. A listener may add and remove
 * listeners: that counts from the next event on.
 */
export class Emitter<
  ListenEvents extends EventsMap,
  EmitEvents extends EventsMap = ListenEvents,
  ReservedEvents extends EventsMap = Record<never, never>,
> {
  /** Lists are replaced, never changed, so that a dispatch under way needs no copy. */
  declare private _listeners: { [event: string | symbol]: Listener[] };

  constructor() {
    this.off();
  }

  on<Ev extends ReservedOrUserEventNames<ReservedEvents, ListenEvents>>(
    event: Ev,
    listener: ReservedOrUserListener<ReservedEvents, ListenEvents, Ev>,
  ): this {
    this._listeners[event] = [...this.listeners(event), listener as Listener] as Listener[];
    return this;
  }

  once<Ev extends ReservedOrUserEventNames<ReservedEvents, ListenEvents>>(
    event: Ev,
    listener: ReservedOrUserListener<ReservedEvents, ListenEvents, Ev>,
  ): this {
    const once = (...args: unknown[]) => {
      this.off(event, once as never);
      (listener as Listener).apply(this, args);
    };
    once._listener = listener;
    return this.on(event, once as never);
  }

  /** Remove one listener of an event, or all of it, or, without arguments, all there are. */
  off<Ev extends ReservedOrUserEventNames<ReservedEvents, ListenEvents>>(
    event?: Ev,
    listener?: ReservedOrUserListener<ReservedEvents, ListenEvents, Ev>,
  ): this {
    if (event === undefined) {
      this._listeners = { __proto__: null } as never;
    } else {
      const left = this.listeners(event) as (Listener & { _listener?: unknown })[];
      const at = left.findIndex((each) => each === listener || each._listener === listener);
      this._listeners[event] = listener ? left.filter((_, index) => index !== at) : [];
    }
    return this;
  }

  /** Call the listeners of an event. */
  emit<Ev extends EventNames<EmitEvents>>(event: Ev, ...args: EventParams<EmitEvents, Ev>): this {
    return this._dispatch(event, ...args);
  }

  listeners<Ev extends ReservedOrUserEventNames<ReservedEvents, ListenEvents>>(
    event: Ev,
  ): ReservedOrUserListener<ReservedEvents, ListenEvents, Ev>[] {
    return (this._listeners[event] || []) as never;
  }

  hasListeners<Ev extends ReservedOrUserEventNames<ReservedEvents, ListenEvents>>(event: Ev): boolean {
    return !!this.listeners(event)[0];
  }

  removeListener<Ev extends ReservedOrUserEventNames<ReservedEvents, ListenEvents>>(
    event?: Ev,
    listener?: ReservedOrUserListener<ReservedEvents, ListenEvents, Ev>,
  ): this {
    return this.off(event, listener);
  }

  removeAllListeners<Ev extends ReservedOrUserEventNames<ReservedEvents, ListenEvents>>(event?: Ev): this {
    return this.off(event);
  }

  /** `on`, in front of the others. */
  _prepend(event: string, listener: Listener): void {
    this._listeners[event] = [listener, ...(this.listeners(event as never) as Listener[])];
  }

  /** `emit` for the emitter's own use: `Socket.emit` sends. */
  _dispatch(event: string | symbol, ...args: unknown[]): this {
    for (const listener of this.listeners(event as never)) call(listener as Listener, this, args);
    return this;
  }
}
