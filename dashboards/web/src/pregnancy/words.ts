// What the list and the sheet of pregnancies say, in Japanese and English.

import { current, locale, pick } from "../words";
import { LIMITS } from "./limits";
import type { Names } from "./node";

type Pair = readonly [string, string];

const WORDS = {
  woman: ["患者", "Patient"],
  attention: ["注意", "Attention"],
  weeks: ["週数", "Weeks"],
  due: ["分娩予定日", "Due date"],
  gravidaPara: ["経妊・経産", "G / P"],
  risk: ["リスク", "Risk"],
  lastCheckup: ["最終健診", "Last check-up"],
  nextCheckup: ["次の健診", "Next check-up"],
  bed: ["ベッド", "Bed"],
  records: ["記録の施設", "Records of"],
  nobody: ["見える範囲に、妊娠の記録はありません。", "No pregnancy is in your view."],
  nobodyNow: [
    "妊娠中・産後12週までの人はいません。「すべて」で以前の妊娠を示します。",
    "Nobody is pregnant or within 12 weeks after. “All” shows earlier pregnancies.",
  ],
  cut: ["1000件までを示しています。", "Only 1000 are shown."],
  noneShown: [
    "この患者の妊娠の記録は見えません（開示の終了を含みます）。",
    "No pregnancy record of this patient is shown to you (any more).",
  ],
  pregnanciesCount: ["件", "pregnancies"],
  overdue: ["健診期限超過", "check-up overdue"],
  overdueBy: ["日超過", "days overdue"],
  daysLeft: ["あと", "in"],
  days: ["日", "days"],
  day: ["日", "day"],
  daysPast: ["予定日超過", "past the due date by"],
  todayIsDue: ["今日", "today"],
  notDated: ["予定日なし", "not dated"],
  noCheckup: ["健診の記録なし", "no check-up on record"],
  times: ["回", "in all"],
  notLookedAt: ["確認できない項目", "not looked at"],
  noFactor: ["該当なし", "none found"],
  openTheBed: ["分娩監視を開く", "open on the board"],
  unverified: ["未確認", "unverified"],
  unverifiedHelp: [
    "「未確認」は、原典と照合していない基準です（確度C）。",
    "“Unverified”: the limit was not compared with its source (certainty C).",
  ],
  closedPart: ["開示されていない記録の可能性", "there may be records that are not open"],
  // --- the sheet ---
  sheet: ["妊娠の記録", "Pregnancy record"],
  sheetSays: [
    "開示された記録から作成。母子健康手帳ではありません。診断ではありません。",
    "Made of disclosed records. Not the mother and child handbook, and no diagnosis.",
  ],
  name: ["氏名", "Name"],
  kana: ["カナ", "Kana"],
  number: ["患者番号", "Number"],
  born: ["生年月日", "Born"],
  age: ["年齢", "Age"],
  years: ["歳", ""],
  registration: ["登録", "Registration"],
  registered: ["届出・初診", "Registered"],
  children: ["胎児数", "Children"],
  height: ["身長", "Height"],
  weightBefore: ["妊娠前体重", "Weight before"],
  bmi: ["妊娠前BMI", "BMI before"],
  history: ["既往・合併症・喫煙", "History"],
  dueBefore: ["以前の予定日", "Earlier due dates"],
  state: ["状態", "State"],
  now: ["現在", "now"],
  none: ["なし", "none"],
  which: ["妊娠", "Pregnancy"],
  screening: ["リスクスクリーニング", "Risk screening"],
  screeningSays: [
    "点数はありません。基準は記憶による未確認のものを含みます。",
    "There is no score. Limits are from memory and unverified.",
  ],
  factor: ["因子", "Factor"],
  because: ["根拠", "Found"],
  warnings: ["警告", "Warnings"],
  noWarnings: ["基準に達したものはありません。", "No limit is reached."],
  rule: ["規則", "Rule"],
  judged: ["判定", "Said"],
  limit: ["測定値と基準", "Value and limit"],
  limitIs: ["基準", "limit"],
  byMonitor: ["モニターによる", "by a monitor"],
  measuredAt: ["測定", "Measured"],
  since: ["から", "since"],
  from: ["出典", "Source"],
  version: ["版", "version"],
  certainty: ["確度", "certainty"],
  ownLimit: ["自施設の基準", "the facility's own"],
  missing: ["足りない項目", "Missing"],
  notReached: ["基準未満", "Not reached"],
  facility: ["施設", "Facility"],
  checkups: ["妊婦健診", "Check-ups"],
  noCheckups: ["健診の記録はありません。", "There are no check-ups on record."],
  date: ["日付", "Date"],
  weight: ["体重", "Weight"],
  gain: ["増加", "Gain"],
  pressure: ["血圧", "Pressure"],
  protein: ["尿蛋白", "Protein"],
  sugar: ["尿糖", "Sugar"],
  fundal: ["子宮底", "Fundus"],
  cervix: ["頸管", "Cervix"],
  fetus: ["児", "Fetus"],
  heart: ["心拍", "Heart"],
  lie: ["胎位", "Lie"],
  efw: ["推定体重", "EFW"],
  dash: [
    "— は、その健診で測定されていない（または開示されていない）もの。浮腫は記録の項目にありません。",
    "— was not measured at that check-up, or is not open. Oedema is no item of these records.",
  ],
  byFormula: ["* BPD・AC・FLから計算", "* computed of BPD, AC and FL"],
  deviationBy: ["SDの表", "SD by"],
  noTable: [
    "自施設の発育曲線が登録されていないため、帯とSDはありません（ajisai perinatal put）。",
    "Your facility has stated no growth table: no band and no deviation (ajisai perinatal put).",
  ],
  growth: ["胎児の発育と母体の経過", "Growth, and the mother's course"],
  gainCurve: ["体重の増加", "Weight gain"],
  weightCurve: ["体重（妊娠前体重の記録なし）", "Weight (that before is not on record)"],
  pressureCurve: ["血圧", "Blood pressure"],
  systolic: ["収縮期", "systolic"],
  diastolic: ["拡張期", "diastolic"],
  band: ["平均±1.5 SD", "mean ± 1.5 SD"],
  bandAt: ["帯", "band"],
  mean: ["平均", "mean"],
  weeksAxis: ["週", "weeks"],
  notDatedCurves: ["週数の分からない健診は図にありません。", "Check-ups without an age are in no chart."],
  birth: ["分娩と新生児", "Birth and newborn"],
  ended: ["分娩・終了", "Birth or end"],
  endedAge: ["その週数", "Age then"],
  term: ["区分", "Class"],
  delivery: ["分娩様式", "Delivery"],
  newborn: ["新生児", "Newborn"],
  toRecords: ["この児の記録を開く", "Open this child's records"],
  own: ["自施設", "your own"],
  monitored: ["分娩監視", "Monitoring"],
  opened: ["開始", "opened"],
  closed: ["終了", "closed"],
  levels: ["レベル分類の経過（10分ごと）", "Levels, ten minutes each"],
  highest: ["最高", "Highest"],
  level: ["レベル", "Level"],
  readBy: ["判読の週数", "Read by"],
  readUnknown: ["週数不明：32週以降として判読", "week unknown: read as from 32 weeks on"],
  levelUnverified: [
    "「?」は、原典と照合していない（未確認の）判定表によるレベル。診断ではありません。",
    "“?”: by a matrix of levels that nobody has compared with its source (unverified). No diagnosis.",
  ],
  levelConfirmed: ["判定表の確認", "Matrix confirmed by"],
  levelNone: ["— は判定不能、点線は暫定", "— not assessable; dotted: provisional"],
  sources: ["根拠の施設", "Rests on"],
  refused: ["あり得ない値として使わなかったもの", "Values that no patient has, not used"],
} as const satisfies Record<string, Pair>;

