//! `ajisai publish`: real files through the same door.

mod play;

use super::rows::{self, Row};
use super::terminal::{progress, say, table};
use crate::client::Connection;
use crate::client::player::{Tally, await_frontier};
use crate::client::publisher::{Answer, Publisher};
use anyhow::{Context as _, bail};
use clap::Args;
use ingest::fhir::consent::Actors;
use ingest::fhir::{self, Context, References, Unlisted};
use model::{FacilityId, MemberId, Moment};
use serde::Deserialize;
use std::collections::BTreeMap;
use std::path::{Path, PathBuf};
use std::process::ExitCode;
use std::sync::{Arc, Mutex, PoisonError};

/// FHIR R4 のファイル（NDJSON、Bundle、gzip 可）をノードに送る。胎児心拍数などの記録（WFDB、MFER）はベッドとして再生する。
/// Send FHIR R4 files (NDJSON, Bundles; gzip too) to a node as the facility that asks; play recordings of bedside signals
/// (WFDB, MFER) as a bed.
#[derive(Debug, Args)]
#[command(after_help = "例 Examples:\n  \
    ajisai publish --token hospital.token Patient.ndjson Observation.ndjson\n  \
    ajisai publish --ca ca.pem --as-certificate hospital.pem --key hospital.key --address https://node:7443 export/*.ndjson.gz\n  \
    ajisai publish --token hospital.token --actors actors.csv Consent.ndjson\n  \
    ajisai publish --token clinic.token --wfdb 1001.hea --patient 0042 --bed 'LDR 2'\n  \
    ajisai publish --token clinic.token --wfdb ctu-uhb-40 --speed 60 --at-once 20\n  \
    ajisai publish --token clinic.token --mfer trace.mwf --channel 1=fhr1 --channel 2=uc\n\n\
    一緒に指定したファイルは互いの患者・薬剤を参照できる。Files named together may refer to each other's patients.\n\
    「参照用」は他の資源から参照されるだけで、記録にならないもの（拒否ではない）。For others: read for those that refer to it, no refusal.\n\
    同じファイルを再送しても一度しか保存されない。The same file sent again is stored once.\n\n\
    終了コード Exit codes: 0 すべて受理 all accepted, 3 一部拒否 some refused, 1 失敗 failed")]
pub struct Publish {
    /// 送るファイル（ディレクトリなら中のすべて） Files to send; of a directory, all files in it.
    #[arg(required_unless_present_any = ["wfdb", "mfer"], conflicts_with_all = ["wfdb", "mfer"], value_name = "FILES")]
    files: Vec<PathBuf>,
    /// ファイルの形式 Format of the files.
    #[arg(long, value_enum, default_value_t = Format::Auto)]
    format: Format,
    /// 情報源の施設（既定はトークンの施設） The source facility; that of the token when not given.
    #[arg(long, value_name = "FACILITY")]
    source: Option<String>,
    /// 自施設の患者番号の identifier.system The system of the facility's own patient numbers.
    #[arg(long, value_name = "URI")]
    patient_number_system: Option<String>,
    /// 自施設の保険医療機関番号（10桁）。他の番号を名乗るものは拒む
    /// The facility's own medical institution number; what names another as its own is refused.
    #[arg(long = "institution", value_name = "NUMBER")]
    institutions: Vec<String>,
    /// 同意に現れる Organization・Practitioner と施設・職員の対応（CSV か NDJSON。列: key と facility または member）
    /// Who the organisations and practitioners of consents are here: CSV or NDJSON with key, and facility or member. A key
    /// is a reference (Organization/f001) or an identifier (system|value).
    #[arg(long, value_name = "FILE")]
    actors: Option<PathBuf>,
    /// 患者がファイルにないとき Patient/<id> の id を患者番号とみなす
    /// Take the id in Patient/<id> for the number when the patient is not in the files.
    #[arg(long)]
    reference_ids: bool,
    #[command(flatten)]
    playing: play::Playing,
    #[command(flatten)]
    connection: Connection,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, clap::ValueEnum)]
enum Format {
    /// 中身で判断 By content.
    Auto,
    /// FHIR R4 (JSON).
    Fhir,
}

/// Who an organisation or a practitioner of FHIR files is here.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
struct ActorRow {
    key: String,
    #[serde(default)]
    facility: Option<String>,
    #[serde(default)]
    member: Option<String>,
}

fn actors(rows: Vec<Row<ActorRow>>) -> anyhow::Result<Actors> {
    rows.into_iter().try_fold(Actors::default(), |actors, Row { line, content, digest: _ }| {
        let ActorRow { key, facility, member } = content;
        let place = || format!("line {line}");
        match (facility, member) {
            (Some(id), None) => Ok(actors.with_facility(key, FacilityId::parse(&id).with_context(place)?)),
            (None, Some(id)) => Ok(actors.with_member(key, MemberId::parse(&id).with_context(place)?)),
            _ => bail!("line {line} names a facility or a member, one of the two"),
        }
    })
}

