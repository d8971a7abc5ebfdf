mod later;

use super::*;
use crate::diabetes::{Date, Reach};
use crate::lab::{CodeText, LabInput, Patient, Site, Written, WrittenInterval, read_result};
use crate::perinatal::PerinatalTables;
use crate::perinatal::maternal::{Delivery, MaternalLimit};
use crate::perinatal::pregnancy::{Basis, GestationalAge, Presentation, RiskLimit, RiskLimits};
use model::{CodeSystem, Coding, Condition, FacilityId, Moment, Payload, Perinatal, Value, VitalSign};
use proptest::prelude::*;

fn facility(id: &str) -> FacilityId {
    FacilityId::parse(id).unwrap()
}

fn at(text: &str) -> Moment {
    Moment::parse(text).unwrap()
}

fn day(text: &str) -> Date {
    text.parse().unwrap()
}

fn coding(system: CodeSystem, code: &str) -> Coding {
    Coding { system, code: code.to_owned(), display: String::new() }
}

fn number(value: f64, unit: &str) -> Value {
    Value::Quantity { value, unit: unit.to_owned(), comparator: String::new() }
}

fn word(text: &str) -> Value {
    Value::Text(text.to_owned())
}

fn nothing() -> Value {
    Value::Absent(String::new())
}

/// An entry of a pregnancy's record: when, code, age in days, value.
type Entered = (&'static str, &'static str, Option<u32>, Value);

fn entry((_, code, gestational_days, value): &Entered) -> Payload {
    Payload::Perinatal(Perinatal {
        code: coding(CodeSystem::Local, code),
        gestational_days: *gestational_days,
        value: value.clone(),
    })
}

fn sign(code: &str, value: f64, unit: &str) -> Payload {
    Payload::VitalSign(VitalSign { code: coding(CodeSystem::Loinc, code), value: number(value, unit) })
}

fn chart(entries: &[Entered]) -> Chart {
    let mut chart = Chart::default();
    for one in entries {
        assert_eq!(chart.learn(&entry(one), at(one.0), &facility("clinic")), Ok(Learned::Taken), "{}", one.1);
    }
    chart
}

fn pressure(chart: &mut Chart, when: &str, systolic: f64, diastolic: f64) {
    chart.learn(&sign("8480-6", systolic, "mm[Hg]"), at(when), &facility("clinic")).unwrap();
    chart.learn(&sign("8462-4", diastolic, "mm[Hg]"), at(when), &facility("clinic")).unwrap();
}

fn rulings(chart: &Chart, now: &str) -> Vec<Ruling> {
    let tables = PerinatalTables::shipped();
    let pregnancies = chart.pregnancies(at(now));
    let last = pregnancies.last().unwrap();
    chart.rulings(last, MaternalRules { tables: &tables, now: at(now) })
}

fn ruling(chart: &Chart, rule: Rule, now: &str) -> Option<Ruling> {
    rulings(chart, now).into_iter().find(|one| one.rule == rule)
}

fn keys(ruling: &Ruling) -> Vec<&'static str> {
    ruling.reached.iter().map(|one| one.key.code()).collect()
}

fn lacks(ruling: &Ruling) -> Vec<&'static str> {
    ruling.missing.iter().map(|one| one.what).collect()
}

// === what is read ===

#[test]
fn every_code_stands_once_and_no_national_code_twice() {
    let mut seen = std::collections::BTreeSet::new();
    for row in RECORD_CODES {
        assert!(seen.insert(row.local.to_owned()), "{} stands twice", row.local);
        assert!(!row.en.is_empty() && !row.ja.is_empty(), "{}", row.local);
        for code in row.jlac10.iter().copied().chain(row.loinc.iter().map(|(code, _)| *code)) {
            assert!(seen.insert(format!("national {code}")), "{code} stands twice");
        }
    }
    for (key, _) in LAB_CODES {
        assert!(crate::lab::Item::find(key).is_some(), "{key} is no item of the laboratory");
    }
}

