//! What was before, from the view's own tables: by the reading room, like every other statement.

use super::lead::Lead;
use super::stretch::{Place, Session, Stretch, samples, step_of};
use crate::{Answer, Door, QueryError, Reading, ReadingRoom, Statement};
use arrow::array::{Array, AsArray, Float64Array, Int32Array, Int64Array, ListArray, StringArray};
use arrow::buffer::ScalarBuffer;
use arrow::datatypes::{Float32Type, Float64Type, Int8Type, Int32Type, Int64Type, TimestampMicrosecondType};
use arrow::record_batch::RecordBatch;
use clinical::perinatal::ctg::Sample;
use futures::StreamExt as _;
use model::{
    Category, FacilityId, FrameQuality, Hops, Moment, Offset, PartitionId, PatientNumber, PatientRef, Position,
    Principal, Record, RecordId, RecordRef, Version,
};
use std::sync::Arc;
use views::table::{ShownRecords, table_name};

const COLUMNS: &str = "SELECT source, patient_id, record_id, version, session, device, hertz, sequence, \
     CAST(occurred AS BIGINT) AS occurred_us, fhr1, fhr1_quality, fhr2, fhr2_quality, fhr3, fhr3_quality, \
     uc, uc_quality, mhr, mhr_quality, spo2, spo2_quality, nibp_sys, nibp_dia, nibp_mean, temp, \
     position_partition, position_offset FROM waveform \
     WHERE kind = 'frame' AND occurred >= CAST($1 AS TIMESTAMP WITH TIME ZONE) AND occurred < CAST($2 AS TIMESTAMP WITH TIME ZONE)";
const OF_ONE: &str = " AND source = $3 AND patient_id = $4 AND session = $5";

const SESSIONS: &str = "SELECT source, patient_id, record_id, session, bed, fetuses, \
     CAST(opened AS BIGINT) AS opened_us, CAST(closed AS BIGINT) AS closed_us FROM waveform \
     WHERE kind = 'bed' AND (closed IS NULL AND opened >= CAST($1 AS TIMESTAMP WITH TIME ZONE) \
     OR closed >= CAST($2 AS TIMESTAMP WITH TIME ZONE)) ORDER BY opened, record_id";
/// Channels of which one value at a time is measured.
const SPOTS: [&str; 4] = ["nibp_sys", "nibp_dia", "nibp_mean", "temp"];

/// Gives every bed of the principal's view that was opened since a moment and is open, and those that were closed since another;
/// in the order in which they were opened.
pub(super) async fn sessions(
    room: &Arc<ReadingRoom>,
    principal: &Principal,
    (opened, closed): (Moment, Moment),
    mut each: impl FnMut(&Session),
) -> Result<(), QueryError> {
    let (opened, closed) = (opened.to_string(), closed.to_string());
    let texts = [opened.as_str(), closed.as_str()];
    let statement = Statement::new(Reading::parse(SESSIONS)?, Door::Dashboards).with_texts(texts);
    let Answer { mut rows, .. } = room.run(principal, statement).await?;
    while let Some(batch) = rows.next().await {
        let batch = batch?;
        for at in 0..batch.num_rows() {
            if let Some(session) = session(&batch, at) {
                each(&session);
            }
        }
    }
    Ok(())
}

fn session(batch: &RecordBatch, at: usize) -> Option<Session> {
    let (place, record) = place(batch, at)?;
    let fetuses = batch.column_by_name("fetuses")?.as_list_opt::<i32>()?.value(at);
    let fetuses = fetuses.as_string_opt::<i32>()?.iter().flatten().map(str::to_owned).collect();
    let opened = batch.column_by_name("opened_us")?.as_primitive_opt::<Int64Type>()?.value(at);
    let opened = Moment::from_micros(opened).ok()?;
    let closed = batch.column_by_name("closed_us")?.as_primitive_opt::<Int64Type>()?;
    let closed = if closed.is_null(at) { None } else { Some(Moment::from_micros(closed.value(at)).ok()?) };
    let bed = text(batch, "bed", at)?.to_owned();
    Some(Session { place, record, bed, opened, closed, fetuses })
}

/// Which rows.
#[derive(Debug, Clone, Copy)]
pub(super) enum Wanted<'a> {
    /// Of all beds.
    All,
    /// Of one bed.
    One(&'a Place),
}

