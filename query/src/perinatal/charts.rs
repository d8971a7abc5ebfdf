//! From rows of a view's tables to charts, woman by woman.

use super::Perinatal;
use crate::lab::read::{Inputs, column, floats, number, text, texts, times};
use clinical::diabetes::of_epoch;
use clinical::lab::Patient;
use clinical::perinatal::chart::{Chart, OfPregnancy};
use datafusion::arrow::array::{Array, RecordBatch, StringArray};
use datafusion::common::Result;
use datafusion::common::cast::{as_boolean_array, as_date32_array, as_int64_array};
use datafusion::execution::TaskContext;
use datafusion::execution::memory_pool::{MemoryConsumer, MemoryReservation};
use futures::StreamExt;
use model::{
    Category, CodeSystem, Coding, Condition, Demographics, FacilityId, LabStatus, Moment, PatientNumber, Payload,
    Perinatal as Entry, Sex, Value, VitalSign,
};
use std::collections::HashMap;
use std::sync::Arc;
use views::Child;

/// The tables charts are read from, and the columns of each, in its order. Entries of pregnancies come first: of who has none
/// nothing else is read.
const READ: &[(Category, &[&str])] = &[
    (
        Category::Perinatal,
        &[
            "source",
            "my_patient_id",
            "occurred",
            "code_system",
            "code",
            "gestational_days",
            "value_number",
            "comparator",
            "unit",
            "value_code",
            "value_text",
        ],
    ),
    (
        Category::VitalSign,
        &["source", "my_patient_id", "occurred", "code_system", "code", "value_number", "comparator", "unit"],
    ),
    (Category::Patient, &["source", "my_patient_id", "occurred", "birth_date"]),
    (Category::Condition, &["source", "my_patient_id", "occurred", "code_system", "code", "suspected", "onset"]),
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
];

/// How much of a woman is read: no more than is told of her, for what is read is counted.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Wanted {
    /// All that a chart is made of.
    Chart,
    /// The same, and what monitors measured of her lately.
    Monitors,
    /// What the reading of a cardiotocogram asks: the pregnancy's entries, diagnoses, and her birthday.
    AtBed,
}

impl Wanted {
    fn asks(self, category: Category) -> bool {
        self != Self::AtBed || !matches!(category, Category::VitalSign | Category::Laboratory)
    }
}

/// What a note is taken to hold.
const NOTE: usize = 160;

/// One woman's chart, with her pregnancies.
pub(super) struct Woman {
    /// The viewing facility's own number of her.
    pub(super) number: PatientNumber,
    pub(super) chart: Chart,
    pub(super) pregnancies: Vec<OfPregnancy>,
    /// Her newborns, by kinship.
    pub(super) children: Vec<Child>,
}

impl Perinatal {
    /// Reads these persons; those of whom the view shows no entry of a pregnancy's record are none of them.
    pub(super) async fn read(
        &self,
        whose: &[PatientNumber],
        wanted: Wanted,
        context: Arc<TaskContext>,
    ) -> Result<(Vec<Woman>, MemoryReservation)> {
        let memory = MemoryConsumer::new("pregnancies").register(context.memory_pool());
        let mut gathered = Gathered::of(whose);
        let mut women = whose.to_vec();
        for (category, columns) in READ.iter().filter(|(category, _)| wanted.asks(*category)) {
            if women.is_empty() {
                break;
            }
            let rows = self.persons.rows(*category, columns, &women, Arc::clone(&context)).await?;
            let Some(mut rows) = rows else { continue };
            while let Some(batch) = rows.next().await {
                let batch = batch?;
                memory.try_grow(NOTE * batch.num_rows())?;
                gathered.add((*category, self), &batch)?;
            }
            if *category == Category::Perinatal {
                women = gathered.women();
            }
        }
        let reaches = self.persons.reaches(whose);
        let charts = whose.iter().zip(gathered.charts).zip(reaches);
        let found = charts.filter_map(|((number, mut chart), reach)| {
            chart.reach = reach;
            let pregnancies = chart.pregnancies(self.moment);
            if pregnancies.is_empty() {
                return None;
            }
            let born = pregnancies.iter().any(|one| one.ending.is_some());
            let children = if born { self.persons.children(number) } else { Vec::new() };
            Some(Woman { number: number.clone(), chart, pregnancies, children })
        });
        let mut found: Vec<Woman> = found.collect();
        if wanted == Wanted::Monitors {
            self.watch(&mut found, &memory, context).await?;
        }
        Ok((found, memory))
    }
}

/// What was read so far of some persons.
struct Gathered<'a> {
    whose: &'a [PatientNumber],
    places: HashMap<&'a str, usize>,
    charts: Vec<Chart>,
}

impl<'a> Gathered<'a> {
    fn of(whose: &'a [PatientNumber]) -> Self {
        let places = whose.iter().enumerate().map(|(at, number)| (number.as_str(), at)).collect();
        Self { whose, places, charts: whose.iter().map(|_| Chart::default()).collect() }
    }

    /// Those of whom something was read.
    fn women(&self) -> Vec<PatientNumber> {
        let read = self.whose.iter().zip(&self.charts).filter(|(_, chart)| !chart.notes.is_empty());
        read.map(|(number, _)| number.clone()).collect()
    }

