// Broken glasses: who broke which, why, what was read under it, and the review by the disclosing facility.

import type { Glass, Glasses, Session } from "./node";
import { failure, Page } from "./office";
import { element, made, put } from "./page";
import { current, locale, say, sayCode, sayMoment } from "./words";

export function glasses(session: Session, signedOut: () => void): Page<Glasses> {
  const page: Page<Glasses> = new Page("glasses", () => session.glasses(), draw, signedOut);

  function draw({ glasses, may_review }: Glasses): void {
    const list = element("glasses-list");
    // What is being written is not taken away by drawing anew.
    const written = new Map([...list.querySelectorAll<HTMLFormElement>("form")].map((form) => [form.dataset.key ?? "", form]));
    const cards = glasses.map((glass, at) => card(glass, may_review, at, written.get(key(glass))));
    if (cards.length === 0) cards.push(made("p", "says", say("noGlasses")));
    list.replaceChildren(...cards);
  }

  const key = (glass: Glass): string => JSON.stringify([glass.id, glass.viewer, glass.source, glass.patient]);
  const name = (ja: string, en: string, id: string): string => (current() === "ja" ? ja : en || ja) || id;
  const time = (text: string): string => sayMoment(Date.parse(text) * 1000);

  function card(glass: Glass, mayReview: boolean, at: number, before?: HTMLFormElement): HTMLElement {
    const waits = glass.review === null;
    // What another facility has to review is no work here.
    const one = made("article", waits && glass.own ? "panel glass waits" : "panel glass");
    const head = made("div", "head");
    const title = made("h3", "", `${name(glass.viewer_name, glass.viewer_name_en, glass.viewer)} · ${glass.member_name} (${sayCode(glass.role)})`);
    title.id = `glass-${at}`;
    one.setAttribute("aria-labelledby", title.id);
    head.append(title, made("span", waits && glass.own ? "mark gone" : "mark", say(waits ? "waitsForReview" : "reviewed")));
    const standing = glass.open ? say("glassOpen") : glass.closed === null ? say("glassEnded") : `${say("glassClosed")} ${time(glass.closed)}`;
    const rows = `${glass.rows.toLocaleString(locale())} ${say(glass.rows === 1 ? "row" : "rows")}`;
    const acts = glass.acts === 0 ? "" : ` · ${glass.acts.toLocaleString(locale())} ${say(glass.acts === 1 ? "act" : "acts")}`;
    const times = [...new Set([glass.first, glass.last])].flatMap((at) => (at === null ? [] : [time(at)]));
    const read = [`${rows}${acts}`, [...new Set(times)].join(" – ")].filter((text) => text !== "").join(" · ");
    const facts = made("dl", "facts");
    for (const [term, text] of [
      [say("patientThere"), `${glass.patient} · ${name(glass.source_name, glass.source_name_en, glass.source)}`],
      [say("reason"), glass.reason],
      [say("period"), `${time(glass.from)} – ${time(glass.until)}`],
      [say("standing"), standing],
      [say("readUnder"), read],
      [say("glassId"), glass.id],
    ] as const) {
      facts.append(made("dt", "", term), made("dd", "", text));
    }
    one.append(head, facts);
    if (glass.review !== null) {
      const { outcome, name, text, at } = glass.review;
      one.append(made("p", "", `${sayCode(outcome)} · ${name} · ${time(at)}${text === "" ? "" : ` · ${text}`}`));
    } else if (glass.own && mayReview) {
      one.append(form(glass, at, before));
    }
    return one;
  }

  function form(glass: Glass, at: number, before?: HTMLFormElement): HTMLElement {
    const form = made("form", "review") as HTMLFormElement;
    form.dataset.key = key(glass);
    const choice = made("fieldset", "");
    choice.append(made("legend", "", say("review")));
    for (const outcome of ["justified", "unjustified"]) {
      const label = made("label", "choice");
      const radio = document.createElement("input");
      radio.type = "radio";
      radio.name = "outcome";
      radio.value = outcome;
      radio.required = true;
      radio.checked = (before?.elements.namedItem("outcome") as RadioNodeList | null)?.value === outcome;
      label.append(radio, made("span", "", say(outcome === "justified" ? "justified" : "unjustified")));
      choice.append(label);
    }
    const text = document.createElement("textarea");
    text.id = `finding-${at}`;
    text.rows = 2;
    text.maxLength = 600;
    text.value = (before?.elements.namedItem("text") as HTMLTextAreaElement | null)?.value ?? "";
    text.name = "text";
    const label = made("label", "", say("finding"));
    label.setAttribute("for", text.id);
    const says = made("p", "refusal");
    says.setAttribute("role", "alert");
    const button = made("button", "", say("sendReview")) as HTMLButtonElement;
    button.type = "submit";
    form.append(choice, label, text, says, button);
    form.addEventListener("submit", (event) => {
      event.preventDefault();
      const outcome = (form.elements.namedItem("outcome") as RadioNodeList).value;
      void send({ id: glass.id, viewer: glass.viewer, patient: glass.patient, outcome, text: text.value.trim() }, button, says);
    });
    return form;
  }

  async function send(review: Parameters<Session["review"]>[0], button: HTMLButtonElement, says: HTMLElement): Promise<void> {
    button.disabled = true;
    put(says, "");
    try {
      await session.review(review);
      await page.refresh();
      element("glasses-title").focus();
    } catch (error) {
      button.disabled = false;
      put(says, say(failure(error)));
    }
  }

  return page;
}
