// The last disclosures, newest first.

import type { Line } from "./node";
import { element, made } from "./page";
import { current, say, sayCategory, sayCode, sayMoment } from "./words";

const KEPT = 50;

interface Entry {
  key: string;
  category: string;
  source: string;
  occurredUs: number | undefined;
  historic: boolean;
  changed: boolean;
  vanished: string | undefined;
}

export class Live {
  private entries: Entry[] = [];
  private readonly names = new Map<string, readonly [string, string]>();
  private drawing = false;

  take(line: Line): void {
    switch (line.kind) {
      case "appeared":
      case "changed":
        this.names.set(line.source, [line.source_name, line.source_name_en]);
        this.entries = this.entries.filter((entry) => entry.key !== line.key);
        this.entries.unshift({
          key: line.key,
          category: line.category,
          source: line.source,
          occurredUs: line.occurred_us,
          historic: line.historic,
          changed: line.kind === "changed",
          vanished: undefined,
        });
        break;
      case "vanished": {
        const known = this.entries.find((entry) => entry.key === line.key);
        if (known) known.vanished = line.reason;
        else {
          const { key, source, reason } = line;
          const entry = { key, category: "", source, occurredUs: undefined, historic: false, changed: false };
          this.entries.unshift({ ...entry, vanished: reason });
        }
        break;
      }
      case "reset":
        this.entries = [];
        break;
      default:
        return;
    }
    this.entries.length = Math.min(this.entries.length, KEPT);
    this.draw();
  }

  clear(): void {
    this.entries = [];
    this.draw();
  }

  /** However much came at once, it is drawn once. */
  draw(): void {
    if (this.drawing) return;
    this.drawing = true;
    requestAnimationFrame(() => {
      this.drawing = false;
      element("disclosures").replaceChildren(...this.entries.map((entry) => this.row(entry)));
    });
  }

  get isEmpty(): boolean {
    return this.entries.length === 0;
  }

  private row(entry: Entry): HTMLElement {
    const row = made("li", entry.vanished === undefined ? "" : "vanished");
    const what = made(entry.vanished === undefined ? "span" : "s", "what");
    what.append(made("b", "", entry.category === "" ? "—" : sayCategory(entry.category)));
    what.append(made("span", "source", this.name(entry.source)));
    if (entry.occurredUs !== undefined) what.append(made("time", "", sayMoment(entry.occurredUs)));
    row.append(what);
    if (entry.changed) row.append(made("span", "mark", say("changed")));
    if (entry.historic) row.append(made("span", "mark", say("historic")));
    if (entry.vanished !== undefined) {
      row.append(made("span", "mark gone", `${say("vanished")}: ${sayCode(entry.vanished)}`));
    }
    return row;
  }

  private name(source: string): string {
    const [ja, en] = this.names.get(source) ?? ["", ""];
    return (current() === "ja" ? ja : en || ja) || source;
  }
}