#[test]
fn values_are_read_in_their_units_and_what_no_patient_has_is_refused() {
    let mut chart = Chart::default();
    let clinic = facility("clinic");
    let mut learn = |payload: &Payload| chart.learn(payload, at("2026-06-01"), &clinic);
    let of = |code, value| entry(&("", code, None, value));
    assert_eq!(learn(&of("bpd/2", number(5.1, "cm"))), Ok(Learned::Taken));
    assert_eq!(learn(&of("bpd/9", number(5.1, "cm"))), Ok(Learned::NotAsked), "nobody carries nine");
    assert_eq!(learn(&of("bpd", number(51.0, "inch"))), Ok(Learned::NotAsked));
    assert_eq!(learn(&of("bpd", number(510.0, "mm"))), Err(Refused { code: "bpd" }));
    assert_eq!(learn(&of("urine-protein", word("2+"))), Ok(Learned::Taken));
    assert_eq!(learn(&of("urine-protein", word("many"))), Ok(Learned::NotAsked));
    assert_eq!(learn(&of("due-date", word("2026-13-01"))), Ok(Learned::NotAsked));
    assert_eq!(learn(&of("transfer", word("2026-01-20/5"))), Ok(Learned::Taken));
    assert_eq!(learn(&of("transfer", word("2026-01-20/9"))), Ok(Learned::NotAsked), "no embryo is that old");
    assert_eq!(learn(&sign("8867-4", 88.0, "/min")), Ok(Learned::Taken));
    assert_eq!(learn(&sign("8310-5", 98.6, "[degF]")), Ok(Learned::NotAsked));
    // local codes of vital signs are another vocabulary's
    let local = Payload::VitalSign(VitalSign { code: coding(CodeSystem::Local, "pulse"), value: number(88.0, "/min") });
    assert_eq!(learn(&local), Ok(Learned::NotAsked));
    let facts: Vec<Fact> = chart.notes.iter().map(|note| note.fact.clone()).collect();
    let bpd = Fact::Fetal(2, crate::perinatal::pregnancy::FetalMeasure::Bpd, 51.0);
    let transfer = Fact::Dated(Basis::Transfer { on: day("2026-01-20"), embryo_days: 5 });
    assert_eq!(facts[0], bpd);
    assert_eq!(facts[2], transfer);
    assert_eq!((facts.len(), chart.refused), (4, 1));
}

#[test]
fn laboratory_results_are_read_by_their_items() {
    let mut chart = Chart::default();
    let mut learn = |system: CodeSystem, code: &str, value: f64, unit: &str| {
        let input = LabInput {
            code: if system == CodeSystem::Loinc { CodeText::Loinc(code) } else { CodeText::Jlac10(code) },
            specimen: "",
            value: Written::Number("", value),
            unit,
            interval: WrittenInterval::Bounds(None, None),
            flag: "",
            patient: Patient::default(),
        };
        let site = crate::lab::SiteTables::shipped();
        let site: Site<'_> = site.site();
        chart.learn_lab((&system, code), &read_result(&input, &site), at("2026-06-01"), &facility("clinic"))
    };
    assert_eq!(learn(CodeSystem::Loinc, "777-3", 142.0, "10*9/L"), Learned::Taken);
    assert_eq!(learn(CodeSystem::Loinc, "3255-7", 140.0, "mg/dL"), Learned::Taken);
    assert_eq!(learn(CodeSystem::Loinc, "1558-6", 93.0, "mg/dL"), Learned::Taken);
    assert_eq!(learn(CodeSystem::Loinc, "1518-0", 8.6, "mmol/L"), Learned::Taken);
    assert_eq!(learn(CodeSystem::Loinc, "2823-3", 4.0, "mmol/L"), Learned::NotAsked);
    let mut values: Vec<(LabMeasure, f64)> = chart
        .notes
        .iter()
        .filter_map(|note| match note.fact {
            Fact::Lab(measure, value) => Some((measure, value.round())),
            _ => None,
        })
        .collect();
    values.sort_by_key(|(measure, _)| *measure);
    assert_eq!(
        values,
        [
            (LabMeasure::Platelets, 142.0),
            (LabMeasure::Fibrinogen, 140.0),
            (LabMeasure::GlucoseFasting, 93.0),
            (LabMeasure::GlucoseTwoHours, 155.0),
        ]
    );
}

