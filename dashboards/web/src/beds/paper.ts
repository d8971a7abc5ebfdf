// The paper a cardiotocogram is drawn on: hearts above, the uterus below, to scale.

import uPlot from "uplot";
import { say } from "../words";
import { type BedEvent, FETAL, type Lead, type Window } from "./node";
import type { Speech } from "./speech";
import { LATE, LOST, NEVER, type Traces } from "./store";

/** A centimetre as the browser knows it. A screen may show it longer or shorter: the bar on the paper says how long. */
export const CM = 96 / 2.54;
/** The paper's scale: 30 beats a minute to the centimetre. */
const BPM_PER_CM = 30;
const [LOWEST, HIGHEST] = [30, 240];
const HEART_HEIGHT = ((HIGHEST - LOWEST) / BPM_PER_CM) * CM;
const UTERUS_HEIGHT = 4 * CM;
/** Above and below the paper, so that the outermost numbers are whole. */
const MARGIN = 8;
/** What is missing for less than this is not marked: a line can be late by a frame. */
const MARKED = 1_000;

const COLOURS: Record<Lead, string> = {
  fhr1: "--fhr1",
  fhr2: "--fhr2",
  fhr3: "--fhr3",
  mhr: "--mhr",
  uc: "--uc",
  spo2: "--soft",
};

/** What is drawn: a span of time with the traces, and what is said of them. */
export interface Drawn {
  traces: Traces;
  windows: readonly Window[];
  /** Moments at which something is written beside the trace, in order. */
  notes: readonly number[];
  /** Where the next note is to stand. */
  pointed: number | undefined;
  from: number;
  until: number;
  /** The newest moment, or the moment of a picture: a line on the paper. */
  now: number | undefined;
}

const colour = (name: string): string => getComputedStyle(document.documentElement).getPropertyValue(name).trim();

type Data = uPlot.AlignedData;

export class Paper {
  private heart: uPlot | undefined;
  private uterus: uPlot | undefined;
  private hearts: Lead[] = [];
  private drawn: Drawn | undefined;

  constructor(
    private readonly holder: HTMLElement,
    private readonly speech: Speech,
  ) {}

  clear(): void {
    this.heart?.destroy();
    this.uterus?.destroy();
    this.heart = this.uterus = undefined;
    this.drawn = undefined;
    this.holder.replaceChildren();
  }

  /** The width at hand, in pixels. */
  get width(): number {
    return Math.max(280, this.holder.clientWidth);
  }

  draw(drawn: Drawn): void {
    this.drawn = drawn;
    const { traces, from, until } = drawn;
    const hearts = [...FETAL, "mhr" as const].filter((lead) => traces.leads.includes(lead));
    if (!this.heart || !this.uterus || hearts.join() !== this.hearts.join()) this.build(hearts);
    const times = traces.times(from, until);
    const seen = (mark: number): boolean => mark !== NEVER;
    const late = (mark: number): boolean => (mark & LATE) !== 0;
    const lanes = hearts.map((lead) => traces.values(lead, from, until, seen));
    const lates = FETAL.map((lead) => traces.values(lead, from, until, late));
    const merged = times.map((_, at) => lates.map((lane) => lane[at] ?? null).find((value) => value !== null) ?? null);
    this.heart?.setData([times, ...lanes, merged] as Data);
    this.uterus?.setData([times, traces.values("uc", from, until, seen)] as Data);
  }

  /** The moment under a place of the screen, in milliseconds; `undefined` beside the paper. */
  timeAt(clientX: number): number | undefined {
    const { heart, drawn } = this;
    if (!heart || !drawn) return undefined;
    const at = heart.posToVal(clientX - heart.over.getBoundingClientRect().left, "x") * 1000;
    return at < drawn.from || at > Math.min(drawn.until, drawn.now ?? drawn.until) ? undefined : at;
  }

  resize(): void {
    const width = this.width;
    this.heart?.setSize({ width, height: HEART_HEIGHT + 2 * MARGIN });
    this.uterus?.setSize({ width, height: UTERUS_HEIGHT + MARGIN });
  }

