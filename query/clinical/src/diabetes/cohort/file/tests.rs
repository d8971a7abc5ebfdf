use super::*;
use crate::diabetes::cohort::{Within, named};
use crate::diabetes::{Check, CkdRisk, DiabetesType, DrugClass, Measure, NephropathyStage};
use model::CodeSystem;
use proptest::prelude::*;
use rust_decimal::Decimal;

fn refusal(text: &str) -> String {
    CohortFile::parse(text).unwrap_err().to_string()
}

fn file(of: &str) -> String {
    format!("name: a\nversion: '1'\nja: あ\nwhere:\n{of}")
}

#[test]
fn what_is_wrong_is_named_by_line_and_field() {
    let wrong = [
        ("name: a\nversion: '1'\nja: あ\nwhere: diabetes\nlimits: 3\n", 5, "limits"),
        (&file("  all:\n    - alive\n    - at-least: { measure: hba1d, value: 8.0 }\n"), 7, "`hba1d` is no measure"),
        (&file("  at-least: { measure: hba1c, value: 8.0, within: 3 }\n"), 5, "within"),
        (&file("  at-least: { measure: hba1c }\n"), 5, "value"),
        (&file("  at-least: { measure: hba1c, value: high }\n"), 5, "`value`: `high` is no number"),
        (&file("  stage-at-least: 6\n"), 5, "`6` is no stage of nephropathy: write one of 1, 2, 3, 4, 5"),
        (&file("  age: { from: 80, to: 70 }\n"), 0, "`age`: from 80 is later than to 70"),
        (&file("  coded: { system: icd10, begins: '' }\n"), 0, "`coded`"),
        (&file("  all: [alive, old]\n"), 5, "old"),
        ("name: A\nversion: '1'\nja: あ\nwhere: alive\n", 0, "`name`"),
        ("name: a\nversion: '1'\nja: あ\n", 0, "`where`: is missing"),
        ("name: a\nversion: '1'\nwhere: alive\n", 0, "`ja`"),
        ("name: a\nversion: '1'\nja: あ\nwhere: alive\nsql: SELECT 1\n", 0, "not both"),
        ("name: a\nja: あ\nwhere: alive\n", 3, "version"),
        ("name: [a]\n", 1, "`name`: expected string"),
        ("name: {a\n", 1, ""),
    ];
    for (text, line, said) in wrong {
        let found = CohortFile::parse(text).unwrap_err();
        assert!(found.line == line && found.to_string().contains(said), "{text}: {} {found}", found.line);
    }
    assert!(refusal(&file("  old\n")).starts_with("line 5: "), "{}", refusal(&file("  old\n")));
}

#[test]
fn a_statement_is_kept_as_written() {
    let text = "name: by-hand\nversion: '3'\nen: By hand\nsql: |\n  SELECT my_patient_id FROM condition\n  WHERE code LIKE 'E11%'\n";
    let found = CohortFile::parse(text).unwrap();
    let CohortFile::Sql { sql, ja, .. } = &found else { panic!("not a statement") };
    assert_eq!(
        (sql.as_str(), ja.as_str()),
        ("SELECT my_patient_id FROM condition\nWHERE code LIKE 'E11%'\n", "By hand")
    );
    assert_eq!(CohortFile::parse(&found.to_yaml()), Ok(found));
}

#[test]
fn a_file_costs_no_more_than_its_bounds() {
    let deep = format!("{}alive{}", "{not: ".repeat(40), "}".repeat(40));
    assert!(CohortFile::parse(&format!("name: a\nversion: '1'\nja: あ\nwhere: {deep}\n")).is_err());
    let wide = format!("  all: [{}]\n", vec!["alive"; 300].join(", "));
    assert!(refusal(&file(&wide)).contains("at most 200 criteria"));
    let bomb =
        "a: &a [x, x, x, x, x, x, x, x]\nb: &b [*a, *a, *a, *a, *a, *a, *a, *a]\nc: [*b, *b, *b, *b, *b, *b, *b, *b]\n";
    assert!(CohortFile::parse(bomb).is_err());
}

