//! Pregnancies and what the maternal rules say, as a view shows them; a facility's own perinatal tables.

use crate::house;
use crate::laboratory::Counted;
use crate::region::{CLINIC, HOSPITAL, Region, STRANGER, facility, patient};
use arrow::util::display::{ArrayFormatter, FormatOptions};
use clinical::lab::Sites;
use futures::TryStreamExt;
use model::*;
use query::{Definitions, Door, Executor, Limits, ReadingRoom, SiteSource, Statement, ViewSource};
use std::fmt::Write as _;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::{SystemTime, UNIX_EPOCH};

/// What facilities have defined, in the place of the register.
struct Stated(Arc<Definitions>);

impl SiteSource for Stated {
    fn sites(&self) -> Arc<Sites> {
        Arc::default()
    }
    fn definitions(&self) -> Arc<Definitions> {
        Arc::clone(&self.0)
    }
}

const HOUR: i64 = 3_600_000_000;
pub const DAY: i64 = 24 * HOUR;

/// A moment so long before the statement's: what is said depends on it.
pub fn ago(micros: i64) -> Moment {
    let now = SystemTime::now().duration_since(UNIX_EPOCH).unwrap().as_micros();
    Moment::from_micros(i64::try_from(now).unwrap() - micros).unwrap()
}

pub fn put(region: &Region, of: PatientRef, at: Moment, payload: Payload) {
    static NEXT: AtomicU64 = AtomicU64::new(0);
    let id = format!("perinatal/{}", NEXT.fetch_add(1, Ordering::Relaxed));
    let made = Record::new(
        of,
        RecordId::parse(&id).unwrap(),
        Version::FIRST,
        payload.category(),
        at,
        at,
        Labels::NONE,
        None,
        Author { member: None, role: Role::Midwife },
        ChangeKind::Upsert,
        Some(payload),
    );
    region.say(Body::Record(Box::new(made.unwrap())));
}

fn number(value: f64, unit: &str) -> Value {
    Value::Quantity { value, unit: unit.to_owned(), comparator: String::new() }
}

pub fn word(text: &str) -> Value {
    Value::Text(text.to_owned())
}

pub fn entry(code: &str, days: Option<u32>, value: Value) -> Payload {
    let code = Coding { system: CodeSystem::Local, code: code.to_owned(), display: String::new() };
    Payload::Perinatal(Perinatal { code, gestational_days: days, value })
}

fn sign(code: &str, value: f64, unit: &str) -> Payload {
    let code = Coding { system: CodeSystem::Loinc, code: code.to_owned(), display: String::new() };
    Payload::VitalSign(VitalSign { code, value: number(value, unit) })
}

/// A woman of the hospital, whom the clinic knows as its first patient: twins, born an hour ago, and she bleeds. The hospital's
/// fourth patient, whom the clinic may not see, is pregnant too.
fn fill(region: &Region) {
    let of = || patient(HOSPITAL, 0);
    let begun = 260;
    let at = |day: i64| ago((begun - day) * DAY);
    put(region, of(), at(56), entry("registration", Some(56), word("双胎")));
    put(region, of(), at(56), entry("gravida", None, number(2.0, "")));
    for (day, grams) in [(150, 380.0), (210, 1_400.0)] {
        put(region, of(), at(day), entry("checkup", Some(u32::try_from(day).unwrap()), Value::Absent(String::new())));
        put(region, of(), at(day), entry("estimated-fetal-weight", None, number(grams, "g")));
    }
    for (code, mm) in [("bpd/2", 70.0), ("ac/2", 220.0), ("fl/2", 50.0)] {
        put(region, of(), at(210), entry(code, None, number(mm, "mm")));
    }
    for (code, value) in [("8480-6", 138.0), ("8462-4", 84.0)] {
        put(region, of(), at(210), sign(code, value, "mm[Hg]"));
    }
    put(region, of(), ago(HOUR), entry("delivery", None, word("帝王切開")));
    put(region, of(), ago(HOUR), entry("newborn/1", None, word("hospital-0007")));
    for (code, value, unit) in [("8480-6", 82.0, "mm[Hg]"), ("8462-4", 50.0, "mm[Hg]"), ("8867-4", 124.0, "/min")] {
        put(region, of(), ago(HOUR / 2), sign(code, value, unit));
    }
    put(region, patient(HOSPITAL, 3), ago(DAY), entry("registration", Some(70), word("単胎")));
    put(region, patient(STRANGER, 0), ago(DAY), entry("registration", Some(70), word("単胎")));
}

