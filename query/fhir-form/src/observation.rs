//! Laboratory results, vital signs, perinatal entries and waveforms: Observations.

use crate::build::{Form, Json, extension};
use crate::code::{CATEGORY, CHANNEL, PERINATAL, UCUM, coded, concept, number, put_text};
use model::{
    BedSession, ChangeKind, Coding, FrameQuality, LabResult, LabStatus, Perinatal, Value as Stated, VitalSign,
    Waveform, WaveformChannel, WaveformFrame,
};
use serde_json::{Value, json};

const OBSERVATION_CATEGORY: &str = "http://terminology.hl7.org/CodeSystem/observation-category";
const INTERPRETATION: &str = "http://terminology.hl7.org/CodeSystem/v3-ObservationInterpretation";
const ABSENT: &str = "http://terminology.hl7.org/CodeSystem/data-absent-reason";

impl Form<'_> {
    fn observation(&self, category: Value, code: Value, status: &str) -> Json {
        let mut json = self.about("Observation", "subject", Some(self.record.occurred));
        json.insert("status".to_owned(), Value::from(status));
        json.insert("category".to_owned(), json!([category]));
        json.insert("code".to_owned(), code);
        json.insert("effectiveDateTime".to_owned(), Value::from(self.occurred()));
        json.insert("issued".to_owned(), Value::from(self.recorded()));
        json
    }

    /// `final`, or `amended` for a correction.
    fn standing(&self) -> &'static str {
        if self.record.change() == ChangeKind::Correct { "amended" } else { "final" }
    }

    pub(crate) fn laboratory(&self, result: &LabResult) -> Value {
        let status = match result.status {
            LabStatus::Preliminary => "preliminary",
            LabStatus::Final => self.standing(),
            LabStatus::Corrected => "corrected",
            LabStatus::Cancelled => "cancelled",
        };
        let mut json = self.observation(coded(OBSERVATION_CATEGORY, "laboratory"), concept(&result.code), status);
        put_value(&mut json, &result.value);
        let mut range = Json::new();
        for (key, bound) in [("low", result.reference_low), ("high", result.reference_high)] {
            if let Some(bound) = bound {
                range.insert(key.to_owned(), json!({"value": number(bound)}));
            }
        }
        if !range.is_empty() {
            json.insert("referenceRange".to_owned(), json!([range]));
        }
        if !result.flag.is_empty() {
            json.insert("interpretation".to_owned(), json!([coded(INTERPRETATION, &result.flag)]));
        }
        if !result.specimen.is_empty() {
            json.insert("specimen".to_owned(), json!({"display": result.specimen}));
        }
        if !result.order.is_empty() {
            json.insert("basedOn".to_owned(), json!([{"identifier": {"value": result.order}}]));
        }
        if !result.note.is_empty() {
            json.insert("note".to_owned(), json!([{"text": result.note}]));
        }
        Value::Object(json)
    }

    pub(crate) fn vital_sign(&self, sign: &VitalSign) -> Value {
        let category = coded(OBSERVATION_CATEGORY, "vital-signs");
        let mut json = self.observation(category, concept(&sign.code), self.standing());
        put_value(&mut json, &sign.value);
        Value::Object(json)
    }

    pub(crate) fn perinatal(&self, entry: &Perinatal) -> Value {
        let mut json = self.observation(coded(CATEGORY, "perinatal"), concept(&entry.code), self.standing());
        put_value(&mut json, &entry.value);
        if let Some(days) = entry.gestational_days {
            let age = json!({
                "code": coded(PERINATAL, "gestational-age"),
                "valueQuantity": {"value": days, "unit": "d", "system": UCUM, "code": "d"},
            });
            json.insert("component".to_owned(), json!([age]));
        }
        Value::Object(json)
    }

    pub(crate) fn waveform(&self, waveform: &Waveform) -> Value {
        let code = coded(CATEGORY, "waveform");
        let mut json = self.observation(code.clone(), code, self.standing());
        if !waveform.device.is_empty() {
            json.insert("device".to_owned(), json!({"display": waveform.device}));
        }
        let period = 1000.0 / f64::from(waveform.hertz);
        let channels: Vec<Value> = waveform.frames.iter().map(|frame| channel(frame, period)).collect();
        json.insert("component".to_owned(), Value::from(channels));
        let extensions = json.entry("extension").or_insert_with(|| json!([]));
        if let Some(extensions) = extensions.as_array_mut() {
            if !waveform.session.is_empty() {
                extensions.push(extension("session", "valueString", waveform.session.as_str()));
            }
            extensions.push(extension("sequence", "valueDecimal", waveform.sequence));
        }
        Value::Object(json)
    }

    /// A bed's monitoring: its period, the bed's name as value, and how the ward names the fetus on each channel.
    pub(crate) fn bed(&self, bed: &BedSession) -> Value {
        let status = if bed.closed.is_some() { self.standing() } else { "preliminary" };
        let mut json = self.observation(coded(CATEGORY, "waveform"), coded(CATEGORY, "bed-session"), status);
        json.remove("effectiveDateTime");
        let mut period = Json::new();
        put_text(&mut period, "start", &bed.opened.to_string());
        if let Some(closed) = bed.closed {
            put_text(&mut period, "end", &closed.to_string());
        }
        json.insert("effectivePeriod".to_owned(), Value::Object(period));
        put_text(&mut json, "valueString", &bed.bed);
        let channels = (1..).zip(&bed.fetuses).map(|(number, name)| (WaveformChannel::FetalHeartRate(number), name));
        let fetuses: Vec<Value> = channels
            .map(|(channel, name)| json!({"code": coded(CHANNEL, channel.code()), "valueString": name}))
            .collect();
        if !fetuses.is_empty() {
            json.insert("component".to_owned(), Value::from(fetuses));
        }
        if !bed.closing.is_empty() {
            json.insert("note".to_owned(), json!([{"text": bed.closing}]));
        }
        let extensions = json.entry("extension").or_insert_with(|| json!([]));
        if let Some(extensions) = extensions.as_array_mut() {
            extensions.push(extension("session", "valueString", bed.session.as_str()));
            extensions.extend(bed.devices.iter().map(|device| extension("device", "valueString", device.as_str())));
        }
        Value::Object(json)
    }
}

