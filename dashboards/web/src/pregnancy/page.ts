// The page of pregnancies: a list, one sheet, and both asked for again when the feed tells of something.

import "../booklet.css";
import "./sheet.css";
import { Refused, type Session } from "../node";
import { failure } from "../office";
import { element, put } from "../page";
import { type Pulse, Shown } from "../shown";
import { say, sayAge } from "../words";
import * as curves from "./curves";
import { list } from "./list";
import type { Pregnancies, PregnancySheet } from "./node";
import { sheet } from "./sheet";
import { tell } from "./words";

/** Not asked for again sooner: after a record, after frames of a bed (what monitors measure is read by the warnings, and frames come
 * all the time), and where something may have to go from the screen. */
const LIST = { record: 10_000, frames: 60_000 };
const SHEET = { record: 2_000, frames: 30_000 };
const GONE = 1_000;
/** A question about beds reads their frames, and is counted so: it is asked no more often. */
const BEDS_EVERY = 300_000;
/** Of what a pregnancy is told. */
const OF_PREGNANCIES = ["perinatal", "vital_sign", "laboratory", "condition", "patient"];

export interface Elsewhere {
  bed: (bed: string) => void;
  records: (patient: string) => void;
}

export class PregnancyPage {
  private shown = false;
  private over = false;
  private answer: Pregnancies | undefined;
  private sheet: PregnancySheet | undefined;
  private open: { patient: string; pregnancy: number | undefined } | undefined;
  private drawn = "";
  /** When beds were asked for: of all, and of the one whose sheet is open. */
  private looked = { list: Number.NEGATIVE_INFINITY, sheet: Number.NEGATIVE_INFINITY };
  private readonly list = new Shown(() => this.askList(), LIST.frames);
  private readonly one = new Shown(() => this.askSheet(), SHEET.frames);

  constructor(
    private readonly session: Session,
    private readonly elsewhere: Elsewhere,
    private readonly signedOut: () => void,
  ) {
    element<HTMLSelectElement>("pregnancies-which").onchange = () => this.drawList();
    element("pregnancy-back").onclick = () => this.back();
    element("pregnancy-print").onclick = () => print();
  }

  /** The page is shown: what stands on it is asked for anew. */
  begin(): void {
    this.shown = true;
    this.looked.list = Number.NEGATIVE_INFINITY;
    this.list.begin();
    if (this.answer === undefined) put(element("pregnancies-says"), say("asking"));
    if (this.open) this.one.begin();
  }

  /** Another page is shown: nothing is asked for. */
  hide(): void {
    this.shown = false;
  }

  end(): void {
    this.over = true;
    this.shown = false;
    this.answer = this.sheet = this.open = undefined;
    this.clear();
    element("pregnancies-list").replaceChildren();
    element("pregnancy-one").hidden = true;
    element("pregnancies-all").hidden = false;
    for (const id of ["pregnancies-says", "pregnancies-age", "pregnancy-says", "pregnancy-age", "pregnancy-title"]) put(element(id), "");
  }

  /** The feed told of a record of this category, or of something that vanished. */
  touch(category: string | undefined): void {
    const of = category === "waveform" ? "frames" : "record";
    if (category !== undefined && of === "record" && !OF_PREGNANCIES.includes(category)) return;
    // what was measured may have to go as well: it is asked for with the next answer
    if (category === undefined) this.looked.sheet = Number.NEGATIVE_INFINITY;
    this.list.touch(category === undefined ? GONE : LIST[of]);
    this.one.touch(category === undefined ? GONE : SHEET[of]);
  }

  tick(now: number, pulse: Pulse, stalled: boolean): void {
    if (!this.shown) return;
    if (this.answer && now - this.looked.list > BEDS_EVERY) this.list.touch();
    const age = (of: Shown): string => {
      const at = of.asOf(pulse);
      const text = at === undefined ? "…" : sayAge(now - at);
      return stalled ? `${say("stalled")} ${text}` : text;
    };
    if (this.open) {
      this.one.refresh(now).catch((error: unknown) => this.failed(error, "pregnancy-says"));
      put(element("pregnancy-age"), this.sheet ? age(this.one) : "");
    } else {
      this.list.refresh(now).catch((error: unknown) => this.failed(error, "pregnancies-says"));
      put(element("pregnancies-age"), this.answer ? age(this.list) : "");
    }
  }

  redraw(): void {
    this.drawn = "";
    this.drawList();
    this.drawSheet();
  }

  private failed(error: unknown, where: string): void {
    if (this.over) return;
    if (error instanceof Refused && error.status === 401) return this.signedOut();
    put(element(where), say(failure(error)));
  }