/// What became of the resources of one type.
#[derive(Debug, Default)]
struct Line {
    read: u64,
    /// Read for those that refer to it; no record is made of it.
    for_others: u64,
    sent: u64,
    tally: Tally,
    /// What was taken with a remark, by remark.
    remarked: BTreeMap<String, u64>,
}

type Lines = Arc<Mutex<BTreeMap<String, Line>>>;

impl Publish {
    /// Sends and prints the table.
    ///
    /// # Errors
    /// When a file cannot be opened, the node cannot be reached or ends the stream.
    pub async fn run(self) -> anyhow::Result<ExitCode> {
        let source = match &self.source {
            Some(text) => FacilityId::parse(text)?,
            None => self.connection.facility()?.context("say which facility's files these are: --source")?,
        };
        if self.playing.is_asked() {
            return self.playing.run(source, &self.connection).await;
        }
        let files = files(&self.files)?;
        if self.format == Format::Auto {
            for file in &files {
                look_at(file)?;
            }
        }
        let actors = match &self.actors {
            Some(file) => actors(rows::read::<ActorRow>(file, "actors")?).with_context(|| name(file))?,
            None => Actors::default(),
        };
        let client = self.connection.open().await?;
        let mut references = References::default();
        let bar = progress("参照を読む reading references", None);
        for file in &files {
            let context = self.context(&source, &actors, file)?;
            for resource in fhir::open(file).with_context(|| name(file))?.flatten() {
                references.learn(&resource, &context);
                bar.inc(1);
            }
        }
        bar.finish_and_clear();

        let lines = Lines::default();
        let (kinds, waiting) = std::sync::mpsc::channel::<String>();
        let heeded = lines.clone();
        let mut publisher = Publisher::open(&client, move |_, answer: Answer| {
            if let Ok(kind) = waiting.recv() {
                line(&heeded, &kind, |line| line.tally.count(answer));
            }
        });
        let bar = progress("送信中 sending", None);
        for file in &files {
            let context = self.context(&source, &actors, file)?;
            for resource in fhir::open(file).with_context(|| name(file))? {
                bar.inc(1);
                let (kind, outcome) = match resource {
                    Ok(resource) => {
                        let outcome = fhir::events(&resource, &context, &references);
                        let named = outcome.refusal.as_ref().map(|refusal| refusal.resource);
                        (named.unwrap_or_else(|| resource.resource_type()).to_owned(), outcome)
                    }
                    Err(refusal) => {
                        let kind = refusal.resource.to_owned();
                        (kind, fhir::Outcome { refusal: Some(refusal), ..fhir::Outcome::default() })
                    }
                };
                let fhir::Outcome { events, refusal, only_read, notes } = outcome;
                line(&lines, &kind, |line| {
                    line.read += 1;
                    line.for_others += u64::from(only_read);
                    if let Some(refusal) = refusal {
                        let why = format!("{}: {} {}", refusal.reason, pattern(&refusal.path), refusal.rule);
                        *line.tally.refused.entry(why).or_default() += 1;
                    }
                    for note in notes {
                        *line.remarked.entry(format!("{}: {}", note.remark, pattern(&note.path))).or_default() += 1;
                    }
                });
                // A refused consent has an event too: it closes what an earlier version has opened.
                for event in events {
                    line(&lines, &kind, |line| line.sent += 1);
                    kinds.send(kind.clone()).ok();
                    publisher.send(&event).await?;
                }
            }
        }
        let end = publisher.finish().await;
        bar.finish_and_clear();
        let (code, consents) = {
            let lines = lines.lock().unwrap_or_else(PoisonError::into_inner);
            (print(&lines), lines.get("Consent").is_some_and(|line| line.sent > 0))
        };
        let reached = end?;
        // Who narrows or ends a consent may rely on it from here on, as with `ajisai consent`.
        if consents {
            await_frontier(&client, &reached).await?;
        }
        say(format!("到達位置 log position {}", query::frontier_text(&reached)));
        Ok(code)
    }

    fn context(&self, source: &FacilityId, actors: &Actors, file: &Path) -> anyhow::Result<Context> {
        // The file's own time, so that the same file makes the same events whenever it is sent.
        let modified = std::fs::metadata(file).with_context(|| name(file))?.modified()?;
        let micros = modified.duration_since(std::time::UNIX_EPOCH).map_or(0, |since| since.as_micros());
        let received = Moment::from_micros(i64::try_from(micros)?)?;
        Ok(Context {
            patient_number_system: self.patient_number_system.clone(),
            unlisted: if self.reference_ids { Unlisted::ReferenceId } else { Unlisted::Refuse },
            institutions: self.institutions.iter().cloned().collect(),
            actors: actors.clone(),
            ..Context::new(source.clone(), received)
        })
    }
}

fn name(file: &Path) -> String {
    format!("reading {}", file.display())
}

fn line(lines: &Lines, kind: &str, change: impl FnOnce(&mut Line)) {
    change(lines.lock().unwrap_or_else(PoisonError::into_inner).entry(kind.to_owned()).or_default());
}

/// Paths differ by index only: `$.component[3].code` counts with `$.component[0].code`.
fn pattern(path: &str) -> String {
    let mut inside = false;
    path.chars()
        .filter(|c| {
            if *c == '[' {
                inside = true;
                return true;
            }
            if *c == ']' {
                inside = false;
            }
            !inside
        })
        .collect()
}