  private build(hearts: Lead[]): void {
    const drawn = this.drawn;
    this.clear();
    this.drawn = drawn;
    this.hearts = hearts;
    const range = (): [number, number] => [(this.drawn?.from ?? 0) / 1000, (this.drawn?.until ?? 1) / 1000];
    const x = {
      scale: "x",
      stroke: colour("--soft"),
      grid: { stroke: colour("--grid-bold"), width: 1 },
      ticks: { show: false },
      incrs: [60],
      splits: (_: uPlot, __: number, low: number, high: number) => minutes(low, high),
      values: (_: uPlot, splits: number[]) => splits.map((at) => clock(at)),
    };
    const line = (lead: Lead, width: number): uPlot.Series => ({
      label: lead,
      stroke: colour(COLOURS[lead]),
      width,
      points: { show: false },
      spanGaps: false,
    });
    const lateDots: uPlot.Series = {
      label: say("late"),
      stroke: "transparent",
      points: { show: true, size: 3, fill: colour("--late"), stroke: colour("--late") },
    };
    this.heart = new uPlot(
      {
        width: this.width,
        height: HEART_HEIGHT + 2 * MARGIN,
        padding: [MARGIN, 0, MARGIN, 0],
        legend: { show: false },
        cursor: { x: true, y: true, drag: { x: false, y: false } },
        scales: { x: { time: false, range }, y: { range: [LOWEST, HIGHEST] } },
        axes: [
          { ...x, size: 0, values: () => [] },
          {
            stroke: colour("--soft"),
            size: 40,
            grid: { stroke: colour("--grid"), width: 1 },
            ticks: { show: false },
            splits: () => steps(LOWEST, HIGHEST, 10),
            values: (_, splits) => splits.map((at) => (at % 30 === 0 ? String(at) : "")),
          },
        ],
        series: [{}, ...hearts.map((lead) => line(lead, lead === "mhr" ? 1 : 1.5)), lateDots],
        hooks: { drawAxes: [(chart) => this.below(chart)], draw: [(chart) => this.above(chart)] },
      },
      [[], ...hearts.map(() => []), []] as Data,
      this.holder,
    );
    this.uterus = new uPlot(
      {
        width: this.width,
        height: UTERUS_HEIGHT + MARGIN,
        padding: [MARGIN, 0, 0, 0],
        legend: { show: false },
        cursor: { x: true, y: false, drag: { x: false, y: false } },
        scales: { x: { time: false, range }, y: { range: [0, 100] } },
        axes: [
          { ...x, size: 24 },
          {
            stroke: colour("--soft"),
            size: 40,
            grid: { stroke: colour("--grid"), width: 1 },
            ticks: { show: false },
            splits: () => steps(0, 100, 25),
          },
        ],
        series: [{}, line("uc", 1.5)],
        hooks: { drawAxes: [(chart) => this.contractions(chart)], draw: [(chart) => this.edge(chart)] },
      },
      [[], []] as Data,
      this.holder,
    );
    for (const chart of [this.heart, this.uterus]) chart.root.setAttribute("aria-hidden", "true");
  }

  // --- under and over the traces ---

  /** What is drawn once, though two windows that overlap both tell of it: the later reading of it stands. */
  private events(contractions: boolean): BedEvent[] {
    const drawn: { lead: Lead; event: BedEvent }[] = [];
    for (const { lead, events } of [...(this.drawn?.windows ?? [])].reverse()) {
      for (const event of events) {
        if ((this.speech.code(event.kind) === "contraction") !== contractions) continue;
        // a contraction is the mother's, whichever fetus's window tells of it
        const same = drawn.some(
          (other) =>
            (contractions || other.lead === lead) && other.event.from_us < event.until_us && event.from_us < other.event.until_us,
        );
        if (!same) drawn.push({ lead, event });
      }
    }
    return drawn.map(({ event }) => event);
  }

