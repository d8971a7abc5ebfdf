//! Every shared HL7 v2 message over a real socket and every shared JP Core and JP-CLINS resource through `POST /fhir`, file by
//! file; the tables of docs/inputs.md and docs/inputs-files.md are what these tests find.

use super::fixture::*;
use super::mllp::{Node, Sender, set_up};
use super::page::{FILES, INPUTS, is_written_down};
use super::same_rows::post;
use super::storages::{records, shared};
use crate::fhir::is_read_for_others;
use crate::hl7::Feed;
use axum::http::StatusCode;
use hl7v2::batch::{self, Piece};
use hl7v2::mllp::{Decoder, frame};
use model::{Label, Labels};
use serde_json::Value;
use std::collections::BTreeMap;
use std::fmt::Write as _;
use std::path::{Path, PathBuf};
use tokio::io::AsyncWriteExt as _;
use tokio::net::TcpStream;

/// How often something was found.
type Counts = BTreeMap<String, usize>;

fn files(folder: &Path, endings: &[&str]) -> Vec<PathBuf> {
    let (mut found, mut next) = (Vec::new(), vec![folder.to_owned()]);
    while let Some(folder) = next.pop() {
        for entry in std::fs::read_dir(folder).unwrap() {
            let path = entry.unwrap().path();
            if path.is_dir() {
                next.push(path);
            } else if endings.iter().any(|ending| path.to_string_lossy().ends_with(ending)) {
                found.push(path);
            }
        }
    }
    found.sort();
    found
}

fn name(file: &Path, below: &Path) -> String {
    file.strip_prefix(below).unwrap().to_string_lossy().into_owned()
}

fn listed(counts: &Counts) -> String {
    let one = |(what, count): (&String, &usize)| if *count == 1 { what.clone() } else { format!("{what} ×{count}") };
    counts.iter().map(one).collect::<Vec<_>>().join("; ")
}

// === HL7 v2 ===

/// What became of messages.
#[derive(Default)]
struct Sent {
    messages: usize,
    accepted: usize,
    aside: usize,
    /// `AE`, and something of it is in all the same.
    in_part: usize,
    refused: usize,
    rejected: usize,
    events: u64,
    why: Counts,
}

impl Sent {
    const HEAD: &str = "messages | AA | of these aside | AE, in part | AE | AR | events |";

    fn add(&mut self, other: &Self) {
        self.messages += other.messages;
        self.accepted += other.accepted;
        self.aside += other.aside;
        self.in_part += other.in_part;
        self.refused += other.refused;
        self.rejected += other.rejected;
        self.events += other.events;
        other.why.iter().for_each(|(why, count)| *self.why.entry(why.clone()).or_default() += count);
    }
    fn row(&self, name: &str) -> String {
        let Self { messages, accepted, aside, in_part, refused, rejected, events, .. } = self;
        format!("| {name} | {messages} | {accepted} | {aside} | {in_part} | {refused} | {rejected} | {events} |")
    }
}

/// The messages of a file: as it stands, or of the two that are written down in YAML, with what its program fills in.
fn messages(file: &Path) -> Vec<Vec<u8>> {
    let bytes = std::fs::read(file).unwrap();
    if !file.to_string_lossy().ends_with(".yml") {
        let whole = |piece| match piece {
            Piece::Message(bytes) | Piece::Stray(bytes) => Some(bytes.to_vec()),
            Piece::Envelope(_) => None,
        };
        return batch::pieces(&bytes).filter_map(whole).collect();
    }
    let mut messages: Vec<String> = Vec::new();
    let text = String::from_utf8(bytes).unwrap();
    for line in text.lines().filter_map(|line| line.strip_prefix("  - \"")?.strip_suffix('"')) {
        let line = line.replace("\\\\", "\\").replacen("%s", "20180709163256", 1).replacen("%s", "1", 1);
        match messages.last_mut() {
            Some(message) if !line.starts_with("MSH") => *message += &format!("\r{line}"),
            _ => messages.push(line),
        }
    }
    messages.into_iter().map(String::into_bytes).collect()
}

/// A message that is not ours: it is answered `AR` and leaves nothing.
const MARK: &[u8] = b"MSH|^~\\&|S|S|R|R|20260401||ADT^A01|the-mark|P|9\r";

/// Sends one message, and gives the letter of its answer; `None` where its sender wants none.
async fn ask(sender: &mut Sender<TcpStream>, message: &[u8]) -> Option<char> {
    let mut bytes = frame(message);
    bytes.extend(frame(MARK));
    sender.stream.write_all(&bytes).await.unwrap();
    let mut letter = None;
    loop {
        let answer = sender.answer().await.expect("the listener stays");
        let said = answer.split('\r').find_map(|segment| segment.strip_prefix("MSA|")).unwrap();
        if said.contains("the-mark") {
            return letter;
        }
        // `CA` says of the bytes what `AA` says of all of it.
        letter = said.chars().nth(1);
    }
}