/// The files named, with those of directories, in order of name.
fn files(named: &[PathBuf]) -> anyhow::Result<Vec<PathBuf>> {
    let mut files = Vec::new();
    for path in named {
        if path.is_dir() {
            let mut inside = Vec::new();
            for entry in std::fs::read_dir(path).with_context(|| name(path))? {
                let path = entry?.path();
                let text = path.to_string_lossy();
                if path.is_file()
                    && [".json", ".ndjson", ".json.gz", ".ndjson.gz"].iter().any(|end| text.ends_with(end))
                {
                    inside.push(path);
                }
            }
            inside.sort();
            files.extend(inside);
        } else {
            files.push(path.clone());
        }
    }
    if files.is_empty() {
        bail!("no file to send: name .json or .ndjson files, or a directory that holds some");
    }
    Ok(files)
}

/// Says at once when a file is of no known format, instead of refusing each of its lines.
fn look_at(file: &Path) -> anyhow::Result<()> {
    use std::io::Read as _;
    let mut first = [0; 512];
    let read = std::fs::File::open(file).and_then(|mut file| file.read(&mut first)).with_context(|| name(file))?;
    let head = first.get(..read).unwrap_or_default();
    let start = head.iter().find(|byte| !byte.is_ascii_whitespace() && !matches!(byte, 0xef | 0xbb | 0xbf));
    if head.starts_with(&[0x1f, 0x8b]) || start.is_none_or(|byte| matches!(byte, b'{' | b'[')) {
        return Ok(());
    }
    bail!("{} is neither JSON nor gzip; known formats: FHIR R4 JSON (NDJSON, Bundle)", file.display())
}

fn print(lines: &BTreeMap<String, Line>) -> ExitCode {
    let mut table = table(&[
        "種類 resource",
        "読込 read",
        "参照用 for others",
        "送信 sent",
        "受理 accepted",
        "重複 duplicate",
        "拒否 refused",
        "理由 why",
    ]);
    let mut total = Line::default();
    for (kind, line) in lines {
        let refused = line.tally.refused.iter().map(|(why, count)| format!("{count} × {why}"));
        let remarked = line.remarked.iter().map(|(what, count)| format!("{count} × 注意 note {what}"));
        add(&mut table, kind, line, &refused.chain(remarked).collect::<Vec<_>>().join("\n"));
        total.read += line.read;
        total.for_others += line.for_others;
        total.sent += line.sent;
        total.tally.accepted += line.tally.accepted;
        total.tally.duplicate += line.tally.duplicate;
        *total.tally.refused.entry(String::new()).or_default() += line.tally.refusals();
    }
    add(&mut table, "計 total", &total, "");
    say(table.to_string());
    if total.tally.refusals() == 0 { ExitCode::SUCCESS } else { ExitCode::from(3) }
}

fn add(table: &mut comfy_table::Table, kind: &str, line: &Line, why: &str) {
    table.add_row([
        kind.to_owned(),
        line.read.to_string(),
        line.for_others.to_string(),
        line.sent.to_string(),
        line.tally.accepted.to_string(),
        line.tally.duplicate.to_string(),
        line.tally.refusals().to_string(),
        why.to_owned(),
    ]);
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn refusals_at_different_indexes_are_counted_as_one_kind() {
        assert_eq!(pattern("$.component[12].code.coding[0]"), "$.component[].code.coding[]");
    }

    #[test]
    fn actors_are_facilities_or_members_and_never_both() {
        let read = |text: &str| {
            let place = tempfile::tempdir().unwrap();
            let file = place.path().join("actors.csv");
            std::fs::write(&file, text).unwrap();
            actors(rows::read(&file, "actors").unwrap())
        };
        let expected = Actors::default()
            .with_facility("Organization/f001", FacilityId::parse("clinic").unwrap())
            .with_member("urn:x|17", MemberId::parse("dr-17").unwrap());
        let told = read("key,facility,member\nOrganization/f001,clinic,\nurn:x|17,,dr-17\n").unwrap();
        assert_eq!(told, expected);
        for wrong in ["a,clinic,dr-17", "a,,", "a,No Facility,"] {
            assert!(read(&format!("key,facility,member\n{wrong}\n")).is_err(), "{wrong}");
        }
    }

    #[test]
    fn a_directory_gives_its_json_files_in_order_and_other_formats_are_refused_at_once() {
        let place = tempfile::tempdir().unwrap();
        for file in ["b.ndjson", "a.json", "c.txt"] {
            std::fs::write(place.path().join(file), "MSH|^~\\&|").unwrap();
        }
        let found = files(&[place.path().to_owned()]).unwrap();
        assert_eq!(found, [place.path().join("a.json"), place.path().join("b.ndjson")]);
        assert!(look_at(&found[0]).unwrap_err().to_string().contains("neither JSON nor gzip"));
        std::fs::write(&found[0], " {\"resourceType\":\"Patient\"}").unwrap();
        assert!(look_at(&found[0]).is_ok());
    }
}
