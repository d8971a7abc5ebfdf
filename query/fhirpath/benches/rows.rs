//! A definition is read; a laboratory result becomes a row; a patient's names become several.

#![expect(missing_docs, reason = "criterion's macros make functions without")]

use criterion::{Criterion, Throughput, criterion_group, criterion_main};
use fhirpath::View;
use serde_json::json;
use std::hint::black_box;

const HBA1C: &str = r#"{"resource": "Observation",
    "constant": [{"name": "code", "valueCode": "4548-4"}, {"name": "limit", "valueDecimal": 7.0}],
    "where": [{"path": "code.coding.exists(code = %code)"}],
    "select": [{"column": [
        {"name": "id", "path": "getResourceKey()"},
        {"name": "patient", "path": "subject.getReferenceKey(Patient)"},
        {"name": "at", "path": "effective.ofType(dateTime)", "type": "dateTime"},
        {"name": "value", "path": "value.ofType(Quantity).value", "type": "decimal"},
        {"name": "poor", "path": "value.ofType(Quantity).value >= %limit", "type": "boolean"}]}]}"#;
const NAMES: &str = r#"{"resource": "Patient", "select": [{"column": [{"name": "id", "path": "getResourceKey()"}]},
    {"forEach": "name", "column": [{"name": "family", "path": "family"}, {"name": "given", "path": "given.join(' ')"}]}]}"#;

fn rows(criterion: &mut Criterion) {
    let result = |code: &str| {
        json!({"resourceType": "Observation", "id": "o1", "status": "final",
            "meta": {"versionId": "1", "lastUpdated": "2026-04-01T00:00:00Z", "source": "urn:ajisai:facility:nagasaki-mc"},
            "identifier": [{"system": "urn:ajisai:record:nagasaki-mc", "value": "Observation/o1"}],
            "category": [{"coding": [{"system": "http://terminology.hl7.org/CodeSystem/observation-category", "code": "laboratory"}]}],
            "code": {"coding": [{"system": "http://loinc.org", "code": code, "display": "HbA1c"}], "text": "HbA1c"},
            "subject": {"reference": "Patient/0042"}, "effectiveDateTime": "2026-04-01T09:30:00+09:00",
            "issued": "2026-04-01T10:00:00+09:00", "valueQuantity": {"value": 7.4, "unit": "%"}})
    };
    let names = ["official", "usual", "maiden"].map(|of| json!({"use": of, "family": "長崎", "given": ["花", "子"]}));
    let patient = json!({"resourceType": "Patient", "id": "0042", "name": names});
    let (Ok(hba1c), Ok(persons)) = (View::read(HBA1C), View::read(NAMES)) else { return };
    let mut group = criterion.benchmark_group("sql-on-fhir");
    group.throughput(Throughput::Elements(1));
    group.bench_function("a definition read", |bench| bench.iter(|| View::read(black_box(HBA1C)).is_ok()));
    for (name, view, resource) in [
        ("a result that becomes a row", &hba1c, result("4548-4")),
        ("a result that does not", &hba1c, result("2160-0")),
        ("a patient of three names", &persons, patient),
    ] {
        group.bench_function(name, |bench| bench.iter(|| view.rows(black_box(&resource))));
    }
    group.finish();
}

criterion_group!(benches, rows);
criterion_main!(benches);
