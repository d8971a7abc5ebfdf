//! What the ledger costs: `cargo bench -p ledger`.
//!
//! Entries are queries of one patient, the usual kind, and of a thousand; proofs are from a ledger of a million.

#![expect(missing_docs, reason = "criterion's macros make public functions")]
#![expect(clippy::unwrap_used, reason = "a bench may stop where it stands")]

use criterion::{BatchSize, Criterion, Throughput, criterion_group, criterion_main};
use ledger::*;
use model::*;
use std::hint::black_box;

const ENTRIES: u64 = 1_000_000;
const VERIFIED: u64 = 20_000;

fn entry(number: u64, patients: u64) -> Entry {
    let agent = Principal {
        facility: FacilityId::parse("sato-clinic").unwrap(),
        member: Some(MemberId::parse("M-0001").unwrap()),
        role: Role::Physician,
        purpose: Purpose::Treatment,
    };
    let moment = Moment::parse("2026-04-01").unwrap().plus_micros(i64::try_from(number).unwrap());
    let seen = "0:500,1:120,2:98,3:77,4:1023".parse().unwrap();
    let what = What::Query { statement: Digest::from_bytes([7; 32]), seen };
    let mut reading = Reading::begin(ActId(u128::from(number)), &agent, what, moment);
    for patient in 0..patients {
        let number = PatientNumber::parse(&format!("{:08}", number + patient)).unwrap();
        let patient = PatientRef::new(FacilityId::parse("nagasaki-mc").unwrap(), number);
        reading.rows(&patient, Category::Laboratory, 12);
        reading.rows(&patient, Category::Medication, 3);
    }
    let event = reading.finish(moment, AuditOutcome::Completed, || Salt::from_bytes([9; 32])).remove(0);
    Entry { position: Position::new(0, number), event }
}

fn key() -> SigningKey {
    SigningKey::from_seed(SignerName::parse("ajisai/n1").unwrap(), &[1; 32])
}

fn appends(c: &mut Criterion) {
    let mut group = c.benchmark_group("append");
    group.throughput(Throughput::Elements(1));
    for patients in [1, 1000] {
        let entry = entry(1, patients);
        let mut tree = Tree::default();
        group.bench_function(format!("an entry of {patients} patients"), |b| {
            b.iter(|| black_box(tree.append(black_box(&entry).leaf())));
        });
    }
    group.finish();
}

fn proofs(c: &mut Criterion) {
    let (mut tree, mut nodes) = (Tree::default(), Vec::new());
    for number in 0..ENTRIES {
        nodes.extend(tree.append(leaf_hash(&number.to_be_bytes())));
    }
    let root = tree.root();
    let mut group = c.benchmark_group("of a million entries");
    let mut index = 0;
    let mut next = || {
        index = (index + 7919) % ENTRIES;
        index
    };
    group.bench_function("prove an entry", |b| {
        b.iter_batched(&mut next, |index| black_box(prove_inclusion(&nodes, ENTRIES, index)), BatchSize::SmallInput);
    });
    let proof = prove_inclusion(&nodes, ENTRIES, 4711).unwrap();
    let bytes = 4711_u64.to_be_bytes();
    group.bench_function("verify an entry", |b| {
        b.iter(|| black_box(includes(ENTRIES, &root, 4711, black_box(&bytes), &proof)));
    });
    group.bench_function("prove that a head extends another", |b| {
        b.iter(|| black_box(prove_consistency(&nodes, black_box(777_777), ENTRIES)));
    });
    let head = TreeHead { size: ENTRIES, root, next: Offset(9), moment: Moment::parse("2026-04-01").unwrap() };
    let key = key();
    group.bench_function("sign a head", |b| b.iter(|| black_box(black_box(&head).sign(&key))));
    let verifying = key.verifying();
    let note = head.sign(&key);
    group.bench_function("open a head", |b| b.iter(|| black_box(TreeHead::open(black_box(&note), &verifying))));
    group.finish();
}

fn verification(c: &mut Criterion) {
    let (mut tree, mut nodes) = (Tree::default(), Vec::new());
    let entries: Vec<Entry> = (0..VERIFIED).map(|number| entry(number, 1)).collect();
    for entry in &entries {
        nodes.extend(tree.append(entry.leaf()));
    }
    let moment = Moment::parse("2026-04-01").unwrap();
    let head = TreeHead { size: VERIFIED, root: tree.root(), next: Offset(VERIFIED), moment };
    let heads = [head_line(&head.sign(&key()), &Proof::default()).unwrap()];
    let proof = |index| prove_inclusion(&nodes, VERIFIED, index).unwrap();
    let lines: Vec<String> =
        (0..).zip(&entries).map(|(index, entry)| entry_line(index, entry, &proof(index)).unwrap()).collect();
    let mut group = c.benchmark_group("bundle");
    group.throughput(Throughput::Elements(VERIFIED));
    group.sample_size(10);
    group.bench_function("verify entries", |b| {
        b.iter(|| {
            let mut verifier = Verifier::begin(&key().verifying(), heads.iter().map(String::as_str), None);
            lines.iter().for_each(|line| verifier.line(line));
            assert!(verifier.finish().is_whole());
        });
    });
    group.finish();
}

criterion_group!(benches, appends, proofs, verification);
criterion_main!(benches);
