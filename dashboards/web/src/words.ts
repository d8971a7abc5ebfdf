// Everything the page says, in Japanese and English.

export type Language = "ja" | "en";

const WORDS = {
  leave: ["終了", "Sign out"],
  enter: ["サインイン", "Sign in"],
  enterHelp: [
    "施設のトークンを貼り付けてください。このページのメモリにだけ置き、閉じると消えます。",
    "Paste your token. It stays in this page's memory only and is gone when you close it.",
  ],
  token: ["トークン", "Token"],
  enterButton: ["入る", "Enter"],
  counts: ["見えている記録", "Records in view"],
  rows: ["件", "rows"],
  trend: ["検査値の推移", "Laboratory trend"],
  patient: ["患者番号（自施設）", "Patient number (your own)"],
  code: ["検査コード", "Laboratory code"],
  show: ["表示", "Show"],
  values: ["数値を表で見る", "Values as a table"],
  occurred: ["日時", "Time"],
  value: ["値", "Value"],
  unit: ["単位", "Unit"],
  reference: ["基準値", "Reference"],
  flag: ["判定", "Flag"],
  source: ["開示施設", "Source"],
  live: ["ライブの開示", "Live disclosures"],
  historic: ["過去分", "historic"],
  changed: ["更新", "changed"],
  vanished: ["消えました", "vanished"],
  quiet: [
    "サインインのあとの開示がここに並びます（最新50件）。",
    "What is disclosed after you sign in is listed here (the last 50).",
  ],
  gapped: [
    "接続が切れていた間の開示は、表にはありますが、この一覧にはありません。",
    "What was disclosed while the connection was away is in the tables but not in this list.",
  ],
  noResults: [
    "この患者とコードの検査結果は、見える範囲にありません。",
    "There are no results of this patient and code in your view.",
  ],
  noCodes: [
    "この患者の検査結果は、見える範囲にありません。",
    "There are no laboratory results of this patient in your view.",
  ],

  cut: ["新しいものから2000件までを表示しています。", "Showing the newest 2000 only."],
  mixed: [
    "単位またはコード体系が違う結果は、換算せずに別の図に描いています。",
    "Results in different units or code systems are drawn apart, without conversion.",
  ],
  noNumbers: ["数値の結果がないため、図はありません。", "No result has a number, so there is no chart."],
  stalled: ["更新が止まっています", "Not updating"],
  stalledHelp: [
    "表示は古い可能性があります。再接続を試みています。",
    "What you see may be out of date. Trying to reconnect.",
  ],
  tokenRefused: [
    "トークンは受け付けられませんでした。期限と宛先を確かめてください。",
    "The token was refused. Check that it is current and meant for this node.",
  ],
  signedOut: [
    "トークンが無効になったため、終了しました。",
    "You were signed out: the token is no longer accepted.",
  ],
  unavailable: [
    "ノードが応答しません。しばらくして、もう一度お試しください。",
    "The node does not answer. Try again in a moment.",
  ],
  failed: ["読み出せませんでした。", "It could not be read."],
  foot: [
    "表示は診断ではありません。見えるのは、同意と開示範囲が許すものだけです。",
    "Nothing here is a diagnosis. You see what consent and disclosure scope allow, and nothing else.",
  ],
} as const satisfies Record<string, readonly [string, string]>;

const CATEGORIES: Record<string, readonly [string, string]> = {
  patient: ["患者", "Patients"],
  laboratory: ["検体検査", "Laboratory"],
  vital_sign: ["バイタルサイン", "Vital signs"],
  condition: ["病名", "Conditions"],
  allergy: ["アレルギー", "Allergies"],
  medication: ["処方", "Medication"],
  encounter: ["受診・入院", "Encounters"],
  document: ["文書", "Documents"],
  imaging: ["画像", "Imaging"],
  waveform: ["波形", "Waveforms"],
  perinatal: ["周産期", "Perinatal"],
  care_plan: ["計画", "Care plans"],
  message: ["連絡", "Messages"],
};

/** Closed vocabularies of the node: roles and purposes. */
const CODES: Record<string, readonly [string, string]> = {
  physician: ["医師", "physician"],
  dentist: ["歯科医師", "dentist"],
  nurse: ["看護師", "nurse"],
  midwife: ["助産師", "midwife"],
  pharmacist: ["薬剤師", "pharmacist"],
  "laboratory-staff": ["臨床検査技師", "laboratory staff"],
  "care-manager": ["訪問看護・ケアマネジャー", "care manager"],
  clerk: ["事務", "clerk"],
  auditor: ["監査", "auditor"],
  administrator: ["管理者", "administrator"],
  system: ["システム", "system"],
  patient: ["患者", "patient"],
  TREAT: ["診療", "treatment"],
  ETREAT: ["救急診療", "emergency treatment"],
  BTG: ["緊急開示", "break the glass"],
  HOPERAT: ["運営", "healthcare operations"],
  HRESCH: ["研究", "research"],
  PUBHLTH: ["公衆衛生", "public health"],
  PATRQT: ["患者の求め", "at the patient's request"],
  deleted: ["開示施設が削除", "deleted at its source"],
  superseded: ["新しい版は開示の範囲外", "newer version not disclosed"],
  withheld: ["開示の終了", "no longer disclosed"],
};

export type Word = keyof typeof WORDS;

let language: Language = navigator.language.startsWith("ja") ? "ja" : "en";

export const current = (): Language => language;
export const locale = (): string => (language === "ja" ? "ja-JP" : "en-GB");

export function choose(next: Language): void {
  language = next;
}

const pick = (pair: readonly [string, string]): string => pair[language === "ja" ? 0 : 1];

export const say = (word: Word): string => pick(WORDS[word]);
/** A code of a closed vocabulary in words; a code that is not known stands for itself. */
export const sayCode = (code: string): string => {
  const pair = CODES[code];
  return pair ? pick(pair) : code;
};
export const sayCategory = (table: string): string => {
  const pair = CATEGORIES[table];
  return pair ? pick(pair) : table;
};

/** "3 s 前" / "3 s ago". */
export function sayAge(milliseconds: number): string {
  const seconds = Math.max(0, Math.floor(milliseconds / 1000));
  const [number, unit] =
    seconds < 120 ? [seconds, "s"] : seconds < 7200 ? [Math.floor(seconds / 60), "min"] : [Math.floor(seconds / 3600), "h"];
  return language === "ja" ? `${number} ${unit} 前` : `${number} ${unit} ago`;
}

/** Moments of records are shown in the facility's day: the browser's own time zone. */
export const sayMoment = (microseconds: number): string =>
  new Date(microseconds / 1000).toLocaleString(locale(), {
    year: "numeric",
    month: "2-digit",
    day: "2-digit",
    hour: "2-digit",
    minute: "2-digit",
  });
