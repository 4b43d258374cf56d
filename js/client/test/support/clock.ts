import type { Clock } from "../../src/clock.js";

/** A clock that stands still until it is told otherwise. */
export class FakeClock implements Clock {
  time = 1_000_000;
  chance = 0.5;
  private timers: { at: number; fn: () => void }[] = [];

  now = () => this.time;
  random = () => this.chance;

  after(delay: number, fn: () => void): () => void {
    const timer = { at: this.time + delay, fn };
    this.timers.push(timer);
    return () => {
      this.timers = this.timers.filter((each) => each !== timer);
    };
  }

  get pending(): number {
    return this.timers.length;
  }

  /** Let time pass; what is due runs in order, and what it sets off, too. */
  async advance(delay: number): Promise<void> {
    const end = this.time + delay;
    for (;;) {
      await settled();
      const next = this.timers.filter(({ at }) => at <= end).sort((a, b) => a.at - b.at)[0];
      if (!next) break;
      this.timers = this.timers.filter((each) => each !== next);
      this.time = next.at;
      next.fn();
    }
    this.time = end;
    await settled();
  }
}

/** All microtasks have run. */
export async function settled(): Promise<void> {
  for (let i = 0; i < 20; i++) await Promise.resolve();
}
