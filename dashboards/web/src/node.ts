import type { ActAtBed, BedLine, Recorded, Referrals, Seen, WallLine } from "./beds/node";
import type { Pregnancies, PregnancySheet } from "./pregnancy/node";

// What the node is asked and what it answers. The token lives in the closure of a session and nowhere else.

export interface Summary {
  facility: { id: string; name: string; name_en: string };
  role: string;
  purpose: string;
  frontier: string;
  moment_us: number;
  age_ms: number;
  categories: { category: string; rows: number }[];
}

export interface Result {
  occurred_us: number;
  source: string;
  code_system: string;
  name: string;
  value: number | null;
  comparator: string;
  text: string;
  unit: string;
  reference_low: number | null;
  reference_high: number | null;
  flag: string;
  status: string;
}

export interface Series {
  frontier: string;
  moment_us: number;
  age_ms: number;
  results: Result[];
  cut: boolean;
}

export interface Code {
  code: string;
  name: string;
  results: number;
}

export interface Notice {
  id: string;
  kind: string;
  raised: string;
  text_ja: string;
  text_en: string;
  acknowledged: { name: string; at: string } | null;
  /** Of a critical result, while it is shown to the caller. */
  critical: {
    due: string;
    withdrawn: string | null;
    acted: { action: string; name: string; at: string; remark: string } | null;
  } | null;
}

/** What a person says of a notice: that they know, and of a critical result what they did. */
export interface Acknowledgement {
  id: string;
  action?: string;
  remark?: string;
}

export interface Notices {
  notices: Notice[];
  may_acknowledge: boolean;
}

export interface WorklistEntry {
  patient: string;
  since: string;
  cause: string;
  grounds: { criterion: string; fact: string; at: string; sources: string[] }[];
  state: "waiting" | "taken" | "done";
  last: { act: string; name: string; at: string; remark: string } | null;
}

export interface Worklist {
  cohorts: { name: string; ja: string; en: string }[];
  cohort: string;
  entries: WorklistEntry[];
  waiting: number;
  may_act: boolean;
}

export interface Glass {
  id: string;
  viewer: string;
  viewer_name: string;
  viewer_name_en: string;
  member_name: string;
  role: string;
  source: string;
  source_name: string;
  source_name_en: string;
  patient: string;
  /** Over one of the caller's own patients: theirs to review. */
  own: boolean;
  reason: string;
  from: string;
  until: string;
  open: boolean;
  closed: string | null;
  review: { outcome: string; name: string; text: string; at: string } | null;
  rows: number;
  acts: number;
  first: string | null;
  last: string | null;
}

export interface Glasses {
  glasses: Glass[];
  may_review: boolean;
}

export interface Review {
  id: string;
  viewer: string;
  patient: string;
  outcome: string;
  text: string;
}

interface Consumed {
  rows: number;
  patients: number;
  first: string | null;
  last: string | null;
}

export interface PublishedTo {
  facility: string;
  name: string;
  name_en: string;
  delivered: Consumed;
  seen: Consumed;
  persons: number;
  acts: number;
  emergency_rows: number;
  corrected: number;
  visible: number;
  held: {
    reason_ja: string;
    reason_en: string;
    rows: number;
    of_period: number;
    patients: number;
    next: string | null;
    last: string | null;
    labels: string[];
  }[];
}

export interface Published {
  facilities: PublishedTo[];
  source: {
    rows: number;
    of_period: number;
    corrected: number;
    deleted: number;
    refused: { reason_ja: string; reason_en: string; waiting: number; replayed: number }[];
    unmapped_results: number;
    unmapped_codes: number;
    unmapped: { system: string; code: string; display: string; why: string; results: number }[];
    partial: string[];
    disclosures: boolean;
  };
}

interface Told {
  key: string;
  category: string;
  source: string;
  source_name: string;
  source_name_en: string;
  occurred_us: number;
  version: number;
  historic: boolean;
}

export type Line =
  | ({ kind: "appeared" } & Told)
  | ({ kind: "changed" } & Told)
  | { kind: "vanished"; key: string; source: string; reason: string }
  | { kind: "reset"; reason: string }
  | { kind: "heartbeat"; frontier: string; moment_us: number; age_ms: number }
  | { kind: "ended"; reason: string };

/** The node refused: `code` is from its closed list. */
export class Refused extends Error {
  constructor(
    readonly status: number,
    readonly code: string,
  ) {
    super(code);
  }
}

