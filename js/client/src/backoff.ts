export interface Delays {
  /** Milliseconds. */
  reconnectionDelay: number;
  reconnectionDelayMax: number;
  /** 0 to 1: by which part a delay may be longer or shorter. */
  randomizationFactor: number;
}

/**
 * Milliseconds to wait before the next attempt: twice as long after each, with chance so that clients spread.
 * `random` is at least 0 and less than 1.
 */
export function delayAfter(attempts: number, delays: Delays, random: number): number {
  const delay = delays.reconnectionDelay * 2 ** attempts;
  // One number says both how far and, by its first digit, which way.
  const deviation = Math.floor(random * delays.randomizationFactor * delay);
  return (
    Math.min(delay + (Math.floor(random * 10) % 2 ? deviation : -deviation), delays.reconnectionDelayMax) | 0
  );
}
