//! From rows of a view's tables to facts, person by person.

use super::known::Known;
use super::persons::PersonFacts;
use crate::lab::read::{Inputs, column, floats, number, text, texts, times};
use clinical::diabetes::cgm::{is_sensor, management_indicators, sensor_value};
use clinical::diabetes::{Dated, Facts, Measure, Reading, of_epoch};
use clinical::lab::{Decimal, Sites};
use datafusion::arrow::array::{Array, Int64Array, RecordBatch, StringArray, TimestampMicrosecondArray};
use datafusion::common::cast::{as_boolean_array, as_date32_array, as_int64_array};
use datafusion::common::{DataFusionError, Result};
use model::{
    Category, CodeSystem, Coding, Condition, Demographics, Encounter, EncounterClass, FacilityId, LabStatus,
    Medication, Moment, PatientNumber, Payload, Perinatal, Sex, Value, VitalSign,
};
use std::collections::{BTreeMap, HashMap};

/// The tables facts are read from, and the columns of each, in its order.
pub(super) const READ: &[(Category, &[&str])] = &[
    (
        Category::Patient,
        &["source", "my_patient_id", "record_id", "occurred", "recorded", "birth_date", "sex", "deceased"],
    ),
    (
        Category::Laboratory,
        &[
            "source",
            "my_patient_id",
            "occurred",
            "code_system",
            "code",
            "value_number",
            "comparator",
            "unit",
            "value_code",
            "value_text",
            "specimen",
            "status",
        ],
    ),
    (
        Category::VitalSign,
        &["source", "my_patient_id", "occurred", "code_system", "code", "value_number", "comparator", "unit"],
    ),
    (Category::Condition, &["source", "my_patient_id", "occurred", "code_system", "code", "suspected"]),
    (Category::Medication, &["source", "my_patient_id", "occurred", "code_system", "code", "status", "days"]),
    (Category::Encounter, &["source", "my_patient_id", "occurred", "class", "status", "start_at", "end_at"]),
    (Category::Perinatal, &["source", "my_patient_id", "occurred", "code_system", "code", "gestational_days"]),
];

/// What a fact is taken to hold, with its share of what grows.
const FACT: usize = 192;

/// What was read so far of some persons.
pub(super) struct Gathered<'a> {
    facility: &'a FacilityId,
    sites: &'a Sites,
    numbers: &'a [PatientNumber],
    places: HashMap<&'a str, usize>,
    persons: Vec<Person>,
    known: Known,
}

#[derive(Default)]
struct Person {
    /// Whether the view shows anything of them.
    seen: bool,
    facts: Facts,
    /// What records say of who they are.
    said: Vec<Said>,
    /// Readings of glucose sensors, by source.
    worn: BTreeMap<FacilityId, Vec<(Moment, f64)>>,
}

/// What one record says of who a person is, and what it is ranked by.
struct Said {
    own: bool,
    recorded: i64,
    source: String,
    record: String,
    demographics: Demographics,
}

impl<'a> Gathered<'a> {
    /// Nothing yet of these persons of a facility.
    pub(super) fn of(numbers: &'a [PatientNumber], facility: &'a FacilityId, sites: &'a Sites) -> Self {
        let places = numbers.iter().enumerate().map(|(at, number)| (number.as_str(), at)).collect();
        let persons = numbers.iter().map(|_| Person::default()).collect();
        Self { facility, sites, numbers, places, persons, known: Known::default() }
    }

    /// Takes in rows of a category's table, with the columns of [`READ`]; about how many bytes they hold now.
    pub(super) fn add(&mut self, category: Category, batch: &RecordBatch) -> Result<usize> {
        let rows = Rows::of(batch)?;
        match category {
            Category::Patient => self.patients(&rows, batch)?,
            Category::Laboratory => self.results(&rows, batch)?,
            Category::VitalSign => self.signs(&rows, batch)?,
            Category::Condition => self.conditions(&rows, batch)?,
            Category::Medication => self.drugs(&rows, batch)?,
            Category::Encounter => self.encounters(&rows, batch)?,
            Category::Perinatal => self.pregnancies(&rows, batch)?,
            _ => return Err(DataFusionError::Internal("no facts are read from this table".to_owned())),
        }
        Ok(FACT * batch.num_rows())
    }

    /// Those of whom nothing was shown so far.
    pub(super) fn unseen(&self) -> Vec<PatientNumber> {
        let unseen = self.numbers.iter().zip(&self.persons).filter(|(_, person)| !person.seen);
        unseen.map(|(number, _)| number.clone()).collect()
    }

    /// Takes in that something is shown of these persons, with the column `my_patient_id` alone.
    pub(super) fn see(&mut self, batch: &RecordBatch) -> Result<()> {
        let mine = texts(batch, "my_patient_id")?;
        for row in 0..batch.num_rows() {
            self.person(text(mine, row));
        }
        Ok(())
    }