const CODES: Record<string, Pair> = {
  // why something is not there
  "not-measured": ["未測定", "not measured"],
  "not-consented": ["同意なし", "not consented"],
  "not-linked": ["未紐付け", "not linked"],
  "not-stated": ["未登録", "not stated"],
  "cannot-be-said": ["判定できない", "cannot be said"],
  // how it stands
  pregnant: ["妊娠中", "pregnant"],
  born: ["分娩", "born"],
  ended: ["分娩以外の終了", "ended otherwise"],
  "not-known": ["転帰不明", "outcome not known"],
  abortion: ["流産", "before 22 weeks"],
  preterm: ["早産", "preterm"],
  term: ["正期産", "term"],
  postterm: ["過期産", "post-term"],
  vaginal: ["経腟分娩", "vaginal"],
  caesarean: ["帝王切開", "caesarean section"],
  // what a due date rests on
  "last-period": ["最終月経", "last period"],
  conception: ["排卵・採卵日", "conception"],
  transfer: ["胚移植", "embryo transfer"],
  ultrasound: ["超音波", "ultrasound"],
  written: ["記載", "as written"],
  stated: ["記録の週数", "stated age"],
  // rules and what they say
  haemorrhage: ["産科危機的出血", "haemorrhage"],
  "blood-loss": ["出血量", "blood loss"],
  "hypertensive-crisis": ["高血圧緊急症", "hypertensive crisis"],
  "hypertensive-disorder": ["妊娠高血圧症候群", "hypertensive disorder"],
  meows: ["MEOWS", "MEOWS"],
  "early-warning": ["母体早期警告（MERC）", "early warning (MERC)"],
  "labour-care-guide": ["WHO分娩ケアガイド", "WHO labour care guide"],
  "obstetric-dic": ["産科DIC診断基準", "obstetric DIC"],
  "second-stage": ["分娩第2期の長さ", "second stage"],
  bishop: ["ビショップスコア", "Bishop score"],
  glucose: ["糖代謝異常", "glucose"],
  reached: ["基準に達した", "reached"],
  "not-reached": ["基準未満", "not reached"],
  below: ["基準未満", "below the limits"],
  abnormal: ["分娩時異常出血", "abnormal"],
  critical: ["産科危機的出血", "critical"],
  "above-usual": ["通常を超える", "above usual"],
  usual: ["通常", "usual"],
  emergency: ["緊急症の血圧", "emergency"],
  persisting: ["重症が持続", "severe, persisting"],
  GH: ["妊娠高血圧", "gestational hypertension"],
  PE: ["妊娠高血圧腎症", "preeclampsia"],
  CH: ["高血圧合併妊娠", "chronic hypertension"],
  SPE: ["加重型妊娠高血圧腎症", "superimposed preeclampsia"],
  "GH-severe": ["妊娠高血圧（重症）", "gestational hypertension, severe"],
  "PE-severe": ["妊娠高血圧腎症（重症）", "preeclampsia, severe"],
  "CH-severe": ["高血圧合併妊娠（重症）", "chronic hypertension, severe"],
  "SPE-severe": ["加重型妊娠高血圧腎症（重症）", "superimposed preeclampsia, severe"],
  calls: ["呼び出しの基準", "calls"],
  alert: ["注意の基準", "alert"],
  dic: ["基準を満たす", "meets the criteria"],
  long: ["長い", "long"],
  ripe: ["熟化", "ripe"],
  "not-ripe": ["未熟", "not ripe"],
  "look-for-overt": ["明らかな糖尿病を確認", "look for overt diabetes"],
  pregestational: ["糖尿病合併妊娠", "diabetes from before"],
  overt: ["妊娠中の明らかな糖尿病", "overt diabetes"],
  gestational: ["妊娠糖尿病", "gestational diabetes"],
  neither: ["該当しない", "neither"],
  // fetuses
  cephalic: ["頭位", "cephalic"],
  breech: ["骨盤位", "breech"],
  transverse: ["横位", "transverse"],
  bpd: ["児頭大横径（BPD）", "Biparietal diameter (BPD)"],
  ac: ["腹囲（AC）", "Abdominal circumference (AC)"],
  fl: ["大腿骨長（FL）", "Femur length (FL)"],
  "estimated-weight": ["推定胎児体重", "Estimated fetal weight"],
  // dipsticks
  negative: ["−", "−"],
  trace: ["±", "±"],
  "1": ["1+", "1+"],
  "2": ["2+", "2+"],
  "3": ["3+以上", "3+ or more"],
  // what a screening finds, or could not look at
  age: ["年齢", "age"],
  "body-mass-index": ["妊娠前BMI", "BMI before"],
  history: ["既往", "history"],
  children: ["胎児数", "children"],
  pressure: ["血圧", "pressure"],
  protein: ["尿蛋白", "urine protein"],
  sugar: ["尿糖", "urine sugar"],
  "urine-protein": ["尿蛋白", "urine protein"],
  "urine-glucose": ["尿糖", "urine sugar"],
  small: ["推定体重が小さい", "small"],
  cervix: ["頸管長", "cervix"],
  "placenta-praevia": ["前置胎盤", "placenta praevia"],
  lie: ["胎位", "lie"],
  overdue: ["予定日超過", "past the due date"],
  growth: ["発育", "growth"],
  "growth-table": ["自施設の発育曲線", "growth table"],
  "due-date": ["予定日", "due date"],
  hypertensive: ["高血圧", "hypertensive"],
  severe: ["重症高血圧", "severe"],
  hypertension: ["高血圧", "hypertension"],
  diabetes: ["糖尿病", "diabetes"],
  illness: ["その他の合併症", "other illness"],
  "uterine-scar": ["帝王切開・子宮手術", "uterine scar"],
  "preterm-birth": ["早産", "preterm birth"],
  stillbirth: ["死産", "stillbirth"],
  smokes: ["喫煙", "smokes"],
  // what a rule had not
  delivery: ["分娩様式", "mode of delivery"],
  "shock-index": ["脈拍と血圧", "pulse with pressure"],
  "dic-score": ["DICスコア", "DIC score"],
  "dic-disease": ["DICの基礎疾患", "what a DIC may come of"],
  fdp: ["FDP", "FDP"],
  "d-dimer": ["Dダイマー", "D-dimer"],
  epidural: ["硬膜外鎮痛", "epidural"],
  para: ["経産回数", "births before"],
  fibrinogen: ["フィブリノゲン", "fibrinogen"],
  "pressure-again": ["血圧の再測定", "pressure again"],
  consciousness: ["意識", "consciousness"],
  urine: ["尿量", "urine"],
  systolic: ["収縮期血圧", "systolic pressure"],
  diastolic: ["拡張期血圧", "diastolic pressure"],
  pulse: ["脈拍", "pulse"],
  breathing: ["呼吸数", "breaths"],
  temperature: ["体温", "temperature"],
  saturation: ["酸素飽和度", "saturation"],
  contractions: ["陣痛", "contractions"],
  "fetal-heart-rate": ["胎児心拍数", "fetal heart rate"],
  dilatation: ["子宮口開大", "dilatation"],
  effacement: ["展退", "effacement"],
  station: ["児頭の下降度", "station"],
  consistency: ["硬度", "consistency"],
  position: ["子宮口の位置", "position"],
  transaminases: ["AST・ALT", "transaminases"],
  creatinine: ["クレアチニン", "creatinine"],
  platelets: ["血小板", "platelets"],
  neurological: ["神経症状", "neurological signs"],
  coagulation: ["凝固", "coagulation"],
  pain: ["上腹部痛", "abdominal pain"],
  "abdominal-pain": ["上腹部痛", "abdominal pain"],
  uteroplacental: ["子宮胎盤機能不全", "uteroplacental"],
  "glucose-fasting": ["空腹時血糖", "fasting glucose"],
  "glucose-1h": ["75g 1時間値", "75 g, 1 h"],
  "glucose-2h": ["75g 2時間値", "75 g, 2 h"],
  hba1c: ["HbA1c", "HbA1c"],
};

