// Something shown, and how old it is: always measured, never assumed.

/** Without a sign of life for this long, the page says that it is not updating. */
export const SILENCE = 3_000;
/** Not asked again sooner than this. */
const SPACING = 2_000;

/** The node's sign of life, from the heartbeats of the feed. */
export class Pulse {
  /** When the view was last known to be current, on this page's own clock. */
  private current: number | undefined;
  /** The smallest difference seen between this clock and the node's: any more than that is delay on the way. */
  private least = Number.POSITIVE_INFINITY;

  /** A heartbeat came: sent at `momentMs` of the node's clock, when the view's newest act was `ageMs` old. */
  beat(now: number, momentMs: number, ageMs: number): void {
    const difference = now - momentMs;
    this.least = Math.min(this.least, difference);
    this.current = now - (difference - this.least) - ageMs;
  }

  asOf(): number | undefined {
    return this.current;
  }

  isStalled(now: number): boolean {
    return this.current === undefined || now - this.current > SILENCE;
  }
}

/** An answer of the node, asked for again whenever the feed says that it may have changed. */
export class Shown {
  private taken: number | undefined;
  private changed = false;
  /** How long after it was asked it may be asked again. */
  private wait = Number.POSITIVE_INFINITY;
  private asking = false;
  private asked = Number.NEGATIVE_INFINITY;

  /** `ask` shows the answer and gives the age, in milliseconds, it already had when it was given. */
  constructor(
    private readonly ask: () => Promise<number>,
    private readonly spacing = SPACING,
  ) {}

  /** The feed told of something that may be part of this: it is asked again when the last time was so long ago. */
  touch(wait = this.spacing): void {
    this.changed = true;
    this.wait = Math.min(this.wait, wait);
  }

  /** The age of what is shown. While nothing was told, it is as current as the feed is. */
  asOf(pulse: Pulse): number | undefined {
    if (this.taken === undefined || this.changed || this.asking) return this.taken;
    return Math.max(this.taken, pulse.asOf() ?? this.taken);
  }

  /** What is to be shown is something else from now on: what was shown says nothing about it. */
  begin(): void {
    this.taken = undefined;
    this.changed = true;
    this.asked = Number.NEGATIVE_INFINITY;
  }

  /** Asks again if it is time. */
  async refresh(now: number): Promise<void> {
    if (!this.changed || this.asking || now - this.asked < Math.min(this.wait, this.spacing)) return;
    this.asking = true;
    this.changed = false;
    this.wait = Number.POSITIVE_INFINITY;
    this.asked = now;
    try {
      const age = await this.ask();
      this.taken = now - age;
    } catch (error) {
      this.touch(SPACING);
      throw error;
    } finally {
      this.asking = false;
    }
  }
}
