//! What monitors measured of women lately: frames of the view's own table `waveform`, made into notes of their charts.

use super::Perinatal;
use super::charts::Woman;
use crate::lab::read::{column, text, texts, times};
use clinical::perinatal::chart::{AFTER_BIRTH_DAYS, MonitorSign, Monitored};
use datafusion::arrow::array::{Array, AsArray, Float64Array, ListArray, RecordBatch};
use datafusion::arrow::datatypes::{Float32Type, Int8Type};
use datafusion::common::Result;
use datafusion::common::cast::{as_float64_array, as_list_array};
use datafusion::execution::TaskContext;
use datafusion::execution::memory_pool::MemoryReservation;
use futures::StreamExt;
use model::{Category, FacilityId, FrameQuality, Moment, PatientNumber};
use std::collections::HashMap;
use std::sync::Arc;

/// Frames of so long before the statement are read (a choice): no rule looks further back at a pulse or a pressure together.
const BACK: i64 = 24 * 3_600_000_000;
const DAY: i64 = 86_400_000_000;
/// What is read of frames, in the table's order.
const COLUMNS: [&str; 16] = [
    "source",
    "my_patient_id",
    "occurred",
    "hertz",
    "mhr",
    "mhr_quality",
    "spo2",
    "spo2_quality",
    "nibp_sys",
    "nibp_sys_quality",
    "nibp_dia",
    "nibp_dia_quality",
    "nibp_mean",
    "nibp_mean_quality",
    "temp",
    "temp_quality",
];
/// What a frame is taken to hold once it is a part of a minute.
const PART: usize = 48;

impl Perinatal {
    /// Notes what monitors measured of those whose pregnancy goes on, or ended within twelve weeks.
    pub(super) async fn watch(
        &self,
        women: &mut [Woman],
        memory: &MemoryReservation,
        context: Arc<TaskContext>,
    ) -> Result<()> {
        let since = self.moment.plus_micros(-BACK);
        let lately = |woman: &Woman| {
            woman.pregnancies.iter().any(|one| match &one.ending {
                None => one.age.is_some() || one.record.due.is_none(),
                Some(ending) => self.moment.since(ending.at) <= i64::from(AFTER_BIRTH_DAYS) * DAY,
            })
        };
        let whose: Vec<PatientNumber> =
            women.iter().filter(|woman| lately(woman)).map(|woman| woman.number.clone()).collect();
        if whose.is_empty() {
            return Ok(());
        }
        let places: HashMap<&str, usize> = whose.iter().enumerate().map(|(at, number)| (number.as_str(), at)).collect();
        let mut monitored: Vec<Monitored> = whose.iter().map(|_| Monitored::default()).collect();
        let wanted = (Category::Waveform, COLUMNS.as_slice());
        let Some(mut rows) = self.persons.rows_since(wanted, &whose, since, context).await? else { return Ok(()) };
        while let Some(batch) = rows.next().await {
            let batch = batch?;
            memory.try_grow(PART * batch.num_rows())?;
            frames(&batch, since, (&places, &mut monitored))?;
        }
        let mut of: HashMap<PatientNumber, Monitored> = whose.into_iter().zip(monitored).collect();
        for woman in women {
            if let Some(monitored) = of.remove(&woman.number) {
                woman.chart.learn_monitored(monitored);
            }
        }
        Ok(())
    }
}

/// Takes in the rows of a batch, each into what is gathered of its woman.
fn frames(
    batch: &RecordBatch,
    since: Moment,
    (places, monitored): (&HashMap<&str, usize>, &mut [Monitored]),
) -> Result<()> {
    let (sources, mine, occurred) =
        (texts(batch, "source")?, texts(batch, "my_patient_id")?, times(batch, "occurred")?);
    let hertz = as_float64_array(column(batch, "hertz")?)?;
    let signs = [("mhr", MonitorSign::Pulse), ("spo2", MonitorSign::Saturation), ("temp", MonitorSign::Temperature)];
    let signs =
        signs.into_iter().map(|(name, sign)| Ok((Samples::of(batch, name)?, sign))).collect::<Result<Vec<_>>>()?;
    let pressures = [Samples::of(batch, "nibp_sys")?, Samples::of(batch, "nibp_dia")?];
    let mut good = Vec::new();
    for row in 0..batch.num_rows() {
        let Ok(begun) = Moment::from_micros(occurred.value(row)) else { continue };
        let Ok(source) = FacilityId::parse(text(sources, row)) else { continue };
        let place = places.get(text(mine, row)).filter(|_| begun >= since);
        let Some(monitored) = place.and_then(|at| monitored.get_mut(*at)) else { continue };
        for (samples, sign) in &signs {
            samples.good(row, &mut good);
            if let Some(last) = good.last() {
                let at = later(begun, last.0, hertz, row);
                let mut values: Vec<f64> = good.iter().map(|(_, value)| *value).collect();
                monitored.take(*sign, at, &source, &mut values);
            }
        }
        let mut newest = None;
        let values = pressures.each_ref().map(|samples| {
            samples.good(row, &mut good);
            let last = good.last().copied();
            newest = newest.max(last.map(|(place, _)| place));
            last.map(|(_, value)| value)
        });
        if let Some(place) = newest {
            monitored.take_pressure(later(begun, place, hertz, row), &source, values);
        }
    }
    Ok(())
}

/// When a sample of a frame was measured.
fn later(begun: Moment, place: usize, hertz: &Float64Array, row: usize) -> Moment {
    let rate = if hertz.is_valid(row) { hertz.value(row) } else { 0.0 };
    if !rate.is_finite() || rate <= 0.0 {
        return begun;
    }
    #[expect(
        clippy::cast_precision_loss,
        clippy::cast_possible_truncation,
        reason = "a frame has some thousand samples"
    )]
    let micros = (place as f64 * 1e6 / rate) as i64;
    begun.plus_micros(micros)
}

/// A channel's samples and their qualities.
struct Samples<'a> {
    values: &'a ListArray,
    qualities: &'a ListArray,
}

impl<'a> Samples<'a> {
    fn of(batch: &'a RecordBatch, name: &str) -> Result<Self> {
        let values = as_list_array(column(batch, name)?)?;
        Ok(Self { values, qualities: as_list_array(column(batch, &format!("{name}_quality"))?)? })
    }

    /// The good samples of a row with their places: one without a quality is none.
    fn good(&self, row: usize, into: &mut Vec<(usize, f64)>) {
        into.clear();
        if !self.values.is_valid(row) || !self.qualities.is_valid(row) {
            return;
        }
        let (values, qualities) = (self.values.value(row), self.qualities.value(row));
        let (Some(values), Some(qualities)) =
            (values.as_primitive_opt::<Float32Type>(), qualities.as_primitive_opt::<Int8Type>())
        else {
            return;
        };
        let all = values.values().iter().zip(qualities.values()).enumerate();
        let good = all.filter(|(_, (value, quality))| **quality == FrameQuality::Good as i8 && value.is_finite());
        into.extend(good.map(|(place, (value, _))| (place, f64::from(*value))));
    }
}
