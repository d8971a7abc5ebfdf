// Transfers on the board: those that are under way, with the steps that the reader's facility may take, and asking for one.

import { failure } from "../office";
import { Refused, type Session } from "../node";
import { element, made, put } from "../page";
import { current, say, sayCode, sayMoment } from "../words";
import type { Referral, Referrals } from "./node";

/** How often it is asked what became of them. What is measured at a bed that a transfer opens comes by itself. */
const EVERY = 2_000;

const pick = (pair: readonly [string, string]): string => (current() === "ja" ? pair[0] : pair[1] || pair[0]);

export class Transfers {
  private answer: Referrals | undefined;
  private over = new AbortController();
  private drawn = "";

  constructor(
    private readonly session: Session,
    private readonly signedOut: () => void,
  ) {}

  begin(): void {
    this.over = new AbortController();
    void this.ask();
    const asking = setInterval(() => void this.ask(), EVERY);
    this.over.signal.addEventListener("abort", () => clearInterval(asking));
  }

  end(): void {
    this.over.abort();
    this.answer = undefined;
    this.drawn = "";
    element("transfers-list").replaceChildren();
    put(element("transfers-says"), "");
    element("transfers").hidden = true;
  }

  redraw(): void {
    this.drawn = "";
    this.draw();
    this.choices();
  }

  private async ask(): Promise<void> {
    const over = this.over;
    try {
      const answer = await this.session.referrals();
      if (over.signal.aborted) return;
      this.answer = answer;
      this.draw();
      this.choices();
    } catch (error) {
      if (over.signal.aborted) return;
      if (error instanceof Refused && error.status === 401) return this.signedOut();
      // who may not be told of referrals has none
      if (error instanceof Refused && error.status === 403) this.over.abort();
    }
  }

  /** Whom a patient can be sent to. */
  private choices(): void {
    const select = element<HTMLSelectElement>("bed-transfer-to");
    const key = `${current()}${(this.answer?.facilities ?? []).map((one) => one.id).join()}`;
    if (select.dataset.key === key) return;
    select.dataset.key = key;
    const chosen = select.value;
    // nobody is sent anywhere by default
    const none = document.createElement("option");
    none.value = "";
    none.textContent = say("chooseAction");
    const options = (this.answer?.facilities ?? []).map((one) => {
      const option = document.createElement("option");
      option.value = one.id;
      option.textContent = pick([one.ja, one.en]) || one.id;
      return option;
    });
    select.replaceChildren(none, ...options);
    select.value = options.some((option) => option.value === chosen) ? chosen : "";
  }

  private draw(): void {
    const open = (this.answer?.referrals ?? []).filter((one) => one.kind === "transfer" && one.open);
    const key = `${current()}${JSON.stringify(open)}`;
    if (key === this.drawn) return;
    this.drawn = key;
    element("transfers").hidden = open.length === 0;
    element("transfers-list").replaceChildren(...open.map((one) => this.entry(one)));
  }

  private entry(one: Referral): HTMLElement {
    const item = made("li", one.next.length > 0 ? "panel waits" : "panel");
    const head = made("p", "line");
    head.append(made("b", "", `${one.patient} · ${pick(one.from_name)} → ${pick(one.to_name)}`), made("time", "", sayMoment(Date.parse(one.at) * 1000)));
    item.append(head, made("p", "reason", one.reason));
    const steps = one.turns.map((turn) => `${sayMoment(Date.parse(turn.at) * 1000)} ${sayCode(turn.step)} ${turn.by} ${turn.words}`.trim());
    if (steps.length > 0) item.append(made("p", "says", steps.join("　")));
    for (const { step, watchers } of one.handovers) {
      const said = watchers.map((one) => `${pick(one.facility)} ${one.name} ${sayMoment(Date.parse(one.since) * 1000)}–${one.until === null ? "" : sayMoment(Date.parse(one.until) * 1000)}`);
      item.append(made("p", "says", `${say("handedOver")} (${sayCode(step)}): ${said.length === 0 ? "—" : said.join("、")}`));
    }
    if (this.answer?.may_act && one.next.length > 0) item.append(this.steps(one));
    return item;
  }

  private steps(one: Referral): HTMLElement {
    const tools = made("div", "tools");
    const words = document.createElement("input");
    words.setAttribute("aria-label", `${say("transferWords")}: ${one.patient}`);
    words.placeholder = say("transferWords");
    words.maxLength = 160;
    tools.append(words);
    for (const step of one.next) {
      const button = made("button", step === "declined" || step === "cancelled" ? "quiet" : "", sayCode(step)) as HTMLButtonElement;
      button.type = "button";
      button.dataset.step = step;
      button.setAttribute("aria-label", `${sayCode(step)}: ${one.patient}`);
      button.addEventListener("click", () => void this.turn(one, step, words.value, tools));
      tools.append(button);
    }
    return tools;
  }

  private async turn(one: Referral, step: string, words: string, tools: HTMLElement): Promise<void> {
    const buttons = [...tools.querySelectorAll("button")];
    for (const button of buttons) button.disabled = true;
    try {
      await this.session.turn({ id: one.id, from: one.from, step, words });
      put(element("transfers-says"), "");
      await this.ask();
      element("beds-title").focus();
    } catch (error) {
      put(element("transfers-says"), say(failure(error)));
      for (const button of buttons) button.disabled = false;
    }
  }

  /** Asks for one from a bed of the reader's own facility. */
  async send(bed: string): Promise<void> {
    const says = element("bed-transfer-says");
    const reason = element<HTMLTextAreaElement>("bed-transfer-reason");
    put(says, say("asking"));
    try {
      const { opened } = await this.session.transfer({
        bed,
        to: element<HTMLSelectElement>("bed-transfer-to").value,
        reason: reason.value,
        open_hours: Number(element<HTMLInputElement>("bed-transfer-hours").value),
      });
      reason.value = "";
      put(says, say(opened ? "transferOpened" : "transferClosed"));
      await this.ask();
    } catch (error) {
      put(says, say(failure(error)));
    }
  }
}