export type SheetWord = keyof typeof WORDS;
export const tell = (word: SheetWord): string => pick(WORDS[word]);
/** A code of the tables in words; one that is not known stands for itself. */
export const tellCode = (code: string): string => {
  const pair = CODES[code];
  return pair ? pick(pair) : code;
};

/** A limit by its key; the rules' own list has words for all of them. */
export const tellLimit = (key: string): string => {
  const pair = LIMITS[key];
  return pair ? pick(pair) : key;
};

export const nameOf = (names: Names, facility: string): string => {
  const named = names[facility];
  const name = named ? named[current() === "ja" ? 0 : 1] || named[0] : "";
  return name || facility;
};
/** Said beside something. */
export const aside = (text: string): string => (current() === "ja" ? `（${text}）` : ` (${text})`);
export const listed = (texts: readonly string[]): string => texts.join(current() === "ja" ? "、" : ", ");
/** Ids of facilities, commas between them, by name. */
export const namesOf = (names: Names, facilities: readonly string[]): string =>
  listed(facilities.map((one) => nameOf(names, one)));

/** `32w4d`. */
export const tellAge = (age: string | null): string => {
  const found = age === null ? null : /^(\d+)w(\d)d$/.exec(age);
  if (!found) return age ?? "";
  return current() === "ja" ? `${found[1]}週${found[2]}日` : `${found[1]}w${found[2]}d`;
};
/** A moment's day. Ages count the days of Japan, and so does this. */
export const tellDay = (microseconds: number | null): string =>
  microseconds === null ? "" : new Date(microseconds / 1000).toLocaleDateString("sv-SE", { timeZone: "Asia/Tokyo" });
