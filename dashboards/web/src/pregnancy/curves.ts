// Curves over the weeks of a pregnancy, on white paper: the same on the screen and printed.

import uPlot from "uplot";
import "uplot/dist/uPlot.min.css";
import { made } from "../page";
import { current } from "../words";
import type { Checkup, GrowthRow } from "./node";
import { aside, tell, tellAge, tellCode, tellNumber } from "./words";

const WIDTH = 316;
const HEIGHT = 200;
/** How wide the band of a growth table is drawn, deviations: below it the guideline speaks of a small fetus. */
const BAND = 1.5;
const PAPER = { ink: "#16202a", soft: "#55606c", line: "#d4d9e0", band: "rgb(47 125 91 / 16%)", mean: "#2f7d5b" };
/** Curves are told apart by colour, by line and by mark. */
const STYLES: { stroke: string; dash: number[]; mark: string }[] = [
  { stroke: "#1c2a7a", dash: [], mark: "●" },
  { stroke: "#9c3d00", dash: [6, 3], mark: "■" },
  { stroke: "#00695c", dash: [2, 3], mark: "▲" },
];
const styleOf = (at: number): (typeof STYLES)[number] => STYLES[at % STYLES.length] as (typeof STYLES)[number];

interface Point {
  days: number;
  age: string;
  value: number;
}

interface Curve {
  name: string;
  points: Point[];
}

interface Chart {
  title: string;
  unit: string;
  digits: number;
  curves: Curve[];
  table?: GrowthRow[];
  /** Every visit of the pregnancy, so that charts beside each other cover the same weeks. */
  span: [number, number];
}

let charts: uPlot[] = [];

/** Nothing of the curves is kept. */
export function clear(): void {
  for (const chart of charts) chart.destroy();
  charts = [];
}

type Dated = Checkup & { gestational_days: number; gestational_age: string };
const isDated = (one: Checkup): one is Dated => one.gestational_days !== null && one.gestational_age !== null;

/** Weeks that all charts of one sheet share, with a little room. */
function spanOf(rows: readonly Dated[]): [number, number] {
  const days = rows.map((one) => one.gestational_days);
  const [first, last] = [Math.min(...days), Math.max(...days)];
  return [Math.floor(first / 7) - 1, Math.ceil(last / 7) + 1];
}

const MEASURES = [
  ["weight", "estimated-weight", (one: Checkup) => one.estimated_weight, "g"],
  ["bpd", "bpd", (one: Checkup) => one.bpd, "mm"],
  ["ac", "ac", (one: Checkup) => one.ac, "mm"],
  ["fl", "fl", (one: Checkup) => one.fl, "mm"],
] as const;

/** A chart for each measure that was taken. */
export function growth(checkups: readonly Checkup[], tables: readonly GrowthRow[]): HTMLElement[] {
  const rows = checkups.filter(isDated);
  if (rows.length === 0) return [];
  const span = spanOf(rows);
  const fetuses = [...new Set(rows.map((one) => one.fetus).filter((fetus) => fetus !== null))].sort();
  return MEASURES.flatMap(([measure, code, value, unit]) => {
    const curves = fetuses.map((fetus) => ({
      name: `${tell("fetus")} ${fetus}`,
      points: points(rows.filter((one) => one.fetus === fetus), value),
    }));
    const table = tables.filter((row) => row.measure === measure);
    const drawn = curves.filter((curve) => curve.points.length > 0);
    if (drawn.length === 0) return [];
    return [plot({ title: tellCode(code), unit, digits: 0, curves: drawn, table, span }, measure)];
  });
}

/** Weight gained, or weight where that before is not known; and pressure. */
export function mother(checkups: readonly Checkup[], before: number | null): HTMLElement[] {
  const rows = visits(checkups.filter(isDated));
  if (rows.length === 0) return [];
  const span = spanOf(rows);
  const gained = points(rows, (one) => (one.weight === null ? null : one.weight - (before ?? 0)));
  const title = before === null ? tell("weightCurve") : tell("gainCurve");
  const systolic = points(rows, (one) => one.systolic);
  const diastolic = points(rows, (one) => one.diastolic);
  const both = [
    { name: tell("systolic"), points: systolic },
    { name: tell("diastolic"), points: diastolic },
  ];
  return [
    ...(gained.length > 0 ? [plot({ title, unit: "kg", digits: 1, curves: [{ name: title, points: gained }], span }, "gain")] : []),
    ...(systolic.length > 0 ? [plot({ title: tell("pressureCurve"), unit: "mmHg", digits: 0, curves: both, span }, "pressure")] : []),
  ];
}

/** One row of each visit: what is of the mother stands in each of its rows. */
export function visits<T extends Checkup>(rows: readonly T[]): T[] {
  return rows.filter((one, at) => {
    const before = rows[at - 1];
    return before === undefined || before.at !== one.at || before.source !== one.source;
  });
}

function points(rows: readonly Dated[], value: (one: Checkup) => number | null): Point[] {
  return rows.flatMap((one) => {
    const found = value(one);
    return found === null ? [] : [{ days: one.gestational_days, age: one.gestational_age, value: found }];
  });
}