// === pregnancies ===

fn course() -> Vec<Entered> {
    vec![
        ("2026-02-26", "registration", Some(56), word("双胎")),
        ("2026-02-26", "gravida", None, number(2.0, "")),
        ("2026-02-26", "para", None, number(1.0, "")),
        ("2026-02-26", "last-period", None, word("2026-01-01")),
        ("2026-03-10", "due-date", None, word("2026-10-10")),
        ("2026-06-01T00:00:00Z", "checkup", Some(151), nothing()),
        ("2026-06-01T00:05:00Z", "estimated-fetal-weight", Some(151), number(420.0, "g")),
        ("2026-06-01T00:05:00Z", "bpd/2", Some(151), number(51.0, "mm")),
        ("2026-06-01T00:05:00Z", "ac/2", Some(151), number(16.0, "cm")),
        ("2026-06-01T00:05:00Z", "fl/2", Some(151), number(35.0, "mm")),
        ("2026-06-01T00:06:00Z", "presentation/2", None, word("骨盤位")),
        ("2026-06-15", "fundal-height", Some(165), number(22.0, "cm")),
        ("2026-10-01T01:00:00Z", "delivery", None, word("経腟分娩")),
        ("2026-10-01T01:20:00Z", "delivery", None, word("帝王切開（第2児）")),
        ("2026-10-01T02:00:00Z", "newborn/1", None, word("clinic:90001")),
        ("2026-10-01T02:00:00Z", "newborn/2", None, word("90002")),
    ]
}

#[test]
fn a_pregnancy_is_registered_dated_checked_and_born() {
    let mut of = chart(&course());
    pressure(&mut of, "2026-06-01T00:10:00Z", 118.0, 70.0);
    let known = of.pregnancies(at("2026-11-01"));
    let [one] = known.as_slice() else { panic!("{} pregnancies", known.len()) };
    let registration = one.record.registration.as_ref().unwrap();
    assert_eq!((registration.gravida, registration.para, registration.children), (Some(2), Some(1), Some(2)));
    let due = one.record.due.unwrap();
    assert_eq!((due.date(), due.basis().code()), (day("2026-10-10"), "written"));
    assert_eq!(one.record.due_before.iter().map(|due| due.basis().code()).collect::<Vec<_>>(), ["last-period"]);
    assert_eq!(one.begun, day("2026-01-03"));
    let visits: Vec<_> = one.visits.iter().map(|visit| visit.age.unwrap().to_string()).collect();
    assert_eq!(visits, ["21w2d", "23w2d"], "the registration is no check-up");
    let [first, second] = one.visits[0].fetuses.as_slice() else { panic!("two fetuses") };
    assert_eq!(first.weight, Some((420.0, false)));
    let (grams, computed) = second.weight.unwrap();
    assert!(computed && (grams - (1.07 * 5.1_f64.powi(3) + 0.30 * 16.0 * 16.0 * 3.5)).abs() < 1e-9);
    assert_eq!(second.presentation, Some(Presentation::Breech));
    assert_eq!(one.visits[0].checkup.pressure.unwrap().systolic(), 118.0, "a sign of the day is of the check-up");
    let ending = one.ending.as_ref().unwrap();
    assert_eq!((ending.at, ending.delivery), (at("2026-10-01T01:00:00Z"), Some(Delivery::Caesarean)));
    assert_eq!((one.outcome, ending.age.unwrap().to_string()), (Outcome::Born, "38w5d".to_owned()));
    let newborns: Vec<_> = one.newborns.iter().map(|one| (one.fetus.unwrap(), one.patient.number().as_str())).collect();
    assert_eq!(newborns, [(1, "90001"), (2, "90002")]);
    let before = of.pregnancies(at("2026-07-01"));
    assert_eq!((before[0].outcome, before[0].age.unwrap().to_string()), (Outcome::Pregnant, "25w4d".to_owned()));
    assert!(of.pregnancies(at("2026-01-01")).is_empty());
}