async fn kept(node: &Node) -> Vec<wire::v1::Quarantined> {
    node.admission.quarantine().list(&facility("hospital"), "", 1000).unwrap()
}

#[tokio::test(flavor = "multi_thread")]
async fn every_message_over_a_socket_comes_to_what_is_written_down() {
    let Some(folder) = shared("hl7v2") else { return };
    // Other projects' messages are for training; in ours `P` is what is taken.
    let node = Node::with(set_up(), Feed { take_tests: true, ..Feed::new(facility("hospital")) }).await;
    let stream = TcpStream::connect(node.address).await.unwrap();
    stream.set_nodelay(true).unwrap();
    let mut sender = Sender { stream, decoder: Decoder::new(1 << 20) };
    let mut folders: BTreeMap<String, Sent> = BTreeMap::new();
    let mut rows = String::new();
    let mut standing = 0;
    for file in files(&folder, &[".hl7", ".out", ".yml"]) {
        let mut sent = Sent::default();
        for message in messages(&file) {
            let letters = node.letters().await;
            let letter = ask(&mut sender, &message).await;
            let heads = kept(&node).await;
            let (new, events) = (heads.get(standing..).unwrap_or_default(), node.letters().await - letters);
            standing = heads.len();
            sent.messages += 1;
            sent.events += events;
            // Some want no answer; what is kept of them says what it would have been.
            let is_aside = |head: &wire::v1::Quarantined| {
                ["unsupported_type", "patient_merge"].iter().any(|code| head.rule.starts_with(code))
            };
            let letter = letter.unwrap_or(if new.iter().all(is_aside) { 'A' } else { 'E' });
            match letter {
                'E' if events > 0 => sent.in_part += 1,
                'E' => sent.refused += 1,
                'R' => sent.rejected += 1,
                'A' => {
                    sent.accepted += 1;
                    sent.aside += new.len();
                }
                other => panic!("{other}"),
            }
            for head in new {
                let code = head.rule.split_once(": ").map_or(head.reason.as_str(), |(code, _)| code);
                *sent.why.entry(format!("{code} `{}`", head.field)).or_default() += 1;
            }
        }
        let name = name(&file, &folder);
        writeln!(rows, "{} {} |", sent.row(&format!("`{name}`")), listed(&sent.why)).unwrap();
        folders.entry(name.split('/').next().unwrap().to_owned()).or_default().add(&sent);
    }
    let line = "| --- | --- | --- | --- | --- | --- | --- | --- |";
    let mut table = format!("| folder | {}\n{line}\n", Sent::HEAD);
    let mut all = Sent::default();
    for (folder, sent) in &folders {
        writeln!(table, "{}", sent.row(folder)).unwrap();
        all.add(sent);
    }
    writeln!(table, "{}", all.row("all")).unwrap();
    is_written_down(INPUTS, "hl7v2", &table);
    is_written_down(INPUTS, "hl7v2, why", &reasons("messages", &all.why));
    let rows = format!("| file | {} why aside or refused |\n{line} --- |\n{rows}", Sent::HEAD);
    is_written_down(FILES, "hl7v2", &rows);
}

/// `<code> <place>`, counted, as a table.
fn reasons(of: &str, why: &Counts) -> String {
    let mut table = format!("| why | at | {of} |\n| --- | --- | --- |\n");
    for (why, count) in why {
        let (code, at) = why.split_once(' ').unwrap();
        writeln!(table, "| {code} | {at} | {count} |").unwrap();
    }
    table
}

// === FHIR ===

/// What became of resources.
#[derive(Default)]
struct Posted {
    resources: usize,
    taken: usize,
    read: usize,
    refused: usize,
    why: Counts,
}

impl Posted {
    const HEAD: &str = "resources | taken | read for others | refused |";

    fn row(&self, name: &str) -> String {
        let Self { resources, taken, read, refused, .. } = self;
        format!("| {name} | {resources} | {taken} | {read} | {refused} |")
    }
}

/// The resources of a document: those of its entries, or itself.
fn resources(json: &Value) -> Vec<&Value> {
    match json["resourceType"].as_str() {
        Some("Bundle") => json["entry"].as_array().unwrap().iter().map(|entry| &entry["resource"]).collect(),
        _ => vec![json],
    }
}

