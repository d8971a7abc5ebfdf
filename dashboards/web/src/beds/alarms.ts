// What asks for attention at a bed. It is a second sign and never the first: the bedside has its own alarms. Which there are, and
// who of the facility knows of them, the node says: the same to everybody, on every page, after a restart too.

import { locale, say, type Word } from "../words";
import type { AlarmTold, LevelNow } from "./node";

/** Doubt about the data, from none to most. */
const DOUBT: Record<string, number> = { live: 0, late: 1, suspect: 2, frozen: 3, lost: 4, silent: 5 };

export const doubt = (states: readonly string[]): number =>
  states.reduce((most, state) => Math.max(most, DOUBT[state] ?? 0), 0);

/** Concern about the fetus: the level; what cannot be assessed lies between the levels that are called abnormal and not. */
export const concern = (levels: readonly LevelNow[]): number =>
  levels.reduce((most, { level, tachysystole }) => Math.max(most, (level ?? 2.5) + (tachysystole ? 0.2 : 0)), 0);

const NAMES: Record<string, string> = { fhr1: "FHR1", fhr2: "FHR2", fhr3: "FHR3", uc: "UC", mhr: "MHR", spo2: "SpO₂", nibp_sys: "NIBP↑", nibp_dia: "NIBP↓", nibp_mean: "NIBP⌀", temp: "℃" };
export const name = (lead: string): string => NAMES[lead] ?? lead;

const WORDS: Record<string, Word> = {
  lost: "lost",
  frozen: "frozen",
  suspect: "suspectTrace",
  sinusoidal: "sinusoidal",
  tachysystole: "tachysystole",
  "same-heart": "sameHeart",
};

export const sayClock = (microseconds: number): string =>
  new Date(microseconds / 1000).toLocaleTimeString(locale(), { hour: "2-digit", minute: "2-digit" });

/** An alarm in words. `unverified`: the table of levels is one that nobody has confirmed. */
export function alarmText(told: AlarmTold, untilUs: number | null, unverified: boolean): string {
  const [kind = "", fetus = "", level = ""] = told.alarm.split("/");
  const whose = fetus === "" ? "" : `${name(`fhr${fetus}`)} `;
  if (kind === "level") return `${whose}${say("level")} ${level}${unverified ? ` (${say("unverified")})` : ""}`;
  if (kind === "ending") return `${say("endsAt")} ${untilUs === null ? "" : sayClock(untilUs)}`;
  const word = WORDS[kind];
  return `${whose}${word ? say(word) : kind}`;
}

/** How a permission that ends can go on. */
export const sayWays = (ways: readonly string[]): string =>
  ways.length === 0 ? "" : `${say("goOnBy")}${ways.map((way) => say(way === "glass" ? "wayGlass" : way === "transfer" ? "wayTransfer" : "wayConsent")).join(say("or"))}`;

/** The alarms that nobody of the facility knows of yet. */
export const waiting = (alarms: readonly AlarmTold[]): AlarmTold[] => alarms.filter((alarm) => alarm.known === null);