#[test]
fn a_second_pregnancy_is_another_and_the_first_without_an_end_is_not_known() {
    let mut entries = course();
    entries.truncate(12);
    entries.push(("2027-05-01", "registration", Some(60), word("単胎")));
    let of = chart(&entries);
    let known = of.pregnancies(at("2027-05-02"));
    let told: Vec<_> = known.iter().map(|one| (one.number, one.outcome, one.begun)).collect();
    assert_eq!(told, [(1, Outcome::NotKnown, day("2026-01-03")), (2, Outcome::Pregnant, day("2027-03-02")),]);
    assert_eq!(known[1].record.due.unwrap().basis().code(), "stated", "an age alone dates it where nothing else does");
    let alone = chart(&course()[..12]).pregnancies(at("2027-01-01"));
    assert_eq!(alone[0].outcome, Outcome::NotKnown, "fifty-two weeks later nobody said how it ended");
}

#[test]
fn what_is_noted_after_the_birth_is_of_the_same_pregnancy() {
    let mut entries = course();
    entries.push(("2026-10-03", "checkup", None, nothing()));
    entries.push(("2026-12-20", "weight", None, number(55.0, "kg")));
    let of = chart(&entries);
    let known = of.pregnancies(at("2026-12-30"));
    assert_eq!((known.len(), known[0].visits.len()), (1, 2), "and no check-up of it");
}

proptest! {
    #[test]
    fn the_order_of_records_means_nothing(
        order in Just((0..16).collect::<Vec<usize>>()).prop_shuffle(), now in 0_i64..400
    ) {
        let entries = course();
        let shuffled: Vec<Entered> = order.iter().map(|which| entries[*which].clone()).collect();
        let now = at("2026-01-01").plus_micros(now * 86_400_000_000);
        let tables = PerinatalTables::shipped();
        let told = |entries: &[Entered]| {
            let chart = chart(entries);
            let pregnancies = chart.pregnancies(now);
            let rules = MaternalRules { tables: &tables, now };
            let rulings: Vec<_> = pregnancies.iter().map(|one| chart.rulings(one, rules)).collect();
            (pregnancies, rulings)
        };
        prop_assert_eq!(told(&entries), told(&shuffled));
    }
}

#[test]
fn the_next_checkup_is_due_by_the_age_at_the_last() {
    let limits = RiskLimits::shipped();
    let due = |of: &Chart, now: &str| of.pregnancies(at(now)).last().unwrap().checkup_due(&limits);
    let mut of = chart(&[("2026-02-26", "due-date", None, word("2026-10-08"))]);
    assert_eq!(due(&of, "2026-03-01"), None, "neither registered nor seen");
    add(&mut of, &[("2026-03-01", "registration", None, word("単胎"))]);
    assert_eq!(due(&of, "2026-03-02"), Some(day("2026-03-29")), "four weeks after she was registered");
    // 23w6d, 24w0d, 36w0d
    for (on, next) in [("2026-06-17", "2026-07-15"), ("2026-06-18", "2026-07-02"), ("2026-09-10", "2026-09-17")] {
        add(&mut of, &[(on, "checkup", None, nothing())]);
        assert_eq!(due(&of, on), Some(day(next)), "{on}");
    }
    let own = RiskLimits::shipped().with("own", [(RiskLimit::CheckupsLate, 3.0)]).unwrap();
    assert_eq!(of.pregnancies(at("2026-09-11"))[0].checkup_due(&own), Some(day("2026-09-13")));
    add(&mut of, &[("2026-10-01", "delivery", None, word("vaginal"))]);
    assert_eq!(due(&of, "2026-10-02"), None, "the children are born");
}

