// Notices: what the facility is told, and that it was.

import type { Notice, Notices, Session } from "./node";
import { failure, Page } from "./office";
import { element, made, put } from "./page";
import { current, say, sayCode, sayMoment } from "./words";

export function notices(session: Session, signedOut: () => void): Page<Notices> {
  const page: Page<Notices> = new Page("notices", () => session.notices(), draw, signedOut);

  function draw({ notices, may_acknowledge }: Notices): void {
    const rows = notices.map((notice) => row(notice, may_acknowledge));
    const list = element("notices-list");
    if (rows.length === 0) return list.replaceChildren(made("p", "says", say("noNotices")));
    const all = made("ol", "notices");
    all.append(...rows);
    list.replaceChildren(all);
  }

  function row(notice: Notice, mayAcknowledge: boolean): HTMLElement {
    const waits = notice.acknowledged === null;
    const item = made("li", waits ? "waits" : "");
    const head = made("p", "line");
    head.append(made("b", "", sayCode(notice.kind)), made("time", "", sayMoment(Date.parse(notice.raised) * 1000)));
    const text = made("p", "", current() === "ja" ? notice.text_ja : notice.text_en);
    item.append(head, text);
    if (notice.acknowledged !== null) {
      const { name, at } = notice.acknowledged;
      item.append(made("p", "says", `${say("acknowledged")}: ${name} · ${sayMoment(Date.parse(at) * 1000)}`));
    } else if (mayAcknowledge) {
      const button = made("button", "", say("acknowledge")) as HTMLButtonElement;
      button.type = "button";
      button.setAttribute("aria-label", `${say("acknowledge")}: ${text.textContent ?? ""}`);
      button.addEventListener("click", () => void acknowledge(notice.id, button));
      item.append(button);
    }
    return item;
  }

  async function acknowledge(id: string, button: HTMLButtonElement): Promise<void> {
    button.disabled = true;
    try {
      await session.acknowledge(id);
      await page.refresh();
      element("notices-title").focus();
    } catch (error) {
      button.disabled = false;
      put(element("notices-says"), say(failure(error)));
    }
  }

  return page;
}
