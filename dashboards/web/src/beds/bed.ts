// One bed on the whole screen: to scale, with what is said of it, back to its beginning, and as it was seen at a moment.

import { Refused, type Session } from "../node";
import { failure, table } from "../office";
import { element, made, put } from "../page";
import { current, locale, say, type Word } from "../words";
import { alarmText, name, sayClock, sayWays, waiting } from "./alarms";
import type { ActAtBed, BedLine, OneBed as Told, Seen, Watched, Window } from "./node";
import { CM, Paper } from "./paper";
import { sayReadBy } from "./read";
import { Speech } from "./speech";
import { Traces } from "./store";
import { LOST_AFTER, sayShort } from "./tile";
import type { Transfers } from "./transfers";
import { facts, whyClosed } from "./wall";

/** Six hours are held by a page; what is older is read again. */
const HELD = 6 * 3600 * 4;
/** So much history is read at once. */
const PIECE = 30 * 60_000;
const HOPS: Record<string, Word> = { source: "hopSource", gateway: "hopGateway", edge: "hopEdge", node: "hopNode" };
const SILENT = 1_500;
const GIVE_UP = 5_000;
const RETRY = 1_000;

const now = (): number => performance.now();
const wait = (milliseconds: number): Promise<void> => new Promise((done) => setTimeout(done, milliseconds));

export class OneBed {
  private readonly speech = new Speech();
  private traces = new Traces(HELD);
  private readonly paper: Paper;
  private windows: Window[] = [];
  private last: Window[] = [];
  private told: Told | undefined;
  private bed: string | undefined;
  private over = new AbortController();
  private line = new AbortController();
  private heard = 0;
  private momentMs = 0;
  private closed = "";
  /** Where the paper ends; `undefined` while it follows what comes. */
  private at: number | undefined;
  /** How far back history was read. */
  private read: number | undefined;
  private reading = false;
  /** What was on the screen at a moment, while that is looked at. */
  private seen: { told: Seen; traces: Traces; speech: Speech } | undefined;
  private dirty = false;
  private tabled = "";
  private watched: Watched | undefined;
  /** Where on the paper a note is written; `undefined`: now. */
  private pointed: number | undefined;
  /** The note that is put right. */
  private corrects = "";
  private alarmed = "";
  private noted = "";

  constructor(
    private readonly session: Session,
    private readonly signedOut: () => void,
    private readonly back: () => void,
    transfers: Transfers,
  ) {
    this.paper = new Paper(element("bed-paper"), this.speech);
    const on = (id: string, what: () => void): void => {
      element(id).onclick = what;
    };
    on("bed-back", () => this.back());
    on("bed-live", () => this.turn(undefined));
    on("bed-earlier", () => this.move(-0.5));
    on("bed-later", () => this.move(0.5));
    on("bed-seen", () => void this.asSeen());
    on("bed-full", () => void this.fullScreen());
    element("bed-note").onsubmit = (event) => {
      event.preventDefault();
      void this.note();
    };
    element("bed-transfer-form").onsubmit = (event) => {
      event.preventDefault();
      if (this.bed !== undefined) void transfers.send(this.bed);
    };
    element("bed-paper").onclick = (event) => this.point(this.paper.timeAt(event.clientX));
    element("bed-speed").onchange = () => this.mark();
    element<HTMLInputElement>("bed-scroll").oninput = () => this.scrolled();
    new ResizeObserver(() => {
      this.paper.resize();
      this.mark();
    }).observe(element("bed-paper"));
    element("bed-section").onkeydown = (event) => this.key(event);
  }

  begin(bed: string): void {
    this.bed = bed;
    this.over = new AbortController();
    this.heard = now();
    this.closed = "";
    this.turn(undefined);
    void this.listen(bed);
    const frame = (): void => {
      if (this.over.signal.aborted) return;
      this.draw();
      requestAnimationFrame(frame);
    };
    requestAnimationFrame(frame);
    put(element("bed-says"), say("asking"));
    element("bed-title").focus();
  }

