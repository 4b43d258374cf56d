/** Time and chance, of which the cores know nothing themselves. Milliseconds; `now` is wall-clock time. */
export interface Clock {
  now(): number;
  setTimeout(fn: () => void, delay: number): unknown;
  clearTimeout(timer: unknown): void;
  /** At least 0 and less than 1. */
  random(): number;
}

const native = { setTimeout: globalThis.setTimeout, clearTimeout: globalThis.clearTimeout };

/**
 * The machine's clock. Timers are those that the global object has when they are set, so that a test may replace
 * them; `useNativeTimers` takes those it had at first.
 */
export function systemClock(useNativeTimers?: boolean): Clock {
  const timers = () => (useNativeTimers ? native : globalThis);
  return {
    now: Date.now,
    setTimeout: (fn, delay) => timers().setTimeout.call(globalThis, fn, delay),
    clearTimeout: (timer) => timers().clearTimeout.call(globalThis, timer as number),
    random: Math.random,
  };
}
