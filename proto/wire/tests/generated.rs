//! The checked-in code is what the .proto files say.
//!
//! After changing a .proto file: `AJISAI_REGENERATE=1 cargo test -p wire --test generated`, and commit the result.

use prost::Message;
use std::fs;
use std::path::{Path, PathBuf};

/// Messages, oneofs included, that may carry patient data: their `Debug` is written by hand in `src/redacted.rs`.
const REDACTED: &[&str] = &[
    ".ajisai.v1.PatientRef",
    ".ajisai.v1.Event",
    ".ajisai.v1.ConsentChange",
    ".ajisai.v1.DirectoryChange",
    ".ajisai.v1.Paper",
    ".ajisai.v1.BreakGlass",
    ".ajisai.v1.BreakGlassReview",
    ".ajisai.v1.Record",
    ".ajisai.v1.Coding",
    ".ajisai.v1.Quantity",
    ".ajisai.v1.Value",
    ".ajisai.v1.LabResult",
    ".ajisai.v1.VitalSign",
    ".ajisai.v1.Condition",
    ".ajisai.v1.Allergy",
    ".ajisai.v1.Medication",
    ".ajisai.v1.Encounter",
    ".ajisai.v1.Document",
    ".ajisai.v1.Imaging",
    ".ajisai.v1.WaveformFrame",
    ".ajisai.v1.Waveform",
    ".ajisai.v1.BedSession",
    ".ajisai.v1.Perinatal",
    ".ajisai.v1.CarePlan",
    ".ajisai.v1.Message",
    ".ajisai.v1.Immunization",
    ".ajisai.v1.Demographics",
    ".ajisai.v1.PublishRequest",
    ".ajisai.v1.PublishBatchRequest",
    ".ajisai.v1.GetQuarantinedResponse",
    ".ajisai.v1.ReplayQuarantinedRequest",
    ".ajisai.v1.ListGapsResponse",
    ".ajisai.v1.Gap",
    ".ajisai.v1.Vanished",
    ".ajisai.v1.ExplainRequest",
    ".ajisai.v1.AuditEvent",
    ".ajisai.v1.ShownRows",
    ".ajisai.v1.WithdrawalReceipt",
    ".ajisai.v1.ReportResponse",
    ".ajisai.v1.SignedReceipt",
    ".ajisai.v1.RecallRequest",
    ".ajisai.v1.ExportItem",
    ".ajisai.v1.Notice",
    ".ajisai.v1.NoticeItem",
    ".ajisai.v1.Acted",
    ".ajisai.v1.AuditedAction",
    ".ajisai.v1.AuditedWorklist",
    ".ajisai.v1.CohortMember",
    ".ajisai.v1.CohortStep",
    ".ajisai.v1.RunCohortItem",
    ".ajisai.v1.DiffCohortItem",
    ".ajisai.v1.CohortItem",
    ".ajisai.v1.WorklistDeed",
    ".ajisai.v1.WorklistEntry",
    ".ajisai.v1.ActOnWorklistRequest",
    ".ajisai.v1.MeasureRelease",
    ".ajisai.v1.CountedPerson",
    ".ajisai.v1.Correction",
    ".ajisai.v1.Critical",
    ".ajisai.v1.AcknowledgeNoticeRequest",
    ".ajisai.v1.FeedItem",
    ".ajisai.v1.QueryRequest",
    ".ajisai.v1.QueryResponse",
    ".ajisai.v1.ViewOfRequest",
    ".ajisai.v1.ViewedRecord",
    ".ajisai.v1.AffectedRecord",
    ".ajisai.v1.UnmappedCode",
    ".ajisai.v1.Referral",
    ".ajisai.v1.ReferralTurn",
    ".ajisai.v1.ReferralChange",
    ".ajisai.v1.SendReferralRequest",
    ".ajisai.v1.TurnReferralRequest",
    ".ajisai.v1.ListReferralsResponse",
    ".ajisai.v1.ReferralEntry",
    ".ajisai.v1.BedInfo",
    ".ajisai.v1.BedNote",
    ".ajisai.v1.ListBedsResponse",
    ".ajisai.v1.NoteBedRequest",
    ".ajisai.v1.AuditedBed",
    ".ajisai.v1.AuditedBedNote",
];

#[expect(clippy::unwrap_used, reason = "a helper of tests: what fails here fails the test")]
fn generate(into: &Path) {
    let protos = Path::new(env!("CARGO_MANIFEST_DIR")).join("..");
    let mut files: Vec<PathBuf> = fs::read_dir(protos.join("ajisai/v1"))
        .unwrap()
        .map(|entry| PathBuf::from("ajisai/v1").join(entry.unwrap().file_name()))
        .filter(|path| path.extension().is_some_and(|extension| extension == "proto"))
        .collect();
    files.sort();

    let mut compiler = protox::Compiler::new([protos]).unwrap();
    compiler.include_source_info(true).include_imports(true).open_files(files).unwrap();
    let mut descriptors = compiler.file_descriptor_set();
    tonic_prost_build::configure()
        .out_dir(into)
        .bytes(".")
        .boxed(".ajisai.v1.Event.body.record")
        .boxed(".ajisai.v1.Event.body.audit")
        .boxed(".ajisai.v1.ConsentChange.kind.given")
        .boxed(".ajisai.v1.NoticeItem.item.notice")
        .skip_debug(REDACTED.iter().copied())
        .compile_fds(descriptors.clone())
        .unwrap();
    // For reflection the comments are left out: they would be sent to every caller that asks.
    for file in &mut descriptors.file {
        file.source_code_info = None;
    }
    fs::write(into.join("ajisai.v1.bin"), descriptors.encode_to_vec()).unwrap();
}

#[test]
fn the_generated_code_is_what_the_proto_files_say() {
    let checked_in = Path::new(env!("CARGO_MANIFEST_DIR")).join("src/gen");
    if std::env::var_os("AJISAI_REGENERATE").is_some() {
        generate(&checked_in);
        return;
    }
    let fresh = tempfile::tempdir().unwrap();
    generate(fresh.path());
    for name in ["ajisai.v1.rs", "ajisai.v1.bin"] {
        let expected = fs::read(fresh.path().join(name)).unwrap();
        let found = fs::read(checked_in.join(name)).unwrap_or_default();
        assert!(
            expected == found,
            "proto/wire/src/gen/{name} is not what the .proto files say; \
             run `AJISAI_REGENERATE=1 cargo test -p wire --test generated` and commit the result"
        );
    }
}

#[test]
fn every_field_method_and_value_is_documented() {
    let protos = Path::new(env!("CARGO_MANIFEST_DIR")).join("../ajisai/v1");
    for entry in fs::read_dir(protos).unwrap() {
        let path = entry.unwrap().path();
        let text = fs::read_to_string(&path).unwrap();
        let mut before = "";
        for (number, line) in text.lines().enumerate() {
            let line = line.trim();
            let declares = (line.contains(" = ") && line.ends_with(';') && !line.starts_with("syntax"))
                || ["message ", "enum ", "service ", "rpc ", "oneof "].iter().any(|word| line.starts_with(word));
            assert!(!declares || before.starts_with("//"), "{}:{}: say what it is", path.display(), number + 1);
            before = line;
        }
    }
}
