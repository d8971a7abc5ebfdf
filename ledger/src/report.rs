//! A patient's own disclosure report: who saw what of them, each line with the proof that it is in the ledger.

use crate::canon::sha256;
use crate::entry::{Entry, EntryHead, Line};
use crate::head::{HeadError, TreeHead};
use crate::json::{FormError, PatientJson, ProvedJson};
use crate::sign::{NoteError, SignerName, SigningKey, VerifyingKey};
use crate::tree::{Proof, includes};
use crate::words::{self, Language, Names};
use model::{Act, Counts, FacilityId, Moment, PatientRef, What};
use serde::{Deserialize, Serialize};
use std::collections::BTreeMap;

const TITLE: &str = "ajisai disclosure report";

/// One line of a report: an entry as far as it is about the patient.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct ReportLine {
    /// The entry.
    pub index: u64,
    /// Who, why, what, when.
    pub head: EntryHead,
    /// What was shown of the patient; `None` where the entry is a receipt and showed nothing.
    pub line: Option<Line>,
    /// From the entry to the root of the head.
    pub proof: Proof,
}

/// What a patient may hold: a signed head, and the lines about them.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Report {
    /// The patient, as one facility knows them.
    pub patient: PatientRef,
    /// The signed head that the proofs lead to.
    pub note: String,
    /// In the order of the ledger.
    pub lines: Vec<ReportLine>,
}

