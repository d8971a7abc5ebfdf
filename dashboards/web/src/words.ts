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
  notYours: [
    "この職種には表示されません。",
    "Your role is not shown this.",
  ],
  gone: ["見つかりません。一覧を更新してください。", "There is no such thing. Refresh the list."],
  invalid: ["指定が正しくありません。", "What was asked for cannot be."],
  busy: ["混み合っています。少し待って、もう一度お試しください。", "The node is busy. Try again in a moment."],
  asking: ["問い合わせ中…", "Asking…"],
  refresh: ["更新", "Refresh"],
  pages: ["画面", "Pages"],
  records: ["記録", "Records"],
  beds: ["分娩監視", "Beds"],
  bedsHelp: [
    "各施設で監視中のベッド。警報の代わりではなく、判定は診断ではありません。",
    "Beds that are monitored at the facilities. It takes no alarm's place, and no level is a diagnosis.",
  ],
  bedsCount: ["床", "beds"],
  noBeds: ["見える範囲に、監視中のベッドはありません。", "No bed in your view is monitored."],
  orderBy: ["並び", "Order"],
  byConcern: ["判定の重い順", "by concern"],
  byDoubt: ["データの疑わしい順", "by doubt about the data"],
  byPlace: ["施設・ベッド順", "by place"],
  level: ["レベル", "Level"],
  unverified: ["未確認の表", "unverified table"],
  unverifiedHelp: [
    "この判定表は原典との照合が済んでいません。施設が確認するまで参考です。",
    "This table of levels has not been compared with its source. It is a hint until a facility confirms it.",
  ],
  notAssessable: ["判定不能", "not assessable"],
  tooShort: ["10分に満たない", "less than ten minutes"],
  silent: ["更新停止", "not updating"],
  lost: ["消失", "lost"],
  gap: ["欠測", "gap"],
  late: ["遅れて届いた", "came late"],
  lateMerged: ["遅着", "merged late"],
  dataAge: ["データの古さ", "data age"],
  noLive: ["届いていない", "nothing came for"],
  heard: ["最終受信から", "last heard"],
  clockAhead: ["送信元の時計の進み", "source clock ahead by"],
  sinusoidal: ["サイナソイダルパターン", "sinusoidal pattern"],
  tachysystole: ["子宮頻収縮", "tachysystole"],
  sameHeart: ["同じ心拍の疑い", "may be one heart"],
  acknowledgeHere: ["確認（この画面のみ）", "Acknowledge (this page only)"],
  dismiss: ["片付ける", "Put away"],
  bedWithheld: ["開示が終わりました", "No longer disclosed"],
  bedClosed: ["監視が終わりました", "Monitoring has ended"],
  bedSilent: ["30分のあいだ何も届かず、閉じました", "Closed: nothing came for half an hour"],
  bedUnknown: ["このベッドは見える範囲にありません", "This bed is not in your view"],
  backToWall: ["← 一覧", "← All beds"],
  paper: ["胎児心拍数陣痛図。内容は下の表にあります。", "Cardiotocogram. What it says is in the tables below."],
  paperHelp: [
    "A 一過性頻脈　E 早発　L 遅発　(L) 収縮との対応なし　V 変動　P 遷延　! 高度。灰色は欠測、黄色は信号消失。← → で移動、Home 開始、End ライブ、Esc 一覧。",
    "A acceleration, E early, L late, (L) without a contraction, V variable, P prolonged, ! severe. Grey: nothing came; yellow: no signal. ← → move, Home beginning, End live, Esc all beds.",
  ],
  earlier: ["← 前", "← Earlier"],
  later: ["後 →", "Later →"],
  toLive: ["ライブへ", "To live"],
  asSeen: ["この時刻に見えていたもの", "As seen at this time"],
  seenAt: ["当時の画面：", "As it was on the screen at"],
  noScreen: ["その時刻には、まだ誰もこのベッドを見ていませんでした。", "Nobody of this view was looking at this bed then."],
  earlierThan: ["過去を表示中：", "Showing the past, until"],
  timeOnPaper: ["表示する時刻", "Time shown"],
  speed: ["紙送り", "Paper speed"],
  fullScreen: ["全画面", "Full screen"],
  proposals: ["対応の目安", "Proposals"],
  confirmedBy: ["表の確認", "Table confirmed by"],
  baselineWord: ["基線", "Baseline"],
  variabilityWord: ["細変動", "Variability"],
  contractionsWord: ["子宮収縮", "Contractions"],
  measuredWord: ["測定できた割合", "Measured"],
  suspectWord: ["母体心拍の疑い", "may be the mother's"],
  notSeen: ["見えていない", "not seen"],
  filled: ["表に値がなく、隣の最も重い値", "no entry in the table: the worst neighbour"],
  countedAsLate: ["遅発として数えた", "counted as late"],
  windowWord: ["時間", "Time"],
  windowsTitle: ["10分ごとの判定", "Every ten minutes"],
  eventsWord: ["変化", "Events"],
  notices: ["知らせ", "Notices"],
  noNotices: ["知らせはありません。", "There are no notices."],
  acknowledge: ["確認した", "Acknowledge"],
  acknowledged: ["確認", "Acknowledged"],
  worklist: ["連絡リスト", "Worklist"],
  worklistHelp: [
    "自施設に見えている記録から条件に合う患者です。診断ではありません。完了した人は、新しい事実があると戻ります。",
    "Patients who meet the definition by what your facility is shown; not a diagnosis. Who is done comes back with a newer fact.",
  ],
  cohort: ["コホート", "Cohort"],
  nobodyToCall: ["連絡が要る人はいません。", "There is nobody to call."],
  sinceWhen: ["いつから", "Since"],
  whyCall: ["理由", "Why"],
  state: ["状態", "State"],
  toCall: ["待ち", "Waiting"],
  takenBy: ["対応中", "Taken"],
  finished: ["完了", "Done"],
  waitingCount: ["待ち", "waiting"],
  takeIt: ["引き受ける", "Take"],
  releaseIt: ["引き受けを解く", "Release"],
  finishIt: ["完了にする", "Done"],
  glasses: ["緊急閲覧", "Emergencies"],
  glassesHelp: [
    "自施設の患者について始められた緊急閲覧と、自施設の職員が始めたもの。確認待ちが先に並びます。",
    "Glasses broken over your facility's patients and by its members; those that wait for a review come first.",
  ],
  noGlasses: ["緊急閲覧はありません。", "No glass was broken."],
  waitsForReview: ["確認待ち", "waits for review"],
  reviewed: ["確認済み", "reviewed"],
  glassOpen: ["閲覧中", "open"],
  glassEnded: ["終了", "ended"],
  glassClosed: ["閉じた", "closed"],
  patientThere: ["患者番号（開示施設）", "Patient number at the source"],
  reason: ["理由", "Reason"],
  period: ["期間", "Period"],
  standing: ["状態", "Standing"],
  readUnder: ["読まれた行", "Rows read under it"],
  glassId: ["番号", "Id"],
  row: ["件", "row"],
  act: ["回", "act"],
  acts: ["回", "acts"],
  actsHead: ["回", "Acts"],
  review: ["確認の結果", "Review"],
  justified: ["緊急だった", "It was justified"],
  unjustified: ["緊急ではなかった（直ちに閉じます）", "It was not justified (it is closed at once)"],
  finding: ["所見（任意）", "What was found (optional)"],
  sendReview: ["確認を記録する", "Record the review"],
  published: ["提供の状況", "Published"],
  publishedHelp: [
    "自施設の記録が、受け取る施設ごとにどうなったか。期間は、ログが受け入れた時刻によります。",
    "What became of your facility's records at each facility that receives them. The period is by when the log took in what happened.",
  ],
  from: ["この日から", "From"],
  until: ["この日まで", "Through"],
  partial: ["量が多く、一部だけを数えました。期間を短くしてください。", "Too much to look at all: parts are counted. Choose a shorter period."],
  noDisclosures: [
    "このノードは開示を台帳に書かないため、「届いた」は数えられません。",
    "This node does not write disclosures into the ledger: nothing is told as delivered.",
  ],
  rowsStanding: ["公開中の記録", "Rows published"],
  rowsOfPeriod: ["うち期間中", "Of the period"],
  correctedRecords: ["訂正", "Corrected"],
  deletedRecords: ["削除", "Deleted"],
  refusedEvents: ["拒否", "Refused"],
  unmappedResults: ["未対応コードの結果", "Results unmapped"],
  nobodyReceives: ["受け取る施設はありません。", "No facility receives anything."],
  perFacility: ["受け取る施設ごと", "By receiving facility"],
  facility: ["施設", "Facility"],
  delivered: ["届いた行", "Delivered"],
  seen: ["読まれた行", "Seen"],
  persons: ["読んだ人", "Persons"],
  seenWhen: ["最初 – 最後", "First – last"],
  correctedSeen: ["訂正・削除前を見た可能性", "Corrected, old version maybe seen"],
  visibleNow: ["今見える行", "Visible now"],
  heldBack: ["今見えない行", "Held back now"],
  emergency: ["うち緊急閲覧", "of them break-glass"],
  person: ["人", "patient"],
  people: ["人", "patients"],
  heldBecause: ["見えない理由", "Held back because"],
  rowsHeld: ["行", "Rows"],
  ofPeriod: ["うち期間中", "Of the period"],
  patients: ["患者", "Patients"],
  letGo: ["見えるようになる時", "Let go"],
  labels: ["標識", "Labels"],
  refusedBecause: ["拒否された理由", "Refused because"],
  waiting: ["保管中", "Waiting"],
  replayed: ["再送済み", "Replayed"],
  unmappedCodes: ["未対応の検査コード", "Laboratory codes nobody knows"],
  codeSystem: ["体系", "System"],
  display: ["名称", "Name"],
  why: ["なぜ", "Why"],
  results: ["結果", "Results"],
  badCode: ["体系に合わない", "not of its system"],
  noMap: ["対応表にない", "in no map"],
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
  immunization: ["予防接種", "Immunizations"],
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
  "glass-broken": ["緊急閲覧", "Glass broken"],
  "glass-closed": ["緊急閲覧の終了", "Glass closed"],
  "glass-unreviewed": ["緊急閲覧が未確認", "Glass not reviewed"],
  "consent-withdrawn": ["同意の撤回", "Consent withdrawn"],
  "reconsent-due": ["再同意の時期", "Consent due again"],
  "receipt-ready": ["撤回の受領書", "Receipt ready"],
  "result-corrected": ["検査結果の訂正", "Result corrected"],
  "critical-result": ["パニック値", "Critical result"],
  "critical-unacknowledged": ["パニック値が未確認", "Critical result not acknowledged"],
  "referral-received": ["紹介が届いた", "Referral received"],
  "referral-turned": ["紹介の進み", "Referral went on"],
  justified: ["緊急だった", "justified"],
  unjustified: ["緊急ではなかった", "not justified"],
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