export const tellTime = (microseconds: number | null): string =>
  microseconds === null
    ? ""
    : `${tellDay(microseconds)} ${new Date(microseconds / 1000).toLocaleTimeString("sv-SE", { timeZone: "Asia/Tokyo", hour: "2-digit", minute: "2-digit" })}`;
export const tellNumber = (value: number, digits = 0): string =>
  value.toLocaleString(locale(), { minimumFractionDigits: digits, maximumFractionDigits: digits });
/** With its sign, one digit behind the point. */
export function tellSigned(value: number): string {
  const tenths = Math.round(value * 10);
  const sign = tenths === 0 ? "" : tenths < 0 ? "−" : "+";
  return `${sign}${tellNumber(Math.abs(tenths) / 10, 1)}`;
}
/** Days from one day to another, both written `2026-03-31`. */
export const daysBetween = (from: string, until: string): number =>
  Math.round((Date.parse(`${until}T00:00:00Z`) - Date.parse(`${from}T00:00:00Z`)) / 86_400_000);

/** A factor as a screening tells it: what, and by what. */
export function tellFactor(text: string): [string, string] {
  const [what = "", ...rest] = text.split(" ");
  switch (what) {
    case "age":
      return [tellCode(what), `${rest.join(" ")}${tell("years")}`];
    case "history":
    case "pressure":
    case "urine-protein":
    case "urine-glucose":
    case "lie":
      return [tellCode(what), rest.map(tellCode).join(" ")];
    case "small":
      return [tellCode(what), `${tell("fetus")} ${rest[0] ?? ""}: ${rest.slice(1).join(" ").replace("-", "−")}`];
    case "overdue":
      return [tellCode(what), tellAge(rest[0] ?? "")];
    default:
      return [tellCode(what), rest.join(" ")];
  }
}
