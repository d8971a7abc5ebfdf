import "./style.css";
import { type Booklet, booklet } from "./booklet";
import { Wall } from "./beds/wall";
import { glasses } from "./glasses";
import { Live } from "./live";
import { type Line, open, Refused, type Series, type Session, type Summary } from "./node";
import { notices } from "./notices";
import type { Page } from "./office";
import { element, made, put } from "./page";
import { PregnancyPage } from "./pregnancy/page";
import { published } from "./published";
import { Pulse, Shown } from "./shown";
import * as trend from "./trend";
import { worklist } from "./worklist";
import { choose, current, locale, say, sayAge, sayCategory, sayCode, type Word } from "./words";

/** A feed that is silent for this long is given up and opened again: the line may be dead without having ended. */
const GIVE_UP = 5_000;
const RETRY = 1_000;

const now = (): number => performance.now();
const wait = (milliseconds: number): Promise<void> => new Promise((done) => setTimeout(done, milliseconds));

// === A visit: from a token accepted to signing out ===

type Office = "notices" | "worklist" | "glasses" | "published";
type PageName = Office | "records" | "beds" | "pregnancies" | "booklet";
const PAGES: readonly PageName[] = ["records", "beds", "pregnancies", "notices", "worklist", "booklet", "glasses", "published"];

class Visit {
  private readonly office: Readonly<Record<Office, Pick<Page<unknown>, "refresh" | "redraw" | "tick" | "end">>>;
  readonly live = new Live();
  readonly booklet: Booklet;
  private readonly wall: Wall;
  private readonly pregnancies: PregnancyPage;
  private readonly pulse = new Pulse();
  private readonly counts: Shown;
  private readonly curve: Shown;
  private readonly over = new AbortController();
  private line = new AbortController();
  private heard = now();
  private frontier: string | undefined;
  private gapped = false;
  private summary: Summary;
  private series: Series | undefined;
  private drawn = "";
  private asked: { patient: string; code: string } | undefined;
  private readonly tiles = new Map<string, { count: HTMLElement; age: HTMLElement; name: HTMLElement }>();

  constructor(
    private readonly session: Session,
    first: Summary,
  ) {
    this.summary = first;
    const signedOut = (): void => {
      if (!this.over.signal.aborted) leave("signedOut");
    };
    this.office = {
      notices: notices(session, signedOut),
      worklist: worklist(session, signedOut),
      glasses: glasses(session, signedOut),
      published: published(session, signedOut),
    };
    this.booklet = booklet(session, signedOut);
    this.wall = new Wall(session, signedOut);
    const elsewhere = {
      bed: (bed: string): void => {
        this.turnTo("beds");
        this.wall.open(bed);
      },
      records: (patient: string): void => {
        this.turnTo("records");
        element<HTMLInputElement>("patient").value = patient;
        element<HTMLInputElement>("code").value = "";
        void this.show(patient, "");
        element("patient").focus();
      },
    };
    this.pregnancies = new PregnancyPage(session, elsewhere, signedOut);
    this.counts = new Shown(async () => {
      this.summary = await session.summary();
      if (!this.over.signal.aborted) this.drawSummary();
      return this.summary.age_ms;
    });
    this.curve = new Shown(async () => {
      const asked = this.asked;
      if (!asked) return 0;
      const series = await session.series(asked.patient, asked.code);
      // An answer about somebody who is no longer asked for is not shown under another's number.
      if (asked !== this.asked) throw new Error("asked for something else meanwhile");
      this.drawSeries(series);
      return series.age_ms;
    });
    this.drawSummary();
    this.counts.touch();
    const ticking = setInterval(() => this.tick(), 250);
    this.over.signal.addEventListener("abort", () => clearInterval(ticking));
    void this.listen();
    this.tick();
  }

  end(): void {
    this.over.abort();
    this.line.abort();
    this.asked = undefined;
    this.live.clear();
    trend.clear();
    element("counts").replaceChildren();
    element("codes").replaceChildren();
    for (const page of Object.values(this.office)) page.end();
    this.booklet.end();
    this.wall.end();
    this.pregnancies.end();
  }

  /** Shows one page. What stands on it is asked for anew. */
  turnTo(page: PageName): void {
    for (const name of PAGES) element(`${name}-section`).hidden = name !== page;
    for (const button of document.querySelectorAll<HTMLElement>("[data-page]")) {
      if (button.dataset.page === page) button.setAttribute("aria-current", "page");
      else button.removeAttribute("aria-current");
    }
    if (page === "beds") this.wall.begin();
    else this.wall.end();
    if (page === "pregnancies") this.pregnancies.begin();
    else this.pregnancies.hide();
    if (page !== "records" && page !== "beds" && page !== "booklet" && page !== "pregnancies") this.ask(page);
  }

