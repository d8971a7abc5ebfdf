// One bed on the wall: who, how honest its traces are, how old, the level, five minutes of it.

import uPlot from "uplot";
import { made, put } from "../page";
import { current, say } from "../words";
import { alarmText, concern, doubt, name, sayClock, sayWays, waiting } from "./alarms";
import { type AlarmTold, FETAL, type WallBed, type Watched } from "./node";
import { sayReadBy } from "./read";
import type { Speech } from "./speech";
import { Traces } from "./store";

/** Five minutes. */
const SHOWN = 5 * 60_000;
const HEIGHT = 84;
/** A bed of which nothing came for so long is lost: the page says so by itself, and need not wait for the node to. */
export const LOST_AFTER = 1_750;

const colour = (name: string): string => getComputedStyle(document.documentElement).getPropertyValue(name).trim();

/** "0.4 s", "12 s", "3 min". */
export function sayShort(milliseconds: number): string {
  const seconds = Math.max(0, milliseconds) / 1000;
  if (seconds < 10) return `${seconds.toFixed(1)} s`;
  return seconds < 120 ? `${Math.floor(seconds)} s` : `${Math.floor(seconds / 60)} min`;
}

export class Tile {
  readonly root = made("li", "bed");
  private readonly open = document.createElement("button");
  private readonly title = made("span", "bed-title");
  private readonly where = made("p", "bed-where");
  private readonly read = made("p", "bed-read");
  private readonly level = made("span", "bed-level");
  private readonly why = made("p", "bed-why");
  private readonly states = made("p", "bed-states");
  private readonly age = made("p", "age");
  private readonly figure = made("div", "bed-trace");
  private readonly alarms = made("div", "bed-alarms");
  private readonly traces = new Traces(SHOWN / 250);
  private chart: uPlot | undefined;
  private drawnLeads = "";
  private dirty = false;
  private visible = true;
  private told: WallBed | undefined;
  private at = 0;
  private momentMs = 0;
  private watched: Watched | undefined;
  private readonly around = made("p", "bed-around");
  concern = 0;
  doubt = 0;

  constructor(
    readonly bed: string,
    private readonly speech: Speech,
    private readonly acknowledge: (bed: string, alarms: string[]) => Promise<void>,
    show: (bed: string) => void,
  ) {
    this.open.type = "button";
    this.open.className = "bed-open";
    this.open.append(this.title);
    this.open.addEventListener("click", () => show(this.bed));
    const head = made("div", "bed-head");
    head.append(this.open, this.level);
    this.root.append(head, this.where, this.read, this.states, this.figure, this.why, this.alarms, this.around, this.age);
    this.root.dataset.bed = bed;
  }

  /** What the node says now. */
  take(told: WallBed, momentUs: number, at: number): void {
    this.told = told;
    this.at = at;
    this.momentMs = momentUs / 1000;
    this.traces.news(told.strip);
    this.dirty = true;
    this.watched = told.watched ?? this.watched;
    this.words();
  }

  /** Everything that is said in words. */
  words(): void {
    const { told } = this;
    if (!told) return;
    const source = (current() === "ja" ? told.named[0] : told.named[1] || told.named[0]) || told.source;
    put(this.title, told.patient || told.session);
    put(this.where, [source, told.named_bed || told.session, told.device].filter((part) => part !== "").join(" · "));
    const read = sayReadBy(told.read_by, this.speech);
    put(this.read, read);
    this.read.title = read;
    this.read.classList.toggle("unknown", told.read_by.week === null);
    const worst = [...told.now].sort((a, b) => (b.level ?? 0) - (a.level ?? 0))[0];
    const says = !worst
      ? say("tooShort")
      : worst.level === null
        ? say("notAssessable")
        : `${say("level")} ${worst.level}${worst.unverified ? "?" : ""}`;
    put(this.level, says);
    this.level.dataset.level = String(worst?.level ?? "none");
    this.level.title = worst?.unverified ? say("unverifiedHelp") : "";
    const why = worst?.why ? worst.why.map((word) => this.speech.say(word)).join(" / ") : "";
    put(this.why, worst?.not != null ? this.speech.say(worst.not) : why);
    this.open.setAttribute("aria-label", `${told.patient || told.session}, ${source}, ${says}`);
    this.drawAlarms();
  }

  /** The clock goes on: states and ages are told from what came, and from how long nothing did. */
  tick(now: number, silent: boolean): void {
    const { told } = this;
    if (!told) return;
    const since = now - this.at;
    const hearts = told.lines.filter((line) => FETAL.includes(line.lead));
    const heard = this.momentMs - told.heard_us / 1000 + since;
    const gone = heard > LOST_AFTER;
    const says = (line: WallBed["lines"][number]): string => {
      if (silent) return `${name(line.lead)} ${say("silent")}`;
      if (gone) return `${name(line.lead)} ${say("lost")}`;
      const value = line.value === null ? "" : ` ${Math.round(line.value)}`;
      return `${name(line.lead)}${value} ${this.speech.say(line.state)}`;
    };
    const none = gone || hearts.length === 0;
    const states = silent ? ["silent"] : none ? ["lost"] : hearts.map((line) => this.speech.code(line.state));
    this.doubt = doubt(states);
    this.concern = concern(told.now);
    put(this.states, told.lines.filter((line) => line.lead !== "spo2").map(says).join("　"));
    const worst = states.reduce((a, b) => (doubt([b]) > doubt([a]) ? b : a), "live");
    this.root.dataset.state = worst;
    const ages = hearts.map((line) => line.age_us).filter((age) => age !== null);
    const oldest = ages.length === 0 ? undefined : Math.max(...ages) / 1000 + since;
    const age = oldest === undefined ? `${say("noLive")} ${sayShort(heard)}` : `${say("dataAge")} ${sayShort(oldest)}`;
    const late = hearts.reduce((sum, line) => sum + line.late, 0);
    put(this.age, late > 0 ? `${age} · ${say("lateMerged")} ${late}` : age);
    this.root.classList.toggle("waits", this.waiting().length > 0);
    const stands = told.until_us === null ? "" : `${say("standsUntil")} ${sayClock(told.until_us)}`;
    const count = this.watched?.lookers.length ?? 0;
    const present = `${say("watchedBy")} ${count}${this.watched?.source && !told.own ? ` · ${say("sourceWatches")}` : ""}`;
    put(this.around, [present, stands].filter((part) => part !== "").join(" · "));
  }

