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
    ("ledger", &["model"]),
    ("views", &["consent-filter", "model", "clinical"]),
    ("ingest", &["wire", "model", "event-log", "hl7v2"]),
    ("query", &["views", "clinical", "model", "wire"]),
    ("dashboards", &["query", "views"]),
];

/// What the pure rooms must never have below them, at any depth.
const PURE: &[(&str, &[&str])] = &[
    ("model", &["tokio", "tonic", "prost", "arrow", "serde_json", "datafusion"]),
    ("consent-filter", &["tokio", "tonic", "prost", "arrow", "datafusion", "rand", "tracing"]),
    ("clinical", &["tokio", "tonic", "prost", "arrow", "datafusion", "rand", "tracing"]),
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

#[test]
fn the_pure_rooms_have_no_runtime_wire_or_io_below_them() {
    let metadata = metadata();
    let resolve = metadata.resolve.as_ref().unwrap();
    let name_of: BTreeMap<_, _> = metadata.packages.iter().map(|p| (&p.id, p.name.as_str())).collect();
    for (room, banned) in PURE {
        let mut seen = BTreeSet::new();
        let mut next: Vec<_> = metadata.packages.iter().filter(|p| p.name.as_str() == *room).map(|p| &p.id).collect();
        assert_eq!(next.len(), 1, "room `{room}` exists once");
        while let Some(id) = next.pop() {
            if !seen.insert(id) {
                continue;
            }
            let node = resolve.nodes.iter().find(|node| &node.id == id).unwrap();
            for dependency in &node.deps {
                let normal = dependency.dep_kinds.iter().any(|k| k.kind == cargo_metadata::DependencyKind::Normal);
                if normal {
                    next.push(&dependency.pkg);
                }
            }
        }
        let found: Vec<_> = seen.iter().map(|id| name_of[id]).filter(|name| banned.contains(name)).collect();
        assert!(found.is_empty(), "`{room}` reaches {found:?}");
    }
}
