//! The 120 synthetic patients of `../shared/data/fhir/synthea-120` (37 coded with type 2 diabetes): who counts, stage and risk,
//! against counts of a second program in Python that applies the same rules to the same files.

#![expect(
    clippy::unwrap_used,
    clippy::print_stderr,
    reason = "a test may stop where it stands and says what it did not find"
)]

use clinical::diabetes::cohort::named;
use clinical::diabetes::registry::{ItemValue, registry_row};
use clinical::diabetes::{
    Absent, BiologicalSex, Dated, Diagnosis, DrugClass, DrugTable, Facts, Measure, Reading, Supply, Tables,
};
use clinical::lab::Decimal;
use model::{CodeSystem, FacilityId, Moment};
use std::collections::BTreeMap;
use std::path::{Path, PathBuf};
use std::process::Command;

fn folder() -> Option<PathBuf> {
    let root = std::env::var_os("AJISAI_SHARED_DATA")
        .map_or_else(|| Path::new(env!("CARGO_MANIFEST_DIR")).join("../../../shared/data"), PathBuf::from);
    let folder = root.join("fhir/synthea-120");
    if folder.is_dir() {
        return Some(folder);
    }
    eprintln!("NOT FOUND: {} (set AJISAI_SHARED_DATA); this test looked at nothing", folder.display());
    None
}

fn lines(folder: &Path, name: &str) -> Vec<String> {
    let unpacked = Command::new("gzip").arg("-dc").arg(folder.join(name)).output().unwrap();
    assert!(unpacked.status.success(), "gzip -dc {name}");
    String::from_utf8(unpacked.stdout).unwrap().lines().map(str::to_owned).collect()
}

/// What stands between a mark and the next end. The files are one resource per line in one order of fields: this is enough for
/// them, and no reader of FHIR.
fn between<'a>(line: &'a str, mark: &str, end: &[char]) -> Option<&'a str> {
    line.split_once(mark)?.1.split(end).next()
}

fn at(line: &str, field: &str) -> Moment {
    Moment::parse(between(line, &format!("\"{field}\":\""), &['"']).unwrap()).unwrap()
}

fn patients(folder: &Path) -> BTreeMap<String, Facts> {
    let source = FacilityId::parse("synthea").unwrap();
    let mut found = BTreeMap::new();
    for line in lines(folder, "Patient.ndjson.gz") {
        let facts = Facts {
            birth: between(&line, "\"birthDate\":\"", &['"']).map(|day| day.parse().unwrap()),
            sex: between(&line, "\"gender\":\"", &['"'])
                .map(|sex| if sex == "female" { BiologicalSex::Female } else { BiologicalSex::Male }),
            died: line.contains("\"deceasedDateTime\"").then(|| at(&line, "deceasedDateTime")),
            ..Facts::default()
        };
        found.insert(between(&line, "\"id\":\"", &['"']).unwrap().to_owned(), facts);
    }
    let subject = |line: &str| between(line, "\"subject\":{\"reference\":\"Patient/", &['"']).unwrap().to_owned();
    for line in lines(folder, "Condition.ndjson.gz").iter().filter(|line| line.contains("\"44054006\"")) {
        let value = Diagnosis { system: CodeSystem::Snomed, code: "44054006".to_owned(), suspected: false };
        let one = Dated { value, at: at(line, "onsetDateTime"), source: source.clone() };
        found.get_mut(&subject(line)).unwrap().diagnoses.push(one);
    }
    for line in lines(folder, "MedicationRequest.ndjson.gz") {
        let code = between(&line, "rxnorm\",\"code\":\"", &['"']).unwrap_or_default().to_owned();
        let value = Supply { system: CodeSystem::RxNorm, code, days: None };
        let one = Dated { value, at: at(&line, "authoredOn"), source: source.clone() };
        found.get_mut(&subject(&line)).unwrap().supplies.push(one);
    }
    let measures = [
        ("4548-4", Measure::Hba1c),
        ("2339-0", Measure::CasualGlucose),
        ("38483-4", Measure::Creatinine),
        ("14959-1", Measure::AlbuminRatio),
    ];
    for line in lines(folder, "Observation.ndjson.gz") {
        let code = between(&line, "loinc.org\",\"code\":\"", &['"']).unwrap_or_default();
        let Some((_, measure)) = measures.iter().find(|row| row.0 == code) else { continue };
        let number = between(&line, "\"valueQuantity\":{\"value\":", &[',', '}']).unwrap();
        let value = Reading::new(*measure, number.parse::<Decimal>().unwrap()).unwrap();
        let one = Dated { value, at: at(&line, "effectiveDateTime"), source: source.clone() };
        found.get_mut(&subject(&line)).unwrap().readings.push(one);
    }
    found
}

#[test]
fn who_counts_and_their_kidneys_are_what_a_second_program_counts() {
    let Some(folder) = folder() else { return };
    let people = patients(&folder);
    assert_eq!(people.len(), 120);
    let drugs = DrugTable::shipped().with_codes(
        "synthea",
        [
            (CodeSystem::RxNorm, "860975", vec![DrugClass::Biguanide]),
            (CodeSystem::RxNorm, "106892", vec![DrugClass::Insulin]),
        ],
    );
    let tables = Tables { drugs, ..Tables::shipped() };
    let now = Moment::parse("2021-06-01").unwrap();
    let mut counts: BTreeMap<String, usize> = BTreeMap::new();
    for facts in people.values() {
        let row = registry_row(facts, &tables, now);
        let answer = |key: &str| row.iter().find(|cell| cell.item.key == key).map(|cell| cell.answer.clone()).unwrap();
        let Ok(grounds) = answer("diabetes") else {
            assert!(facts.diagnoses.is_empty(), "every coded patient counts");
            continue;
        };
        let ItemValue::Words(grounds) = grounds.value else { unreachable!("grounds are words") };
        let stage = match answer("nephropathy_2023") {
            Ok(found) => format!("stage {:?}", found.value),
            Err(Absent::Needs { measure, absent }) => format!("needs {}: {}", measure.key(), absent.code()),
            Err(other) => other.code().to_owned(),
        };
        let risk = match answer("ckd_risk") {
            Ok(found) => format!("{:?}", found.value),
            Err(absent) => format!("no risk: {}", absent.code()),
        };
        let all = grounds.into_iter().map(str::to_owned).chain([stage, risk, "counts".to_owned()]);
        all.for_each(|one| *counts.entry(one).or_default() += 1);
    }
    let expected = [
        ("Word(\"green\")", 6),
        ("Word(\"orange\")", 5),
        ("Word(\"red\")", 4),
        ("Word(\"yellow\")", 11),
        ("code-and-drug", 29),
        ("counts", 37),
        ("hba1c-twice", 13),
        ("needs urine-albumin-creatinine: not-measured", 7),
        ("no risk: not-measured", 11),
        ("stage Number(1.0)", 22),
        ("stage Number(4.0)", 8),
    ];
    assert_eq!(counts, expected.map(|(key, count)| (key.to_owned(), count)).into());
    let poor = named().into_iter().find(|cohort| cohort.key == "poor-control").unwrap();
    let members = people.values().filter(|facts| poor.of(facts, &tables, now).is_member()).count();
    assert_eq!(members, 0, "no HbA1c of 8 % or more in the half year before");
}