/// Gives every stretch that the principal's view holds of a time to `each`, with its place in the log, in no order.
pub(super) async fn read(
    room: &Arc<ReadingRoom>,
    principal: &Principal,
    wanted: Wanted<'_>,
    (from, until): (Moment, Moment),
    mut each: impl FnMut(Stretch, Option<Position>),
) -> Result<(), QueryError> {
    let (from, until) = (from.to_string(), until.to_string());
    let (sql, texts) = match wanted {
        Wanted::All => (COLUMNS.to_owned(), vec![from.as_str(), until.as_str()]),
        Wanted::One(place) => {
            let patient = &place.patient;
            let texts =
                vec![&from, &until, patient.facility().as_str(), patient.number().as_str(), place.session.as_str()];
            (format!("{COLUMNS}{OF_ONE}"), texts)
        }
    };
    let statement = Statement::new(Reading::parse(&sql)?, Door::Dashboards).with_texts(texts);
    let Answer { mut rows, .. } = room.run(principal, statement).await?;
    while let Some(batch) = rows.next().await {
        let batch = batch?;
        let Some(rows) = Rows::of(&batch) else { continue };
        // a row that is none cannot have come through the door
        let all = (0..batch.num_rows()).filter_map(|at| Some((rows.stretch(at)?, rows.position(at))));
        all.for_each(|(stretch, position)| each(stretch, position));
    }
    Ok(())
}

/// Gives every record of a category that the principal's view holds of these persons to `each`, with the number it was asked for by.
pub(super) async fn records(
    room: &Arc<ReadingRoom>,
    principal: &Principal,
    (category, whose): (Category, &[&str]),
    each: &mut (impl FnMut(&str, Record) + Send),
) -> Result<(), QueryError> {
    if whose.is_empty() {
        return Ok(());
    }
    let places: Vec<String> = (1..=whose.len()).map(|at| format!("${at}")).collect();
    let sql = format!("SELECT * FROM {} WHERE my_patient_id IN ({})", table_name(category), places.join(", "));
    let statement = Statement::new(Reading::parse(&sql)?, Door::Dashboards).with_texts(whose.iter().copied());
    let Answer { mut rows, .. } = room.run(principal, statement).await?;
    while let Some(batch) = rows.next().await {
        let batch = batch?;
        let missing = || QueryError::internal("a column of a category's table is not there");
        let shown = ShownRecords::of(category, &batch).ok_or_else(missing)?;
        for (record, own) in (0..shown.len()).filter_map(|at| shown.get(at)) {
            if let Some(own) = own {
                each(own.as_str(), record);
            }
        }
    }
    Ok(())
}

pub(super) fn text<'a>(batch: &'a RecordBatch, name: &str, at: usize) -> Option<&'a str> {
    let column = batch.column_by_name(name)?.as_string_opt::<i32>()?;
    Some(or_empty(column, at))
}

fn or_empty(column: &StringArray, at: usize) -> &str {
    if column.is_null(at) { "" } else { column.value(at) }
}

/// Whose row it is, and the digest of its record's reference.
pub(super) fn place(batch: &RecordBatch, at: usize) -> Option<(Place, u128)> {
    let source = FacilityId::parse(text(batch, "source", at)?).ok()?;
    let record = RecordRef { source: source.clone(), id: RecordId::parse(text(batch, "record_id", at)?).ok()? };
    let patient = PatientRef::new(source, PatientNumber::parse(text(batch, "patient_id", at)?).ok()?);
    Some((Place { patient, session: text(batch, "session", at)?.to_owned() }, record.digest()))
}

/// A batch of rows of `waveform`, its columns found by name once.
pub(super) struct Rows<'b> {
    source: &'b StringArray,
    patient: &'b StringArray,
    record: &'b StringArray,
    session: &'b StringArray,
    device: &'b StringArray,
    version: &'b Int64Array,
    sequence: &'b Int64Array,
    hertz: &'b Float64Array,
    /// When the first sample was measured, in microseconds.
    occurred: &'b ScalarBuffer<i64>,
    traces: Vec<(Lead, &'b ListArray, &'b ListArray)>,
    spots: Vec<(&'static str, &'b ListArray)>,
    /// Its place in the log, where it was asked for.
    position: Option<(&'b Int32Array, &'b Int64Array)>,
}