  ask(page: Office): void {
    void this.office[page].refresh();
  }

  redraw(): void {
    for (const page of Object.values(this.office)) page.redraw();
    this.wall.redraw();
    this.pregnancies.redraw();
    this.drawn = "";
    this.drawSummary();
    if (this.series) this.drawSeries(this.series);
    this.live.draw();
    this.tick();
  }

  async show(patient: string, code: string): Promise<void> {
    const asked = { patient, code };
    this.asked = asked;
    this.series = undefined;
    this.drawn = "";
    trend.clear();
    element("codes").replaceChildren();
    try {
      const codes = await this.session.codes(patient);
      if (asked !== this.asked) return;
      const options = codes.map(({ code, name, results }) => {
        const option = document.createElement("option");
        option.value = code;
        option.label = `${name || code} (${results})`;
        return option;
      });
      element("codes").replaceChildren(...options);
      if (codes.length === 0) return put(element("trend-says"), say("noCodes"));
      // Without a code, the most frequent one: the list offers the others.
      asked.code ||= codes[0]?.code ?? "";
      element<HTMLInputElement>("code").value = asked.code;
      this.curve.begin();
      await this.curve.refresh(now());
    } catch (error) {
      this.failed(error);
      if (asked === this.asked) put(element("trend-says"), say("failed"));
    }
  }

  // --- the feed ---

  private async listen(): Promise<void> {
    while (!this.over.signal.aborted) {
      this.line = new AbortController();
      this.heard = now();
      try {
        let first = true;
        await this.session.feed(this.frontier, this.line.signal, (lines) => {
          for (const line of lines) this.take(line);
          // What changed while nobody listened was told to nobody.
          if (first) this.touchAll();
          first = false;
        });
      } catch (error) {
        this.failed(error);
      }
      await wait(RETRY);
    }
  }

  private take(line: Line): void {
    if (this.over.signal.aborted) return;
    this.heard = now();
    switch (line.kind) {
      case "heartbeat":
        this.frontier = line.frontier;
        this.pulse.beat(this.heard, line.moment_us / 1000, line.age_ms);
        return;
      case "ended":
        if (line.reason === "token_refused") leave("signedOut");
        return;
      case "reset":
        this.gapped = true;
        this.frontier = undefined;
        this.touchAll();
        break;
      case "vanished":
        this.touchAll();
        break;
      default:
        this.gapped = false;
        this.counts.touch();
        this.pregnancies.touch(line.category);
        if (line.category === "laboratory") this.curve.touch();
    }
    this.live.take(line);
  }

  private touchAll(): void {
    this.counts.touch();
    this.curve.touch();
    this.pregnancies.touch(undefined);
  }

  private failed(error: unknown): void {
    if (error instanceof Refused && error.status === 401 && !this.over.signal.aborted) leave("signedOut");
  }

  // --- what is seen ---

  private tick(): void {
    const moment = now();
    if (moment - this.heard > GIVE_UP) this.line.abort();
    const failed = (error: unknown): void => this.failed(error);
    this.counts.refresh(moment).catch(failed);
    if (this.asked?.code) this.curve.refresh(moment).catch(failed);

    const stalled = this.pulse.isStalled(moment) && moment - started > 3_000;
    document.body.classList.toggle("is-stalled", stalled);
    const banner = element("stalled");
    if (stalled) put(banner, `${say("stalled")} — ${say("stalledHelp")}`);
    banner.hidden = !stalled;

    const age = (asOf: number | undefined): string => {
      const text = asOf === undefined ? "…" : sayAge(moment - asOf);
      return stalled ? `${say("stalled")}\n${text}` : text;
    };
    const counts = age(this.counts.asOf(this.pulse));
    for (const tile of this.tiles.values()) put(tile.age, counts);
    put(element("trend-age"), this.series ? age(this.curve.asOf(this.pulse)) : stalled ? say("stalled") : "");
    put(element("live-age"), age(this.pulse.asOf()));
    for (const page of Object.values(this.office)) page.tick();
    this.pregnancies.tick(moment, this.pulse, stalled);
    put(element("live-says"), this.gapped ? say("gapped") : this.live.isEmpty ? say("quiet") : "");
  }

