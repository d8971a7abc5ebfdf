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
  /** Reads lines until the feed ends. Lines that came together are given together. */
  feed(after: string | undefined, stop: AbortSignal, lines: (lines: Line[]) => void): Promise<void>;
}

/** A question that has no answer by then counts as failed: a hanging node must not look like a quiet one. */
const PATIENCE = 10_000;

export function open(token: string): Session {
  const ask = async (path: string, signal: AbortSignal): Promise<Response> => {
    const headers = { authorization: `Bearer ${token}` };
    const response = await fetch(path, { headers, signal, cache: "no-store", credentials: "omit" });
    if (response.ok) return response;
    const refusal: { error?: string } = await response.json().catch(() => ({}));
    throw new Refused(response.status, refusal.error ?? "internal");
  };
  const answer = async <T>(path: string): Promise<T> =>
    (await (await ask(path, AbortSignal.timeout(PATIENCE))).json()) as T;
  return {
    summary: () => answer("/api/summary"),
    series: (patient, code) => answer(`/api/laboratory?${new URLSearchParams({ patient, code })}`),
    codes: (patient) => answer(`/api/laboratory/codes?${new URLSearchParams({ patient })}`),
    async feed(after, stop, lines) {
      const query = after === undefined ? "" : `?${new URLSearchParams({ after })}`;
      const response = await ask(`/api/feed${query}`, stop);
      if (!response.body) throw new Refused(response.status, "internal");
      const reader = response.body.pipeThrough(new TextDecoderStream()).getReader();
      let rest = "";
      for (;;) {
        const { done, value } = await reader.read();
        if (done) return;
        const whole = (rest + value).split("\n");
        rest = whole.pop() ?? "";
        const told = whole.filter((text) => text !== "").map((text) => JSON.parse(text) as Line);
        if (told.length > 0) lines(told);
      }
    },
  };
}
