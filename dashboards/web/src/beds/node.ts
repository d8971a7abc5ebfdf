// What the node says of beds. Times of samples are by the source's clock, all others by the node's; in microseconds.

export type Lead = "fhr1" | "fhr2" | "fhr3" | "uc" | "mhr" | "spo2";
export const FETAL: readonly Lead[] = ["fhr1", "fhr2", "fhr3"];
export const LEADS: readonly Lead[] = [...FETAL, "uc", "mhr", "spo2"];

/** A word is a number; what it means was said once. */
export type Spoken = number;
export type Words = Record<string, readonly [code: string, ja: string, en: string]>;

export interface BedTrace {
  lead: Lead;
  state: Spoken;
  because: Spoken | null;
  since_us: number;
  age_us: number | null;
  most_us: number | null;
  late: number;
  value: number | null;
}

/** Values from a slot on; of a whole screen also what each sample is (`fhr1_marks`). */
export type Samples = { from: number } & Partial<Record<Lead, (number | null)[]>> &
  Partial<Record<`${Lead}_marks`, string>>;

export interface News {
  origin_us: number;
  slot_us: number;
  anew: boolean;
  skipped: readonly [number, number] | null;
  fresh: Samples;
  changed: Samples[];
}

export interface LevelNow {
  lead: Lead;
  until_us: number;
  level: number | null;
  unverified: boolean;
  not: Spoken | null;
  why: readonly [Spoken, Spoken] | null;
  baseline: number | null;
  tachysystole: boolean | null;
  sinusoidal: boolean;
}

export interface BedEvent {
  kind: Spoken;
  severity: Spoken | null;
  from_us: number;
  extreme_us: number;
  until_us: number;
  value: number;
  whole: boolean;
}

export interface Level {
  number: number;
  level: Spoken;
  proposals: string;
  unverified: string | null;
  confirmed: readonly [facility: string, document: string] | null;
  version: string;
  reasons: {
    row: Spoken;
    column: Spoken;
    level: number;
    at_us: number | null;
    filled: boolean;
    counted_as_late: boolean;
  }[];
}

export interface Window {
  lead: Lead;
  from_us: number;
  until_us: number;
  standing: Spoken;
  measured: number;
  suspect: number;
  jsog: Level | null;
  not: Spoken | null;
  figo: Spoken | null;
  nichd: Spoken | null;
  baseline: number | null;
  amplitude: number | null;
  variability: Spoken | null;
  sinusoidal: boolean;
  contractions: number | null;
  tachysystole: boolean | null;
  events: BedEvent[];
}

/** Something that asks for attention, and who of the facility said that they know. */
export interface AlarmTold {
  alarm: string;
  since_us: number;
  known: { name: string; at_us: number } | null;
}

export interface Watched {
  lookers: { facility: readonly [string, string]; name: string | null; since_us: number; alone: boolean }[];
  /** Somebody of the bed's own facility watches. */
  source: boolean;
}

/** What somebody wrote beside the trace. */
export interface Note {
  id: string;
  at_us: number;
  text: string;
  facility: readonly [string, string];
  name: string;
  written_us: number;
  corrected: boolean;
  own: boolean;
}

/** By what of the pregnancy a bed is read, as the reader's view shows it. */
export interface ReadBy {
  /** Weeks and days when the monitoring began; null where nothing dates it. */
  week: readonly [weeks: number, days: number] | null;
  /** By what growth restriction or an abnormal placenta is known. */
  little_reserve: Spoken[];
}

interface Told {
  /** Until when the clock lets it be shown. */
  until_us: number | null;
  /** How a permission that ends soon can go on: `consent`, `transfer`, `glass`. */
  ways: string[];
  alarms: AlarmTold[];
  /** It is a bed of the reader's own facility. */
  own: boolean;
  /** Said when it has changed. */
  watched?: Watched;
  bed: string;
  source: string;
  named: readonly [string, string];
  patient: string;
  session: string;
  /** The bed as the ward calls it; empty where it did not say. */
  named_bed: string;
  fetuses: string[];
  device: string;
  /** What is measured now and then: channel, value, when. */
  spots: readonly (readonly [code: string, value: number, atUs: number])[];
  began_us: number;
  heard_us: number;
  clock: { ahead_us: number; uncertain_us: number };
  /** From hop to hop: what the newest samples took by the two clocks, and how much longer than at their quickest. */
  legs: [from: string, to: string, last_us: number, beyond_us: number | null][];
  read_by: ReadBy;
  lines: BedTrace[];
  same_heart: readonly (readonly [Lead, Lead])[];
  strip: News;
}

export type WallBed = Told & { now: LevelNow[] };
export type OneBed = Told & { now?: Window[]; windows?: Window[]; notes: Note[] };

export interface Gone {
  bed: string;
  why: string;
  at_us: number;
}

export type WallLine =
  | { kind: "beds"; moment_us: number; beds: WallBed[]; ended: Gone[]; words: Words }
  | { kind: "ended"; reason: string };

export type BedLine =
  | { kind: "bed"; moment_us: number; bed: OneBed; words: Words }
  | { kind: "waiting"; moment_us: number }
  | { kind: "closed"; why: string; at_us: number }
  | { kind: "ended"; reason: string };

export interface Recorded {
  origin_us: number;
  slot_us: number;
  samples: Samples;
}

export type Seen = Recorded & { at_us: number; now: Window[]; windows: Window[]; words: Words };

/** What somebody does at a bed. */
export type ActAtBed =
  | { acknowledge: { alarms: string[] } }
  | { note: { at_us: number | null; text: string; replaces: string } }
  | { take_back: { id: string } };

export interface Referral {
  id: string;
  from: string;
  from_name: readonly [string, string];
  to_name: readonly [string, string];
  kind: string;
  patient: string;
  reason: string;
  by: string;
  at: string;
  step: string;
  open: boolean;
  sends: boolean;
  /** The steps that the reader's facility may take now. */
  next: string[];
  turns: { step: string; at: string; by: string; words: string }[];
  handovers: { step: string; watchers: { facility: readonly [string, string]; name: string; since: string; until: string | null }[] }[];
}

export interface Referrals {
  referrals: Referral[];
  facilities: { id: string; ja: string; en: string; kind: string }[];
  may_act: boolean;
}
