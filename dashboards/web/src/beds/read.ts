// By which week of the pregnancy a bed is read, in words.

import { current, say } from "../words";
import type { ReadBy } from "./node";
import type { Speech } from "./speech";

/** Before this week accelerations are told by limits of their own. */
const EARLY = 32;

/** "28週3日として判読（32週未満の基準）", "week unknown: read as from 32 weeks on". */
export function sayReadBy({ week, little_reserve }: ReadBy, speech: Speech): string {
  const ja = current() === "ja";
  const aside = (text: string): string => (ja ? `（${text}）` : ` (${text})`);
  const reserve = little_reserve.map((word) => speech.say(word)).join(ja ? "、" : ", ");
  const said = reserve === "" ? "" : `${ja ? "　" : " · "}${say("littleReserve")}${ja ? "：" : ": "}${reserve}`;
  if (week === null) return `${say("readUnknown")}${said}`;
  const [weeks, days] = week;
  const age = ja ? `${weeks}週${days}日${say("readBy")}` : `${say("readBy")} ${weeks}w${days}d`;
  return `${age}${weeks < EARLY ? aside(say("readEarly")) : ""}${said}`;
}
