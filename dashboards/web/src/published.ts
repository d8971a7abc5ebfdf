// The publisher's view: what became of the facility's own records at each facility that receives them.

import type { Published, PublishedTo, Session } from "./node";
import { Page, table } from "./office";
import { element, made } from "./page";
import { current, locale, say, sayMoment } from "./words";

const DAY = 86_400_000;

export function published(session: Session, signedOut: () => void): Page<Published> {
  const from = element<HTMLInputElement>("published-from");
  const until = element<HTMLInputElement>("published-until");
  // A day is meant with all of it, in the browser's own time zone.
  const start = (day: string): number | undefined => (day === "" ? undefined : new Date(`${day}T00:00:00`).getTime() * 1000);
  const end = (day: string): number | undefined => {
    if (day === "") return undefined;
    const next = new Date(`${day}T00:00:00`);
    next.setDate(next.getDate() + 1);
    return next.getTime() * 1000;
  };
  if (from.value === "" && until.value === "") {
    const day = (ago: number): string => new Date(Date.now() - ago * DAY).toLocaleDateString("sv-SE");
    from.value = day(30);
    until.value = day(0);
  }
  const page = new Page<Published>("published", () => session.published(start(from.value), end(until.value)), draw, signedOut);
  return page;
}

const pick = (ja: string, en: string): string => (current() === "ja" ? ja : en || ja);
const number = (count: number): string => count.toLocaleString(locale());
const time = (text: string | null): string => (text === null ? "" : sayMoment(Date.parse(text) * 1000));
/** Texts that are not broken, one below the other where there is no room for all. */
function lines(...texts: string[]): HTMLElement {
  const whole = made("span", "lines");
  for (const text of texts) whole.append(made("span", "", text), " ");
  return whole;
}
function span(first: string | null, last: string | null): HTMLElement {
  const [one, other] = [...new Set([time(first), time(last)])].filter((text) => text !== "");
  return other === undefined ? lines(one ?? "") : lines(`${one} –`, other);
}
const named = (to: PublishedTo): string => pick(to.name, to.name_en) || to.facility;

function draw({ facilities, source }: Published): void {
  const parts: HTMLElement[] = [];
  if (source.partial.length > 0) parts.push(made("p", "refusal", `${say("partial")} (${source.partial.join(" ")})`));
  if (!source.disclosures) parts.push(made("p", "refusal", say("noDisclosures")));
  const tiles = made("ul", "counts");
  for (const [name, count] of [
    [say("rowsStanding"), source.rows],
    [say("rowsOfPeriod"), source.of_period],
    [say("correctedRecords"), source.corrected],
    [say("deletedRecords"), source.deleted],
    [say("refusedEvents"), source.refused.reduce((sum, one) => sum + one.waiting + one.replayed, 0)],
    [say("unmappedResults"), source.unmapped_results],
  ] as const) {
    const tile = made("li", "tile");
    tile.append(made("h3", "", name), made("p", "count", number(count)));
    tiles.append(tile);
  }
  parts.push(tiles);
  if (facilities.length === 0) parts.push(made("p", "says", say("nobodyReceives")));
  else {
    const heads = ["facility", "delivered", "seen", "persons", "actsHead", "seenWhen", "correctedSeen", "visibleNow", "heldBack"] as const;
    const rows = facilities.map((to): (string | HTMLElement)[] => [
      named(to),
      rowsOf(to.delivered),
      rowsOf(to.seen, ...(to.emergency_rows > 0 ? [`(${say("emergency")} ${number(to.emergency_rows)})`] : [])),
      number(to.persons),
      number(to.acts),
      span(to.seen.first, to.seen.last),
      number(to.corrected),
      number(to.visible),
      number(to.held.reduce((sum, held) => sum + held.rows, 0)),
    ]);
    parts.push(table(say("perFacility"), heads.map((head) => say(head)), rows, [1, 2, 3, 4, 6, 7, 8]));
  }
  const held = facilities.flatMap((to) =>
    to.held.map((one): (string | HTMLElement)[] => [
      named(to),
      pick(one.reason_ja, one.reason_en),
      number(one.rows),
      number(one.of_period),
      number(one.patients),
      span(one.next, one.last),
      one.labels.join(" "),
    ]),
  );
  if (held.length > 0) {
    const heads = ["facility", "reason", "rowsHeld", "ofPeriod", "patients", "letGo", "labels"] as const;
    parts.push(table(say("heldBecause"), heads.map((head) => say(head)), held, [2, 3, 4]));
  }
  if (source.refused.length > 0) {
    const rows = source.refused.map((one) => [pick(one.reason_ja, one.reason_en), number(one.waiting), number(one.replayed)]);
    parts.push(table(say("refusedBecause"), [say("reason"), say("waiting"), say("replayed")], rows, [1, 2]));
  }
  if (source.unmapped.length > 0) {
    const rows = source.unmapped.map((one) => [one.code, one.system, one.display, say(one.why === "bad-code" ? "badCode" : "noMap"), number(one.results)]);
    const heads = ["code", "codeSystem", "display", "why", "results"] as const;
    const caption = `${say("unmappedCodes")} (${number(source.unmapped_codes)})`;
    parts.push(table(caption, heads.map((head) => say(head)), rows, [4]));
  }
  element("published-list").replaceChildren(...parts);
}

function rowsOf({ rows, patients }: { rows: number; patients: number }, ...more: string[]): HTMLElement {
  const people = rows === 0 ? [] : [`(${number(patients)} ${say(patients === 1 ? "person" : "people")})`];
  return lines(number(rows), ...people, ...more);
}
