/** Time and chance, of which the cores know nothing themselves. Milliseconds; `now` is wall-clock time. */
export interface Clock {
  now(): number;
  /** Call `fn` once, after `delay`; returns what cancels it. */
  after(delay: number, fn: () => void): () => void;
  /** At least 0 and less than 1. */
  random(): number;
}

const native = [setTimeout, clearTimeout] as const;

/**
 * The machine's clock. Timers are those that the global object has when they are set, so that a test may replace
 * them; `useNativeTimers` takes those it had at first.
 */
export function clockFrom(opts: { clock?: Clock; useNativeTimers?: boolean }): Clock {
  return (
    opts.clock || {
      now: Date.now,
      after(delay, fn) {
        const [set, clear] = opts.useNativeTimers ? native : [setTimeout, clearTimeout];
        const timer = set(fn, delay);
        return () => clear(timer);
      },
      random: Math.random,
    }
  );
}
