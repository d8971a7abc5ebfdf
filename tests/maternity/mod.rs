//! Women of a hospital whose pregnancies a clinic is shown, and what is noted of them.

#![expect(clippy::unwrap_used, reason = "a test may stop where it stands, also in its helpers")]

use super::stage::{now, said};
use ajisai::bench::region;
use model::*;
use wire::v1;

const DAY: i64 = 86_400_000_000;

/// The clinic's own tables of growth: drawn for this test.
pub const TABLES: &str = "
version: 'test'
growth:
  - measure: weight
    source: 院内表（試験用）
    rows:
      - { age: 18w0d, mean: 220, deviation: 26 }
      - { age: 24w0d, mean: 660, deviation: 80 }
      - { age: 30w0d, mean: 1470, deviation: 175 }
      - { age: 36w0d, mean: 2500, deviation: 290 }
      - { age: 41w0d, mean: 3240, deviation: 380 }
  - measure: bpd
    source: 院内表（試験用）
    rows:
      - { age: 18w0d, mean: 40, deviation: 2.2 }
      - { age: 30w0d, mean: 75.5, deviation: 3.2 }
      - { age: 41w0d, mean: 94, deviation: 3.6 }
";

pub fn days_ago(days: i64) -> Moment {
    now().plus_micros(-days * DAY)
}

/// The day in Japan of a moment.
pub fn day(moment: Moment) -> String {
    moment.plus_micros(9 * 3_600_000_000).to_string().split('T').next().unwrap().to_owned()
}

fn number(value: f64, unit: &str) -> Value {
    Value::Quantity { value: (value * 10.0).round() / 10.0, unit: unit.to_owned(), comparator: String::new() }
}

fn word(text: &str) -> Value {
    Value::Text(text.to_owned())
}

fn record(woman: u32, id: &str, at: Moment, payload: Payload) -> v1::PublishRequest {
    let patient = PatientRef::new(region::source(0).unwrap(), PatientNumber::parse(&region::number(woman)).unwrap());
    let record = Record::new(
        patient,
        RecordId::parse(id).unwrap(),
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
    said(id, Body::Record(Box::new(record.unwrap())))
}

fn entry(woman: u32, code: &str, value: Value, at: Moment) -> v1::PublishRequest {
    let id = format!("{woman}/{code}/{}", at.micros());
    let code = Coding { system: CodeSystem::Local, code: code.to_owned(), display: String::new() };
    record(woman, &id, at, Payload::Perinatal(Perinatal { code, gestational_days: None, value }))
}

pub fn who(woman: u32, name: &str, kana: &str, born: jiff::civil::Date) -> v1::PublishRequest {
    let demographics = Demographics {
        name: name.to_owned(),
        kana: kana.to_owned(),
        birth_date: Some(born),
        sex: Sex::Female,
        postal_code: String::new(),
        address: String::new(),
        deceased: None,
    };
    record(woman, &format!("{woman}/who"), days_ago(300), Payload::Patient(demographics))
}

/// A pregnancy that began so many days ago; the last period as she remembered it was `off` days earlier.
pub fn registered(woman: u32, begun: i64, off: i64, children: &str) -> Vec<v1::PublishRequest> {
    let at = days_ago(begun - 60);
    let mut said = vec![
        entry(woman, "registration", word(children), at),
        entry(woman, "gravida", number(2.0, ""), at),
        entry(woman, "para", number(1.0, ""), at),
        entry(woman, "height", number(158.0, "cm"), at),
        entry(woman, "weight-before", number(52.0, "kg"), at),
        entry(woman, "last-period", word(&day(days_ago(begun + off))), at),
    ];
    if off != 0 {
        let dated = days_ago(begun - 74);
        let code = Coding { system: CodeSystem::Local, code: "ultrasound-dating".to_owned(), display: String::new() };
        let perinatal = Perinatal { code, gestational_days: Some(74), value: word("CRL") };
        said.push(record(woman, &format!("{woman}/dating"), dated, Payload::Perinatal(perinatal)));
    }
    said
}

/// A check-up so many days ago, of a pregnancy that began `begun` days ago.
pub fn checkup(woman: u32, (begun, ago): (i64, i64), raised: f64, protein: &str) -> Vec<v1::PublishRequest> {
    let (weeks, at) = ((begun - ago) as f64 / 7.0, days_ago(ago));
    vec![
        entry(woman, "weight", number(52.0 + 0.33 * (weeks - 8.0), "kg"), at),
        entry(woman, "systolic", number(114.0 + raised, "mm[Hg]"), at),
        entry(woman, "diastolic", number(68.0 + 0.8 * raised, "mm[Hg]"), at),
        entry(woman, "urine-protein", word(protein), at),
        entry(woman, "urine-glucose", word("-"), at),
        entry(woman, "fundal-height", number(weeks - 2.0, "cm"), at),
    ]
}

/// What ultrasound finds at the same time of a fetus that grows by a factor of the usual.
pub fn measured(woman: u32, (begun, ago): (i64, i64), fetus: u8, grows: f64) -> Vec<v1::PublishRequest> {
    let (weeks, at) = ((begun - ago) as f64 / 7.0, days_ago(ago));
    let bent = (weeks - 20.0) * (weeks - 30.0);
    let code = |code: &str| if fetus == 1 { code.to_owned() } else { format!("{code}/{fetus}") };
    let lie = if fetus == 1 { "cephalic" } else { "breech" };
    vec![
        entry(woman, &code("bpd"), number(grows * (47.0 + 2.85 * (weeks - 20.0) - 0.055 * bent), "mm"), at),
        entry(woman, &code("ac"), number(grows * (152.0 + 10.2 * (weeks - 20.0) - 0.12 * bent), "mm"), at),
        entry(woman, &code("fl"), number(grows * (31.0 + 2.4 * (weeks - 20.0) - 0.04 * bent), "mm"), at),
        entry(woman, &code("fetal-heart-rate"), number(141.0 + f64::from(fetus) * 5.0, "/min"), at),
        entry(woman, &code("presentation"), word(lie), at),
    ]
}

pub fn delivered(woman: u32, ago: i64) -> v1::PublishRequest {
    entry(woman, "delivery", word("vaginal"), days_ago(ago))
}

/// Monitoring that began so many minutes ago.
pub fn watched(woman: u32, minutes: i64) -> v1::PublishRequest {
    let at = now().plus_micros(-minutes * 60_000_000);
    record(woman, &format!("{woman}/bed"), at, super::stage::opening(woman, at))
}