#[test]
fn the_shipped_files_are_in_the_one_spelling_but_for_their_remarks() {
    for cohort in named() {
        let file = CohortFile::Typed(cohort);
        assert_eq!(CohortFile::parse(&file.to_yaml()), Ok(file));
    }
}

fn any_criterion() -> impl Strategy<Value = Criterion> {
    let within = || prop_oneof![Just(Within::Ever), any::<u16>().prop_map(Within::Days)];
    let number = || (0_i64..100_000, 0_u32..4).prop_map(|(digits, scale)| Decimal::new(digits, scale));
    let measure = || prop::sample::select(Measure::all().collect::<Vec<_>>());
    let span = || (0_u16..500, 0_u16..500).prop_map(|(from, more)| (from, from + more));
    let system = prop::sample::select(vec![
        CodeSystem::Icd10,
        CodeSystem::Yj,
        CodeSystem::Other("http://x.example/a".to_owned()),
        CodeSystem::Local,
    ]);
    let leaf = prop_oneof![
        prop::sample::select(vec![
            Criterion::Diabetes,
            Criterion::RapidDecline,
            Criterion::FallingBelow60,
            Criterion::OverTreated,
            Criterion::Alive,
            Criterion::Admitted,
            Criterion::MovedAway,
            Criterion::GlucoseSinceBirth,
        ]),
        prop::sample::select(&DiabetesType::ALL[..]).prop_map(Criterion::Kind),
        span().prop_map(|(from, to)| Criterion::Age(from, to)),
        (measure(), number(), within()).prop_map(|(measure, value, within)| Criterion::AtLeast(measure, value, within)),
        (measure(), number(), within()).prop_map(|(measure, value, within)| Criterion::Below(measure, value, within)),
        prop::sample::select(&NephropathyStage::ALL[..]).prop_map(Criterion::StageAtLeast),
        prop::sample::select(&CkdRisk::ALL[..]).prop_map(Criterion::RiskAtLeast),
        prop::sample::select(&Check::ALL[..]).prop_map(Criterion::Overdue),
        any::<u16>().prop_map(Criterion::NotSeenFor),
        prop::sample::select(&DrugClass::ALL[..]).prop_map(Criterion::Takes),
        (system, "[A-Z][0-9]{1,2}(\\.[0-9])?|true|null|012|1e3", within())
            .prop_map(|(system, code, within)| Criterion::Coded(system, code, within)),
        span().prop_map(|(from, to)| Criterion::GestationalBirth(from, to)),
    ];
    leaf.prop_recursive(4, 40, 4, |inner| {
        prop_oneof![
            prop::collection::vec(inner.clone(), 0..4).prop_map(Criterion::All),
            prop::collection::vec(inner.clone(), 0..4).prop_map(Criterion::Any),
            inner.prop_map(|one| Criterion::Not(Box::new(one))),
        ]
    })
}

proptest! {
    /// What is written is read back as it was.
    #[test]
    fn a_file_is_read_as_it_is_written(
        criterion in any_criterion(), key in "[a-z][a-z0-9_-]{0,20}", version in "[0-9a-z.:-]{1,10}", ja in "[ぁ-ん\"'#:{} -]{1,10}", en in "[ -~]{1,20}",
    ) {
        prop_assume!(!version.trim().is_empty());
        let file = CohortFile::Typed(Cohort { key, version, ja, en, criterion });
        prop_assert_eq!(CohortFile::parse(&file.to_yaml()), Ok(file.clone()), "{}", file.to_yaml());
    }

    /// Whatever a file holds, it is a definition or a refusal.
    #[test]
    fn any_text_is_a_definition_or_a_refusal(text in "(name|version|where|all|not|: |\\n|  |- |[{}\\[\\],&*!|>'\"]|[a-z0-9]|\\PC){0,60}") {
        if let Ok(file) = CohortFile::parse(&text) {
            prop_assert_eq!(CohortFile::parse(&file.to_yaml()), Ok(file));
        }
    }
}