  /** The level of each ten minutes, its baseline and its events; what is missing. */
  private below(chart: uPlot): void {
    const { drawn } = this;
    if (!drawn) return;
    const { ctx, bbox } = chart;
    const at = (milliseconds: number): number => chart.valToPos(milliseconds / 1000, "x", true);
    const band = (from: number, until: number, fill: string): void => {
      const [left, right] = [Math.max(at(from), bbox.left), Math.min(at(until), bbox.left + bbox.width)];
      if (right <= left) return;
      ctx.fillStyle = fill;
      ctx.fillRect(left, bbox.top, right - left, bbox.height);
    };
    ctx.save();
    ctx.beginPath();
    ctx.rect(bbox.left, bbox.top, bbox.width, bbox.height);
    ctx.clip();
    const [first] = FETAL.filter((lead) => drawn.traces.leads.includes(lead));
    for (const [from, until] of drawn.traces.skipped) band(from, until, colour("--gap"));
    const { traces, now } = drawn;
    // where nothing has come yet the gap is seen growing
    if (now !== undefined && now - traces.end > MARKED) band(traces.end, now, colour("--gap"));
    if (first) {
      const span = [drawn.from, drawn.until] as const;
      for (const [from, until] of traces.stretches(first, ...span, (mark) => mark === NEVER, MARKED)) {
        band(from, until, colour("--gap"));
        this.label(chart, at((from + until) / 2), bbox.top + bbox.height / 2, say("gap"), until - from > 15_000);
      }
      for (const [from, until] of traces.stretches(first, ...span, (mark) => (mark & ~LATE) === LOST, MARKED)) {
        band(from, until, colour("--lost"));
      }
    }
    for (const event of this.events(false)) {
      const up = this.speech.code(event.kind) === "acceleration";
      const severe = event.severity !== null && this.speech.code(event.severity) === "severe";
      band(event.from_us / 1000, event.until_us / 1000, colour(up ? "--up" : severe ? "--down-severe" : "--down"));
    }
    ctx.restore();
  }

  private above(chart: uPlot): void {
    const { drawn } = this;
    if (!drawn) return;
    const { ctx, bbox } = chart;
    const ratio = devicePixelRatio;
    const at = (microseconds: number): number => chart.valToPos(microseconds / 1e6, "x", true);
    ctx.save();
    ctx.beginPath();
    ctx.rect(bbox.left, bbox.top, bbox.width, bbox.height);
    ctx.clip();
    for (const window of drawn.windows) {
      // the last ten minutes overlap the window before them: they are drawn where they say something new
      const before = drawn.windows.filter((other) => other !== window && other.lead === window.lead && other.until_us < window.until_us);
      const from = Math.max(window.from_us, ...before.map((other) => other.until_us));
      const [left, right] = [at(from), at(window.until_us)];
      if (window.baseline !== null) {
        const y = chart.valToPos(window.baseline, "y", true);
        ctx.strokeStyle = colour("--baseline");
        ctx.lineWidth = 1.5 * ratio;
        ctx.setLineDash(this.speech.code(window.standing) === "final" ? [] : [6 * ratio, 4 * ratio]);
        ctx.beginPath();
        ctx.moveTo(left, y);
        ctx.lineTo(right, y);
        ctx.stroke();
        ctx.setLineDash([]);
      }
      ctx.strokeStyle = colour("--grid-bold");
      ctx.lineWidth = ratio;
      ctx.beginPath();
      ctx.moveTo(left, bbox.top);
      ctx.lineTo(left, bbox.top + 18 * ratio);
      ctx.stroke();
      const which = window.lead === "fhr1" ? 0 : window.lead === "fhr2" ? 1 : 2;
      const says = window.jsog ? `L${window.jsog.number}${window.jsog.unverified ? "?" : ""}` : say("notAssessable");
      this.text(chart, (left + right) / 2, bbox.top + (4 + which * 14) * ratio, says, "center");
    }
    for (const event of this.events(false)) {
      const name = eventName(this.speech.code(event.kind), event.severity === null ? "" : this.speech.code(event.severity));
      this.text(chart, at((event.from_us + event.until_us) / 2), bbox.top + bbox.height - 16 * ratio, name, "center");
    }
    this.scaleBar(chart);
    const mark = (milliseconds: number, text: string): void => {
      const x = at(milliseconds * 1000);
      ctx.strokeStyle = colour("--accent");
      ctx.lineWidth = ratio;
      ctx.setLineDash([2 * ratio, 3 * ratio]);
      ctx.beginPath();
      ctx.moveTo(x, bbox.top);
      ctx.lineTo(x, bbox.top + bbox.height);
      ctx.stroke();
      ctx.setLineDash([]);
      this.text(chart, x + 3 * ratio, bbox.top + bbox.height - 48 * ratio, text, "left");
    };
    drawn.notes.forEach((note, index) => {
      if (note >= drawn.from && note <= drawn.until) mark(note, `✎${index + 1}`);
    });
    if (drawn.pointed !== undefined) mark(drawn.pointed, "✎");
    ctx.restore();
    this.edge(chart);
  }

