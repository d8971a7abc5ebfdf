//! What was measured before, from the view's own table `waveform`: by the reading room, like every other statement.

use super::lead::Lead;
use super::stretch::{Place, Session, Stretch, samples, step_of};
use crate::{Answer, Door, QueryError, Reading, ReadingRoom, Statement};
use arrow::array::{Array, AsArray, ListArray};
use arrow::datatypes::{Float32Type, Float64Type, Int8Type, Int64Type, TimestampMicrosecondType};
use arrow::record_batch::RecordBatch;
use clinical::perinatal::ctg::Sample;
use futures::StreamExt as _;
use model::{FacilityId, FrameQuality, Moment, PatientNumber, PatientRef, Principal, RecordId, RecordRef, Version};
use std::sync::Arc;

const COLUMNS: &str = "SELECT source, patient_id, record_id, version, session, device, hertz, sequence, \
     CAST(occurred AS BIGINT) AS occurred_us, fhr1, fhr1_quality, fhr2, fhr2_quality, fhr3, fhr3_quality, \
     uc, uc_quality, mhr, mhr_quality, spo2, spo2_quality, nibp_sys, nibp_dia, nibp_mean, temp FROM waveform \
     WHERE kind = 'frame' AND occurred >= CAST($1 AS TIMESTAMP WITH TIME ZONE) AND occurred < CAST($2 AS TIMESTAMP WITH TIME ZONE)";
const OF_ONE: &str = " AND source = $3 AND patient_id = $4 AND session = $5";

const SESSIONS: &str = "SELECT source, patient_id, record_id, session, bed, fetuses, \
     CAST(opened AS BIGINT) AS opened_us FROM waveform \
     WHERE kind = 'bed' AND closed IS NULL AND opened >= CAST($1 AS TIMESTAMP WITH TIME ZONE)";
/// Channels of which one value at a time is measured.
const SPOTS: [&str; 4] = ["nibp_sys", "nibp_dia", "nibp_mean", "temp"];

/// Gives every bed of the principal's view that was opened since a moment and is open.
pub(super) async fn sessions(
    room: &Arc<ReadingRoom>,
    principal: &Principal,
    since: Moment,
    mut each: impl FnMut(&Session),
) -> Result<(), QueryError> {
    let since = since.to_string();
    let statement = Statement::new(Reading::parse(SESSIONS)?, Door::Dashboards).with_texts([since.as_str()]);
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
    let bed = text(batch, "bed", at)?.to_owned();
    Some(Session { place, record, bed, opened, closed: false, fetuses })
}

/// Which rows.
#[derive(Debug, Clone, Copy)]
pub(super) enum Wanted<'a> {
    /// Of all beds.
    All,
    /// Of one bed.
    One(&'a Place),
}

/// Gives every stretch that the principal's view holds of a time to `each`, in no order.
pub(super) async fn read(
    room: &Arc<ReadingRoom>,
    principal: &Principal,
    wanted: Wanted<'_>,
    (from, until): (Moment, Moment),
    mut each: impl FnMut(&Stretch),
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
        for at in 0..batch.num_rows() {
            // a row that is none cannot have come through the door
            if let Some(stretch) = stretch(&batch, at) {
                each(&stretch);
            }
        }
    }
    Ok(())
}

pub(super) fn text<'a>(batch: &'a RecordBatch, name: &str, at: usize) -> Option<&'a str> {
    let column = batch.column_by_name(name)?.as_string_opt::<i32>()?;
    Some(if column.is_null(at) { "" } else { column.value(at) })
}

/// Whose row it is, and the digest of its record's reference.
pub(super) fn place(batch: &RecordBatch, at: usize) -> Option<(Place, u128)> {
    let source = FacilityId::parse(text(batch, "source", at)?).ok()?;
    let record = RecordRef { source: source.clone(), id: RecordId::parse(text(batch, "record_id", at)?).ok()? };
    let patient = PatientRef::new(source, PatientNumber::parse(text(batch, "patient_id", at)?).ok()?);
    Some((Place { patient, session: text(batch, "session", at)?.to_owned() }, record.digest()))
}

pub(super) fn stretch(batch: &RecordBatch, at: usize) -> Option<Stretch> {
    let long = |name: &str| Some(batch.column_by_name(name)?.as_primitive_opt::<Int64Type>()?.value(at));
    let (place, record) = place(batch, at)?;
    let hertz = batch.column_by_name("hertz")?.as_primitive_opt::<Float64Type>()?.value(at);
    let traces: Vec<(Lead, Vec<Sample>)> =
        Lead::ALL.into_iter().filter_map(|lead| Some((lead, trace(batch, lead, at)?))).collect();
    let spots = SPOTS.into_iter().filter_map(|code| Some((code, list(batch, code, at)?)));
    let spots: Vec<(&'static str, f32)> = spots
        .filter_map(|(code, values)| Some((code, *values.as_primitive_opt::<Float32Type>()?.values().last()?)))
        .collect();
    #[expect(clippy::cast_possible_truncation, reason = "it was written from an f32")]
    let step = step_of(hertz as f32)?;
    let stretch = Stretch {
        place,
        device: text(batch, "device", at)?.to_owned(),
        record,
        version: Version::new(u64::try_from(long("version")?).ok()?)?,
        sequence: u64::try_from(long("sequence")?).ok()?,
        measured: Moment::from_micros(occurred(batch, at)?).ok()?,
        step,
        traces,
        spots,
        held_back: false,
    };
    let said = !stretch.traces.is_empty() || !stretch.spots.is_empty();
    said.then_some(stretch)
}

/// When the first sample was measured: of a statement's own column, or of the table's.
fn occurred(batch: &RecordBatch, at: usize) -> Option<i64> {
    match batch.column_by_name("occurred_us") {
        Some(micros) => Some(micros.as_primitive_opt::<Int64Type>()?.value(at)),
        None => Some(batch.column_by_name("occurred")?.as_primitive_opt::<TimestampMicrosecondType>()?.value(at)),
    }
}

fn list(batch: &RecordBatch, name: &str, at: usize) -> Option<Arc<dyn Array>> {
    let list: &ListArray = batch.column_by_name(name)?.as_list_opt::<i32>()?;
    list.is_valid(at).then(|| list.value(at))
}

fn trace(batch: &RecordBatch, lead: Lead, at: usize) -> Option<Vec<Sample>> {
    let values = list(batch, lead.code(), at)?;
    let qualities = list(batch, &format!("{}_quality", lead.code()), at)?;
    let qualities = qualities.as_primitive_opt::<Int8Type>()?.values().iter().map(|quality| match quality {
        0 => FrameQuality::Good,
        1 => FrameQuality::Fair,
        _ => FrameQuality::Lost,
    });
    let values = samples(values.as_primitive_opt::<Float32Type>()?.values(), qualities);
    (!values.is_empty()).then_some(values)
}