export interface Session {
  summary(): Promise<Summary>;
  series(patient: string, code: string): Promise<Series>;
  codes(patient: string): Promise<Code[]>;
  /** The shared-care booklet, as HTML. */
  booklet(patient: string, size: string): Promise<string>;
  /** With open beds where `beds` says so: that reads frames of the beds, and is counted as such. */
  pregnancies(beds: boolean): Promise<Pregnancies>;
  pregnancy(patient: string, beds: boolean): Promise<PregnancySheet>;
  notices(): Promise<Notices>;
  acknowledge(said: Acknowledgement): Promise<unknown>;
  worklist(cohort: string): Promise<Worklist>;
  workOn(deed: { cohort: string; patient: string; act: string; remark: string }): Promise<unknown>;
  glasses(): Promise<Glasses>;
  review(review: Review): Promise<unknown>;
  published(fromUs: number | undefined, untilUs: number | undefined): Promise<Published>;
  /** Reads lines until the feed ends. Lines that came together are given together. */
  feed(after: string | undefined, stop: AbortSignal, lines: (lines: Line[]) => void): Promise<void>;
  /** The wall, four lines a second. */
  beds(stop: AbortSignal, lines: (lines: WallLine[]) => void): Promise<void>;
  /** One bed, likewise. */
  bed(bed: string, stop: AbortSignal, lines: (lines: BedLine[]) => void): Promise<void>;
  history(bed: string, fromUs: number, untilUs: number): Promise<Recorded>;
  seen(bed: string, atUs: number): Promise<Seen>;
  atBed(bed: string, act: ActAtBed): Promise<unknown>;
  transfer(transfer: { bed: string; to: string; reason: string; open_hours: number }): Promise<{ id: string; opened: boolean }>;
  referrals(): Promise<Referrals>;
  turn(turn: { id: string; from: string; step: string; words: string }): Promise<unknown>;
}

/** A question that has no answer by then counts as failed: a hanging node must not look like a quiet one. */
const PATIENCE = 10_000;
/** One that reads the log through. */
const LONG_PATIENCE = 120_000;

export function open(token: string): Session {
  const ask = async (path: string, signal: AbortSignal, said?: unknown): Promise<Response> => {
    const headers: Record<string, string> = { authorization: `Bearer ${token}` };
    const request: RequestInit = { headers, signal, cache: "no-store", credentials: "omit" };
    // What a person typed goes in the body: a path may be written down on its way.
    if (said !== undefined) {
      headers["content-type"] = "application/json";
      request.method = "POST";
      request.body = JSON.stringify(said);
    }
    const response = await fetch(path, request);
    if (response.ok) return response;
    const refusal: { error?: string } = await response.json().catch(() => ({}));
    throw new Refused(response.status, refusal.error ?? "internal");
  };
  const answer = async <T>(path: string, said?: unknown, patience = PATIENCE): Promise<T> =>
    (await (await ask(path, AbortSignal.timeout(patience), said)).json()) as T;
  const told = async <T>(path: string, stop: AbortSignal, lines: (lines: T[]) => void): Promise<void> => {
    const response = await ask(path, stop);
    if (!response.body) throw new Refused(response.status, "internal");
    const reader = response.body.pipeThrough(new TextDecoderStream()).getReader();
    let rest = "";
    for (;;) {
      const { done, value } = await reader.read();
      if (done) return;
      const whole = (rest + value).split("\n");
      rest = whole.pop() ?? "";
      const told = whole.filter((text) => text !== "").map((text) => JSON.parse(text) as T);
      if (told.length > 0) lines(told);
    }
  };
  return {
    summary: () => answer("/api/summary"),
    series: (patient, code) => answer(`/api/laboratory?${new URLSearchParams({ patient, code })}`),
    codes: (patient) => answer(`/api/laboratory/codes?${new URLSearchParams({ patient })}`),
    booklet: async (patient, size) =>
      (await ask(`/api/diabetes/booklet?${new URLSearchParams({ patient, size })}`, AbortSignal.timeout(LONG_PATIENCE))).text(),
    pregnancies: (beds) => answer(`/api/pregnancies?beds=${beds}`, undefined, LONG_PATIENCE),
    pregnancy: (patient, beds) =>
      answer(`/api/pregnancy?${new URLSearchParams({ patient, beds: String(beds) })}`, undefined, LONG_PATIENCE),
    notices: () => answer("/api/notices"),
    acknowledge: (said) => answer("/api/notices/acknowledge", said),
    worklist: (cohort) => answer(`/api/worklist${cohort === "" ? "" : `?${new URLSearchParams({ cohort })}`}`, undefined, LONG_PATIENCE),
    workOn: (deed) => answer("/api/worklist/act", deed, LONG_PATIENCE),
    glasses: () => answer("/api/glasses"),
    review: (review) => answer("/api/glasses/review", review),
    published: (fromUs, untilUs) => {
      const period = new URLSearchParams();
      if (fromUs !== undefined) period.set("from_us", String(fromUs));
      if (untilUs !== undefined) period.set("until_us", String(untilUs));
      return answer(`/api/published?${period}`, undefined, LONG_PATIENCE);
    },
    feed: (after, stop, lines) =>
      told(`/api/feed${after === undefined ? "" : `?${new URLSearchParams({ after })}`}`, stop, lines),
    beds: (stop, lines) => told("/api/beds", stop, lines),
    bed: (bed, stop, lines) => told(`/api/beds/bed?${new URLSearchParams({ bed })}`, stop, lines),
    history: (bed, fromUs, untilUs) => {
      const asked = { bed, from_us: String(Math.round(fromUs)), until_us: String(Math.round(untilUs)) };
      return answer(`/api/beds/history?${new URLSearchParams(asked)}`);
    },
    atBed: (bed, act) => answer("/api/beds/act", { bed, act }),
    transfer: (transfer) => answer("/api/beds/transfer", transfer),
    referrals: () => answer("/api/referrals"),
    turn: (turn) => answer("/api/referrals/turn", turn),
    seen: (bed, atUs) =>
      answer(`/api/beds/seen?${new URLSearchParams({ bed, at_us: String(Math.round(atUs)) })}`),
  };
}