pub async fn rows(room: &Arc<ReadingRoom>, facility: &str, sql: &str) -> Vec<String> {
    let statement = Statement::new(room.read(sql).await.unwrap(), Door::Grpc);
    let answer = room.run(&house::principal(facility), statement).await.unwrap();
    let batches: Vec<arrow::record_batch::RecordBatch> = answer.rows.try_collect().await.unwrap();
    let options = FormatOptions::default().with_null("NULL");
    let mut told = Vec::new();
    for batch in batches {
        let columns: Vec<_> =
            batch.columns().iter().map(|column| ArrayFormatter::try_new(column, &options).unwrap()).collect();
        for row in 0..batch.num_rows() {
            let cells: Vec<String> = columns.iter().map(|column| column.value(row).to_string()).collect();
            told.push(cells.join(" | "));
        }
    }
    told
}

#[tokio::test]
async fn a_pregnancy_is_one_row_of_the_view_that_shows_it_and_no_others() {
    let region = Region::open().await;
    fill(&region);
    let of = async |facility: &str, sql: &str| rows(&region.room, facility, sql).await;
    let told = "SELECT my_patient_id, outcome, gravida, children, due_basis, checkups, ended_age, term, delivery, newborns, \
                sources, systolic FROM pregnancies";
    // An hour ago was yesterday, by the days of Japan, where the test runs within the first hour of one.
    let day = |at: Moment| (at.micros() + 9 * HOUR).div_euclid(DAY);
    let days_since = 260 - (day(ago(0)) - day(ago(HOUR)));
    let age = format!("{}w{}d", days_since / 7, days_since % 7);
    let row = format!(
        "clinic-0000 | born | 2 | 2 | stated | 2 | {age} | term | caesarean | [1 hospital hospital-0007] | [hospital] | 138.0"
    );
    assert_eq!(of(CLINIC, told).await, std::slice::from_ref(&row));
    let own = row.replace("clinic-0000", "hospital-0000");
    let hospital = of(HOSPITAL, &format!("{told} ORDER BY 1")).await;
    assert_eq!((hospital.len(), &hospital[0]), (2, &own), "its own patients");
    assert!(hospital[1].starts_with("hospital-0003 | pregnant | NULL | 1"), "{hospital:?}");
    assert_eq!(of(STRANGER, told).await.len(), 1, "its own alone");
    let growth = "SELECT unnest(growth) FROM pregnancies";
    let weight = 1.07 * 7.0_f64.powi(3) + 0.30 * 22.0 * 22.0 * 5.0;
    assert_eq!(
        of(CLINIC, growth).await,
        ["1 30w0d 1400 g stated".to_owned(), format!("2 30w0d {weight:.0} g formula")]
    );
    let checkups = "SELECT gestational_age, fetus, estimated_weight, estimated_how, systolic FROM pregnancy_checkups \
                    ORDER BY at, fetus";
    assert_eq!(
        of(CLINIC, checkups).await,
        [
            "21w3d | 1 | 380.0 | stated | NULL".to_owned(),
            "30w0d | 1 | 1400.0 | stated | 138.0".to_owned(),
            format!("30w0d | 2 | {weight:?} | formula | 138.0"),
        ]
    );
    let named = "SELECT count(*) FROM pregnancies WHERE my_patient_id IN ('clinic-0000', 'hospital-0003')";
    assert_eq!(of(CLINIC, named).await, ["1"], "a number of another facility is nobody's");

    region.withdraw(0);
    for table in ["pregnancies", "pregnancy_checkups", "maternal_warnings"] {
        assert_eq!(of(CLINIC, &format!("SELECT count(*) FROM {table}")).await, ["0"], "{table}");
    }
}

