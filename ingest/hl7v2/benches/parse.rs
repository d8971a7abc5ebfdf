//! Parsing in MB/s, beside `hl7-parser`: the messages of `../shared/data/hl7v2` (or `AJISAI_SHARED_DATA`), else one of our
//! own. `parse.py` measures the Python parsers on the same files.
//!
//! ```text
//! cargo bench -p hl7v2 --bench parse
//! ```

#![expect(clippy::unwrap_used, missing_docs, reason = "a measurement may stop where it stands")]

use criterion::{Criterion, Throughput, criterion_group, criterion_main};
use hl7v2::{Message, Options, batch};
use std::hint::black_box;
use std::path::{Path, PathBuf};

const OWN: &[u8] = include_bytes!("result.hl7");

fn shared() -> PathBuf {
    std::env::var_os("AJISAI_SHARED_DATA")
        .map_or_else(|| Path::new(env!("CARGO_MANIFEST_DIR")).join("../../../shared/data"), PathBuf::from)
}

/// The messages of a folder's files, each by itself.
fn messages(folder: &Path) -> Vec<Vec<u8>> {
    let Ok(entries) = std::fs::read_dir(folder) else { return Vec::new() };
    let mut files: Vec<PathBuf> = entries.map(|entry| entry.unwrap().path()).collect();
    files.sort();
    let wanted = |file: &&PathBuf| file.extension().is_some_and(|ending| ending == "hl7" || ending == "out");
    files
        .iter()
        .filter(wanted)
        .flat_map(|file| batch::messages(&std::fs::read(file).unwrap()).map(<[u8]>::to_vec).collect::<Vec<_>>())
        .collect()
}

fn measure(c: &mut Criterion, name: &str, messages: &[Vec<u8>]) {
    let options = Options::default();
    let readable: Vec<&Vec<u8>> = messages.iter().filter(|bytes| Message::parse(bytes, &options).is_ok()).collect();
    // The other parser knows one kind of line end and no character sets; it is given what it can read, as text.
    let texts: Vec<String> = readable
        .iter()
        .map(|bytes| Message::parse(bytes, &options).unwrap().text().replace("\r\n", "\r").replace('\n', "\r"))
        .filter(|text| hl7_parser::parse_message(text).is_ok())
        .collect();
    let mut group = c.benchmark_group(name);
    group.sample_size(20);
    let total: usize = readable.iter().map(|bytes| bytes.len()).sum();
    group.throughput(Throughput::Bytes(total as u64));
    group.bench_function("ours", |b| {
        b.iter(|| {
            for bytes in &readable {
                black_box(Message::parse(bytes, &options).unwrap());
            }
        })
    });
    group.bench_function("ours, every field's text", |b| {
        b.iter(|| {
            for bytes in &readable {
                let message = Message::parse(bytes, &options).unwrap();
                for segment in message.segments() {
                    for n in 1..=segment.fields() {
                        black_box(segment.field(n).text());
                    }
                }
            }
        })
    });
    let total: usize = texts.iter().map(String::len).sum();
    group.throughput(Throughput::Bytes(total as u64));
    group.bench_function(format!("hl7-parser, {} of {} messages", texts.len(), readable.len()), |b| {
        b.iter(|| {
            for text in &texts {
                black_box(hl7_parser::parse_message(text).unwrap());
            }
        })
    });
    group.finish();
}

fn parse(c: &mut Criterion) {
    let shared = shared().join("hl7v2");
    for name in ["simhospital", "linuxforhealth", "ms-fhir-converter"] {
        let messages = messages(&shared.join(name));
        if !messages.is_empty() {
            measure(c, name, &messages);
        }
    }
    measure(c, "one Japanese result", &[OWN.to_vec()]);
}

criterion_group!(benches, parse);
criterion_main!(benches);
