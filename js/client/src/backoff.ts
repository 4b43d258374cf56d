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
  const delay = (delays.reconnectionDelay || 1000) * 2 ** attempts;
  const chance = 1 + delays.randomizationFactor * (2 * random - 1);
  return Math.min(delay * chance, delays.reconnectionDelayMax || 5000);
}