#[tokio::test]
async fn a_warning_says_which_limit_by_what_value_since_when_and_by_whose_word() {
    let region = Region::open().await;
    fill(&region);
    let of = async |sql: &str| rows(&region.room, CLINIC, sql).await;
    let bleeding = "SELECT said, class, limit_key, limit_value, round(value, 3), unit, certainty, source_text LIKE '%2022%', \
                    limit_own, at = since FROM maternal_warnings WHERE rule = 'haemorrhage' ORDER BY limit_key DESC";
    assert_eq!(
        of(bleeding).await,
        [
            "reached | critical | shock-critical | 1.5 | 1.512 | 1 | A | true | false | true",
            "reached | critical | shock-abnormal | 1.0 | 1.512 | 1 | A | true | false | true",
        ]
    );
    let score = "SELECT said, unnest(missing) FROM maternal_warnings WHERE rule = 'glucose'";
    assert_eq!(
        of(score).await,
        [
            "cannot-be-said | glucose-1h not-measured",
            "cannot-be-said | glucose-2h not-measured",
            "cannot-be-said | glucose-fasting not-measured",
        ]
    );
    let others = "SELECT rule, said, class, limit_key FROM maternal_warnings WHERE rule IN ('meows', 'hypertensive-crisis', \
                  'hypertensive-disorder', 'early-warning') ORDER BY 1, 4";
    assert_eq!(
        of(others).await,
        [
            "early-warning | reached | calls | merc-pulse-high",
            "early-warning | reached | calls | merc-systolic-low",
            "hypertensive-crisis | not-reached | none | NULL",
            "hypertensive-disorder | not-reached | not-hypertensive | NULL",
            "meows | reached | calls | meows-red-pulse",
            "meows | reached | calls | meows-red-systolic",
        ]
    );
    // what lies with a facility that does not open it is not called unmeasured
    put(&region, patient(CLINIC, 1), ago(DAY), entry("registration", Some(100), word("単胎")));
    let missing = "SELECT unnest(missing) FROM maternal_warnings WHERE rule = 'hypertensive-crisis' AND my_patient_id = 'clinic-0001'";
    assert_eq!(of(missing).await, ["pressure not-measured"]);
    region.withdraw(1);
    assert_eq!(of(missing).await, ["pressure not-consented hospital"]);
    let elsewhere = "SELECT elsewhere, elsewhere_at FROM pregnancies WHERE my_patient_id = 'clinic-0001'";
    assert_eq!(of(elsewhere).await, ["not-consented | hospital"]);
}

#[tokio::test]
async fn a_checkup_is_due_by_the_age_at_the_last_and_what_was_not_looked_at_says_why() {
    let region = Region::open().await;
    let of = || patient(HOSPITAL, 0);
    put(&region, of(), ago(100 * DAY), entry("registration", Some(70), word("単胎")));
    put(&region, of(), ago(100 * DAY), entry("height", None, number(158.0, "cm")));
    put(&region, of(), ago(100 * DAY), entry("history", None, word("smokes")));
    let due = "SELECT gestational_age, height, history, CAST(checkup_due AS date) - CAST(registered_at + INTERVAL '9 hours' AS date) \
               FROM pregnancies";
    let told = rows(&region.room, CLINIC, due).await;
    assert!(
        told.len() == 1 && told[0].starts_with("24w2d | 158.0 | [smokes] | ") && told[0].contains("28"),
        "{told:?}"
    );
    // a check-up at 24 weeks: the next after two
    put(&region, of(), ago(DAY), entry("checkup", Some(169), Value::Absent(String::new())));
    put(&region, of(), ago(DAY), entry("estimated-fetal-weight", Some(169), number(640.0, "g")));
    let due = "SELECT CAST(checkup_due AS date) - CAST(last_checkup_at + INTERVAL '9 hours' AS date) FROM pregnancies";
    let told = rows(&region.room, CLINIC, due).await;
    assert!(told.len() == 1 && told[0].contains("14"), "{told:?}");
    let why = "SELECT unnest(risk_not_looked_at) FROM pregnancies";
    let told = rows(&region.room, CLINIC, why).await;
    for one in ["body-mass-index not-measured", "pressure not-measured", "growth-table not-stated"] {
        assert!(told.iter().any(|row| row == one), "{one}: {told:?}");
    }
    region.withdraw(0);
    assert!(rows(&region.room, CLINIC, due).await.is_empty());
    // hers here, and more may lie where it is not open
    put(&region, patient(CLINIC, 0), ago(DAY), entry("registration", Some(100), word("単胎")));
    let told = rows(&region.room, CLINIC, why).await;
    assert!(told.iter().any(|row| row == "pressure not-consented hospital"), "{told:?}");
}

fn kin(id: &str, newborn: usize, fetus: u32) -> Body {
    let (id, by) = (LinkId::parse(id).unwrap(), MemberId::parse("dr@hospital").unwrap());
    let mut kinship = Kinship::new(id, patient(HOSPITAL, 0), patient(HOSPITAL, newborn), by, ago(0)).unwrap();
    kinship.fetus = Some(FetusNumber::new(fetus).unwrap());
    Body::Directory(DirectoryChange::Kinship(KinshipChange::Stated(kinship)))
}