/** Mean and deviation of a table at an age, by straight lines between its rows; none outside it. */
function at(table: readonly GrowthRow[], days: number): { mean: number; deviation: number } | undefined {
  const after = table.findIndex((row) => row.gestational_days >= days);
  const right = table[after];
  if (!right) return undefined;
  if (right.gestational_days === days) return right;
  const left = table[after - 1];
  if (!left) return undefined;
  const along = (days - left.gestational_days) / (right.gestational_days - left.gestational_days);
  const between = (from: number, to: number): number => from + (to - from) * along;
  return { mean: between(left.mean, right.mean), deviation: between(left.deviation, right.deviation) };
}

/** Whether steps are of less than a whole: two marks of an axis never read the same. */
const finer = (splits: readonly number[]): boolean => (splits[1] ?? 1) - (splits[0] ?? 0) < 1;

function plot(of: Chart, name: string): HTMLElement {
  const figure = made("figure", "curve");
  figure.dataset.curve = name;
  const table = of.table ?? [];
  figure.append(made("figcaption", "", `${of.title}${aside(of.unit)}`));
  const holder = made("div", "curve-paper");
  holder.setAttribute("role", "img");
  holder.setAttribute("aria-label", described(of));
  figure.append(holder, key(of));

  const [first, last] = [of.span[0] * 7, of.span[1] * 7];
  const inside = table.map((row) => row.gestational_days).filter((days) => first <= days && days <= last);
  const ends = table.length === 0 ? [] : [first, last].filter((days) => at(table, days) !== undefined);
  const every = new Set([...of.curves.flatMap((curve) => curve.points.map((point) => point.days)), ...inside, ...ends]);
  const days = [...every].sort((a, b) => a - b);
  const norm = days.map((day) => at(table, day));
  const bound = (sign: number): (number | null)[] => norm.map((row) => (row ? row.mean + sign * BAND * row.deviation : null));
  const edge = { stroke: PAPER.mean, width: 1, points: { show: false } };
  const grid = { stroke: PAPER.line, width: 1 };
  const axis = { stroke: PAPER.ink, grid, ticks: grid, font: "11px sans-serif" };
  const chart = new uPlot(
    {
      width: WIDTH,
      height: HEIGHT,
      legend: { show: false },
      cursor: { show: false },
      scales: {
        x: { time: false, range: [of.span[0], of.span[1]] },
        y: {
          range: (_chart, low, high) => {
            const pad = (high - low || Math.abs(high) || 1) * 0.1;
            return [low - pad, high + pad];
          },
        },
      },
      axes: [
        { ...axis, size: 26, space: 34, incrs: [1, 2, 4, 8], values: (_chart, splits) => splits.map((week) => String(week)) },
        { ...axis, size: 46, values: (_chart, splits) => splits.map((value) => tellNumber(value, finer(splits) ? 1 : 0)) },
      ],
      series: [
        {},
        { ...edge, dash: [3, 3] },
        { ...edge, dash: [3, 3] },
        { ...edge, dash: [8, 4] },
        ...of.curves.map((_, at) => {
          const { stroke, dash } = styleOf(at);
          return { stroke, dash, width: 2, spanGaps: true, points: { show: true, size: 6, fill: stroke } };
        }),
      ],
      bands: [{ series: [2, 1], fill: PAPER.band }],
    },
    [
      days.map((day) => day / 7),
      bound(-1),
      bound(1),
      norm.map((row) => row?.mean ?? null),
      ...of.curves.map((curve) => days.map((day) => curve.points.find((point) => point.days === day)?.value ?? null)),
    ],
    holder,
  );
  charts.push(chart);
  return figure;
}

/** What each line is, under the chart. */
function key({ curves, table }: Chart): HTMLElement {
  const whole = made("p", "key");
  if (curves.length > 1) {
    curves.forEach((curve, at) => {
      const { stroke, mark } = styleOf(at);
      const part = made("span", "", `${mark} ${curve.name}`);
      part.style.setProperty("color", stroke);
      whole.append(part);
    });
  }
  if (table && table.length > 0) {
    const part = made("span", "", `▨ ${tell("band")}`);
    part.style.setProperty("color", PAPER.mean);
    whole.append(part);
  }
  whole.append(made("span", "", tell("weeksAxis")));
  return whole;
}

/** The chart in words, for who does not see it: every point, and the band at the last. */
function described({ title, unit, digits, curves, table }: Chart): string {
  const said = curves.map((curve) => {
    const all = curve.points.map((point) => `${tellAge(point.age)} ${tellNumber(point.value, digits)}`);
    return `${curve.name === title ? "" : `${curve.name}: `}${all.join(", ")}`;
  });
  const last = curves.flatMap((curve) => curve.points).reduce<Point | undefined>((a, b) => (a && a.days > b.days ? a : b), undefined);
  const norm = last && table ? at(table, last.days) : undefined;
  const band =
    norm && last
      ? ` ${tell("bandAt")} (${tell("band")}) ${tellAge(last.age)} ${tellNumber(norm.mean - BAND * norm.deviation)}–${tellNumber(norm.mean + BAND * norm.deviation)}`
      : "";
  return `${title} (${unit}): ${said.join(current() === "ja" ? "。" : ". ")}${band}`;
}