  private drawSummary(): void {
    const { facility, role, purpose, categories } = this.summary;
    const name = (current() === "ja" ? facility.name : facility.name_en || facility.name) || facility.id;
    put(element("facility"), name);
    put(element("who"), `${facility.id} · ${sayCode(role)} · ${sayCode(purpose)}`);
    document.title = `${name} · ajisai`;
    for (const { category, rows } of categories) {
      const tile = this.tiles.get(category) ?? this.tile(category);
      put(tile.name, sayCategory(category));
      put(tile.count, rows.toLocaleString(locale()));
    }
  }

  private tile(category: string): { count: HTMLElement; age: HTMLElement; name: HTMLElement } {
    const item = made("li", "tile");
    const tile = { name: made("h3", ""), count: made("p", "count"), age: made("p", "age") };
    item.append(tile.name, tile.count, tile.age);
    element("counts").append(item);
    this.tiles.set(category, tile);
    return tile;
  }

  private drawSeries(series: Series): void {
    this.series = series;
    // Drawn only when it differs: whoever has zoomed in stays there.
    const drawn = `${series.cut} ${JSON.stringify(series.results)}`;
    if (drawn !== this.drawn) trend.draw(series);
    this.drawn = drawn;
  }
}

// === The door ===

let visit: Visit | undefined;
let entering = false;
let started = now();

function leave(why?: Word): void {
  visit?.end();
  visit = undefined;
  document.body.classList.remove("is-stalled");
  element("stalled").hidden = true;
  element<HTMLFormElement>("ask").reset();
  element<HTMLFormElement>("published-ask").reset();
  element<HTMLFormElement>("booklet-ask").reset();
  element("worklist-cohort").replaceChildren();
  for (const id of ["facility", "who", "trend-age", "live-age"]) put(element(id), id === "facility" ? "ajisai" : "");
  document.title = "ajisai";
  element("room").hidden = true;
  element("leave").hidden = true;
  element("door").hidden = false;
  put(element("refusal"), why ? say(why) : "");
  element("token").focus();
}

async function enter(): Promise<void> {
  if (visit || entering) return;
  entering = true;
  const field = element<HTMLTextAreaElement>("token");
  const token = field.value.replace(/\s+/g, "").replace(/^Bearer/i, "");
  put(element("refusal"), "");
  try {
    const session = open(token);
    const first = await session.summary();
    field.value = "";
    element("door").hidden = true;
    element("room").hidden = false;
    element("leave").hidden = false;
    started = now();
    visit = new Visit(session, first);
    visit.turnTo("records");
    element("facility").focus();
  } catch (error) {
    put(element("refusal"), say(error instanceof Refused && error.status === 401 ? "tokenRefused" : "unavailable"));
  } finally {
    entering = false;
  }
}

function translate(): void {
  document.documentElement.lang = current();
  for (const node of document.querySelectorAll<HTMLElement>("[data-say]")) put(node, say(node.dataset.say as Word));
  for (const node of document.querySelectorAll<HTMLElement>("[data-say-label]")) {
    node.setAttribute("aria-label", say(node.dataset.sayLabel as Word));
  }
  const other = current() === "ja" ? "en" : "ja";
  const button = element("language");
  button.lang = other;
  put(button, other === "en" ? "English" : "日本語");
  visit?.redraw();
}

element("enter").addEventListener("submit", (event) => {
  event.preventDefault();
  void enter();
});
element("ask").addEventListener("submit", (event) => {
  event.preventDefault();
  const value = (id: string): string => element<HTMLInputElement>(id).value.trim();
  void visit?.show(value("patient"), value("code"));
});
for (const button of document.querySelectorAll<HTMLElement>("[data-page]")) {
  button.addEventListener("click", () => visit?.turnTo(button.dataset.page as PageName));
}
for (const button of document.querySelectorAll<HTMLElement>("[data-refresh]")) {
  button.addEventListener("click", () => visit?.ask(button.dataset.refresh as Office));
}
element("published-ask").addEventListener("submit", (event) => {
  event.preventDefault();
  visit?.ask("published");
});
element("booklet-ask").addEventListener("submit", (event) => {
  event.preventDefault();
  void visit?.booklet.show();
});
element("booklet-print").addEventListener("click", () => print());
element("language").addEventListener("click", () => {
  choose(current() === "ja" ? "en" : "ja");
  translate();
});
// The chart's colours are the theme's at the time it is drawn.
matchMedia("(prefers-color-scheme: dark)").addEventListener("change", () => visit?.redraw());
element("leave").addEventListener("click", () => leave());
translate();