#[tokio::test]
async fn twins_go_on_under_their_own_numbers_where_the_viewer_may_know_both() {
    let region = Region::open().await;
    fill(&region);
    region.say(kin("kin-1", 1, 2));
    region.say(kin("kin-2", 3, 1));
    let mine = async |facility: &str| {
        let sql = "SELECT my_patient_id, newborns_mine FROM pregnancies WHERE outcome = 'born'";
        rows(&region.room, facility, sql).await
    };
    assert_eq!(mine(HOSPITAL).await, ["hospital-0000 | [1 hospital-0003, 2 hospital-0001]"]);
    // the clinic is linked to the second twin and has their consent; of the first it knows nothing
    assert_eq!(mine(CLINIC).await, ["clinic-0000 | [2 clinic-0001]"]);
    region.withdraw(1);
    assert_eq!(mine(CLINIC).await, ["clinic-0000 | []"], "the mother's consent is not the newborn's");
    region.consent(1);
    let end = KinshipEnd {
        id: LinkId::parse("kin-1").unwrap(),
        mother: patient(HOSPITAL, 0),
        by: MemberId::parse("dr@hospital").unwrap(),
        at: ago(0),
    };
    region.say(Body::Directory(DirectoryChange::Kinship(KinshipChange::Ended(end))));
    assert_eq!(mine(CLINIC).await, ["clinic-0000 | []"]);
    assert_eq!(mine(HOSPITAL).await, ["hospital-0000 | [1 hospital-0003]"]);
}

#[tokio::test]
async fn what_is_read_for_a_pregnancy_is_counted() {
    let region = Region::open().await;
    fill(&region);
    (0..11).for_each(|at| minute(&region, at));
    region.views.store().commit().await.unwrap();
    let counted = Arc::new(Counted { views: Arc::clone(&region.views), tallies: parking_lot::Mutex::default() });
    let source: Arc<dyn ViewSource> = Arc::clone(&counted) as Arc<dyn ViewSource>;
    let room = ReadingRoom::open(source, Limits::default(), Executor::start(2).unwrap()).unwrap();
    let of = async |sql: &str| {
        counted.tallies.lock().clear();
        let told = rows(&room, CLINIC, sql).await;
        let tally = counted.tallies.lock().pop().unwrap().take();
        let of = |category| tally.iter().filter(|(_, of, _)| *of == category).map(|(_, _, rows)| rows).sum::<u64>();
        (told.len(), of(Category::Perinatal), of(Category::VitalSign), of(Category::Laboratory))
    };
    assert_eq!(of("SELECT * FROM pregnancies").await, (1, 11, 5, 4));
    assert_eq!(
        of("SELECT * FROM pregnancies WHERE my_patient_id = 'clinic-0001'").await,
        (0, 0, 0, 0),
        "of who is not pregnant nothing is read"
    );
    let (_, entries, vital_signs, results) = of("SELECT * FROM ctg_windows").await;
    assert_eq!((entries, vital_signs, results), (11, 0, 0), "a bed's week asks for entries alone");
}

// === a facility's own tables ===

const OWN: &str = "
version: '2026-11'
ctg: { contraction-rise: 15 }
maternal: { hypertension-systolic: 135 }
jsog: { by: 産科部長, on: 2026-11-20, document: 産科編2023 }
growth:
  - measure: weight
    source: 院内表
    rows:
      - { age: 20w0d, mean: 300, deviation: 40 }
      - { age: 30w0d, mean: 1500, deviation: 100 }
";

fn define(definitions: &mut Definitions, offset: u64, of: &str, text: &str) {
    let name = DefinitionName::parse("perinatal").unwrap();
    let definition = Definition::new(facility(of), DefinitionKind::Perinatal, name, text.to_owned()).unwrap();
    definitions.apply(Position::new(0, offset), ago(0), &definition).unwrap();
}

/// A minute of a bed of the hospital's first patient.
fn minute(region: &Region, minute: i64) {
    let rate = |at: i64| 140.0 + 6.0 * (at as f32 / 9.0).sin();
    of_bed(region, (0, "bed-1"), ago(30 * DAY - minute * 60_000_000), (minute, rate));
}