  /** Nobody looks any more; gives which bed it was. */
  end(): string | undefined {
    const { bed } = this;
    this.over.abort();
    this.line.abort();
    this.void();
    this.bed = undefined;
    this.seen = undefined;
    if (document.fullscreenElement) void document.exitFullscreen();
    for (const id of ["bed-title", "bed-where", "bed-read", "bed-says", "bed-states", "bed-age"]) put(element(id), "");
    return bed;
  }

  private void(): void {
    this.traces = new Traces(HELD);
    this.windows = [];
    this.last = [];
    this.told = undefined;
    this.read = undefined;
    this.tabled = "";
    this.watched = undefined;
    this.alarmed = this.noted = this.corrects = "";
    this.pointed = undefined;
    this.paper.clear();
    this.speech.forget();
    for (const id of ["bed-now", "bed-windows", "bed-alarms", "bed-notes"]) element(id).replaceChildren();
    for (const id of ["bed-watched", "bed-note-says", "bed-note-at", "bed-transfer-says"]) put(element(id), "");
    element<HTMLInputElement>("bed-note-text").value = "";
    element("bed-transfer").hidden = true;
  }

  redraw(): void {
    if (this.bed === undefined) return;
    this.paper.clear();
    this.tabled = this.alarmed = this.noted = "";
    this.words();
    this.mark();
  }

  private async listen(bed: string): Promise<void> {
    const over = this.over;
    while (!over.signal.aborted && this.closed === "") {
      this.line = new AbortController();
      try {
        await this.session.bed(bed, this.line.signal, (lines) => {
          for (const line of lines) if (!over.signal.aborted) this.take(line);
        });
      } catch (error) {
        if (error instanceof Refused && error.status === 401 && !over.signal.aborted) return this.signedOut();
      }
      if (this.closed === "" && !over.signal.aborted) this.speech.forget();
      await wait(RETRY);
    }
  }

  private take(line: BedLine): void {
    this.heard = now();
    switch (line.kind) {
      case "waiting":
        return;
      case "ended":
        if (line.reason === "token_refused") this.signedOut();
        return;
      case "closed":
        // nothing of it stays on the screen but the word
        this.void();
        this.seen = undefined;
        this.closed = whyClosed(line.why);
        put(element("bed-says"), this.closed);
        for (const id of ["bed-title", "bed-where", "bed-read", "bed-states", "bed-age"]) put(element(id), "");
        element("bed-section").dataset.state = "closed";
        return;
      case "bed":
        this.speech.learn(line.words);
        this.momentMs = line.moment_us / 1000;
        this.told = line.bed;
        this.watched = line.bed.watched ?? this.watched;
        if (line.bed.strip.anew) this.read = undefined;
        this.traces.news(line.bed.strip);
        if (line.bed.windows) this.windows = line.bed.windows;
        if (line.bed.now) this.last = line.bed.now;
        this.words();
        this.mark();
    }
  }

  // --- in words ---

  private words(): void {
    const { told } = this;
    if (!told) return;
    const source = (current() === "ja" ? told.named[0] : told.named[1] || told.named[0]) || told.source;
    put(element("bed-title"), told.patient || told.session);
    const ahead = told.clock.ahead_us === 0 ? "" : ` · ${say("clockAhead")} ${(told.clock.ahead_us / 1e6).toFixed(1)} s`;
    const where = [source, told.named_bed || told.session, told.device].filter((part) => part !== "").join(" · ");
    put(element("bed-where"), `${where}${ahead}${this.delay(told)}`);
    put(element("bed-read"), sayReadBy(told.read_by, this.speech));
    element("bed-read").classList.toggle("unknown", told.read_by.week === null);
    this.alarms(told);
    this.notes(told);
    this.present(told);
    element("bed-transfer").hidden = !told.own;
    this.tables();
  }

  /** Where on the way samples are later than at their quickest; nothing where no hop between says when it took them and none is. */
  private delay(told: Told): string {
    const known = told.legs.filter(([, , , beyond]) => beyond !== null);
    if (known.length === 0 || (told.legs.length < 2 && (known[0]?.[3] ?? 0) < 100_000)) return "";
    const hop = (name: string): string => say(HOPS[name] ?? "hopNode");
    const legs = known.map(([from, to, , beyond]) => `${hop(from)}→${hop(to)} +${((beyond ?? 0) / 1e6).toFixed(1)} s`);
    return ` · ${say("wayLater")} ${legs.join(", ")}`;
  }