impl<'b> Rows<'b> {
    /// `None` where a column that each row has is not there.
    pub fn of(batch: &'b RecordBatch) -> Option<Self> {
        let text = |name: &str| batch.column_by_name(name)?.as_string_opt::<i32>();
        let long = |name: &str| batch.column_by_name(name)?.as_primitive_opt::<Int64Type>();
        let list = |name: &str| batch.column_by_name(name)?.as_list_opt::<i32>();
        // of a statement's own column, or of the table's
        let occurred = match batch.column_by_name("occurred_us") {
            Some(micros) => micros.as_primitive_opt::<Int64Type>()?.values(),
            None => batch.column_by_name("occurred")?.as_primitive_opt::<TimestampMicrosecondType>()?.values(),
        };
        let trace = |lead: Lead| Some((lead, list(lead.code())?, list(&format!("{}_quality", lead.code()))?));
        Some(Self {
            source: text("source")?,
            patient: text("patient_id")?,
            record: text("record_id")?,
            session: text("session")?,
            device: text("device")?,
            version: long("version")?,
            sequence: long("sequence")?,
            hertz: batch.column_by_name("hertz")?.as_primitive_opt::<Float64Type>()?,
            occurred,
            traces: Lead::ALL.into_iter().filter_map(trace).collect(),
            spots: SPOTS.into_iter().filter_map(|code| Some((code, list(code)?))).collect(),
            position: batch
                .column_by_name("position_partition")
                .and_then(|column| column.as_primitive_opt::<Int32Type>())
                .zip(long("position_offset")),
        })
    }

    /// A row's place in the log.
    fn position(&self, at: usize) -> Option<Position> {
        let (partition, offset) = self.position?;
        let partition = PartitionId(u32::try_from(partition.value(at)).ok()?);
        Some(Position { partition, offset: Offset(u64::try_from(offset.value(at)).ok()?) })
    }

    /// A row's stretch; `None` where the row is none.
    pub fn stretch(&self, at: usize) -> Option<Stretch> {
        let traces: Vec<(Lead, Vec<Sample>)> = self
            .traces
            .iter()
            .filter_map(|(lead, values, qualities)| Some((*lead, trace(values, qualities, at)?)))
            .collect();
        let spot = |(code, values): &(&'static str, &ListArray)| {
            let values = values.is_valid(at).then(|| values.value(at))?;
            Some((*code, *values.as_primitive_opt::<Float32Type>()?.values().last()?))
        };
        let spots: Vec<(&'static str, f32)> = self.spots.iter().filter_map(spot).collect();
        if traces.is_empty() && spots.is_empty() || self.hertz.is_null(at) {
            return None;
        }
        let source = FacilityId::parse(or_empty(self.source, at)).ok()?;
        let record = RecordRef { source: source.clone(), id: RecordId::parse(or_empty(self.record, at)).ok()? };
        let patient = PatientRef::new(source, PatientNumber::parse(or_empty(self.patient, at)).ok()?);
        #[expect(clippy::cast_possible_truncation, reason = "it was written from an f32")]
        let step = step_of(self.hertz.value(at) as f32)?;
        Some(Stretch {
            place: Place { patient, session: or_empty(self.session, at).to_owned() },
            device: or_empty(self.device, at).to_owned(),
            record: record.digest(),
            version: Version::new(u64::try_from(self.version.value(at)).ok()?)?,
            sequence: u64::try_from(self.sequence.value(at)).ok()?,
            measured: Moment::from_micros(*self.occurred.get(at)?).ok()?,
            step,
            traces,
            spots,
            hops: Hops::default(),
            held_back: false,
        })
    }
}

fn trace(values: &ListArray, qualities: &ListArray, at: usize) -> Option<Vec<Sample>> {
    if values.is_null(at) || qualities.is_null(at) {
        return None;
    }
    let (values, qualities) = (values.value(at), qualities.value(at));
    let qualities = qualities.as_primitive_opt::<Int8Type>()?.values().iter().map(|quality| match quality {
        0 => FrameQuality::Good,
        1 => FrameQuality::Fair,
        _ => FrameQuality::Lost,
    });
    let values = samples(values.as_primitive_opt::<Float32Type>()?.values(), qualities);
    (!values.is_empty()).then_some(values)
}