  private due(what: "list" | "sheet"): boolean {
    return performance.now() - this.looked[what] > BEDS_EVERY;
  }

  // --- the list ---

  private async askList(): Promise<number> {
    const beds = this.due("list");
    const answer = await this.session.pregnancies(beds);
    if (this.over) return 0;
    this.answer = { ...answer, beds: answer.beds ?? this.answer?.beds ?? null };
    if (beds) this.looked.list = performance.now();
    put(element("pregnancies-says"), answer.cut ? tell("cut") : "");
    this.drawList();
    return answer.age_ms;
  }

  private drawList(): void {
    const answer = this.answer;
    if (!answer) return;
    const place = element("pregnancies-list");
    const all = element<HTMLSelectElement>("pregnancies-which").value === "all";
    const at = document.activeElement instanceof HTMLElement && place.contains(document.activeElement) ? document.activeElement.dataset : undefined;
    place.replaceChildren(list(answer, all, { woman: (patient, pregnancy) => this.show(patient, pregnancy), bed: this.elsewhere.bed }));
    // who was on a button is on it again
    if (at?.patient !== undefined) this.button(at.patient)?.focus({ preventScroll: true });
    else if (at?.bed !== undefined) place.querySelector<HTMLElement>(`[data-bed="${CSS.escape(at.bed)}"]`)?.focus({ preventScroll: true });
  }

  private button(patient: string): HTMLElement | null {
    return element("pregnancies-list").querySelector<HTMLElement>(`button[data-patient="${CSS.escape(patient)}"]`);
  }

  // --- one sheet ---

  private show(patient: string, pregnancy: number): void {
    this.open = { patient, pregnancy };
    this.looked.sheet = Number.NEGATIVE_INFINITY;
    // nobody's sheet stands under another's number
    this.clear();
    element("pregnancies-all").hidden = true;
    element("pregnancy-one").hidden = false;
    put(element("pregnancy-title"), "");
    put(element("pregnancy-says"), say("asking"));
    this.one.begin();
    element("pregnancy-back").focus();
  }

  private back(): void {
    const patient = this.open?.patient;
    this.open = undefined;
    this.clear();
    put(element("pregnancy-says"), "");
    element("pregnancy-one").hidden = true;
    element("pregnancies-all").hidden = false;
    ((patient !== undefined && this.button(patient)) || element("pregnancies-title")).focus();
  }

  private clear(): void {
    this.sheet = undefined;
    this.drawn = "";
    curves.clear();
    element("pregnancy-page").replaceChildren();
    element("pregnancy-print").hidden = true;
  }

  private async askSheet(): Promise<number> {
    const open = this.open;
    if (!open) return 0;
    try {
      const beds = this.due("sheet");
      const answer = await this.session.pregnancy(open.patient, beds);
      if (this.over || open !== this.open) return 0;
      this.sheet = { ...answer, beds: answer.beds ?? this.sheet?.beds ?? null, levels: answer.levels ?? this.sheet?.levels ?? null };
      if (beds) this.looked.sheet = performance.now();
      put(element("pregnancy-says"), "");
      this.drawSheet();
      return answer.age_ms;
    } catch (error) {
      if (this.over || open !== this.open) return 0;
      if (error instanceof Refused && error.status === 404) {
        // what was shown is not open any more: nothing of it stays
        this.clear();
        put(element("pregnancy-title"), "");
        put(element("pregnancy-says"), tell("noneShown"));
        return 0;
      }
      throw error;
    }
  }

  private drawSheet(): void {
    const [answer, open] = [this.sheet, this.open];
    if (!answer || !open) return;
    const of = answer.pregnancies.find((one) => one.pregnancy === open.pregnancy) ?? answer.pregnancies.at(-1);
    if (!of) return;
    // drawn only when it differs: whoever reads on stays where they are
    const { frontier: _frontier, moment_us: _moment, age_ms: _age, ...told } = answer;
    const drawn = `${of.pregnancy} ${JSON.stringify(told)}`;
    if (drawn === this.drawn) return;
    this.drawn = drawn;
    put(element("pregnancy-title"), answer.patient.name || answer.number);
    const top = document.scrollingElement?.scrollTop ?? 0;
    const where = element("pregnancy-page");
    curves.clear();
    where.replaceChildren(
      sheet(answer, of, {
        ...this.elsewhere,
        pregnancy: (pregnancy) => {
          open.pregnancy = pregnancy;
          this.drawSheet();
          where.querySelector<HTMLElement>(".sheet-which")?.focus();
        },
      }),
    );
    if (document.scrollingElement) document.scrollingElement.scrollTop = top;
    element("pregnancy-print").hidden = false;
  }
}
