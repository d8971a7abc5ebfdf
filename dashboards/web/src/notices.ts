// Notices: what the facility is told, that it was, and what was done about a critical result.

import type { Acknowledgement, Notice, Notices, Session } from "./node";
import { failure, Page } from "./office";
import { element, made, put } from "./page";
import { current, say, sayCode, sayMoment } from "./words";

/** What can be said to have been done: the closed vocabulary of the node. */
const ACTIONS = ["seen", "called", "treated", "repeated", "referred", "expected"] as const;
/** The longest remark the node takes, in bytes. */
const LONGEST = 500;

export function notices(session: Session, signedOut: () => void): Page<Notices> {
  const page: Page<Notices> = new Page("notices", () => session.notices(), draw, signedOut);

  function draw({ notices, may_acknowledge }: Notices): void {
    const list = element("notices-list");
    // What is being written is not taken away by drawing anew.
    const written = new Map([...list.querySelectorAll<HTMLFormElement>("form")].map((form) => [form.dataset.notice ?? "", form]));
    const rows = notices.map((notice, at) => row(notice, may_acknowledge, at, written.get(notice.id)));
    if (rows.length === 0) return list.replaceChildren(made("p", "says", say("noNotices")));
    const all = made("ol", "notices");
    all.append(...rows);
    list.replaceChildren(all);
  }

  const time = (text: string): string => sayMoment(Date.parse(text) * 1000);

  function row(notice: Notice, mayAcknowledge: boolean, at: number, before?: HTMLFormElement): HTMLElement {
    const { critical } = notice;
    const actable = notice.kind === "critical-result" && critical !== null && critical.acted === null && critical.withdrawn === null;
    const waits = notice.acknowledged === null;
    const item = made("li", waits || actable ? "waits" : "");
    const head = made("p", "line");
    head.append(made("b", "", sayCode(notice.kind)), made("time", "", time(notice.raised)));
    const text = made("p", "", current() === "ja" ? notice.text_ja : notice.text_en);
    text.id = `notice-${at}`;
    item.append(head, text);
    if (critical !== null && critical.withdrawn !== null) item.append(made("p", "says", say("withdrawnSince")));
    else if (actable && waits) item.append(made("p", "says", `${say("actBefore")}: ${time(critical.due)}`));
    if (notice.acknowledged !== null) {
      const { name, at } = notice.acknowledged;
      item.append(made("p", "says", `${say("acknowledged")}: ${name} · ${time(at)}`));
    } else if (mayAcknowledge) {
      const button = made("button", "", say("acknowledge")) as HTMLButtonElement;
      button.type = "button";
      button.setAttribute("aria-label", `${say("acknowledge")}: ${text.textContent ?? ""}`);
      button.addEventListener("click", () => void send({ id: notice.id }, button, element("notices-says")));
      item.append(button);
    }
    if (critical !== null && critical.acted !== null) {
      const { action, name, at, remark } = critical.acted;
      const done = [sayCode(action), name, time(at), remark].filter((text) => text !== "").join(" · ");
      item.append(made("p", "", `${say("whatWasDone")}: ${done}`));
    } else if (actable && mayAcknowledge) {
      item.append(form(notice, at, before));
    }
    return item;
  }

  function form(notice: Notice, at: number, before?: HTMLFormElement): HTMLElement {
    const form = made("form", "action") as HTMLFormElement;
    form.dataset.notice = notice.id;
    form.setAttribute("aria-labelledby", `notice-${at}`);
    const choice = document.createElement("select");
    choice.name = "action";
    choice.required = true;
    choice.append(new Option(say("chooseAction"), ""), ...ACTIONS.map((action) => new Option(sayCode(action), action)));
    choice.value = (before?.elements.namedItem("action") as HTMLSelectElement | null)?.value ?? "";
    const what = made("label", "");
    what.append(made("span", "", say("whatWasDone")), choice);
    const remark = document.createElement("input");
    remark.name = "remark";
    remark.autocomplete = "off";
    remark.maxLength = LONGEST;
    remark.value = (before?.elements.namedItem("remark") as HTMLInputElement | null)?.value ?? "";
    const fits = (): void =>
      remark.setCustomValidity(new TextEncoder().encode(remark.value.trim()).length > LONGEST ? say("remarkTooLong") : "");
    remark.addEventListener("input", fits);
    fits();
    const words = made("label", "wide");
    words.append(made("span", "", say("remark")), remark);
    const button = made("button", "", say("recordAction")) as HTMLButtonElement;
    button.type = "submit";
    const says = made("p", "refusal");
    says.setAttribute("role", "alert");
    form.append(what, words, button, says);
    form.addEventListener("submit", (event) => {
      event.preventDefault();
      void send({ id: notice.id, action: choice.value, remark: remark.value.trim() }, button, says);
    });
    return form;
  }

  async function send(said: Acknowledgement, button: HTMLButtonElement, says: HTMLElement): Promise<void> {
    button.disabled = true;
    put(says, "");
    try {
      await session.acknowledge(said);
      await page.refresh();
      element("notices-title").focus();
    } catch (error) {
      button.disabled = false;
      put(says, say(failure(error)));
    }
  }

  return page;
}
