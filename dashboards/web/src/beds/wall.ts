// The wall of beds. It asks the node for lines and believes none that did not come: without one for a second and a half, every
// tile says so by itself.

import { Refused, type Session } from "../node";
import { failure } from "../office";
import { element, made, put } from "../page";
import { say, type Word } from "../words";
import { OneBed } from "./bed";
import type { WallLine } from "./node";
import { Speech } from "./speech";
import { Tile } from "./tile";
import { Transfers } from "./transfers";

/** Lines come four times a second. */
const SILENT = 1_500;
/** A line that is silent for this long is given up and opened again. */
const GIVE_UP = 5_000;
const RETRY = 1_000;
/** Tiles change places no more often: one must be able to point at them. */
const SORTED_EVERY = 3_000;

type Order = "concern" | "doubt" | "place";

const now = (): number => performance.now();
const wait = (milliseconds: number): Promise<void> => new Promise((done) => setTimeout(done, milliseconds));

const WHY: Record<string, Word> = { withheld: "bedWithheld", expired: "bedExpired", closed: "bedClosed", silent: "bedSilent", unknown: "bedUnknown" };
export const whyClosed = (why: string): string => say(WHY[why] ?? "bedUnknown");

export class Wall {
  private readonly speech = new Speech();
  private readonly tiles = new Map<string, Tile>();
  private readonly dismissed = new Set<string>();
  private readonly one: OneBed;
  private readonly transfers: Transfers;
  private over = new AbortController();
  private line = new AbortController();
  private heard = 0;
  private begun = 0;
  private sorted = Number.NEGATIVE_INFINITY;
  private said = "";
  private running = false;
  private readonly seen = new IntersectionObserver((entries) => {
    for (const entry of entries) {
      const tile = this.tiles.get((entry.target as HTMLElement).dataset.bed ?? "");
      tile?.show(entry.isIntersecting);
    }
  });
  private readonly sized = new ResizeObserver(() => {
    for (const tile of this.tiles.values()) tile.resize();
  });

  constructor(
    private readonly session: Session,
    private readonly signedOut: () => void,
  ) {
    this.transfers = new Transfers(session, signedOut);
    this.one = new OneBed(session, signedOut, () => this.back(), this.transfers);
  }

  /** The page is shown: the wall is asked for. */
  begin(): void {
    if (this.running) return;
    this.running = true;
    this.over = new AbortController();
    this.begun = this.heard = now();
    element<HTMLSelectElement>("beds-order").onchange = () => this.sort(true);
    this.sized.observe(element("beds-list"));
    void this.listen();
    this.transfers.begin();
    const ticking = setInterval(() => this.tick(), 100);
    this.over.signal.addEventListener("abort", () => clearInterval(ticking));
    const frame = (): void => {
      if (this.over.signal.aborted) return;
      for (const tile of this.tiles.values()) tile.draw();
      requestAnimationFrame(frame);
    };
    requestAnimationFrame(frame);
  }

  /** Another page is shown: nobody looks, and nothing is asked for. */
  end(): void {
    this.running = false;
    this.over.abort();
    this.line.abort();
    this.one.end();
    this.transfers.end();
    this.seen.disconnect();
    this.sized.disconnect();
    this.tiles.clear();
    this.dismissed.clear();
    this.speech.forget();
    this.said = "";
    element("beds-list").replaceChildren();
    for (const id of ["beds-says", "beds-alarms"]) put(element(id), "");
    element("bed-section").hidden = true;
    element("wall").hidden = false;
  }

  /** Opens one bed, from another page. */
  open(bed: string): void {
    if (this.running) this.show(bed);
  }

  redraw(): void {
    for (const tile of this.tiles.values()) {
      tile.rebuild();
      tile.words();
    }
    this.one.redraw();
    this.transfers.redraw();
    this.said = "";
    if (this.running) this.tick();
  }

  private async listen(): Promise<void> {
    const over = this.over;
    while (!over.signal.aborted) {
      this.line = new AbortController();
      try {
        await this.session.beds(this.line.signal, (lines) => {
          for (const line of lines) this.take(line);
        });
      } catch (error) {
        if (error instanceof Refused && error.status === 401 && !over.signal.aborted) return this.signedOut();
      }
      // what is said next counts its words anew
      this.speech.forget();
      await wait(RETRY);
    }
  }

