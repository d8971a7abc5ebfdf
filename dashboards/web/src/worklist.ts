// Worklists: whom of a cohort to call, why, since when, and who has taken it.

import type { Session, Worklist, WorklistEntry } from "./node";
import { failure, Page, table } from "./office";
import { element, made, put } from "./page";
import { current, say, sayMoment, type Word } from "./words";

export function worklist(session: Session, signedOut: () => void): Page<Worklist> {
  const choice = element<HTMLSelectElement>("worklist-cohort");
  const page: Page<Worklist> = new Page("worklist", () => session.worklist(choice.value), draw, signedOut);

  function draw({ cohorts, cohort, entries, waiting, may_act }: Worklist): void {
    const options = cohorts.map(({ name, ja, en }) => {
      const option = document.createElement("option");
      option.value = name;
      option.textContent = current() === "ja" ? ja : en;
      option.selected = name === cohort;
      return option;
    });
    choice.replaceChildren(...options);
    const list = element("worklist-list");
    if (entries.length === 0) return list.replaceChildren(made("p", "says", say("nobodyToCall")));
    const heads = [say("patient"), say("sinceWhen"), say("whyCall"), say("state")];
    const caption = `${say("worklist")}: ${say("waitingCount")} ${waiting}`;
    list.replaceChildren(table(caption, heads, entries.map((entry) => row(entry, cohort, may_act))));
  }

  function row(entry: WorklistEntry, cohort: string, mayAct: boolean): (string | HTMLElement)[] {
    const why = made("ul", "grounds");
    for (const { criterion, fact, at, sources } of entry.grounds) {
      why.append(made("li", "", `${fact || criterion} · ${sayMoment(Date.parse(at) * 1000)} · ${sources.join(" ")}`));
    }
    const state = made("div", "");
    state.append(made("p", "", say({ waiting: "toCall", taken: "takenBy", done: "finished" }[entry.state] as Word)));
    if (entry.last !== null) {
      const { name, at, remark } = entry.last;
      state.append(made("p", "says", [name, sayMoment(Date.parse(at) * 1000), remark].filter((text) => text !== "").join(" · ")));
    }
    if (mayAct) {
      for (const act of entry.state === "taken" ? (["done", "release"] as const) : entry.state === "waiting" ? (["take"] as const) : []) {
        state.append(button(act, entry, cohort));
      }
    }
    return [entry.patient, sayMoment(Date.parse(entry.since) * 1000), why, state];
  }

  function button(act: "take" | "release" | "done", entry: WorklistEntry, cohort: string): HTMLElement {
    const word = { take: "takeIt", release: "releaseIt", done: "finishIt" } as const;
    const made_ = made("button", "quiet", say(word[act])) as HTMLButtonElement;
    made_.type = "button";
    made_.setAttribute("aria-label", `${say(word[act])}: ${entry.patient}`);
    made_.addEventListener("click", () => void work(act, entry.patient, cohort, made_));
    return made_;
  }

  async function work(act: string, patient: string, cohort: string, pressed: HTMLButtonElement): Promise<void> {
    pressed.disabled = true;
    try {
      await session.workOn({ cohort, patient, act, remark: "" });
      await page.refresh();
      element("worklist-title").focus();
    } catch (error) {
      pressed.disabled = false;
      put(element("worklist-says"), say(failure(error)));
    }
  }

  choice.addEventListener("change", () => void page.refresh());
  return page;
}