    /// The persons in the order of their numbers; `None` for one of whom nothing was shown.
    pub(super) fn finish(self) -> impl Iterator<Item = Option<PersonFacts>> {
        self.numbers.iter().zip(self.persons).map(|(number, person)| {
            let Person { seen, mut facts, mut said, worn } = person;
            // What the facility itself knows holds before what others do, and what was written down last before what was earlier.
            said.sort_by(|a, b| {
                let rank = |said: &Said| (!said.own, -said.recorded);
                rank(a).cmp(&rank(b)).then_with(|| (&a.source, &a.record).cmp(&(&b.source, &b.record)))
            });
            for said in said {
                // Who a person is holds at any moment and makes no reading that could be refused.
                let Ok(at) = Moment::from_micros(said.recorded) else { continue };
                let Ok(source) = FacilityId::parse(&said.source) else { continue };
                let _ = facts.learn(&Payload::Patient(said.demographics), at, &source);
            }
            for (source, readings) in worn {
                let indicators = management_indicators(readings).into_iter().filter_map(|(at, gmi)| {
                    // hundredths, as it is reported
                    let value = Decimal::try_from(gmi).ok()?.round_dp(2);
                    Some(Dated { value: Reading::new(Measure::Gmi, value).ok()?, at, source: source.clone() })
                });
                facts.readings.extend(indicators);
            }
            facts.mark_admissions();
            seen.then(|| PersonFacts { number: number.clone(), facts })
        })
    }

    fn person(&mut self, number: &str) -> Option<&mut Person> {
        let person = self.persons.get_mut(*self.places.get(number)?)?;
        person.seen = true;
        Some(person)
    }

    /// Teaches each row's person what the row says. What no patient has is no reading.
    fn learn(&mut self, rows: &Rows<'_>, says: impl Fn(usize) -> Option<Payload>) {
        let mut sources = Sources::default();
        for row in 0..rows.len {
            let Some(person) = self.person(text(rows.mine, row)) else { continue };
            let (Some(at), Some(source)) = (rows.at(row), sources.of(text(rows.sources, row))) else { continue };
            if let Some(payload) = says(row) {
                let _ = person.facts.learn(&payload, at, source);
            }
        }
    }

    fn patients(&mut self, rows: &Rows<'_>, batch: &RecordBatch) -> Result<()> {
        let (records, recorded) = (texts(batch, "record_id")?, times(batch, "recorded")?);
        let (births, sexes) = (as_date32_array(column(batch, "birth_date")?)?, texts(batch, "sex")?);
        let deceased = times(batch, "deceased")?;
        for row in 0..rows.len {
            let source = text(rows.sources, row);
            let own = source == self.facility.as_str();
            let Some(person) = self.person(text(rows.mine, row)) else { continue };
            let demographics = Demographics {
                name: String::new(),
                kana: String::new(),
                birth_date: births.is_valid(row).then(|| births.value(row)).and_then(of_epoch),
                sex: by_code(&Sex::ALL, text(sexes, row), Sex::code).unwrap_or(Sex::Unknown),
                postal_code: String::new(),
                address: String::new(),
                deceased: moment(deceased, row),
            };
            let (source, record) = (source.to_owned(), text(records, row).to_owned());
            person.said.push(Said { own, recorded: recorded.value(row), source, record, demographics });
        }
        Ok(())
    }

    fn results(&mut self, rows: &Rows<'_>, batch: &RecordBatch) -> Result<()> {
        let sites = self.sites;
        let (inputs, statuses, codes) = (Inputs::of_values(batch, sites)?, texts(batch, "status")?, Codes::of(batch)?);
        let (values, comparators, units) =
            (floats(batch, "value_number")?, texts(batch, "comparator")?, texts(batch, "unit")?);
        let mut sources = Sources::default();
        let mut known = std::mem::take(&mut self.known);
        let mut readings = known.of(&inputs);
        for row in 0..rows.len {
            let Some(person) = self.person(text(rows.mine, row)) else { continue };
            if text(statuses, row) == LabStatus::Cancelled.code() {
                continue;
            }
            let (Some(at), Some(source)) = (rows.at(row), sources.of(text(rows.sources, row))) else { continue };
            if codes.is_sensor(row) {
                // a mark for low or high (`<40`) is no reading
                let exact = text(comparators, row).is_empty();
                let value = number(values, row).filter(|_| exact);
                if let Some(value) = value.and_then(|value| sensor_value(value, text(units, row))) {
                    person.worn.entry(source.clone()).or_default().push((at, value));
                }
                continue;
            }
            if let Some(value) = readings.read(row) {
                person.facts.readings.push(Dated { value: value.clone(), at, source: source.clone() });
            }
        }
        self.known = known;
        Ok(())
    }

    fn signs(&mut self, rows: &Rows<'_>, batch: &RecordBatch) -> Result<()> {
        let codes = Codes::of(batch)?;
        let (values, comparators, units) =
            (floats(batch, "value_number")?, texts(batch, "comparator")?, texts(batch, "unit")?);
        self.learn(rows, |row| {
            let (unit, comparator) = (text(units, row).to_owned(), text(comparators, row).to_owned());
            let value = Value::Quantity { value: number(values, row)?, unit, comparator };
            Some(Payload::VitalSign(VitalSign { code: codes.coding(row), value }))
        });
        Ok(())
    }