  private alarms(told: Told): void {
    const key = `${current()}${JSON.stringify([told.alarms, told.until_us, told.ways])}`;
    if (key === this.alarmed) return;
    this.alarmed = key;
    const unverified = this.last.some((window) => window.jsog?.unverified);
    const text = (alarm: Told["alarms"][number]): string => alarmText(alarm, told.until_us, unverified);
    const open = waiting(told.alarms);
    const parts: HTMLElement[] = [];
    if (open.length > 0) {
      const button = made("button", "quiet", say("acknowledge")) as HTMLButtonElement;
      button.type = "button";
      button.addEventListener("click", () => {
        button.disabled = true;
        element("bed-title").focus();
        void this.act({ acknowledge: { alarms: open.map((alarm) => alarm.alarm) } }, "bed-says").then((done) => {
          button.disabled = done;
        });
      });
      parts.push(made("span", "", open.map(text).join(" · ")), button);
    }
    if (told.alarms.some((alarm) => alarm.alarm === "ending")) parts.push(made("small", "", sayWays(told.ways)));
    for (const alarm of told.alarms) {
      if (alarm.known === null) continue;
      parts.push(made("span", "known", `${text(alarm)} — ${say("acknowledged")} ${alarm.known.name} ${sayClock(alarm.known.at_us)}`));
    }
    element("bed-alarms").replaceChildren(...parts);
  }

  /** Does something at the bed; `false` where it was refused, and that is said. */
  private async act(act: ActAtBed, says: string): Promise<boolean> {
    const { bed } = this;
    if (bed === undefined) return false;
    try {
      await this.session.atBed(bed, act);
      put(element(says), "");
      return true;
    } catch (error) {
      if (error instanceof Refused && error.status === 401) this.signedOut();
      else put(element(says), say(failure(error)));
      return false;
    }
  }

  private present(told: Told): void {
    const { watched } = this;
    if (!watched) return;
    const pick = (pair: readonly [string, string]): string => (current() === "ja" ? pair[0] : pair[1] || pair[0]);
    const who = watched.lookers.map((one) => `${one.name ?? "—"} (${pick(one.facility)}${one.alone ? "" : ` ${say("onWall")}`})`);
    const source = told.own ? "" : say(watched.source ? "sourceWatches" : "nobodyAtSource");
    const stands = told.until_us === null ? "" : `${say("standsUntil")} ${sayClock(told.until_us)}`;
    const parts = [`${say("watchedBy")} ${who.join("、") || "—"}`, source, stands];
    put(element("bed-watched"), parts.filter((part) => part !== "").join(" · "));
  }

  // --- notes ---

  private notes(told: Told): void {
    put(element("bed-note-at"), `${say("noteAt")}: ${this.pointed === undefined && this.at === undefined ? say("noteNow") : this.sayTime(this.pointed ?? this.at ?? 0)}`);
    const key = `${current()}${JSON.stringify(told.notes)}`;
    if (key === this.noted) return;
    this.noted = key;
    this.mark();
    const pick = (pair: readonly [string, string]): string => (current() === "ja" ? pair[0] : pair[1] || pair[0]);
    const items = told.notes.map((note, at) => {
      const item = made("li", "");
      const button = made("button", "quiet", `${at + 1}. ${this.sayTime(note.at_us / 1000)}`) as HTMLButtonElement;
      button.type = "button";
      button.addEventListener("click", () => this.turn(note.at_us / 1000 + this.span / 2 > this.momentMs ? undefined : note.at_us / 1000 + this.span / 2));
      const by = `${pick(note.facility)} ${note.name} ${sayClock(note.written_us)}${note.corrected ? ` · ${say("noteCorrected")}` : ""}`;
      item.append(button, made("span", "note-text", note.text), made("small", "", by));
      if (note.own) {
        const correct = made("button", "quiet", say("noteCorrect")) as HTMLButtonElement;
        const take = made("button", "quiet", say("noteTake")) as HTMLButtonElement;
        correct.type = take.type = "button";
        correct.setAttribute("aria-label", `${say("noteCorrect")}: ${note.text}`);
        take.setAttribute("aria-label", `${say("noteTake")}: ${note.text}`);
        correct.addEventListener("click", () => {
          this.corrects = note.id;
          this.point(note.at_us / 1000);
          const field = element<HTMLInputElement>("bed-note-text");
          field.value = note.text;
          field.focus();
        });
        take.addEventListener("click", () => {
          take.disabled = true;
          void this.act({ take_back: { id: note.id } }, "bed-note-says").then((done) => {
            take.disabled = done;
          });
        });
        item.append(correct, take);
      }
      return item;
    });
    element("bed-notes").replaceChildren(...items);
  }