  private take(line: WallLine): void {
    if (this.over.signal.aborted) return;
    if (line.kind === "ended") {
      if (line.reason === "token_refused") this.signedOut();
      return;
    }
    this.heard = now();
    this.speech.learn(line.words);
    const there = new Set<string>();
    for (const told of line.beds) {
      there.add(told.bed);
      this.dismissed.delete(told.bed);
      this.tile(told.bed).take(told, line.moment_us, this.heard);
    }
    for (const gone of line.ended) {
      const tile = this.tiles.get(gone.bed);
      if (tile && tile.root.dataset.state !== "closed") this.close(tile, whyClosed(gone.why));
      there.add(gone.bed);
    }
    for (const [bed, tile] of this.tiles) {
      if (!there.has(bed) && tile.root.dataset.state !== "closed") this.close(tile, whyClosed("unknown"));
    }
    this.tick();
  }

  private tile(bed: string): Tile {
    let tile = this.tiles.get(bed);
    // a bed that was closed and is open again begins anew
    if (tile && tile.root.dataset.state === "closed") {
      this.drop(bed);
      tile = undefined;
    }
    if (!tile) {
      tile = new Tile(bed, this.speech, (bed, alarms) => this.acknowledge(bed, alarms), (bed) => this.show(bed));
      this.tiles.set(bed, tile);
      element("beds-list").append(tile.root);
      this.seen.observe(tile.root);
      this.sorted = Number.NEGATIVE_INFINITY;
    }
    return tile;
  }

  private async acknowledge(bed: string, alarms: string[]): Promise<void> {
    try {
      await this.session.atBed(bed, { acknowledge: { alarms } });
    } catch (error) {
      if (error instanceof Refused && error.status === 401) this.signedOut();
      put(element("beds-alarms"), say(failure(error)));
      throw error;
    }
  }

  private close(tile: Tile, word: string): void {
    tile.close(word, () => {
      this.drop(tile.bed);
      element("beds-title").focus();
    });
    put(element("beds-alarms"), word);
  }

  private drop(bed: string): void {
    this.tiles.get(bed)?.root.remove();
    this.tiles.delete(bed);
  }

  private tick(): void {
    const moment = now();
    if (moment - this.heard > GIVE_UP) this.line.abort();
    const silent = moment - this.heard > SILENT;
    for (const tile of this.tiles.values()) tile.tick(moment, silent);
    this.one.tick(moment);
    const open = [...this.tiles.values()].filter((tile) => tile.root.dataset.state !== "closed");
    const none = this.tiles.size === 0;
    put(element("beds-says"), silent && moment - this.begun > SILENT ? say("stalled") : none ? say("noBeds") : "");
    const waiting = open.flatMap((tile) => tile.waiting().map((alarm) => `${tile.root.querySelector(".bed-title")?.textContent ?? ""} ${tile.text(alarm)}`));
    const said = waiting.join("\n");
    // told aloud when it changes, and not with every line
    if (said !== this.said) {
      this.said = said;
      put(element("beds-alarms"), waiting.slice(0, 5).join(" · "));
    }
    const count = element("beds-count");
    put(count, none ? "" : `${open.length} ${say("bedsCount")}`);
    this.sort(false);
  }

  private sort(now_: boolean): void {
    const moment = now();
    if (!now_ && moment - this.sorted < SORTED_EVERY) return;
    this.sorted = moment;
    const order = element<HTMLSelectElement>("beds-order").value as Order;
    const place = (tile: Tile): string => tile.root.querySelector(".bed-where")?.textContent ?? "";
    const by: Record<Order, (a: Tile, b: Tile) => number> = {
      concern: (a, b) => b.concern - a.concern || b.doubt - a.doubt,
      doubt: (a, b) => b.doubt - a.doubt || b.concern - a.concern,
      place: () => 0,
    };
    const all = [...this.tiles.values()].sort((a, b) => by[order](a, b) || place(a).localeCompare(place(b)) || a.bed.localeCompare(b.bed));
    const list = element("beds-list");
    // moved one by one: who has the focus keeps it
    all.forEach((tile, at) => {
      if (list.children[at] === tile.root) return;
      const focused = tile.root.contains(document.activeElement) ? (document.activeElement as HTMLElement) : undefined;
      list.insertBefore(tile.root, list.children[at] ?? null);
      focused?.focus({ preventScroll: true });
    });
  }

  // --- one bed ---

  private show(bed: string): void {
    element("wall").hidden = true;
    element("bed-section").hidden = false;
    this.one.begin(bed);
  }

  private back(): void {
    const bed = this.one.end();
    element("bed-section").hidden = true;
    element("wall").hidden = false;
    const tile = bed === undefined ? undefined : this.tiles.get(bed);
    (tile?.root.querySelector<HTMLElement>("button") ?? element("beds-title")).focus();
    for (const tile of this.tiles.values()) tile.resize();
  }
}

/** A list of words and what belongs to them. */
export function facts(pairs: readonly (readonly [string, string])[]): HTMLElement {
  const list = made("dl", "facts");
  for (const [word, value] of pairs) list.append(made("dt", "", word), made("dd", "", value));
  return list;
}
