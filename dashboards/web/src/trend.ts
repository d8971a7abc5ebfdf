// A laboratory code's results over time, with the reference intervals that came with them.

import uPlot from "uplot";
import "uplot/dist/uPlot.min.css";
import type { Result, Series } from "./node";
import { element, made } from "./page";
import { locale, say, sayMoment } from "./words";

const HEIGHT = 260;

let charts: { chart: uPlot; holder: HTMLElement }[] = [];

const resized = new ResizeObserver(() => {
  for (const { chart, holder } of charts) chart.setSize({ width: holder.clientWidth, height: HEIGHT });
});

/** Draws the series: a chart for each unit and code system, because nothing is converted, and all as a table. */
export function draw(series: Series): void {
  clear();
  const drawable = groups(series.results);
  for (const group of drawable) plot(group);
  const says = [
    series.results.length === 0 ? say("noResults") : drawable.length === 0 ? say("noNumbers") : "",
    drawable.length > 1 ? say("mixed") : "",
    series.cut ? say("cut") : "",
  ];
  element("trend-says").textContent = says.filter((text) => text !== "").join(" ");
  element("values").hidden = series.results.length === 0;
  element("rows").replaceChildren(...[...series.results].reverse().map(row));
}

export function clear(): void {
  resized.disconnect();
  for (const { chart } of charts) chart.destroy();
  charts = [];
  element("charts").replaceChildren();
  element("rows").replaceChildren();
  element("values").hidden = true;
  element("trend-says").textContent = "";
}

function groups(results: Result[]): Result[][] {
  const groups = new Map<string, Result[]>();
  for (const result of results.filter((result) => result.value !== null)) {
    const key = `${result.code_system}\n${result.unit}`;
    groups.set(key, [...(groups.get(key) ?? []), result]);
  }
  return [...groups.values()];
}

function plot(results: Result[]): void {
  const style = getComputedStyle(document.documentElement);
  const colour = (name: string): string => style.getPropertyValue(name).trim();
  const newest = results.at(-1);
  const title = [newest?.name || newest?.code_system || "", newest?.unit ? `(${newest.unit})` : ""].join(" ");
  const holder = made("figure", "chart");
  holder.append(made("figcaption", "", title));
  element("charts").append(holder);
  const axis = { stroke: colour("--soft"), grid: { stroke: colour("--line"), width: 1 }, ticks: { stroke: colour("--line") } };
  const bound = { stroke: colour("--reference"), width: 1, dash: [4, 4], points: { show: false }, spanGaps: true };
  const stepped = uPlot.paths.stepped?.({ align: 1 });
  const edge = stepped ? { ...bound, paths: stepped } : bound;
  const when = new Intl.DateTimeFormat(locale(), { year: "numeric", month: "2-digit", day: "2-digit", hour: "2-digit", minute: "2-digit" });
  const date = new Intl.DateTimeFormat(locale(), { year: "2-digit", month: "2-digit", day: "2-digit" });
  const time = new Intl.DateTimeFormat(locale(), { month: "2-digit", day: "2-digit", hour: "2-digit", minute: "2-digit" });
  const [first, last] = [results[0], newest].map((result) => (result?.occurred_us ?? 0) / 1e6);
  const lone = first === last;
  const chart = new uPlot(
    {
      width: Math.max(holder.clientWidth, 280),
      height: HEIGHT,
      scales: {
        x: { time: true, ...(lone ? { range: [(first ?? 0) - 86_400, (last ?? 0) + 86_400] as [number, number] } : {}) },
        y: {
          // The reference interval is always in the picture: a result far off must look far off.
          range: (_chart, low, high) => {
            const pad = (high - low || Math.abs(high) || 1) * 0.12;
            return [low - pad, high + pad];
          },
        },
      },
      axes: [
        {
          ...axis,
          space: 90,
          values: (_chart, splits) =>
            splits.map((at) => ((splits.at(-1) ?? 0) - (splits[0] ?? 0) > 4 * 86_400 ? date : time).format(at * 1000)),
        },
        { ...axis, size: 56 },
      ],
      series: [
        { label: say("occurred"), value: (_chart, at) => (at === null ? "—" : when.format(at * 1000)) },
        {
          label: say("value"),
          stroke: colour("--accent"),
          width: 2,
          points: { show: true, size: 7, fill: colour("--accent") },
        },
        { ...edge, label: `${say("reference")} ↓` },
        { ...edge, label: `${say("reference")} ↑` },
      ],
      bands: [{ series: [3, 2], fill: colour("--band") }],
      cursor: { drag: { x: true, y: false } },
    },
    [
      results.map((result) => result.occurred_us / 1e6),
      results.map((result) => result.value),
      results.map((result) => result.reference_low),
      results.map((result) => result.reference_high),
    ],
    holder,
  );
  chart.root.setAttribute("role", "img");
  chart.root.setAttribute("aria-label", `${title}: ${results.length} ${say("rows")}`);
  charts.push({ chart, holder });
  resized.observe(holder);
}

function row(result: Result): HTMLElement {
  const { reference_low: low, reference_high: high } = result;
  const number = result.value === null ? result.text : `${result.comparator}${result.value}`;
  const cells = [
    sayMoment(result.occurred_us),
    number || "—",
    result.unit,
    low === null && high === null ? "" : `${low ?? ""} – ${high ?? ""}`,
    result.flag,
    result.source,
  ];
  const line = made("tr", "");
  line.append(...cells.map((text) => made("td", "", text)));
  return line;
}
