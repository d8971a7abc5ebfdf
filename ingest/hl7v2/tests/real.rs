//! All of `../shared/data/hl7v2` and the SS-MIX2 storages, read and counted.

#![expect(
    clippy::unwrap_used,
    clippy::print_stderr,
    reason = "a test may stop where it stands, and says what it found"
)]

use hl7v2::{Charset, Message, Options, batch};
use std::collections::BTreeMap;
use std::path::{Path, PathBuf};

/// The shared data, or `None` (said aloud) where it is not there.
fn shared(folder: &str) -> Option<PathBuf> {
    let folder = std::env::var_os("AJISAI_SHARED_DATA")
        .map_or_else(|| Path::new(env!("CARGO_MANIFEST_DIR")).join("../../../shared/data"), PathBuf::from)
        .join(folder);
    if folder.is_dir() {
        return Some(folder);
    }
    eprintln!("NOT FOUND: {} (set AJISAI_SHARED_DATA); this test looked at nothing", folder.display());
    None
}

fn files(folder: &Path) -> Vec<PathBuf> {
    let mut found = Vec::new();
    let mut next = vec![folder.to_owned()];
    while let Some(folder) = next.pop() {
        for entry in std::fs::read_dir(folder).unwrap() {
            let path = entry.unwrap().path();
            if path.is_dir() { next.push(path) } else { found.push(path) }
        }
    }
    found.sort();
    found
}

#[derive(Default, Debug, PartialEq, Eq)]
struct Counts {
    files: usize,
    messages: usize,
    segments: usize,
    fields: usize,
    faults: usize,
    damaged: usize,
    joined: usize,
}

fn read(folder: &Path, wanted: impl Fn(&Path) -> bool) -> (Counts, BTreeMap<String, usize>) {
    let mut counts = Counts::default();
    let mut faults = BTreeMap::new();
    for file in files(folder).iter().filter(|file| wanted(file)) {
        counts.files += 1;
        let bytes = std::fs::read(file).unwrap();
        for piece in batch::pieces(&bytes) {
            let bytes = match piece {
                batch::Piece::Message(bytes) | batch::Piece::Envelope(bytes) | batch::Piece::Stray(bytes) => bytes,
            };
            match Message::parse(bytes, &Options::default()) {
                Ok(message) => {
                    counts.messages += 1;
                    counts.segments += message.segments().len();
                    counts.fields += message.segments().map(|segment| usize::from(segment.fields())).sum::<usize>();
                    counts.damaged += usize::from(message.is_damaged());
                    counts.joined += message.joined_lines();
                    // Nothing of the text lies between the segments but line ends.
                    let within: usize = message.segments().map(|segment| segment.raw().len()).sum();
                    let line_ends = message.text().bytes().filter(|b| matches!(b, b'\r' | b'\n')).count();
                    assert!(
                        within <= message.text().len() && message.text().len() <= within + line_ends,
                        "{}",
                        file.display()
                    );
                }
                Err(fault) => {
                    counts.faults += 1;
                    let name = file.file_name().unwrap().to_string_lossy();
                    *faults.entry(format!("{name}: {fault}")).or_default() += 1;
                }
            }
        }
    }
    (counts, faults)
}

fn is_messages(file: &Path) -> bool {
    file.extension().is_some_and(|ending| ending == "hl7" || ending == "out")
}

#[test]
fn every_message_of_other_projects_is_read() {
    let Some(folder) = shared("hl7v2") else { return };
    let mut table = Vec::new();
    for name in ["linuxforhealth", "ms-fhir-converter", "simhospital"] {
        let (counts, faults) = read(&folder.join(name), is_messages);
        table.push((name, counts, faults));
    }
    let counts = |files, messages, segments, fields| Counts { files, messages, segments, fields, ..Counts::default() };
    let expected = [
        ("linuxforhealth", counts(315, 315, 1634, 33077), BTreeMap::new()),
        ("ms-fhir-converter", counts(139, 139, 2252, 47850), BTreeMap::new()),
        ("simhospital", counts(1, 1013, 10951, 186_120), BTreeMap::new()),
    ];
    assert_eq!(table, expected);
}

#[test]
fn every_file_of_the_storages_is_read_in_its_set() {
    let Some(folder) = shared("ss-mix2") else { return };
    let mut table = Vec::new();
    for name in ["nho-sample", "five-patients"] {
        let (counts, faults) =
            read(&folder.join(name), |file| file.extension().is_none() && !file.ends_with("LICENSE"));
        table.push((name, counts, faults));
    }
    let counts = |files, messages, segments, fields| Counts { files, messages, segments, fields, ..Counts::default() };
    // One file of the sample holds two bytes and no message, on purpose.
    let bad = "9999013_20110630_OMP-11_123456789012345_20110701113813225_01_1: MSH^1^18: bytes that are neither ASCII, UTF-8 \
               nor ISO-2022-JP need a name here, or the feed's `charset` set (Required field missing)";
    let expected = [
        ("nho-sample", Counts { faults: 1, ..counts(22, 21, 314, 3764) }, BTreeMap::from([(bad.to_owned(), 1)])),
        ("five-patients", counts(155, 155, 1336, 23818), BTreeMap::new()),
    ];
    assert_eq!(table, expected);
    let file =
        files(&folder.join("nho-sample")).into_iter().find(|file| file.to_string_lossy().contains("OML-11/")).unwrap();
    let bytes = std::fs::read(file).unwrap();
    assert_eq!(Message::parse(&bytes, &Options::default()).unwrap().charset(), Charset::Iso2022Jp);
}