/// A minute of a bed of one of the hospital's patients.
pub fn of_bed(region: &Region, (of, session): (usize, &str), at: Moment, (minute, rate): (i64, fn(i64) -> f32)) {
    let frame = |channel: WaveformChannel, value: fn(i64) -> f32| WaveformFrame {
        channel,
        samples: (0..240).map(value).collect(),
        quality: vec![FrameQuality::Good; 240],
    };
    let payload = Payload::Waveform(Waveform {
        session: session.to_owned(),
        device: "CTG-1".to_owned(),
        hertz: 4.0,
        sequence: u64::try_from(minute).unwrap(),
        frames: vec![
            frame(WaveformChannel::FetalHeartRate(1), rate),
            frame(WaveformChannel::UterineActivity, |at| 8.0 + (at % 3) as f32),
        ],
        hops: Hops::default(),
        held_back: false,
    });
    put(region, patient(HOSPITAL, of), at, payload);
}

#[tokio::test]
async fn a_bed_is_read_by_the_week_of_the_pregnancy_that_the_view_shows_and_says_which() {
    let region = Region::open().await;
    fill(&region);
    // each minute a rise of twelve beats for fourteen seconds: an acceleration before 32 weeks, and none after
    let rate = |at: i64| 140.0 + 2.0 * (at as f32 / 9.0).sin() + if (40..96).contains(&at) { 12.0 } else { 0.0 };
    for minute in 0..21 {
        let at = ago(50 * DAY - minute * 60_000_000);
        of_bed(&region, (0, "bed-1"), at, (minute, rate));
        of_bed(&region, (1, "bed-2"), at, (minute, rate));
    }
    let told = "SELECT my_patient_id, week, array_to_string(little_reserve, '+') AS reserve, sum(accelerations) > 0 FROM ctg_windows \
                WHERE not_assessable IS NULL GROUP BY 1, 2, 3 ORDER BY 1";
    assert_eq!(
        rows(&region.room, HOSPITAL, told).await,
        ["hospital-0000 | 30w0d |  | true", "hospital-0001 | unknown |  | false"]
    );
    let events = "SELECT count(*) > 0 FROM ctg_events WHERE kind = 'acceleration' AND my_patient_id = 'hospital-0001'";
    assert_eq!(rows(&region.room, HOSPITAL, events).await, ["false"]);
    put(&region, patient(HOSPITAL, 0), ago(60 * DAY), entry("uteroplacental", None, word("有")));
    let clinic = "SELECT DISTINCT week, array_to_string(little_reserve, '+') FROM ctg_windows WHERE session = 'bed-1'";
    assert_eq!(
        rows(&region.room, CLINIC, clinic).await,
        ["30w0d | uteroplacental"],
        "by the entries that are open to it"
    );
}

#[tokio::test]
async fn a_facilitys_own_tables_hold_for_it_and_for_nobody_else_and_its_matrix_names_who_confirmed_it() {
    let region = Region::open().await;
    fill(&region);
    (0..21).for_each(|at| minute(&region, at));
    let mut definitions = Definitions::default();
    define(&mut definitions, 1, CLINIC, OWN);
    let source: Arc<dyn ViewSource> = Arc::clone(&region.views) as Arc<dyn ViewSource>;
    let stated = Arc::new(Stated(Arc::new(definitions)));
    let room = ReadingRoom::open_with(source, stated, Limits::default(), Executor::start(2).unwrap()).unwrap();
    let hypertension = "SELECT said, class, limit_key, limit_value, limit_own, certainty, version FROM maternal_warnings \
                        WHERE rule = 'hypertensive-disorder' AND my_patient_id LIKE '%-0000'";
    assert_eq!(
        rows(&room, CLINIC, hypertension).await,
        ["reached | GH | hypertension-systolic | 135.0 | true | NULL | 2026-11"]
    );
    let shipped = rows(&room, HOSPITAL, hypertension).await;
    assert_eq!(shipped.len(), 1);
    assert!(shipped[0].starts_with("not-reached | not-hypertensive"), "{shipped:?}");
    let small = "SELECT smallest_deviation, unnest(risk_factors) FROM pregnancies WHERE my_patient_id LIKE '%-0000'";
    let told = rows(&room, CLINIC, small).await;
    assert!(told.iter().any(|row| row.ends_with("children 2")), "{told:?}");
    assert!(told.iter().any(|row| row.contains("| small 2 -4.")), "{told:?}");
    let growth = "SELECT DISTINCT growth_table FROM pregnancy_checkups WHERE deviations IS NOT NULL";
    assert_eq!(rows(&room, CLINIC, growth).await, ["院内表"]);
    assert!(rows(&room, HOSPITAL, growth).await.is_empty(), "no deviation without a table of its own");
    let bands = "SELECT measure, gestational_age, mean, deviation, unit, source_text FROM growth_tables ORDER BY gestational_days";
    assert_eq!(
        rows(&room, CLINIC, bands).await,
        ["weight | 20w0d | 300.0 | 40.0 | g | 院内表", "weight | 30w0d | 1500.0 | 100.0 | g | 院内表"]
    );
    assert!(rows(&room, HOSPITAL, bands).await.is_empty(), "another facility's table is its own");
    let levels = "SELECT DISTINCT jsog_unverified, jsog_version, jsog_confirmed_by FROM ctg_windows WHERE jsog_level IS NOT NULL";
    assert_eq!(rows(&room, CLINIC, levels).await, ["false | 2026-11 | clinic: 産科編2023 (産科部長, 2026-11-20)"]);
    let unverified = rows(&room, HOSPITAL, levels).await;
    assert_eq!(unverified.len(), 1);
    assert!(unverified[0].starts_with("true | ") && unverified[0].ends_with("| NULL"), "{unverified:?}");
}

