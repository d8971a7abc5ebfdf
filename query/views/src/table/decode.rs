//! From a row back to the record: what the feed sends as history.

use super::encode::{BED, FRAME};
use arrow::array::{
    Array, AsArray, BooleanArray, Date32Array, Float64Array, Int32Array, Int64Array, ListArray, StringArray,
    TimestampMicrosecondArray,
};
use arrow::datatypes::{Float32Type, Int8Type};
use arrow::record_batch::RecordBatch;
use model::{
    Allergy, Author, BedSession, CarePlan, Category, ChangeKind, CodeSystem, Coding, Condition, Demographics,
    DepartmentCode, Document, Encounter, EncounterClass, FacilityId, FrameQuality, Hops, Imaging, Immunization,
    ImmunizationStatus, LabResult, LabStatus, Label, Labels, Medication, MemberId, Message, Moment, PatientNumber,
    PatientRef, Payload, Perinatal, Position, Record, RecordId, Role, Sex, Value, Version, VitalSign, Waveform,
    WaveformChannel, WaveformFrame,
};

/// The record in one row of a batch with the stored columns, and its place in the log; `None` where a cell does
/// not hold what this crate wrote there.
pub(crate) fn record_of(category: Category, batch: &RecordBatch, row: usize) -> Option<(Position, Record)> {
    let mut cells = Cells { batch, row, next: 0 };
    let patient = PatientRef::new(FacilityId::parse(&cells.text()?).ok()?, PatientNumber::parse(&cells.text()?).ok()?);
    let id = RecordId::parse(&cells.text()?).ok()?;
    let version = Version::new(cells.long()??)?;
    let occurred = cells.time()??;
    let recorded = cells.time()??;
    let department = optional(&cells.text()?, DepartmentCode::parse)?;
    let role: Role = cells.text()?.parse().ok()?;
    let member = optional(&cells.text()?, MemberId::parse)?;
    let labels = cells.labels()?;
    let change = match cells.text()?.as_str() {
        "upsert" => ChangeKind::Upsert,
        "correct" => ChangeKind::Correct,
        _ => return None,
    };
    let partition = u32::try_from(cells.int()?).ok()?;
    let position = Position::new(partition, cells.long()??);
    let payload = cells.payload(category)?;
    let author = Author { member, role };
    let record = Record::new(
        patient,
        id,
        version,
        category,
        occurred,
        recorded,
        labels,
        department,
        author,
        change,
        Some(payload),
    )
    .ok()?;
    Some((position, record))
}

const EPOCH: jiff::civil::Date = jiff::civil::date(1970, 1, 1);

/// Days since 1970-01-01.
pub(super) fn days_of(date: jiff::civil::Date) -> i32 {
    EPOCH.until(date).map_or(0, |span| span.get_days())
}

fn optional<T, E>(text: &str, parse: impl Fn(&str) -> Result<T, E>) -> Option<Option<T>> {
    if text.is_empty() { Some(None) } else { parse(text).ok().map(Some) }
}

fn by_code<T: Copy>(all: &[T], code: &str, of: impl Fn(T) -> &'static str) -> Option<T> {
    all.iter().copied().find(|one| of(*one) == code)
}

struct Cells<'a> {
    batch: &'a RecordBatch,
    row: usize,
    next: usize,
}