  /** Where on the paper the next note is written. */
  private point(at: number | undefined): void {
    this.pointed = at;
    this.noted = "";
    this.words();
    this.mark();
  }

  private async note(): Promise<void> {
    const field = element<HTMLInputElement>("bed-note-text");
    const at = this.pointed ?? this.at;
    const act = { note: { at_us: at === undefined ? null : Math.round(at * 1000), text: field.value, replaces: this.corrects } };
    if (!(await this.act(act, "bed-note-says"))) return;
    field.value = "";
    this.corrects = "";
    this.point(undefined);
  }

  private tables(): void {
    const [windows, last, speech] = this.seen
      ? [this.seen.told.windows, this.seen.told.now, this.seen.speech]
      : [this.windows, this.last, this.speech];
    const key = `${current()}${this.seen?.told.at_us ?? ""}${JSON.stringify([windows.length, last])}`;
    if (key === this.tabled) return;
    this.tabled = key;
    const time = (us: number): string => new Date(us / 1000).toLocaleTimeString(locale(), { hour: "2-digit", minute: "2-digit" });
    const level = (window: Window): string =>
      window.jsog
        ? `${speech.say(window.jsog.level)}${window.jsog.unverified ? ` (${say("unverified")})` : ""}`
        : window.not === null ? "" : speech.say(window.not);
    const maybe = (word: number | null): string => (word === null ? "—" : speech.say(word));
    element("bed-now").replaceChildren(
      ...last.map((window) => {
        const box = made("div", "panel");
        box.append(made("h3", "", `${name(window.lead)} ${time(window.from_us)}–${time(window.until_us)} ${speech.say(window.standing)}`));
        const { jsog } = window;
        const reasons = (jsog?.reasons ?? []).map((reason) => {
          const marks = [reason.at_us === null ? "" : time(reason.at_us), reason.filled ? say("filled") : "", reason.counted_as_late ? say("countedAsLate") : ""];
          return `${reason.level}: ${speech.say(reason.row)} / ${speech.say(reason.column)} ${marks.filter((mark) => mark !== "").join(", ")}`.trim();
        });
        box.append(
          facts([
            [say("level"), level(window)],
            ...(reasons.length > 0 ? [[say("why"), reasons.join("\n")] as const] : []),
            ...(jsog ? [[say("proposals"), jsog.proposals] as const] : []),
            ...(jsog?.unverified ? [[say("unverified"), `${say("unverifiedHelp")} ${jsog.unverified}`] as const] : []),
            ...(jsog?.confirmed ? [[say("confirmedBy"), jsog.confirmed.join(": ")] as const] : []),
            [say("baselineWord"), window.baseline === null ? "—" : `${window.baseline} bpm`],
            [say("variabilityWord"), window.amplitude === null ? "—" : `${window.amplitude} bpm · ${maybe(window.variability)}`],
            [say("contractionsWord"), window.contractions === null ? say("notSeen") : `${window.contractions}${window.tachysystole ? ` · ${say("tachysystole")}` : ""}`],
            [say("measuredWord"), `${window.measured} %${window.suspect > 0 ? ` · ${say("suspectWord")} ${window.suspect} %` : ""}`],
          ]),
        );
        return box;
      }),
    );
    const events = (window: Window): string =>
      window.events
        .filter((event) => speech.code(event.kind) !== "contraction")
        .map((event) => `${time(event.from_us)} ${speech.say(event.kind)}${event.severity === null ? "" : ` ${speech.say(event.severity)}`}`)
        .join("\n");
    const rows = [...windows].reverse().map((window) => [
      `${time(window.from_us)}–${time(window.until_us)} ${name(window.lead)}`,
      level(window),
      window.baseline === null ? "—" : String(window.baseline),
      maybe(window.variability),
      window.contractions === null ? say("notSeen") : String(window.contractions),
      maybe(window.figo),
      maybe(window.nichd),
      speech.say(window.standing),
      events(window),
    ]);
    const heads = ["windowWord", "level", "baselineWord", "variabilityWord", "contractionsWord"] as const;
    const head = [...heads.map((word) => say(word)), "FIGO", "NICHD", say("standing"), say("eventsWord")];
    element("bed-windows").replaceChildren(rows.length === 0 ? made("p", "says", say("tooShort")) : table(say("windowsTitle"), head, rows));
  }