  private contractions(chart: uPlot): void {
    const { drawn } = this;
    if (!drawn) return;
    const { ctx, bbox } = chart;
    ctx.save();
    ctx.fillStyle = colour("--contraction");
    for (const event of this.events(true)) {
      const ends = [event.from_us, event.until_us].map((at) => chart.valToPos(at / 1e6, "x", true));
      const [left, right] = [Math.max(ends[0] ?? 0, bbox.left), Math.min(ends[1] ?? 0, bbox.left + bbox.width)];
      if (right > left) ctx.fillRect(left, bbox.top, right - left, bbox.height);
    }
    ctx.restore();
  }

  /** Where now is, or the moment of the picture. */
  private edge(chart: uPlot): void {
    const now = this.drawn?.now;
    if (now === undefined) return;
    const { ctx, bbox } = chart;
    const x = chart.valToPos(now / 1000, "x", true);
    if (x < bbox.left || x > bbox.left + bbox.width) return;
    ctx.save();
    ctx.strokeStyle = colour("--alarm");
    ctx.lineWidth = devicePixelRatio;
    ctx.beginPath();
    ctx.moveTo(x, bbox.top);
    ctx.lineTo(x, bbox.top + bbox.height);
    ctx.stroke();
    ctx.restore();
  }

  private scaleBar(chart: uPlot): void {
    const { ctx, bbox } = chart;
    const ratio = devicePixelRatio;
    const [left, y] = [bbox.left + 8 * ratio, bbox.top + bbox.height - 30 * ratio];
    ctx.strokeStyle = ctx.fillStyle = colour("--soft");
    ctx.lineWidth = 2 * ratio;
    ctx.beginPath();
    ctx.moveTo(left, y);
    ctx.lineTo(left + CM * ratio, y);
    ctx.stroke();
    this.text(chart, left, y - 14 * ratio, "1 cm", "left");
  }

  private label(chart: uPlot, x: number, y: number, text: string, fits: boolean): void {
    if (fits) this.text(chart, x, y, text, "center");
  }

  private text(chart: uPlot, x: number, y: number, text: string, align: CanvasTextAlign): void {
    const { ctx } = chart;
    ctx.fillStyle = colour("--ink");
    ctx.font = `${12 * devicePixelRatio}px system-ui, sans-serif`;
    ctx.textAlign = align;
    ctx.textBaseline = "top";
    ctx.fillText(text, x, y);
  }
}

function steps(low: number, high: number, step: number): number[] {
  return Array.from({ length: Math.floor((high - low) / step) + 1 }, (_, at) => low + at * step);
}

function minutes(low: number, high: number): number[] {
  const first = Math.ceil(low / 60);
  return Array.from({ length: Math.max(0, Math.floor(high / 60) - first + 1) }, (_, at) => (first + at) * 60);
}

const clock = (seconds: number): string =>
  new Date(seconds * 1000).toLocaleTimeString("ja-JP", { hour: "2-digit", minute: "2-digit" });

/** A letter or two, as there is little room. */
function eventName(kind: string, severity: string): string {
  const severe = severity === "severe" ? "!" : "";
  switch (kind) {
    case "acceleration":
      return "A";
    case "early":
      return "E";
    case "late":
      return `L${severe}`;
    case "gradual-alone":
      return `(L)${severe}`;
    case "variable":
      return `V${severe}`;
    case "prolonged":
      return `P${severe}`;
    default:
      return kind;
  }
}
