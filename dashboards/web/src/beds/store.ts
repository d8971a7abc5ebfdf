// The samples a page holds of one bed: by time, so that what is read from history lies in one row with what comes live.

import { LEADS, type Lead, type News, type Samples } from "./node";

/** A quarter of a second, in milliseconds: samples lie on this grid of the page's own. */
export const STEP = 250;

/** What one sample is: nothing came, the signal was lost, it is doubtful, it is good. */
export const NEVER = 0;
export const LOST = 1;
export const FAIR = 2;
export const GOOD = 3;
/** Added where it came late. */
export const LATE = 4;

const MARKS: Record<string, number> = { ".": NEVER, l: LOST, f: FAIR, g: GOOD, L: LOST | LATE, F: FAIR | LATE, G: GOOD | LATE };

interface Lane {
  values: (number | null)[];
  marks: number[];
}

export class Traces {
  private readonly lanes = new Map<Lead, Lane>();
  /** The place of the first sample on the grid. */
  private first = 0;
  private length = 0;
  /** Times the node did not tell because the page was too slow, in milliseconds. */
  readonly skipped: [number, number][] = [];

  /** `kept` is how many samples are kept; the oldest go. */
  constructor(private readonly kept: number) {}

  clear(): void {
    this.lanes.clear();
    this.first = 0;
    this.length = 0;
    this.skipped.length = 0;
  }

  /** Takes what is new; a strip that begins anew makes what was held void. */
  news(news: News): void {
    if (news.anew) this.clear();
    const at = (slot: number): number => (news.origin_us + slot * news.slot_us) / 1000;
    if (news.skipped) this.skipped.push([at(news.skipped[0]), at(news.skipped[1])]);
    for (const samples of [...news.changed, news.fresh]) this.lay(news.origin_us, news.slot_us, samples);
  }

  lay(originUs: number, slotUs: number, samples: Samples): void {
    const from = Math.round((originUs + samples.from * slotUs) / 1000 / STEP);
    for (const lead of LEADS) {
      const values = samples[lead];
      if (!values) continue;
      const marks = samples[`${lead}_marks`];
      this.reach(from, from + values.length);
      let lane = this.lanes.get(lead);
      if (!lane) {
        lane = { values: new Array(this.length).fill(null), marks: new Array(this.length).fill(NEVER) };
        this.lanes.set(lead, lane);
      }
      for (let at = 0; at < values.length; at += 1) {
        const place = from + at - this.first;
        if (place < 0 || place >= this.length) continue;
        const value = values[at] ?? null;
        lane.values[place] = value;
        lane.marks[place] = marks ? (MARKS[marks[at] ?? "."] ?? NEVER) : value === null ? LOST : GOOD;
      }
    }
  }

  private reach(from: number, until: number): void {
    if (this.length === 0) this.first = from;
    const before = Math.max(0, this.first - from);
    const after = Math.max(0, until - (this.first + this.length));
    const gone = Math.max(0, this.length + after - this.kept);
    for (const lane of this.lanes.values()) {
      for (let at = 0; at < after; at += 1) {
        lane.values.push(null);
        lane.marks.push(NEVER);
      }
      if (gone > 0) {
        lane.values.splice(0, gone);
        lane.marks.splice(0, gone);
      }
    }
    this.length += after - gone;
    this.first += gone;
    // what is before is only taken in where there is room for it
    const room = Math.min(before, Math.max(0, this.kept - this.length));
    if (gone === 0 && room > 0) {
      for (const lane of this.lanes.values()) {
        lane.values.unshift(...new Array<null>(room).fill(null));
        lane.marks.unshift(...new Array<number>(room).fill(NEVER));
      }
      this.first -= room;
      this.length += room;
    }
  }

  /** The time after the newest sample, in milliseconds. */
  get end(): number {
    return (this.first + this.length) * STEP;
  }
  get begin(): number {
    return this.first * STEP;
  }
  get isEmpty(): boolean {
    return this.length === 0;
  }
  get leads(): Lead[] {
    return LEADS.filter((lead) => this.lanes.has(lead));
  }

  /** The places of a span of time. */
  private places(from: number, until: number): [number, number] {
    return [Math.floor(from / STEP), Math.ceil(until / STEP)];
  }

  /** The times within a span, in seconds, as charts count. */
  times(from: number, until: number): number[] {
    const [first, last] = this.places(from, until);
    return Array.from({ length: Math.max(0, last - first) }, (_, at) => ((first + at) * STEP) / 1000);
  }

  /** The values of a trace within a span; only those of which `marked` holds, where it is given. */
  values(lead: Lead, from: number, until: number, marked?: (mark: number) => boolean): (number | null)[] {
    const [first, last] = this.places(from, until);
    const lane = this.lanes.get(lead);
    return Array.from({ length: Math.max(0, last - first) }, (_, at) => {
      const place = first + at - this.first;
      const mark = lane?.marks[place] ?? NEVER;
      return marked && !marked(mark) ? null : (lane?.values[place] ?? null);
    });
  }

  /** Stretches of a trace within a span where nothing came, or came late, in milliseconds. */
  stretches(lead: Lead, from: number, until: number, is: (mark: number) => boolean, least: number): [number, number][] {
    const [first, last] = this.places(Math.max(from, this.begin), Math.min(until, this.end));
    const lane = this.lanes.get(lead);
    const found: [number, number][] = [];
    let begun: number | undefined;
    for (let at = first; at <= last; at += 1) {
      const holds = at < last && is(lane?.marks[at - this.first] ?? NEVER);
      if (holds && begun === undefined) begun = at;
      if (!holds && begun !== undefined) {
        if ((at - begun) * STEP >= least) found.push([begun * STEP, at * STEP]);
        begun = undefined;
      }
    }
    return found;
  }
}