  tick(moment: number): void {
    const { told } = this;
    if (this.bed === undefined || this.closed !== "") return;
    if (moment - this.heard > GIVE_UP) this.line.abort();
    const silent = moment - this.heard > SILENT;
    element("bed-section").dataset.state = silent ? "silent" : told ? (this.speech.code(told.lines[0]?.state ?? -1) || "") : "";
    if (!told) return;
    const since = moment - this.heard;
    const heard = this.momentMs - told.heard_us / 1000 + since;
    const gone = heard > LOST_AFTER;
    const fetus = (lead: string): string => told.fetuses[Number(lead.slice(3)) - 1] ?? "";
    const parts = told.lines.map((line) => {
      const item = made("li", "");
      const known = this.speech.code(line.state);
      const state = silent ? "silent" : gone ? "lost" : known;
      const because = line.because === null ? "" : ` (${this.speech.say(line.because)})`;
      item.dataset.state = state;
      const value = line.value === null || silent || gone ? "" : ` ${Math.round(line.value)}`;
      const whose = line.lead.startsWith("fhr") && told.fetuses.length > 1 ? ` ${fetus(line.lead)}` : "";
      item.append(made("b", "", `${name(line.lead)}${whose}${value}`));
      const says = silent ? say("silent") : gone && known !== "lost" ? say("lost") : `${this.speech.say(line.state)}${because}`;
      item.append(made("span", "", says));
      const age = line.age_us === null ? "—" : sayShort(line.age_us / 1000 + since);
      const most = line.most_us !== null && line.age_us !== null && line.most_us - line.age_us > 50_000 ? ` (≤ ${sayShort(line.most_us / 1000 + since)})` : "";
      item.append(made("small", "", `${age}${most}${line.late > 0 ? ` · ${say("lateMerged")} ${line.late}` : ""}`));
      return item;
    });
    for (const [code, value, atUs] of told.spots) {
      const item = made("li", "");
      item.append(made("b", "", `${name(code)} ${value}`), made("small", "", this.sayTime(atUs / 1000)));
      parts.push(item);
    }
    element("bed-states").replaceChildren(...parts);
    const mode = this.seen
      ? `${say("seenAt")} ${this.sayTime(this.seen.told.at_us / 1000)}`
      : this.at === undefined ? "" : `${say("earlierThan")} ${this.sayTime(this.at)}`;
    put(element("bed-says"), silent ? say("stalled") : mode);
    element("bed-live").hidden = this.at === undefined && this.seen === undefined;
    put(element("bed-age"), `${say("heard")} ${sayShort(heard)}`);
  }

  private sayTime(milliseconds: number): string {
    return new Date(milliseconds).toLocaleTimeString(locale());
  }

  // --- the paper ---

  private mark(): void {
    this.dirty = true;
  }

  /** Milliseconds that the paper holds at its speed. */
  private get span(): number {
    const speed = Number(element<HTMLSelectElement>("bed-speed").value);
    return ((this.paper.width - 40) / (speed * CM)) * 60_000;
  }