    fn add(&mut self, (category, of): (Category, &Perinatal), batch: &RecordBatch) -> Result<()> {
        match category {
            Category::Laboratory => self.results(of, batch),
            Category::Patient => {
                let births = as_date32_array(column(batch, "birth_date")?)?;
                self.learn(batch, |row| {
                    let birth_date = births.is_valid(row).then(|| births.value(row)).and_then(of_epoch);
                    Some(Payload::Patient(Demographics {
                        name: String::new(),
                        kana: String::new(),
                        birth_date,
                        sex: Sex::Unknown,
                        postal_code: String::new(),
                        address: String::new(),
                        deceased: None,
                    }))
                })
            }
            Category::Perinatal => {
                let (codes, days) = (Codes::of(batch)?, as_int64_array(column(batch, "gestational_days")?)?);
                let values = Values::of(batch)?;
                self.learn(batch, |row| {
                    let days = days.is_valid(row).then(|| days.value(row)).and_then(|days| u32::try_from(days).ok());
                    Some(Payload::Perinatal(Entry {
                        code: codes.coding(row),
                        gestational_days: days,
                        value: values.value(row)?,
                    }))
                })
            }
            Category::VitalSign => {
                let codes = Codes::of(batch)?;
                let (values, comparators, units) =
                    (floats(batch, "value_number")?, texts(batch, "comparator")?, texts(batch, "unit")?);
                self.learn(batch, |row| {
                    let (unit, comparator) = (text(units, row).to_owned(), text(comparators, row).to_owned());
                    let value = Value::Quantity { value: number(values, row)?, unit, comparator };
                    Some(Payload::VitalSign(VitalSign { code: codes.coding(row), value }))
                })
            }
            _ => {
                let (codes, suspected) = (Codes::of(batch)?, as_boolean_array(column(batch, "suspected")?)?);
                let onsets = times(batch, "onset")?;
                self.learn(batch, |row| {
                    let onset = onsets.is_valid(row).then(|| onsets.value(row));
                    Some(Payload::Condition(Condition {
                        code: codes.coding(row),
                        clinical_status: String::new(),
                        suspected: suspected.is_valid(row) && suspected.value(row),
                        onset: onset.and_then(|micros| Moment::from_micros(micros).ok()),
                        abated: None,
                    }))
                })
            }
        }
    }

    /// Teaches each row's chart what the row says. What no patient has is no note.
    fn learn(&mut self, batch: &RecordBatch, says: impl Fn(usize) -> Option<Payload>) -> Result<()> {
        let (sources, mine, occurred) =
            (texts(batch, "source")?, texts(batch, "my_patient_id")?, times(batch, "occurred")?);
        for row in 0..batch.num_rows() {
            let chart = self.places.get(text(mine, row)).and_then(|at| self.charts.get_mut(*at));
            let (Some(chart), Ok(source)) = (chart, FacilityId::parse(text(sources, row))) else { continue };
            let Ok(at) = Moment::from_micros(occurred.value(row)) else { continue };
            if let Some(payload) = says(row) {
                // what is refused is counted by the chart
                let _ = chart.learn(&payload, at, &source);
            }
        }
        Ok(())
    }

    fn results(&mut self, of: &Perinatal, batch: &RecordBatch) -> Result<()> {
        let inputs = Inputs::of_values(batch, of.persons.sites())?;
        let (codes, statuses) = (Codes::of(batch)?, texts(batch, "status")?);
        let (sources, mine, occurred) =
            (texts(batch, "source")?, texts(batch, "my_patient_id")?, times(batch, "occurred")?);
        for row in 0..batch.num_rows() {
            if text(statuses, row) == LabStatus::Cancelled.code() {
                continue;
            }
            let chart = self.places.get(text(mine, row)).and_then(|at| self.charts.get_mut(*at));
            let (Some(chart), Ok(source)) = (chart, FacilityId::parse(text(sources, row))) else { continue };
            let Ok(at) = Moment::from_micros(occurred.value(row)) else { continue };
            let Coding { system, code, .. } = codes.coding(row);
            chart.learn_lab((&system, &code), &inputs.read(row, Patient::default()), at, &source);
        }
        Ok(())
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
    fn coding(&self, row: usize) -> Coding {
        let system = CodeSystem::from_text(text(self.systems, row));
        Coding { system, code: text(self.codes, row).to_owned(), display: String::new() }
    }
}

/// The value of an entry: a number, a code or a text, or none.
struct Values<'a> {
    numbers: &'a datafusion::arrow::array::Float64Array,
    comparators: &'a StringArray,
    units: &'a StringArray,
    codes: &'a StringArray,
    texts: &'a StringArray,
}

impl<'a> Values<'a> {
    fn of(batch: &'a RecordBatch) -> Result<Self> {
        Ok(Self {
            numbers: floats(batch, "value_number")?,
            comparators: texts(batch, "comparator")?,
            units: texts(batch, "unit")?,
            codes: texts(batch, "value_code")?,
            texts: texts(batch, "value_text")?,
        })
    }
    fn value(&self, row: usize) -> Option<Value> {
        let (code, said) = (text(self.codes, row), text(self.texts, row));
        Some(match number(self.numbers, row) {
            Some(value) => Value::Quantity {
                value,
                unit: text(self.units, row).to_owned(),
                comparator: text(self.comparators, row).to_owned(),
            },
            None if !code.is_empty() => {
                let system = CodeSystem::Local;
                Value::Coded(Coding { system, code: code.to_owned(), display: said.to_owned() })
            }
            None if !said.is_empty() => Value::Text(said.to_owned()),
            None => Value::Absent(String::new()),
        })
    }
}