// === rules ===

/// Dated and pregnant, with nothing else noted.
fn dated() -> Chart {
    chart(&[("2026-02-26", "due-date", None, word("2026-10-08"))])
}

fn add(chart: &mut Chart, entries: &[Entered]) {
    for one in entries {
        chart.learn(&entry(one), at(one.0), &facility("clinic")).unwrap();
    }
}

#[test]
fn a_shock_index_is_of_a_pulse_and_a_pressure_that_belong_together() {
    let mut of = dated();
    pressure(&mut of, "2026-10-01T10:00:00Z", 80.0, 50.0);
    of.learn(&sign("8867-4", 120.0, "/min"), at("2026-10-01T10:16:00Z"), &facility("clinic")).unwrap();
    assert_eq!(ruling(&of, Rule::Haemorrhage, "2026-10-01T11:00:00Z"), None, "sixteen minutes apart");
    of.learn(&sign("8867-4", 120.0, "/min"), at("2026-10-01T10:15:00Z"), &facility("clinic")).unwrap();
    let told = ruling(&of, Rule::Haemorrhage, "2026-10-01T11:00:00Z").unwrap();
    assert_eq!((told.said, told.class), (RulingSaid::Reached, Some("critical")));
    assert_eq!(keys(&told), ["shock-critical", "shock-abnormal"]);
    let index = &told.reached[0];
    assert_eq!((index.value, index.limit, index.unit), (Some(1.5), Some(1.5), "1"));
    assert!(index.source.unwrap().text.contains("産科危機的出血"));
    assert!(lacks(&told).is_empty(), "nothing makes it graver");
}

#[test]
fn bleeding_below_the_limits_is_not_said_while_the_index_is_missing() {
    let mut of = dated();
    add(
        &mut of,
        &[
            ("2026-10-01T10:00:00Z", "delivery", None, word("vaginal")),
            ("2026-10-01T10:05:00Z", "blood-loss", None, number(400.0, "mL")),
            ("2026-10-01T10:30:00Z", "blood-loss-by-eye", None, number(300.0, "mL")),
        ],
    );
    let told = ruling(&of, Rule::Haemorrhage, "2026-10-01T11:00:00Z").unwrap();
    assert_eq!(lacks(&told), ["dic-score", "fibrinogen", "shock-index"]);
    add(&mut of, &[("2026-10-01T10:40:00Z", "blood-loss", None, number(300.0, "mL"))]);
    let told = ruling(&of, Rule::Haemorrhage, "2026-10-01T11:00:00Z").unwrap();
    assert_eq!((told.said, keys(&told)), (RulingSaid::Reached, vec!["loss-vaginal"]));
    assert_eq!(told.reached[0].since, at("2026-10-01T10:40:00Z"));
    let usual = ruling(&of, Rule::BloodLoss, "2026-10-01T11:00:00Z").unwrap();
    assert_eq!((usual.said, keys(&usual)), (RulingSaid::Reached, vec!["usual-vaginal"]));
}

#[test]
fn where_it_was_not_said_how_she_gave_birth_only_what_holds_of_both_ways_is_said() {
    let mut of = dated();
    add(
        &mut of,
        &[
            ("2026-10-01T10:00:00Z", "delivery", None, word("出産")),
            ("2026-10-01T10:05:00Z", "blood-loss", None, number(1_500.0, "mL")),
        ],
    );
    let told = ruling(&of, Rule::Haemorrhage, "2026-10-01T11:00:00Z").unwrap();
    assert_eq!(told.said, RulingSaid::CannotBeSaid);
    assert!(lacks(&told).contains(&"delivery"));
    add(&mut of, &[("2026-10-01T10:20:00Z", "blood-loss", None, number(500.0, "mL"))]);
    let told = ruling(&of, Rule::Haemorrhage, "2026-10-01T11:00:00Z").unwrap();
    assert_eq!((told.said, told.class), (RulingSaid::Reached, Some("abnormal")));
}