/// The samples as FHIR writes them, `E` where the signal was lost.
fn channel(frame: &WaveformFrame, period: f64) -> Value {
    let samples = frame.samples.iter().zip(&frame.quality).map(|(sample, quality)| match quality {
        FrameQuality::Lost => "E".to_owned(),
        FrameQuality::Good | FrameQuality::Fair => sample.to_string(),
    });
    let data = samples.collect::<Vec<_>>().join(" ");
    json!({
        "code": coded(CHANNEL, frame.channel.code()),
        "valueSampledData": {"origin": {"value": 0}, "period": number(period), "dimensions": 1, "data": data},
    })
}

/// `value[x]`, or why there is none.
fn put_value(json: &mut Json, value: &Stated) {
    match value {
        Stated::Quantity { value, unit, comparator } => {
            let mut quantity = Json::new();
            quantity.insert("value".to_owned(), number(*value));
            put_text(&mut quantity, "comparator", comparator);
            put_text(&mut quantity, "unit", unit);
            json.insert("valueQuantity".to_owned(), Value::Object(quantity));
        }
        Stated::Coded(coding) => {
            json.insert("valueCodeableConcept".to_owned(), concept(coding));
        }
        Stated::Text(text) => {
            put_text(json, "valueString", text);
        }
        Stated::Absent(reason) => {
            let code = if reason.is_empty() { "unknown" } else { reason };
            let reason = Coding { code: code.to_owned(), ..Coding::default() };
            let mut reason = concept(&reason);
            if let Some(coding) = reason.pointer_mut("/coding/0").and_then(Value::as_object_mut) {
                coding.insert("system".to_owned(), Value::from(ABSENT));
            }
            json.insert("dataAbsentReason".to_owned(), reason);
        }
    }
}