    fn conditions(&mut self, rows: &Rows<'_>, batch: &RecordBatch) -> Result<()> {
        let (codes, suspected) = (Codes::of(batch)?, as_boolean_array(column(batch, "suspected")?)?);
        self.learn(rows, |row| {
            let suspected = suspected.is_valid(row) && suspected.value(row);
            let clinical_status = String::new();
            let (onset, abated) = (None, None);
            Some(Payload::Condition(Condition { code: codes.coding(row), clinical_status, suspected, onset, abated }))
        });
        Ok(())
    }

    fn drugs(&mut self, rows: &Rows<'_>, batch: &RecordBatch) -> Result<()> {
        let (codes, statuses, days) = (Codes::of(batch)?, texts(batch, "status")?, longs(batch, "days")?);
        self.learn(rows, |row| {
            Some(Payload::Medication(Medication {
                code: codes.coding(row),
                status: text(statuses, row).to_owned(),
                dosage: String::new(),
                quantity: None,
                quantity_unit: String::new(),
                days: count(days, row),
            }))
        });
        Ok(())
    }

    fn encounters(&mut self, rows: &Rows<'_>, batch: &RecordBatch) -> Result<()> {
        let (classes, statuses) = (texts(batch, "class")?, texts(batch, "status")?);
        let (starts, ends) = (times(batch, "start_at")?, times(batch, "end_at")?);
        self.learn(rows, |row| {
            Some(Payload::Encounter(Encounter {
                class: by_code(&EncounterClass::ALL, text(classes, row), EncounterClass::code)?,
                status: text(statuses, row).to_owned(),
                reason: Coding::default(),
                start: moment(starts, row),
                end: moment(ends, row),
            }))
        });
        Ok(())
    }

    fn pregnancies(&mut self, rows: &Rows<'_>, batch: &RecordBatch) -> Result<()> {
        let (codes, days) = (Codes::of(batch)?, longs(batch, "gestational_days")?);
        self.learn(rows, |row| {
            let value = Value::Absent(String::new());
            Some(Payload::Perinatal(Perinatal { code: codes.coding(row), gestational_days: count(days, row), value }))
        });
        Ok(())
    }
}

/// Whose a batch's rows are, from where and when.
struct Rows<'a> {
    len: usize,
    sources: &'a StringArray,
    mine: &'a StringArray,
    occurred: &'a TimestampMicrosecondArray,
}

impl<'a> Rows<'a> {
    fn of(batch: &'a RecordBatch) -> Result<Self> {
        Ok(Self {
            len: batch.num_rows(),
            sources: texts(batch, "source")?,
            mine: texts(batch, "my_patient_id")?,
            occurred: times(batch, "occurred")?,
        })
    }
    fn at(&self, row: usize) -> Option<Moment> {
        moment(self.occurred, row)
    }
}

/// Facilities by their ids as text: a row's is mostly the last row's.
#[derive(Default)]
struct Sources(Option<FacilityId>);

impl Sources {
    fn of(&mut self, source: &str) -> Option<&FacilityId> {
        if self.0.as_ref().is_none_or(|last| last.as_str() != source) {
            self.0 = FacilityId::parse(source).ok();
        }
        self.0.as_ref()
    }
}

struct Codes<'a> {
    systems: &'a StringArray,
    codes: &'a StringArray,
}

impl<'a> Codes<'a> {
    fn of(batch: &'a RecordBatch) -> Result<Self> {
        Ok(Self { systems: texts(batch, "code_system")?, codes: texts(batch, "code")? })
    }
    /// Whether a row is a reading of a glucose sensor, which is no laboratory result.
    fn is_sensor(&self, row: usize) -> bool {
        text(self.systems, row) == CodeSystem::Loinc.code() && is_sensor(&CodeSystem::Loinc, text(self.codes, row))
    }
    fn coding(&self, row: usize) -> Coding {
        let system = CodeSystem::from_text(text(self.systems, row));
        Coding { system, code: text(self.codes, row).to_owned(), display: String::new() }
    }
}

fn moment(column: &TimestampMicrosecondArray, row: usize) -> Option<Moment> {
    // What stands in a table was a moment when it was stored.
    column.is_valid(row).then(|| column.value(row)).and_then(|micros| Moment::from_micros(micros).ok())
}

fn longs<'a>(batch: &'a RecordBatch, name: &str) -> Result<&'a Int64Array> {
    as_int64_array(column(batch, name)?)
}

fn count(column: &Int64Array, row: usize) -> Option<u32> {
    column.is_valid(row).then(|| column.value(row)).and_then(|days| u32::try_from(days).ok())
}

fn by_code<T: Copy>(all: &[T], code: &str, of: impl Fn(T) -> &'static str) -> Option<T> {
    all.iter().copied().find(|one| of(*one) == code)
}