  private draw(): void {
    if (!this.dirty || !this.told) return;
    this.dirty = false;
    const traces = this.seen?.traces ?? this.traces;
    const ahead = this.told.clock.ahead_us / 1000;
    const here = this.seen ? this.seen.told.at_us / 1000 + ahead : this.momentMs + ahead;
    // where nothing comes the paper goes on: a gap is seen growing
    const until = this.at ?? Math.max(here, this.seen ? 0 : traces.end);
    const windows = this.seen ? [...this.seen.told.windows, ...this.seen.told.now] : [...this.windows, ...this.fresh()];
    const notes = this.seen ? [] : this.told.notes.map((note) => note.at_us / 1000);
    this.paper.draw({ traces, windows, notes, pointed: this.pointed, from: until - this.span, until, now: here });
    const scroll = element<HTMLInputElement>("bed-scroll");
    const begin = Math.min(this.told.began_us / 1000 + this.span, here);
    scroll.min = String(Math.floor(begin));
    scroll.max = String(Math.ceil(here));
    if (this.at === undefined) scroll.value = scroll.max;
    scroll.setAttribute("aria-valuetext", this.sayTime(until));
    void this.readBefore(until - this.span);
  }

  /** The last ten minutes, where no window in ten minutes of its own says the same. */
  private fresh(): Window[] {
    return this.last.filter((last) => !this.windows.some((window) => window.lead === last.lead && window.until_us >= last.until_us));
  }

  /** Reads history where the paper shows it and the page does not hold it. */
  private async readBefore(from: number): Promise<void> {
    const { bed, told } = this;
    const first = this.read ?? this.traces.begin;
    if (bed === undefined || !told || this.seen || this.reading || this.traces.isEmpty || from >= first) return;
    if (first <= told.began_us / 1000 && this.read !== undefined && this.read <= told.began_us / 1000 - PIECE) return;
    this.reading = true;
    try {
      const piece = await this.session.history(bed, (first - PIECE) * 1000, first * 1000);
      if (bed !== this.bed) return;
      this.traces.lay(piece.origin_us, piece.slot_us, piece.samples);
      this.read = first - PIECE;
      this.mark();
    } catch {
      put(element("bed-says"), say("failed"));
      await wait(RETRY);
    } finally {
      this.reading = false;
    }
  }

  /** Where the paper ends; `undefined`: it follows. */
  private turn(at: number | undefined): void {
    this.at = at;
    this.seen = undefined;
    this.tabled = "";
    this.words();
    this.mark();
  }

  private move(parts: number): void {
    const until = this.at ?? this.momentMs;
    const next = until + parts * this.span;
    this.turn(next >= this.momentMs ? undefined : Math.max(next, (this.told?.began_us ?? 0) / 1000));
  }

  private scrolled(): void {
    const { value, max } = element<HTMLInputElement>("bed-scroll");
    this.turn(Number(value) >= Number(max) - 1_000 ? undefined : Number(value));
  }

  private async asSeen(): Promise<void> {
    const { bed, told } = this;
    if (bed === undefined || !told) return;
    const at = this.at ?? this.momentMs;
    try {
      const answer = await this.session.seen(bed, (at - told.clock.ahead_us / 1000) * 1000);
      if (bed !== this.bed || this.closed !== "") return;
      if (!answer.samples.fhr1 && !answer.samples.fhr2 && !answer.samples.uc) {
        put(element("bed-says"), say("noScreen"));
        return;
      }
      const traces = new Traces(HELD);
      traces.lay(answer.origin_us, answer.slot_us, answer.samples);
      const speech = new Speech();
      speech.learn(answer.words);
      this.at = at;
      this.seen = { told: answer, traces, speech };
      this.tabled = "";
      this.words();
      this.mark();
    } catch (error) {
      if (error instanceof Refused && error.status === 401) return this.signedOut();
      put(element("bed-says"), say("failed"));
    }
  }

  private async fullScreen(): Promise<void> {
    if (document.fullscreenElement) await document.exitFullscreen();
    else await element("bed-section").requestFullscreen();
  }

  private key(event: KeyboardEvent): void {
    const typed = [HTMLInputElement, HTMLSelectElement, HTMLTextAreaElement].some((kind) => event.target instanceof kind);
    if (typed && event.key !== "Escape") return;
    const does: Record<string, () => void> = {
      ArrowLeft: () => this.move(-0.25),
      ArrowRight: () => this.move(0.25),
      PageUp: () => this.move(-1),
      PageDown: () => this.move(1),
      End: () => this.turn(undefined),
      Home: () => this.turn((this.told?.began_us ?? 0) / 1000 + this.span),
      Escape: () => this.back(),
    };
    const what = does[event.key];
    if (!what) return;
    event.preventDefault();
    what();
  }
}
