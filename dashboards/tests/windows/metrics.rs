//! The operators' dashboard and alerts name metrics that the node has.

use std::collections::BTreeSet;
use std::path::Path;

/// The names given to meters in a directory's sources, as `ajisai.log.appended`.
fn instruments(directory: &Path, found: &mut BTreeSet<String>) {
    for entry in std::fs::read_dir(directory).unwrap() {
        let path = entry.unwrap().path();
        let is_source = path.extension().is_some_and(|extension| extension == "rs");
        if path.is_dir() && !path.ends_with("target") && !path.ends_with("tests") && !path.ends_with("web") {
            instruments(&path, found);
        } else if is_source {
            let text = std::fs::read_to_string(&path).unwrap();
            for kind in ["_counter(\"", "_gauge(\"", "_histogram(\""] {
                found.extend(text.split(kind).skip(1).map(|rest| rest.split('"').next().unwrap().to_owned()));
            }
        }
    }
}

/// The names in a text that Prometheus would ask for.
fn named(text: &str) -> BTreeSet<String> {
    let words = text.split(|c: char| !c.is_ascii_alphanumeric() && c != '_');
    words.filter(|word| word.starts_with("ajisai_")).map(str::to_owned).collect()
}

#[test]
fn every_metric_that_is_asked_for_is_one_the_node_has() {
    let root = Path::new(env!("CARGO_MANIFEST_DIR")).parent().unwrap();
    let mut found = BTreeSet::new();
    for room in ["src", "ingest", "query", "consent-filter"] {
        instruments(&root.join(room), &mut found);
    }
    let known: BTreeSet<String> = found.iter().map(|name| name.replace('.', "_")).collect();
    let suffixes = [
        "",
        "_total",
        "_bytes",
        "_bytes_total",
        "_bucket",
        "_count",
        "_sum",
        "_seconds",
        "_seconds_bucket",
        "_seconds_count",
    ];
    for file in ["dashboards/grafana/ajisai.json", "deploy/alerts.yaml"] {
        let asked = named(&std::fs::read_to_string(root.join(file)).unwrap());
        assert!(asked.len() > 5, "{file} asks for {asked:?}");
        for name in asked {
            let is_known =
                suffixes.iter().any(|suffix| name.strip_suffix(suffix).is_some_and(|base| known.contains(base)));
            assert!(is_known, "{file} asks for `{name}`, which no room has");
        }
    }
}