#[test]
fn a_crisis_is_one_emergency_or_severe_for_a_quarter_of_an_hour() {
    let mut of = dated();
    let told = |of: &Chart| ruling(of, Rule::Crisis, "2026-09-01T12:00:00Z").unwrap();
    assert_eq!((told(&of).said, lacks(&told(&of))), (RulingSaid::CannotBeSaid, vec!["pressure"]));
    pressure(&mut of, "2026-09-01T10:00:00Z", 162.0, 100.0);
    let one = told(&of);
    assert_eq!((one.said, lacks(&one)), (RulingSaid::CannotBeSaid, vec!["pressure-again"]), "once is not for long");
    pressure(&mut of, "2026-09-01T10:15:00Z", 165.0, 112.0);
    let one = told(&of);
    assert_eq!(
        (one.said, one.class, keys(&one)),
        (RulingSaid::Reached, Some("persisting"), vec!["severe-systolic", "severe-diastolic"])
    );
    assert_eq!(one.reached[0].since, at("2026-09-01T10:00:00Z"));
    pressure(&mut of, "2026-09-01T10:30:00Z", 150.0, 95.0);
    assert_eq!(told(&of).said, RulingSaid::NotReached);
    pressure(&mut of, "2026-09-01T11:00:00Z", 182.0, 95.0);
    assert_eq!((told(&of).class, keys(&told(&of))), (Some("emergency"), vec!["emergency-systolic"]));
}

#[test]
fn a_hypertensive_disorder_says_its_kind_since_when_and_what_was_not_looked_at() {
    let mut of = dated();
    pressure(&mut of, "2026-03-01", 118.0, 70.0);
    let told = |of: &Chart| ruling(of, Rule::Hypertension, "2026-09-02").unwrap();
    assert_eq!((told(&of).said, told(&of).class), (RulingSaid::NotReached, Some("not-hypertensive")));
    pressure(&mut of, "2026-08-01", 142.0, 88.0);
    pressure(&mut of, "2026-09-01", 148.0, 92.0);
    let one = told(&of);
    assert_eq!((one.said, one.class), (RulingSaid::Reached, Some("GH")));
    assert_eq!(one.reached[0].since, at("2026-08-01"));
    assert_eq!(lacks(&one).len(), 8, "preeclampsia is not ruled out: {:?}", lacks(&one));
    add(&mut of, &[("2026-09-01", "abdominal-pain", None, word("有"))]);
    let one = told(&of);
    assert_eq!((one.class, lacks(&one).len()), (Some("PE-severe"), 0));
    assert!(keys(&one).contains(&"abdominal-pain"));
    let before = Payload::Condition(Condition {
        code: coding(CodeSystem::Icd10, "I10"),
        clinical_status: "active".to_owned(),
        suspected: false,
        onset: Some(at("2020-01-01")),
        abated: None,
    });
    of.learn(&before, at("2026-09-01"), &facility("clinic")).unwrap();
    assert_eq!(told(&of).class, Some("SPE-severe"), "known from before the pregnancy");
    let undated = {
        let mut of = chart(&[("2026-08-01", "checkup", None, nothing())]);
        pressure(&mut of, "2026-08-01", 150.0, 90.0);
        told(&of)
    };
    assert_eq!((undated.class, lacks(&undated)), (Some("hypertensive"), vec!["due-date"]));
}

