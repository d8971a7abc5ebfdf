//! Sex and age of the patients a view shows, as far as reference intervals ask.

use super::read::{column, text, texts, times};
use clinical::diabetes::BiologicalSex;
use clinical::lab::Patient;
use datafusion::arrow::array::{Array, RecordBatch};
use datafusion::arrow::datatypes::Date32Type;
use datafusion::common::Result;
use datafusion::common::cast::as_date32_array;
use datafusion::execution::TaskContext;
use datafusion::execution::memory_pool::{MemoryConsumer, MemoryReservation};
use datafusion::physical_plan::{ExecutionPlan, execute_stream};
use futures::StreamExt;
use std::collections::HashMap;
use std::sync::Arc;

/// The columns of `patient` that are read.
pub(super) const READ: [&str; 6] = ["source", "patient_id", "record_id", "recorded", "birth_date", "sex"];

/// What one patient's entry is taken to hold beside its texts.
const ENTRY: usize = 160;
const DAY: i64 = 86_400_000_000;
/// Days begin at midnight in Japan.
const TOKYO: i64 = 9 * 3_600_000_000;

/// What a source's last record of a patient says.
struct Person {
    said: (i64, String),
    sex: Option<BiologicalSex>,
    birth: Option<i32>,
}

/// The patients of a view, by source and number. Held for one statement, in its memory.
pub(super) struct People {
    known: HashMap<String, HashMap<String, Person>>,
    _memory: MemoryReservation,
}

impl People {
    /// Reads them all, once.
    pub(super) async fn gather(plan: Arc<dyn ExecutionPlan>, context: Arc<TaskContext>) -> Result<Self> {
        let memory = MemoryConsumer::new("lab_results patients").register(context.memory_pool());
        let mut known: HashMap<String, HashMap<String, Person>> = HashMap::new();
        let mut rows = execute_stream(plan, context)?;
        while let Some(batch) = rows.next().await {
            let batch = batch?;
            memory.try_grow(batch.get_array_memory_size() + ENTRY * batch.num_rows())?;
            add(&mut known, &batch)?;
        }
        Ok(Self { known, _memory: memory })
    }

    /// Sex and age at a moment, as the source that made a result knows them.
    pub(super) fn patient(&self, source: &str, number: &str, at: i64) -> Patient {
        let Some(person) = self.known.get(source).and_then(|of_source| of_source.get(number)) else {
            return Patient::default();
        };
        Patient { sex: person.sex, age: person.birth.and_then(|birth| age(birth, at)) }
    }
}

fn add(known: &mut HashMap<String, HashMap<String, Person>>, batch: &RecordBatch) -> Result<()> {
    let (sources, numbers, ids) = (texts(batch, "source")?, texts(batch, "patient_id")?, texts(batch, "record_id")?);
    let (recorded, sexes) = (times(batch, "recorded")?, texts(batch, "sex")?);
    let births = as_date32_array(column(batch, "birth_date")?)?;
    for row in 0..batch.num_rows() {
        let sex = match text(sexes, row) {
            "female" => Some(BiologicalSex::Female),
            "male" => Some(BiologicalSex::Male),
            _ => None,
        };
        let birth = births.is_valid(row).then(|| births.value(row));
        let person = Person { said: (recorded.value(row), text(ids, row).to_owned()), sex, birth };
        let of_source = known.entry(text(sources, row).to_owned()).or_default();
        // of several records the last holds, in whatever order they are read
        match of_source.get_mut(text(numbers, row)) {
            Some(before) if before.said >= person.said => {}
            Some(before) => *before = person,
            None => {
                of_source.insert(text(numbers, row).to_owned(), person);
            }
        }
    }
    Ok(())
}

/// Completed years, by the calendar of Japan.
fn age(birth: i32, at: i64) -> Option<u32> {
    let day = i32::try_from(at.saturating_add(TOKYO).div_euclid(DAY)).ok()?;
    let date = Date32Type::to_naive_date_opt;
    date(day)?.years_since(date(birth)?)
}

#[cfg(test)]
mod tests {
    use super::*;
    use model::Moment;

    fn at(text: &str) -> i64 {
        Moment::parse(text).unwrap().micros()
    }

    #[test]
    fn an_age_is_completed_years_on_the_day_in_japan() {
        // 2008-04-02 is day 13,971 of the epoch
        let birth = 13_971;
        assert_eq!(age(birth, at("2026-04-01T14:59:59Z")), Some(17), "23:59 of 1 April in Japan");
        assert_eq!(age(birth, at("2026-04-01T15:00:00Z")), Some(18), "midnight");
        assert_eq!(age(birth, at("2008-04-01T00:00:00Z")), None, "before the birth");
    }
}