#[test]
fn what_is_no_table_is_refused_with_its_line_and_what_held_goes_on() {
    let mut definitions = Definitions::default();
    define(&mut definitions, 1, CLINIC, OWN);
    let stated = |name: &str, text: &str| {
        let name = DefinitionName::parse(name).unwrap();
        Definition::new(facility(CLINIC), DefinitionKind::Perinatal, name, text.to_owned()).unwrap()
    };
    let refused = |name: &str, text: &str| definitions.rehearse(&stated(name, text)).unwrap_err().to_string();
    assert!(refused("mine", OWN).contains("stated under `perinatal`"));
    assert!(refused("perinatal", "version: a\nctg:\n  lost-part: 0.9\n").starts_with("line 3: `ctg`"));
    assert_eq!(definitions.perinatal(&facility(CLINIC)).jsog.version(), "2026-11");
    assert_eq!(definitions.rehearse(&stated("perinatal", "version: b\n")), Ok(2));
    define(&mut definitions, 2, CLINIC, "");
    let taken_back = definitions.perinatal(&facility(CLINIC));
    assert!(Arc::ptr_eq(&taken_back, &clinical::perinatal::PerinatalTables::shared()));
}

#[test]
fn the_readme_of_query_documents_these_tables_as_they_are() {
    let mut text = String::new();
    for (name, columns) in query::perinatal_table_columns() {
        write!(text, "### `{name}`\n\n| column | type | NULL | meaning | 意味 |\n| --- | --- | --- | --- | --- |\n")
            .unwrap();
        for views::table::Column { name, kind, nullable, en, ja } in columns {
            let null = if *nullable { "yes" } else { "no" };
            writeln!(text, "| `{name}` | {} | {null} | {en} | {ja} |", kind.sql()).unwrap();
        }
        text.push('\n');
    }
    check_section(
        concat!(env!("CARGO_MANIFEST_DIR"), "/README.md"),
        ("<!-- perinatal: begin -->\n", "<!-- perinatal: end -->"),
        &text,
    );
}

#[test]
fn the_page_on_perinatal_records_lists_the_codes_as_they_are_read() {
    let mut text = String::from("| code | JLAC10 | LOINC | what | 内容 |\n| --- | --- | --- | --- | --- |\n");
    for (local, jlac10, loinc, en, ja) in clinical::perinatal::chart::chart_codes() {
        writeln!(text, "| `{local}` | {jlac10} | {loinc} | {en} | {ja} |").unwrap();
    }
    check_section(
        concat!(env!("CARGO_MANIFEST_DIR"), "/../docs/perinatal.md"),
        ("<!-- codes: written by query/tests/integration/perinatal.rs -->\n", "<!-- codes: end -->"),
        &text,
    );
}

#[track_caller]
fn check_section(path: &str, (begin, end): (&str, &str), text: &str) {
    let page = std::fs::read_to_string(path).expect("the page");
    let (head, rest) = page.split_once(begin).expect("the mark where the section begins");
    let (found, tail) = rest.split_once(end).expect("the mark where the section ends");
    if std::env::var_os("UPDATE_EXPECT").is_some() {
        std::fs::write(path, format!("{head}{begin}{text}{end}{tail}")).unwrap();
        return;
    }
    assert_eq!(found, text, "run with UPDATE_EXPECT=1 to write the section anew");
}