#[test]
fn the_score_calls_by_signs_of_one_hour_and_says_which_are_missing() {
    let mut of = dated();
    pressure(&mut of, "2026-09-01T10:00:00Z", 152.0, 80.0);
    let told = |of: &Chart| ruling(of, Rule::Meows, "2026-09-01T12:00:00Z").unwrap();
    let one = told(&of);
    assert_eq!((one.said, keys(&one)), (RulingSaid::CannotBeSaid, vec!["meows-yellow-systolic"]));
    assert_eq!(lacks(&one), ["breathing", "consciousness", "pulse", "saturation", "temperature"]);
    of.learn(&sign("8867-4", 101.0, "/min"), at("2026-09-01T10:30:00Z"), &facility("clinic")).unwrap();
    let one = told(&of);
    assert_eq!((one.said, one.class), (RulingSaid::Reached, Some("calls")), "two yellow");
    let limits: Vec<_> = one.reached.iter().map(|one| (one.key.code(), one.limit)).collect();
    assert_eq!(limits, [("meows-yellow-systolic", Some(150.0)), ("meows-yellow-pulse", Some(100.0))]);
    of.learn(&sign("8867-4", 101.0, "/min"), at("2026-09-01T11:10:00Z"), &facility("clinic")).unwrap();
    assert_eq!(told(&of).said, RulingSaid::CannotBeSaid, "the pressure is of another hour now");
}

#[test]
fn little_urine_counts_hour_by_hour() {
    let mut of = dated();
    let told = |of: &Chart| ruling(of, Rule::EarlyWarning, "2026-09-01T15:00:00Z").unwrap();
    pressure(&mut of, "2026-09-01T12:00:00Z", 118.0, 70.0);
    for (code, value, unit) in [("8867-4", 80.0, "/min"), ("9279-1", 16.0, "/min"), ("59408-5", 97.0, "%")] {
        of.learn(&sign(code, value, unit), at("2026-09-01T12:00:00Z"), &facility("clinic")).unwrap();
    }
    assert_eq!(lacks(&told(&of)), ["consciousness", "urine"]);
    add(
        &mut of,
        &[
            ("2026-09-01T12:00:00Z", "consciousness", None, word("alert")),
            ("2026-09-01T12:00:00Z", "urine", None, number(30.0, "mL/h")),
        ],
    );
    assert_eq!(
        (told(&of).said, lacks(&told(&of))),
        (RulingSaid::CannotBeSaid, vec!["urine"]),
        "the hour before is not known"
    );
    add(&mut of, &[("2026-09-01T13:00:00Z", "urine", None, number(20.0, "mL/h"))]);
    assert_eq!(keys(&told(&of)), ["merc-urine"]);
    add(&mut of, &[("2026-09-01T14:00:00Z", "urine", None, number(60.0, "mL/h"))]);
    assert_eq!(told(&of).said, RulingSaid::NotReached);
    add(&mut of, &[("2026-09-01T14:30:00Z", "consciousness", None, word("pain"))]);
    assert_eq!(keys(&told(&of)), ["merc-consciousness"]);
}

#[test]
fn labour_is_watched_from_five_centimetres_on_until_the_birth() {
    let mut of = dated();
    add(
        &mut of,
        &[
            ("2026-10-01T02:00:00Z", "dilatation", None, number(4.0, "cm")),
            ("2026-10-01T04:00:00Z", "dilatation", None, number(7.0, "cm")),
            ("2026-10-01T06:30:00Z", "fetal-heart-rate", None, number(140.0, "/min")),
        ],
    );
    assert_eq!(ruling(&of, Rule::LabourCare, "2026-10-01T03:00:00Z"), None);
    let told = |of: &Chart, now: &str| ruling(of, Rule::LabourCare, now).unwrap();
    let one = told(&of, "2026-10-01T06:59:00Z");
    assert_eq!(
        (one.said, lacks(&one)),
        (RulingSaid::CannotBeSaid, vec!["contractions", "pulse", "systolic", "temperature"])
    );
    let one = told(&of, "2026-10-01T07:30:00Z");
    assert_eq!((one.said, keys(&one)), (RulingSaid::Reached, vec!["lcg-7cm"]));
    assert_eq!(one.reached[0].since, at("2026-10-01T07:00:00Z"), "three hours after it was found");
    add(&mut of, &[("2026-10-01T06:40:00Z", "fetal-heart-rate/2", None, number(100.0, "/min"))]);
    assert!(keys(&told(&of, "2026-10-01T06:59:00Z")).contains(&"lcg-fetal-low"), "the other twin's rate counts too");
    add(&mut of, &[("2026-10-01T08:00:00Z", "delivery", None, word("vaginal"))]);
    assert_eq!(ruling(&of, Rule::LabourCare, "2026-10-01T09:00:00Z"), None);
}