/// A folder posted as one body of lines, a file to a line, so that files find each other's patients.
async fn posted(house: &House, folder: &str) -> Option<Vec<(String, Value, Posted)>> {
    let folder = shared(&format!("fhir/{folder}"))?;
    let mut all: Vec<(String, Value, Posted)> = Vec::new();
    for file in files(&folder, &[".json"]) {
        let json: Value = serde_json::from_slice(&std::fs::read(&file).unwrap()).unwrap();
        all.push((name(&file, &folder), json, Posted::default()));
    }
    let lines: Vec<String> = all.iter().map(|(_, json, _)| json.to_string()).collect();
    let (status, outcome) = post(house, "application/fhir+ndjson", lines.join("\n")).await;
    assert_eq!(status, StatusCode::UNPROCESSABLE_ENTITY, "something is refused");
    assert_eq!(outcome["resourceType"], "OperationOutcome");
    for issue in outcome["issue"].as_array().unwrap() {
        // Each says of which line it is, which element, and why.
        let said = issue["diagnostics"].as_str().unwrap();
        let line: usize = said.strip_prefix("line ").unwrap().split([',', ':']).next().unwrap().parse().unwrap();
        let (code, at) = (issue["details"]["text"].as_str().unwrap(), issue["expression"][0].as_str().unwrap());
        let at: String = at.chars().filter(|c| !c.is_ascii_digit()).collect();
        assert_eq!(issue["severity"], "error");
        let (.., came) = all.get_mut(line - 1).unwrap();
        came.refused += 1;
        *came.why.entry(format!("{code} `{at}`")).or_default() += 1;
    }
    for (_, json, came) in &mut all {
        let kinds = resources(json).into_iter().map(|resource| resource["resourceType"].as_str().unwrap());
        let (read, other): (Vec<_>, Vec<_>) = kinds.partition(|kind| is_read_for_others(kind));
        (came.resources, came.read) = (read.len() + other.len(), read.len());
        came.taken = other.len() - came.refused;
    }
    Some(all)
}

/// Every code below `json` that is one of the national labels.
fn labels_in(json: &Value) -> Labels {
    match json {
        Value::String(text) => match text.as_str() {
            "LTS" => Labels::of(Label::Lts),
            "UNINFORMED" => Labels::of(Label::Uninformed),
            "UNDELIVERED" => Labels::of(Label::Undelivered),
            _ => Labels::NONE,
        },
        Value::Array(list) => list.iter().fold(Labels::NONE, |sum, inner| sum.union(labels_in(inner))),
        Value::Object(object) => object.values().fold(Labels::NONE, |sum, inner| sum.union(labels_in(inner))),
        _ => Labels::NONE,
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn every_japanese_resource_over_http_comes_to_what_is_written_down() {
    let mut table = format!("| folder | {}\n| --- | --- | --- | --- | --- |\n", Posted::HEAD);
    let mut all = Counts::new();
    let mut labelled = BTreeMap::new();
    for folder in ["jp-core", "jp-clins"] {
        let house = roomy_house().await;
        let Some(came) = posted(&house, folder).await else { return };
        let mut rows = format!("| file | {} why |\n| --- | --- | --- | --- | --- | --- |\n", Posted::HEAD);
        let mut sum = Posted::default();
        for (name, _, one) in &came {
            writeln!(rows, "{} {} |", one.row(&format!("`{name}`")), listed(&one.why)).unwrap();
            sum.resources += one.resources;
            sum.taken += one.taken;
            sum.read += one.read;
            sum.refused += one.refused;
            one.why.iter().for_each(|(why, count)| *all.entry(why.clone()).or_default() += count);
        }
        writeln!(table, "{}", sum.row(folder)).unwrap();
        is_written_down(FILES, folder, &rows);
        // What is refused is kept, with its reason, and nothing else.
        assert_eq!(house.admission.quarantined().events as usize, sum.refused);
        // What the source labels is labelled in the log: every resource that is taken, by its own words.
        let records = records(&house).await;
        for resource in came.iter().flat_map(|(_, json, _)| resources(json)) {
            let labels = labels_in(&resource["meta"]).union(labels_in(&resource["extension"]));
            let id =
                format!("{}/{}", resource["resourceType"].as_str().unwrap(), resource["id"].as_str().unwrap_or("?"));
            for record in records.iter().filter(|record| record.id.as_str() == id) {
                assert_eq!(record.labels.union(labels), record.labels, "{id} has lost a label");
                for label in labels.iter() {
                    *labelled.entry(label.code()).or_insert(0) += 1;
                }
            }
        }
    }
    is_written_down(INPUTS, "japanese", &table);
    is_written_down(INPUTS, "japanese, why", &reasons("resources", &all));
    assert_eq!(labelled, BTreeMap::from([("LTS", 8), ("UNINFORMED", 1)]));
}