/// Why a report proves nothing.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum ReportError {
    /// Not a report.
    #[error("the report {0}")]
    Form(#[from] FormError),
    /// Its head is not signed by the key.
    #[error("the report's head {0}")]
    Head(#[from] HeadError),
    /// Its cover is not signed by the key, or not for these lines.
    #[error("the report's cover {0}")]
    Cover(#[from] NoteError),
    /// A line is not in the ledger as it stands here, or is not about the patient.
    #[error("line {line} of the report is not what the ledger holds as entry {index}")]
    Line {
        /// The line, from 1.
        line: u64,
        /// The entry it names.
        index: u64,
    },
    /// Lines out of order, or one twice.
    #[error("the lines of the report are not in the order of the ledger")]
    Order,
}

/// What the cover is signed over.
#[derive(Serialize)]
struct BodyJson<'a> {
    patient: &'a PatientJson,
    head: &'a str,
    lines: &'a [ProvedJson],
}

#[derive(Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
struct ReportJson {
    patient: PatientJson,
    head: String,
    lines: Vec<ProvedJson>,
    cover: String,
}

impl ReportJson {
    /// The text of the cover: the proofs say that no line was made up, the cover that none is missing.
    fn cover(&self, name: &SignerName) -> Result<String, FormError> {
        let body = BodyJson { patient: &self.patient, head: &self.head, lines: &self.lines };
        let digest = sha256(&[serde_json::to_string(&body)?.as_bytes()]);
        Ok(format!("{TITLE}\n{name}\n{digest}\n"))
    }
}

/// What became visible to one facility.
struct Opened {
    counts: Counts,
    /// In how many entries.
    times: u64,
    /// The first and the last of them.
    first: u64,
    last: u64,
    from: Moment,
    to: Moment,
}

impl Opened {
    fn new(line: &ReportLine) -> Self {
        let (from, to) = (line.head.began, line.head.ended);
        Self { counts: Counts::default(), times: 0, first: line.index, last: line.index, from, to }
    }
}

// === impl ReportLine ===

impl ReportLine {
    /// The patient's line of an entry; `None` when it is not about them.
    pub fn of(patient: &PatientRef, index: u64, entry: &Entry, proof: Proof) -> Option<Self> {
        let line = entry.line(patient);
        let is_receipt = matches!(&entry.event.what, What::Receipt(receipt) if receipt.patient == *patient);
        (line.is_some() || is_receipt).then(|| Self { index, head: entry.head(), line, proof })
    }
    /// What was shown.
    pub fn counts(&self) -> Counts {
        self.line.as_ref().map(|line| line.counts.clone()).unwrap_or_default()
    }
    /// Whether it is proved to be in the ledger, and about the patient.
    pub fn proves(&self, head: &TreeHead, patient: &PatientRef) -> bool {
        let in_entry = match (&self.line, &self.head.what) {
            (Some(line), _) => line.patient == *patient && self.head.has(line),
            (None, What::Receipt(receipt)) => receipt.patient == *patient,
            (None, _) => false,
        };
        in_entry && includes(head.size, &head.root, self.index, &self.head.bytes(), &self.proof)
    }

    fn sentence(&self, names: &Names, language: Language) -> String {
        let agent = &self.head.agent;
        let facility = names.facility(&agent.facility, language);
        let role = language.pick(words::role(agent.role));
        let member = agent.member.as_ref().map(|member| names.member(member)).unwrap_or_default();
        let purpose = language.pick(words::purpose(self.head.purpose));
        let act = language.pick(words::act(self.head.what.act()));
        let outcome = language.pick(words::outcome(self.head.outcome));
        let rows = words::counts(&self.counts(), language);
        let began = words::japan_time(self.head.began);
        let minutes = self.head.what.seconds().div_ceil(60);
        match language {
            Language::Japanese => {
                let rows = if rows.is_empty() { String::new() } else { format!("{rows}を") };
                let live = if minutes > 0 { format!("（{minutes}分間）") } else { String::new() };
                let who = if member.is_empty() { role.to_owned() } else { format!("{role} {member}") };
                format!("{began}  {facility}（{who}）が、{purpose}、{rows}{act}{live}{outcome}")
            }
            Language::English => {
                let rows = if rows.is_empty() { String::new() } else { format!(": {rows}") };
                let live = if minutes > 0 { format!(" for {minutes} min") } else { String::new() };
                let who = if member.is_empty() { role.to_owned() } else { format!("{member}, {role}") };
                format!("{began}  {facility} ({who}) {act}{live} {purpose}{rows}{outcome}")
            }
        }
    }
}

// === impl Report ===

impl Report {
    /// The report in plain words. `head` is the note's.
    pub fn text(&self, head: &TreeHead, names: &Names, language: Language) -> String {
        let facility = names.facility(self.patient.facility(), language);
        let number = self.patient.number().as_str();
        let (at, size, count) = (words::japan_time(head.moment), head.size, self.lines.len());
        let mut text = match language {
            Language::Japanese => format!(
                "あなたの診療情報を、誰が、いつ、何のために見たかの記録\n\
                 {facility} の患者番号 {number}　{at}（日本時間）現在\n\
                 台帳の全{size}件のうち、あなたに関する記録は{count}件です。時刻は日本時間です。\n\n"
            ),
            Language::English => format!(
                "Who saw your medical records, when, and what for\n\
                 Patient number {number} at {facility}, as of {at} (Japan time)\n\
                 Of {size} entries in the ledger, {count} are about you. Times are in Japan time.\n\n"
            ),
        };
        let told = self.lines.iter().filter(|line| line.head.what.act() != Act::Disclosure);
        for (number, line) in (1..).zip(told) {
            let entry = match language {
                Language::Japanese => format!("［台帳の記録 {}］", line.index),
                Language::English => format!(" [ledger entry {}]", line.index),
            };
            text.push_str(&format!("{number}. {}{entry}\n", line.sentence(names, language)));
        }
        text.push_str(&self.opened(names, language));
        text.push_str(language.pick((
            "\nどの行も、署名された台帳に含まれることを添付のファイルで検証できます。\n",
            "\nThe accompanying file proves that each line is in the signed ledger.\n",
        )));
        text
    }

    /// What became visible to whom, read or not: a line for each facility, or it would drown what was read.
    fn opened(&self, names: &Names, language: Language) -> String {
        let mut facilities: BTreeMap<&FacilityId, Opened> = BTreeMap::new();
        for line in self.lines.iter().filter(|line| line.head.what.act() == Act::Disclosure) {
            let opened = facilities.entry(&line.head.agent.facility).or_insert_with(|| Opened::new(line));
            opened.times += 1;
            (opened.last, opened.to) = (line.index, line.head.ended);
            line.counts().iter().for_each(|(category, rows)| opened.counts.add(category, rows));
        }
        if facilities.is_empty() {
            return String::new();
        }
        let mut text = String::from(language.pick((
            "\n次の施設から見られるようになった情報（見たとは限りません。見たときは上に載ります）：\n",
            "\nWhat became visible to these facilities (whether they looked is said above):\n",
        )));
        for (facility, opened) in facilities {
            let Opened { counts, times, first, last, from, to } = opened;
            let (from, to) = (words::japan_time(from), words::japan_time(to));
            let (facility, rows) = (names.facility(facility, language), words::counts(&counts, language));
            text.push_str(&match language {
                Language::Japanese => {
                    format!(
                        "  {facility}  {rows}（{from}から{to}まで）［台帳の記録 {first}〜{last} のうち{times}件］\n"
                    )
                }
                Language::English => {
                    format!(
                        "  {facility}  {rows} (from {from} to {to}) [{times} of the ledger entries {first} to {last}]\n"
                    )
                }
            });
        }
        text
    }

    /// The report as JSON: the signed head, all proofs, a signed cover, and nothing of any other patient.
    ///
    /// # Errors
    /// Never for a report that was made here; the library does not promise it.
    pub fn json(&self, key: &SigningKey) -> Result<String, FormError> {
        let mut report = self.twin(String::new());
        report.cover = key.sign(&report.cover(key.verifying().name())?);
        Ok(serde_json::to_string_pretty(&report)?)
    }
    fn twin(&self, cover: String) -> ReportJson {
        let lines = self.lines.iter();
        let lines = lines.map(|line| ProvedJson::of(line.index, &line.head, line.line.as_ref(), &line.proof)).collect();
        ReportJson { patient: (&self.patient).into(), head: self.note.clone(), lines, cover }
    }
    /// Reads a report and holds every line against its signed head, and all of it against its cover.
    ///
    /// # Errors
    /// When anything in it is not proved.
    pub fn verify(json: &str, key: &VerifyingKey) -> Result<(Self, TreeHead), ReportError> {
        let read: ReportJson = serde_json::from_str(json).map_err(FormError::from)?;
        if key.open(&read.cover)? != read.cover(key.name())? {
            return Err(ReportError::Cover(NoteError::Signature));
        }
        let ReportJson { patient, head: note, lines, cover } = read;
        let head = TreeHead::open(&note, key)?;
        let mut report = Self { patient: patient.read()?, note, lines: Vec::with_capacity(lines.len()) };
        for (number, line) in (1..).zip(&lines) {
            let (index, entry, line, proof) = line.read()?;
            if report.lines.last().is_some_and(|before| before.index >= index) {
                return Err(ReportError::Order);
            }
            let read = ReportLine { index, head: entry, line, proof };
            if !read.proves(&head, &report.patient) {
                return Err(ReportError::Line { line: number, index });
            }
            report.lines.push(read);
        }
        let spelled = serde_json::to_string_pretty(&report.twin(cover)).map_err(FormError::from)?;
        if spelled != json {
            return Err(ReportError::Form(FormError::Spelling));
        }
        Ok((report, head))
    }
}