impl<'a> Cells<'a> {
    fn column<T: 'static>(&mut self) -> Option<(&'a T, bool)> {
        let array = self.batch.columns().get(self.next)?;
        self.next += 1;
        let null = self.row >= array.len() || array.is_null(self.row);
        Some((array.as_any().downcast_ref::<T>()?, null))
    }
    fn text(&mut self) -> Option<String> {
        let row = self.row;
        let (array, null) = self.column::<StringArray>()?;
        Some(if null { String::new() } else { array.value(row).to_owned() })
    }
    fn float(&mut self) -> Option<Option<f64>> {
        let row = self.row;
        let (array, null) = self.column::<Float64Array>()?;
        Some((!null).then(|| array.value(row)))
    }
    fn long(&mut self) -> Option<Option<u64>> {
        let row = self.row;
        let (array, null) = self.column::<Int64Array>()?;
        if null { Some(None) } else { u64::try_from(array.value(row)).ok().map(Some) }
    }
    fn count(&mut self) -> Option<Option<u32>> {
        match self.long()? {
            None => Some(None),
            Some(value) => u32::try_from(value).ok().map(Some),
        }
    }
    fn int(&mut self) -> Option<i32> {
        let row = self.row;
        let (array, null) = self.column::<Int32Array>()?;
        (!null).then(|| array.value(row))
    }
    fn flag(&mut self) -> Option<bool> {
        let row = self.row;
        let (array, null) = self.column::<BooleanArray>()?;
        (!null).then(|| array.value(row))
    }
    fn time(&mut self) -> Option<Option<Moment>> {
        let row = self.row;
        let (array, null) = self.column::<TimestampMicrosecondArray>()?;
        if null { Some(None) } else { Moment::from_micros(array.value(row)).ok().map(Some) }
    }
    fn date(&mut self) -> Option<Option<jiff::civil::Date>> {
        let row = self.row;
        let (array, null) = self.column::<Date32Array>()?;
        if null {
            return Some(None);
        }
        let days = jiff::Span::new().try_days(array.value(row)).ok()?;
        EPOCH.checked_add(days).ok().map(Some)
    }
    fn texts<T, S: FromIterator<T>>(&mut self, parse: impl Fn(&str) -> Option<T>) -> Option<S> {
        let row = self.row;
        let (array, null) = self.column::<ListArray>()?;
        if null {
            return None;
        }
        let texts = array.value(row);
        texts.as_string_opt::<i32>()?.iter().map(|text| parse(text?)).collect()
    }
    fn labels(&mut self) -> Option<Labels> {
        self.texts(|text| text.parse::<Label>().ok())
    }
    fn list(&mut self) -> Option<Vec<String>> {
        self.texts(|text| Some(text.to_owned()))
    }

    fn coding(&mut self) -> Option<Coding> {
        Some(Coding { system: CodeSystem::from_text(&self.text()?), code: self.text()?, display: self.text()? })
    }

    fn value(&mut self) -> Option<Value> {
        let number = self.float()?;
        let comparator = self.text()?;
        let unit = self.text()?;
        let system = self.text()?;
        let code = self.text()?;
        let text = self.text()?;
        let absent = self.text()?;
        Some(if let Some(value) = number {
            Value::Quantity { value, unit, comparator }
        } else if !system.is_empty() {
            Value::Coded(Coding { system: CodeSystem::from_text(&system), code, display: text })
        } else if !absent.is_empty() {
            Value::Absent(absent)
        } else {
            Value::Text(text)
        })
    }

    fn payload(&mut self, category: Category) -> Option<Payload> {
        Some(match category {
            Category::Patient => Payload::Patient(Demographics {
                name: self.text()?,
                kana: self.text()?,
                birth_date: self.date()?,
                sex: by_code(&Sex::ALL, &self.text()?, Sex::code)?,
                postal_code: self.text()?,
                address: self.text()?,
                deceased: self.time()?,
            }),
            Category::Laboratory => {
                let code = self.coding()?;
                self.text()?; // the analyte is derived
                Payload::Laboratory(LabResult {
                    code,
                    value: self.value()?,
                    reference_low: self.float()?,
                    reference_high: self.float()?,
                    flag: self.text()?,
                    specimen: self.text()?,
                    status: by_code(&LabStatus::ALL, &self.text()?, LabStatus::code)?,
                    order: self.text()?,
                    note: self.text()?,
                })
            }
            Category::VitalSign => Payload::VitalSign(VitalSign { code: self.coding()?, value: self.value()? }),
            Category::Condition => Payload::Condition(Condition {
                code: self.coding()?,
                clinical_status: self.text()?,
                suspected: self.flag()?,
                onset: self.time()?,
                abated: self.time()?,
            }),
            Category::Allergy => Payload::Allergy(Allergy {
                code: self.coding()?,
                criticality: self.text()?,
                reaction: self.text()?,
                clinical_status: self.text()?,
            }),
            Category::Medication => Payload::Medication(Medication {
                code: self.coding()?,
                status: self.text()?,
                dosage: self.text()?,
                quantity: self.float()?,
                quantity_unit: self.text()?,
                days: self.count()?,
            }),
            Category::Encounter => Payload::Encounter(Encounter {
                class: by_code(&EncounterClass::ALL, &self.text()?, EncounterClass::code)?,
                status: self.text()?,
                reason: self.coding()?,
                start: self.time()?,
                end: self.time()?,
            }),
            Category::Document => Payload::Document(Document {
                kind: self.coding()?,
                title: self.text()?,
                content_type: self.text()?,
                content: self.text()?,
            }),
            Category::Imaging => Payload::Imaging(Imaging {
                modality: self.text()?,
                procedure: self.coding()?,
                study_uid: self.text()?,
                report: self.text()?,
            }),
            Category::Waveform => self.waveform()?,
            Category::Perinatal => Payload::Perinatal(Perinatal {
                code: self.coding()?,
                gestational_days: self.count()?,
                value: self.value()?,
            }),
            Category::CarePlan => {
                Payload::CarePlan(CarePlan { code: self.coding()?, status: self.text()?, text: self.text()? })
            }
            Category::Message => Payload::Message(Message { subject: self.text()?, text: self.text()? }),
            Category::Immunization => Payload::Immunization(Immunization {
                code: self.coding()?,
                status: by_code(&ImmunizationStatus::ALL, &self.text()?, ImmunizationStatus::code)?,
                reason: self.text()?,
                lot: self.text()?,
                manufacturer: self.text()?,
                dose_number: self.text()?,
                quantity: self.float()?,
                quantity_unit: self.text()?,
                site: self.text()?,
                route: self.text()?,
                reported: self.flag()?,
                subpotent: self.flag()?,
                note: self.text()?,
            }),
        })
    }

    fn waveform(&mut self) -> Option<Payload> {
        let kind = self.text()?;
        let session = self.text()?;
        let device = self.text()?;
        let hertz = self.float()?;
        let sequence = self.long()?;
        let hops = Hops { device: self.time()?, gateway: self.time()?, edge: self.time()? };
        let held_back = self.flag()?;
        let bed = self.text()?;
        let opened = self.time()?;
        let closed = self.time()?;
        let closing = self.text()?;
        let fetuses = self.list()?;
        let devices = self.list()?;
        let frames = self.channels()?;
        #[expect(clippy::cast_possible_truncation, reason = "it was written from an f32")]
        let hertz = hertz.map(|hertz| hertz as f32);
        match kind.as_str() {
            FRAME => Some(Payload::Waveform(Waveform {
                session,
                device,
                hertz: hertz?,
                sequence: sequence?,
                frames,
                hops,
                held_back,
            })),
            BED => Some(Payload::Bed(BedSession { session, bed, opened: opened?, closed, closing, fetuses, devices })),
            _ => None,
        }
    }

    fn channels(&mut self) -> Option<Vec<WaveformFrame>> {
        let mut frames = Vec::new();
        for channel in WaveformChannel::ALL {
            let row = self.row;
            let (samples, absent) = self.column::<ListArray>()?;
            let (quality, _) = self.column::<ListArray>()?;
            if absent {
                continue;
            }
            let samples = samples.value(row).as_primitive_opt::<Float32Type>()?.values().to_vec();
            let quality = quality.value(row);
            let quality = quality.as_primitive_opt::<Int8Type>()?.values();
            let quality = quality.iter().map(|q| match q {
                0 => FrameQuality::Good,
                1 => FrameQuality::Fair,
                _ => FrameQuality::Lost,
            });
            frames.push(WaveformFrame { channel, samples, quality: quality.collect() });
        }
        Some(frames)
    }
}
