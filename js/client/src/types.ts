/** Maps from the name of an event to the function that handles it, as applications write them. */

// biome-ignore lint/suspicious/noExplicitAny: a map of events is whatever the application says it is
type Any = any;

export interface EventsMap {
  [event: string]: Any;
}

/** What is taken where the application names no events: every event, with any arguments. */
export interface DefaultEventsMap {
  [event: string]: (...args: Any[]) => void;
}

export type EventNames<Map extends EventsMap> = keyof Map & (string | symbol);

export type EventParams<Map extends EventsMap, Event extends EventNames<Map>> = Parameters<Map[Event]>;

export type ReservedOrUserEventNames<Reserved extends EventsMap, User extends EventsMap> =
  | EventNames<Reserved>
  | EventNames<User>;

export type ReservedOrUserListener<
  Reserved extends EventsMap,
  User extends EventsMap,
  Event extends ReservedOrUserEventNames<Reserved, User>,
> = OrUntyped<
  Event extends EventNames<Reserved> ? Reserved[Event] : Event extends EventNames<User> ? User[Event] : never
>;

type OrUntyped<T> = [T] extends [never] ? (...args: Any[]) => void | Promise<void> : T;

export type Last<T extends Any[]> = T extends [...Any[], infer L] ? L : Any;
export type AllButLast<T extends Any[]> = T extends [...infer H, Any] ? H : Any[];
type IsAny<T> = 0 extends 1 & T ? true : false;
type IsError<T> = IsAny<T> extends true ? false : [T, Error] extends [Error, T] ? true : false;

/** What an acknowledgement brings, by the function that takes it: its first argument, or the one behind an error. */
export type AckValue<Callback> =
  IsAny<Callback> extends true
    ? Any
    : Callback extends (...args: infer Params) => Any
      ? Params extends [infer First, infer Second, ...Any[]]
        ? IsError<First> extends true
          ? Second
          : First
        : Params[0]
      : Any;

type PrependError<T extends Any[]> = {
  [K in keyof T]: T[K] extends (...args: infer Params) => infer Result
    ? (err: Error, ...args: Params) => Result
    : T[K];
};

/** The same events, with an error in front of what each acknowledgement brings: what `timeout()` makes of them. */
export type DecorateAcknowledgements<Events> = {
  [K in keyof Events]: Events[K] extends (...args: infer Params) => infer Result
    ? (...args: PrependError<Params>) => Result
    : Events[K];
};
