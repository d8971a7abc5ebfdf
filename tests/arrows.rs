//! The drawing of rooms and arrows in ARCHITECTURE.md, checked against what cargo says.

#![expect(clippy::unwrap_used, reason = "a test may stop where it stands, also in its helpers")]

use std::collections::{BTreeMap, BTreeSet};

/// A → B: A may name B. `ajisai`, the root, may name everything and nobody may name it.
const ARROWS: &[(&str, &[&str])] = &[
    ("model", &[]),
    ("wire", &["model"]),
    ("event-log", &["model"]),
    ("hl7v2", &[]),
    ("consent-filter", &["model"]),
    ("clinical", &["model"]),
    ("fhirpath", &[]),
    ("fhir-form", &["model"]),
    ("ledger", &["model"]),
    ("views", &["consent-filter", "model", "clinical"]),
    ("ingest", &["wire", "model", "event-log", "hl7v2"]),
    ("query", &["views", "clinical", "fhirpath", "fhir-form", "model", "wire"]),
    ("dashboards", &["query", "views"]),
];

/// What the pure rooms must never have below them, at any depth.
const PURE: &[(&str, &[&str])] = &[
    ("model", &["tokio", "tonic", "prost", "arrow", "serde_json", "datafusion"]),
    ("consent-filter", &["tokio", "tonic", "prost", "arrow", "datafusion", "rand", "tracing"]),
    ("clinical", &["tokio", "tonic", "prost", "arrow", "datafusion", "rand", "tracing"]),
    ("fhirpath", &["tokio", "tonic", "prost", "arrow", "datafusion", "rand", "tracing"]),
    ("fhir-form", &["tokio", "tonic", "prost", "arrow", "datafusion", "rand", "tracing"]),
    ("hl7v2", &["tokio", "tonic", "prost", "serde_json", "arrow", "datafusion", "rand", "tracing"]),
    ("ledger", &["tokio", "tonic", "prost", "arrow", "datafusion", "rand", "tracing"]),
];

fn metadata() -> cargo_metadata::Metadata {
    cargo_metadata::MetadataCommand::new().other_options(["--locked".to_owned()]).exec().unwrap()
}

#[test]
fn every_arrow_between_rooms_is_in_the_drawing() {
    let metadata = metadata();
    let rooms: BTreeSet<String> = metadata.workspace_packages().iter().map(|p| p.name.to_string()).collect();
    let allowed: BTreeMap<&str, BTreeSet<&str>> =
        ARROWS.iter().map(|(room, may)| (*room, may.iter().copied().collect())).collect();
    let mut wrong = Vec::new();
    for package in metadata.workspace_packages() {
        let name = package.name.as_str();
        if name == "ajisai" {
            continue;
        }
        let may = allowed.get(name).unwrap_or_else(|| panic!("room `{name}` is not in the drawing"));
        for dependency in &package.dependencies {
            let is_test_only = dependency.kind == cargo_metadata::DependencyKind::Development;
            if rooms.contains(&dependency.name) && !is_test_only && !may.contains(dependency.name.as_str()) {
                wrong.push(format!("{name} → {}", dependency.name));
            }
            assert_ne!(dependency.name, "ajisai", "{name} names the root");
        }
    }
    assert!(wrong.is_empty(), "arrows that are not in the drawing: {wrong:?}");
}

/// Asked of each room alone: in one graph of the whole workspace a room seems to reach what others turn on below it.
#[test]
fn the_pure_rooms_have_no_runtime_wire_or_io_below_them() {
    for (room, banned) in PURE {
        let mut tree = std::process::Command::new(env!("CARGO"));
        tree.args(["tree", "--locked", "--offline", "--edges", "normal", "--prefix", "none", "--format", "{p}"]);
        let output = tree.args(["--package", room]).current_dir(env!("CARGO_MANIFEST_DIR")).output().unwrap();
        assert!(output.status.success(), "`{room}` exists: {}", String::from_utf8_lossy(&output.stderr));
        let listed = String::from_utf8(output.stdout).unwrap();
        let below: BTreeSet<_> = listed.lines().filter_map(|line| line.split_whitespace().next()).collect();
        assert!(below.contains(room), "`{room}` is at the root of its own tree");
        let found: Vec<_> = banned.iter().filter(|name| below.contains(*name)).collect();
        assert!(found.is_empty(), "`{room}` reaches {found:?}");
    }
}