  waiting(): AlarmTold[] {
    return waiting(this.told?.alarms ?? []);
  }

  /** What an alarm is called. */
  text(alarm: AlarmTold): string {
    const { told } = this;
    return alarmText(alarm, told?.until_us ?? null, told?.now.some((level) => level.unverified) ?? false);
  }

  private drawAlarms(): void {
    const all = this.told?.alarms ?? [];
    const key = `${current()}${JSON.stringify(all)}`;
    if (this.alarms.dataset.key === key) return;
    this.alarms.dataset.key = key;
    const open = this.waiting();
    const parts: HTMLElement[] = [];
    if (open.length > 0) {
      const button = document.createElement("button");
      button.type = "button";
      button.className = "quiet";
      button.textContent = say("acknowledge");
      const text = open.map((alarm) => this.text(alarm)).join(" · ");
      button.setAttribute("aria-label", `${say("acknowledge")}: ${this.title.textContent ?? ""} ${text}`);
      button.addEventListener("click", () => {
        button.disabled = true;
        this.open.focus();
        void this.acknowledge(this.bed, open.map((alarm) => alarm.alarm)).catch(() => {
          button.disabled = false;
        });
      });
      parts.push(made("span", "", text), button);
      if (open.some((alarm) => alarm.alarm === "ending")) parts.push(made("small", "", sayWays(this.told?.ways ?? [])));
    }
    for (const alarm of all) {
      if (alarm.known === null) continue;
      parts.push(made("span", "known", `${this.text(alarm)} — ${say("acknowledged")} ${alarm.known.name} ${sayClock(alarm.known.at_us)}`));
    }
    this.alarms.replaceChildren(...parts);
  }

  /** The bed is not shown any more: what is left is the word. */
  close(word: string, dismiss: () => void): void {
    this.told = undefined;
    this.traces.clear();
    this.chart?.destroy();
    this.chart = undefined;
    this.concern = this.doubt = 9;
    this.root.dataset.state = "closed";
    this.root.classList.remove("waits");
    const button = document.createElement("button");
    button.type = "button";
    button.className = "quiet";
    button.textContent = say("dismiss");
    button.addEventListener("click", dismiss);
    this.root.replaceChildren(made("p", "bed-closed", word), button);
  }

  show(visible: boolean): void {
    this.visible = visible;
    this.dirty = true;
  }

  /** Draws what is new, where it is on the screen. */
  draw(): void {
    if (!this.dirty || !this.visible || !this.told || this.traces.isEmpty) return;
    this.dirty = false;
    const leads = FETAL.filter((lead) => this.traces.leads.includes(lead));
    if (!this.chart || this.drawnLeads !== leads.join()) this.build(leads);
    // where nothing comes the paper goes on: a gap is seen growing
    const until = Math.max(this.traces.end, this.momentMs + this.told.clock.ahead_us / 1000);
    const from = until - SHOWN;
    const lanes = leads.map((lead) => this.traces.values(lead, from, until));
    this.chart?.setData([this.traces.times(from, until), ...lanes, this.traces.values("uc", from, until)] as uPlot.AlignedData);
  }

  resize(): void {
    const width = this.figure.clientWidth;
    if (width > 0) this.chart?.setSize({ width, height: HEIGHT });
    this.dirty = true;
  }

  rebuild(): void {
    this.chart?.destroy();
    this.chart = undefined;
    this.dirty = true;
  }

  private build(leads: string[]): void {
    this.chart?.destroy();
    this.drawnLeads = leads.join();
    const line = (stroke: string, scale: string): uPlot.Series => ({ stroke: colour(stroke), scale, width: 1, points: { show: false } });
    this.chart = new uPlot(
      {
        width: Math.max(120, this.figure.clientWidth),
        height: HEIGHT,
        padding: [2, 0, 2, 0],
        legend: { show: false },
        cursor: { show: false },
        scales: { x: { time: false }, y: { range: [50, 210] }, u: { range: [0, 400] } },
        axes: [
          { show: false },
          {
            size: 0,
            ticks: { show: false },
            grid: { stroke: colour("--grid"), width: 1 },
            splits: () => [80, 110, 160],
            values: () => [],
          },
        ],
        series: [{}, ...leads.map((lead) => line(`--${lead}`, "y")), line("--uc", "u")],
      },
      [[], ...leads.map(() => []), []] as unknown as uPlot.AlignedData,
      this.figure,
    );
    this.chart.root.setAttribute("aria-hidden", "true");
  }
}
