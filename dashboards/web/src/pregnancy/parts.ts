// Small parts that the list and the sheet share. What the node says is set as text, never as markup.

import { made } from "../page";
import { current } from "../words";
import type { Names, Pregnancy } from "./node";
import { aside, daysBetween, namesOf, tell, tellAge, tellCode, tellFactor } from "./words";

/** Something of several parts, side by side. */
export function several(parts: (string | Node)[], className = ""): HTMLElement {
  const whole = made("span", className);
  whole.append(...parts);
  return whole;
}

/** Lines under each other. */
export function lines(parts: (string | Node)[]): HTMLElement {
  const whole = made("div", "");
  whole.append(
    ...parts.map((part) => {
      const line = made("div", "");
      line.append(part);
      return line;
    }),
  );
  return whole;
}

/** Why something is not there: three answers, and two more. */
export function absent(code: string, facilities: readonly string[], names: Names): HTMLElement {
  const chip = made("span", `absent ${code}`, tellCode(code));
  if (facilities.length === 0) return chip;
  const by = namesOf(names, facilities.map((one) => one.replace(/,$/, "")));
  return several([chip, made("small", "", aside(by))]);
}

/** `pressure not-consented hospital, clinic`: what is missing, and why. */
export function lacking(text: string, names: Names): HTMLElement {
  const [what = "", why = "", ...facilities] = text.split(" ");
  return several([`${tellCode(what)} `, absent(why, facilities, names)], "lacking");
}

/** Where records may lie that are not open. */
export function elsewhere(of: Pregnancy, names: Names): HTMLElement | undefined {
  if (of.elsewhere === null) return undefined;
  return absent(of.elsewhere, (of.elsewhere_at ?? "").split(" ").filter(Boolean), names);
}

export function unverified(certainty: string | null): HTMLElement | undefined {
  return certainty === "C" ? made("span", "mark unverified", tell("unverified")) : undefined;
}

export const present = <T>(parts: (T | undefined | false)[]): T[] => parts.filter((part): part is T => part !== undefined && part !== false);

/** How far she is from her due date, in words. */
export function toTerm(due: string, today: string): string {
  const days = daysBetween(today, due);
  const word = Math.abs(days) === 1 ? tell("day") : tell("days");
  if (days === 0) return tell("todayIsDue");
  if (current() === "ja") return days > 0 ? `${tell("daysLeft")}${days}${word}` : `${-days}${word}${tell("daysPast")}`;
  return days > 0 ? `${tell("daysLeft")} ${days} ${word}` : `${tell("daysPast")} ${-days} ${word}`;
}

export function howFar(of: Pregnancy): string {
  if (of.outcome === "pregnant") return tellAge(of.gestational_age) || tell("notDated");
  return [tellCode(of.outcome), tellAge(of.ended_age)].filter((text) => text !== "").join(" ");
}

export const factorText = (text: string): string => tellFactor(text).filter((part) => part !== "").join(" ");
