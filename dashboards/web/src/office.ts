// The pages beside the records: each is asked for when it is shown, and again by its button.

import { Refused } from "./node";
import { element, made, put } from "./page";
import { say, sayAge, type Word } from "./words";

/** One page: asks, draws, and says how old what it shows is. */
export class Page<T> {
  private answer: T | undefined;
  private at: number | undefined;
  private asking = 0;

  constructor(
    private readonly name: string,
    private readonly ask: () => Promise<T>,
    private readonly draw: (answer: T) => void,
    private readonly signedOut: () => void,
  ) {}

  async refresh(): Promise<void> {
    const asking = ++this.asking;
    const says = element(`${this.name}-says`);
    put(says, say("asking"));
    element(`${this.name}-section`).setAttribute("aria-busy", "true");
    const begun = performance.now();
    try {
      const answer = await this.ask();
      // A later question is under way, or the visit is over.
      if (asking !== this.asking) return;
      this.answer = answer;
      this.at = begun;
      put(says, "");
      this.draw(answer);
    } catch (error) {
      if (asking !== this.asking) return;
      if (error instanceof Refused && error.status === 401) return this.signedOut();
      put(says, say(failure(error)));
    } finally {
      if (asking === this.asking) element(`${this.name}-section`).removeAttribute("aria-busy");
      this.tick();
    }
  }

  redraw(): void {
    if (this.answer !== undefined) this.draw(this.answer);
    this.tick();
  }

  tick(): void {
    put(element(`${this.name}-age`), this.at === undefined ? "" : sayAge(performance.now() - this.at));
  }

  end(): void {
    this.asking += 1;
    this.answer = undefined;
    this.at = undefined;
    for (const part of ["says", "age"]) put(element(`${this.name}-${part}`), "");
    element(`${this.name}-list`).replaceChildren();
  }
}

export function failure(error: unknown): Word {
  if (!(error instanceof Refused)) return "unavailable";
  switch (error.status) {
    case 403:
      return "notYours";
    case 404:
      return "gone";
    case 400:
      return "invalid";
    case 429:
      return "busy";
    default:
      return "failed";
  }
}

/** A table under its heads, from cells; numbers stand to the right. */
export function table(caption: string, heads: string[], rows: (string | HTMLElement)[][], numbers: number[] = []): HTMLElement {
  const whole = made("table", "list");
  whole.append(made("caption", "", caption));
  const head = made("tr", "");
  heads.forEach((text, at) => {
    const cell = made("th", numbers.includes(at) ? "number" : "", text);
    cell.setAttribute("scope", "col");
    head.append(cell);
  });
  const body = document.createElement("tbody");
  for (const cells of rows) {
    const row = made("tr", "");
    cells.forEach((cell, at) => {
      const made_ = made(at === 0 ? "th" : "td", numbers.includes(at) ? "number" : "");
      if (at === 0) made_.setAttribute("scope", "row");
      made_.append(cell);
      row.append(made_);
    });
    body.append(row);
  }
  const top = document.createElement("thead");
  top.append(head);
  whole.append(top, body);
  const scroll = made("div", "wide-table");
  scroll.tabIndex = 0;
  scroll.setAttribute("role", "region");
  scroll.setAttribute("aria-label", caption);
  scroll.append(whole);
  return scroll;
}