#[test]
fn a_cervix_is_scored_when_all_five_are_known() {
    let mut of = dated();
    add(
        &mut of,
        &[
            ("2026-10-01T02:00:00Z", "dilatation", None, number(3.0, "cm")),
            ("2026-10-01T02:00:00Z", "effacement", None, number(60.0, "%")),
            ("2026-10-01T02:00:00Z", "station", None, number(-1.0, "cm")),
            ("2026-10-01T02:00:00Z", "consistency", None, word("軟")),
        ],
    );
    let told = |of: &Chart| ruling(of, Rule::Bishop, "2026-10-01T03:00:00Z").unwrap();
    assert_eq!((told(&of).said, lacks(&told(&of))), (RulingSaid::CannotBeSaid, vec!["position"]));
    add(&mut of, &[("2026-10-01T02:00:00Z", "position", None, word("middle"))]);
    let one = told(&of);
    assert_eq!((one.said, one.class, one.reached[0].value), (RulingSaid::Reached, Some("ripe"), Some(9.0)));
}

#[test]
fn a_glucose_test_is_whole_when_its_three_values_are_of_one_day() {
    let mut of = dated();
    let told = |of: &Chart| ruling(of, Rule::Glucose, "2026-09-01").unwrap();
    assert_eq!(told(&of).said, RulingSaid::CannotBeSaid);
    add(
        &mut of,
        &[
            ("2026-06-01", "glucose-fasting", None, number(85.0, "mg/dL")),
            ("2026-06-08", "glucose-1h", None, number(150.0, "mg/dL")),
            ("2026-06-08", "glucose-2h", None, number(120.0, "mg/dL")),
        ],
    );
    assert_eq!((told(&of).said, lacks(&told(&of))), (RulingSaid::CannotBeSaid, vec!["glucose-fasting"]));
    add(&mut of, &[("2026-06-08", "glucose-fasting", None, number(91.0, "mg/dL"))]);
    assert_eq!((told(&of).said, told(&of).class), (RulingSaid::NotReached, Some("neither")));
    add(&mut of, &[("2026-07-08", "glucose-fasting", None, number(92.0, "mg/dL"))]);
    let one = told(&of);
    assert_eq!((one.said, one.class, keys(&one)), (RulingSaid::Reached, Some("gestational"), vec!["glucose-fasting"]));
}

#[test]
fn nothing_is_said_twelve_weeks_after_a_birth() {
    let of = chart(&course());
    assert!(!rulings(&of, "2026-12-24").is_empty());
    assert!(rulings(&of, "2026-12-25").is_empty());
}

#[test]
fn a_facilitys_own_limit_holds_and_has_no_source() {
    let mut of = dated();
    pressure(&mut of, "2026-09-01", 132.0, 70.0);
    let mut tables = PerinatalTables::shipped();
    tables.maternal = tables.maternal.with("own-1", [(MaternalLimit::Systolic, 130.0)]).unwrap();
    let now = at("2026-09-02");
    let pregnancies = of.pregnancies(now);
    let told = of.rulings(&pregnancies[0], MaternalRules { tables: &tables, now });
    let one = told.iter().find(|one| one.rule == Rule::Hypertension).unwrap();
    assert_eq!((one.said, one.version.as_str()), (RulingSaid::Reached, "own-1"));
    assert_eq!((one.reached[0].limit, one.reached[0].source), (Some(130.0), None));
}

#[test]
fn a_chart_says_nothing_of_a_patient_in_debug() {
    let of = chart(&course());
    let shown = format!("{of:?} {:?}", of.notes[0]);
    assert!(!shown.contains("9000") && !shown.contains("双胎"), "{shown}");
    assert_eq!(of.reach, Reach::default());
    assert_eq!(GestationalAge::from_days(56).unwrap().to_string(), "8w0d");
}
