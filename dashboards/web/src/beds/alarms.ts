// What asks for attention at a bed. It is a second sign and never the first: the bedside has its own alarms.

import { say } from "../words";
import type { Speech } from "./speech";
import type { BedTrace, LevelNow } from "./node";

export interface Alarm {
  /** The same as long as it is the same alarm. */
  key: string;
  text: string;
}

/** Doubt about the data, from none to most. */
const DOUBT: Record<string, number> = { live: 0, late: 1, suspect: 2, frozen: 3, lost: 4, silent: 5 };

export const doubt = (states: readonly string[]): number =>
  states.reduce((most, state) => Math.max(most, DOUBT[state] ?? 0), 0);

/** Concern about the fetus: the level; what cannot be assessed lies between the levels that are called abnormal and not. */
export const concern = (levels: readonly LevelNow[]): number =>
  levels.reduce((most, { level, tachysystole }) => Math.max(most, (level ?? 2.5) + (tachysystole ? 0.2 : 0)), 0);

const LOUD_FROM = 4;

/** The alarms of one bed. */
export function alarms(
  lines: readonly BedTrace[],
  levels: readonly LevelNow[],
  same: readonly (readonly [string, string])[],
  speech: Speech,
): Alarm[] {
  const found: Alarm[] = [];
  for (const line of lines) {
    const state = speech.code(line.state);
    if (!line.lead.startsWith("fhr") || state === "live" || state === "late") continue;
    const because = line.because === null ? "" : `: ${speech.say(line.because)}`;
    found.push({ key: `${line.lead} ${state} ${line.since_us}`, text: `${name(line.lead)} ${speech.say(line.state)}${because}` });
  }
  for (const level of levels) {
    if ((level.level ?? 0) >= LOUD_FROM) {
      const unverified = level.unverified ? ` (${say("unverified")})` : "";
      found.push({ key: `${level.lead} level ${level.level}`, text: `${name(level.lead)} ${say("level")} ${level.level}${unverified}` });
    }
    if (level.sinusoidal) found.push({ key: `${level.lead} sinusoidal`, text: `${name(level.lead)} ${say("sinusoidal")}` });
  }
  if (levels.some((level) => level.tachysystole)) found.push({ key: "tachysystole", text: say("tachysystole") });
  for (const [a, b] of same) found.push({ key: `same ${a} ${b}`, text: `${name(a)} = ${name(b)}: ${say("sameHeart")}` });
  return found;
}

const NAMES: Record<string, string> = { fhr1: "FHR1", fhr2: "FHR2", fhr3: "FHR3", uc: "UC", mhr: "MHR", spo2: "SpO₂", nibp_sys: "NIBP↑", nibp_dia: "NIBP↓", nibp_mean: "NIBP⌀", temp: "℃" };
export const name = (lead: string): string => NAMES[lead] ?? lead;

/** What somebody at this page has acknowledged. It is this page's alone, and gone with it. */
export class Acknowledged {
  private readonly keys = new Map<string, Set<string>>();

  /** The alarms of a bed that were not acknowledged; what is over is forgotten, so that it is new when it comes again. */
  waiting(bed: string, alarms: readonly Alarm[]): Alarm[] {
    const known = this.keys.get(bed);
    if (!known) return [...alarms];
    for (const key of known) if (!alarms.some((alarm) => alarm.key === key)) known.delete(key);
    return alarms.filter((alarm) => !known.has(alarm.key));
  }
  take(bed: string, alarms: readonly Alarm[]): void {
    this.keys.set(bed, new Set(alarms.map((alarm) => alarm.key)));
  }
  forget(): void {
    this.keys.clear();
  }
}
