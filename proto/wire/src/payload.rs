//! What a record says, one pair of conversions per category.

use crate::error::{At, Rule, WireError, Within, required, said};
use crate::v1;
use crate::vocabulary::{Vocabulary, date_if, moment_if};
use model::{
    Allergy, CarePlan, CodeSystem, Coding, Condition, Demographics, Document, Encounter, EncounterClass, Imaging,
    Immunization, ImmunizationStatus, LabResult, LabStatus, Medication, Message, Moment, Payload, Perinatal, Sex,
    Value, VitalSign,
};

const COMPARATORS: [&str; 5] = ["", "<", "<=", ">", ">="];

fn finite(field: &str, number: f64) -> Result<f64, WireError> {
    if number.is_finite() { Ok(number) } else { Err(WireError::new(field, Rule::NotFinite)) }
}

fn finite_if(field: &str, number: Option<f64>) -> Result<Option<f64>, WireError> {
    number.map(|number| finite(field, number)).transpose()
}

/// A coding that must say something.
fn coding(field: &str, wire: Option<v1::Coding>) -> Result<Coding, WireError> {
    let coding = Coding::from(required(field, wire)?);
    if coding.code.is_empty() && coding.display.is_empty() {
        return Err(WireError::new(field, Rule::EmptyCoding));
    }
    Ok(coding)
}

/// A coding that may be left out.
fn coding_if(wire: Option<v1::Coding>) -> Coding {
    wire.map(Coding::from).unwrap_or_default()
}

fn coding_out(coding: &Coding) -> Option<v1::Coding> {
    (*coding != Coding::default()).then(|| coding.into())
}

fn value(field: &str, wire: Option<v1::Value>) -> Result<Value, WireError> {
    Value::try_from(required(field, wire)?).within(field)
}

// === codings and values ===

impl From<v1::Coding> for Coding {
    fn from(wire: v1::Coding) -> Self {
        let v1::Coding { system, code, display } = wire;
        Self { system: CodeSystem::from_text(&system), code, display }
    }
}

impl From<&Coding> for v1::Coding {
    fn from(coding: &Coding) -> Self {
        let Coding { system, code, display } = coding;
        // The source's own codes go out without a system: it is the default, and short.
        let system = if *system == CodeSystem::Local { String::new() } else { system.code().to_owned() };
        Self { system, code: code.clone(), display: display.clone() }
    }
}

impl TryFrom<v1::Value> for Value {
    type Error = WireError;
    fn try_from(wire: v1::Value) -> Result<Self, WireError> {
        let v1::Value { kind } = wire;
        Ok(match required("kind", kind)? {
            v1::value::Kind::Quantity(v1::Quantity { value, unit, comparator }) => {
                let value = finite("quantity.value", value)?;
                if !COMPARATORS.contains(&comparator.as_str()) {
                    let rule = Rule::UnknownText { known: "``, `<`, `<=`, `>`, `>=`" };
                    return Err(WireError::new("quantity.comparator", rule));
                }
                Self::Quantity { value, unit, comparator }
            }
            v1::value::Kind::Coded(coded) => Self::Coded(coding("coded", Some(coded))?),
            v1::value::Kind::Text(text) => Self::Text(text),
            v1::value::Kind::Absent(reason) => Self::Absent(said("absent", reason)?),
        })
    }
}

impl From<&Value> for v1::Value {
    fn from(value: &Value) -> Self {
        let kind = match value {
            Value::Quantity { value, unit, comparator } => v1::value::Kind::Quantity(v1::Quantity {
                value: *value,
                unit: unit.clone(),
                comparator: comparator.clone(),
            }),
            Value::Coded(coding) => v1::value::Kind::Coded(coding.into()),
            Value::Text(text) => v1::value::Kind::Text(text.clone()),
            Value::Absent(reason) => v1::value::Kind::Absent(reason.clone()),
        };
        Self { kind: Some(kind) }
    }
}

// === in ===

impl TryFrom<v1::record::Payload> for Payload {
    type Error = WireError;
    fn try_from(wire: v1::record::Payload) -> Result<Self, WireError> {
        use v1::record::Payload as Wire;
        Ok(match wire {
            Wire::PatientPayload(wire) => Self::Patient(wire.try_into().within("patient_payload")?),
            Wire::Laboratory(wire) => Self::Laboratory(wire.try_into().within("laboratory")?),
            Wire::VitalSign(wire) => Self::VitalSign(wire.try_into().within("vital_sign")?),
            Wire::Condition(wire) => Self::Condition(wire.try_into().within("condition")?),
            Wire::Allergy(wire) => Self::Allergy(wire.try_into().within("allergy")?),
            Wire::Medication(wire) => Self::Medication(wire.try_into().within("medication")?),
            Wire::Encounter(wire) => Self::Encounter(wire.try_into().within("encounter")?),
            Wire::Document(wire) => Self::Document(wire.try_into().within("document")?),
            Wire::Imaging(wire) => Self::Imaging(wire.try_into().within("imaging")?),
            Wire::Waveform(wire) => Self::Waveform(wire.try_into().within("waveform")?),
            Wire::Bed(wire) => Self::Bed(wire.try_into().within("bed")?),
            Wire::Perinatal(wire) => Self::Perinatal(wire.try_into().within("perinatal")?),
            Wire::CarePlan(wire) => Self::CarePlan(wire.try_into().within("care_plan")?),
            Wire::Message(v1::Message { subject, text }) => Self::Message(Message { subject, text }),
            Wire::Immunization(wire) => Self::Immunization(wire.try_into().within("immunization")?),
        })
    }
}

impl TryFrom<v1::Demographics> for Demographics {
    type Error = WireError;
    fn try_from(wire: v1::Demographics) -> Result<Self, WireError> {
        let v1::Demographics { name, kana, birth_date, sex, postal_code, address, deceased_us } = wire;
        let birth_date = date_if("birth_date", &birth_date)?;
        let deceased = moment_if("deceased_us", deceased_us)?;
        Ok(Self { name, kana, birth_date, sex: Sex::from_number(sex).at("sex")?, postal_code, address, deceased })
    }
}

impl TryFrom<v1::LabResult> for LabResult {
    type Error = WireError;
    fn try_from(wire: v1::LabResult) -> Result<Self, WireError> {
        let v1::LabResult { code, value: result, reference_low, reference_high, flag, specimen, status, order, note } =
            wire;
        Ok(Self {
            code: coding("code", code)?,
            value: value("value", result)?,
            reference_low: finite_if("reference_low", reference_low)?,
            reference_high: finite_if("reference_high", reference_high)?,
            flag,
            specimen,
            status: LabStatus::from_number(status).at("status")?,
            order,
            note,
        })
    }
}

impl TryFrom<v1::VitalSign> for VitalSign {
    type Error = WireError;
    fn try_from(wire: v1::VitalSign) -> Result<Self, WireError> {
        let v1::VitalSign { code, value: measurement } = wire;
        Ok(Self { code: coding("code", code)?, value: value("value", measurement)? })
    }
}

impl TryFrom<v1::Condition> for Condition {
    type Error = WireError;
    fn try_from(wire: v1::Condition) -> Result<Self, WireError> {
        let v1::Condition { code, clinical_status, suspected, onset_us, abated_us } = wire;
        let onset = moment_if("onset_us", onset_us)?;
        let abated = moment_if("abated_us", abated_us)?;
        Ok(Self { code: coding("code", code)?, clinical_status, suspected, onset, abated })
    }
}

impl TryFrom<v1::Allergy> for Allergy {
    type Error = WireError;
    fn try_from(wire: v1::Allergy) -> Result<Self, WireError> {
        let v1::Allergy { code, criticality, reaction, clinical_status } = wire;
        Ok(Self { code: coding("code", code)?, criticality, reaction, clinical_status })
    }
}

impl TryFrom<v1::Medication> for Medication {
    type Error = WireError;
    fn try_from(wire: v1::Medication) -> Result<Self, WireError> {
        let v1::Medication { code, status, dosage, quantity, quantity_unit, days } = wire;
        let quantity = finite_if("quantity", quantity)?;
        Ok(Self { code: coding("code", code)?, status, dosage, quantity, quantity_unit, days })
    }
}

impl TryFrom<v1::Encounter> for Encounter {
    type Error = WireError;
    fn try_from(wire: v1::Encounter) -> Result<Self, WireError> {
        let v1::Encounter { encounter_class, status, reason, start_us, end_us } = wire;
        Ok(Self {
            class: EncounterClass::from_number(encounter_class).at("encounter_class")?,
            status,
            reason: coding_if(reason),
            start: moment_if("start_us", start_us)?,
            end: moment_if("end_us", end_us)?,
        })
    }
}

impl TryFrom<v1::Document> for Document {
    type Error = WireError;
    fn try_from(wire: v1::Document) -> Result<Self, WireError> {
        let v1::Document { kind, title, content_type, content } = wire;
        if !content.is_empty() && content_type.is_empty() {
            return Err(WireError::new("content_type", Rule::Required));
        }
        Ok(Self { kind: coding("kind", kind)?, title, content_type, content })
    }
}

impl TryFrom<v1::Imaging> for Imaging {
    type Error = WireError;
    fn try_from(wire: v1::Imaging) -> Result<Self, WireError> {
        let v1::Imaging { modality, procedure, study_uid, report } = wire;
        Ok(Self { modality: said("modality", modality)?, procedure: coding_if(procedure), study_uid, report })
    }
}

impl TryFrom<v1::Perinatal> for Perinatal {
    type Error = WireError;
    fn try_from(wire: v1::Perinatal) -> Result<Self, WireError> {
        let v1::Perinatal { code, gestational_days, value: recorded } = wire;
        Ok(Self { code: coding("code", code)?, gestational_days, value: value("value", recorded)? })
    }
}

impl TryFrom<v1::CarePlan> for CarePlan {
    type Error = WireError;
    fn try_from(wire: v1::CarePlan) -> Result<Self, WireError> {
        let v1::CarePlan { code, status, text } = wire;
        Ok(Self { code: coding("code", code)?, status, text })
    }
}

impl TryFrom<v1::Immunization> for Immunization {
    type Error = WireError;
    fn try_from(wire: v1::Immunization) -> Result<Self, WireError> {
        let v1::Immunization {
            code,
            status,
            reason,
            lot,
            manufacturer,
            dose_number,
            quantity,
            quantity_unit,
            site,
            route,
            reported,
            subpotent,
            note,
        } = wire;
        Ok(Self {
            code: coding("code", code)?,
            status: ImmunizationStatus::from_number(status).at("status")?,
            reason,
            lot,
            manufacturer,
            dose_number,
            quantity: finite_if("quantity", quantity)?,
            quantity_unit,
            site,
            route,
            reported,
            subpotent,
            note,
        })
    }
}

// === out ===

impl From<&Payload> for v1::record::Payload {
    fn from(payload: &Payload) -> Self {
        match payload {
            Payload::Patient(it) => Self::PatientPayload(it.into()),
            Payload::Laboratory(it) => Self::Laboratory(it.into()),
            Payload::VitalSign(VitalSign { code, value }) => {
                Self::VitalSign(v1::VitalSign { code: Some(code.into()), value: Some(value.into()) })
            }
            Payload::Condition(Condition { code, clinical_status, suspected, onset, abated }) => {
                Self::Condition(v1::Condition {
                    code: Some(code.into()),
                    clinical_status: clinical_status.clone(),
                    suspected: *suspected,
                    onset_us: onset.map(Moment::micros),
                    abated_us: abated.map(Moment::micros),
                })
            }
            Payload::Allergy(Allergy { code, criticality, reaction, clinical_status }) => Self::Allergy(v1::Allergy {
                code: Some(code.into()),
                criticality: criticality.clone(),
                reaction: reaction.clone(),
                clinical_status: clinical_status.clone(),
            }),
            Payload::Medication(it) => Self::Medication(it.into()),
            Payload::Encounter(Encounter { class, status, reason, start, end }) => Self::Encounter(v1::Encounter {
                encounter_class: class.number(),
                status: status.clone(),
                reason: coding_out(reason),
                start_us: start.map(Moment::micros),
                end_us: end.map(Moment::micros),
            }),
            Payload::Document(Document { kind, title, content_type, content }) => Self::Document(v1::Document {
                kind: Some(kind.into()),
                title: title.clone(),
                content_type: content_type.clone(),
                content: content.clone(),
            }),
            Payload::Imaging(Imaging { modality, procedure, study_uid, report }) => Self::Imaging(v1::Imaging {
                modality: modality.clone(),
                procedure: coding_out(procedure),
                study_uid: study_uid.clone(),
                report: report.clone(),
            }),
            Payload::Waveform(it) => Self::Waveform(it.into()),
            Payload::Bed(it) => Self::Bed(it.into()),
            Payload::Perinatal(Perinatal { code, gestational_days, value }) => Self::Perinatal(v1::Perinatal {
                code: Some(code.into()),
                gestational_days: *gestational_days,
                value: Some(value.into()),
            }),
            Payload::CarePlan(CarePlan { code, status, text }) => {
                Self::CarePlan(v1::CarePlan { code: Some(code.into()), status: status.clone(), text: text.clone() })
            }
            Payload::Message(Message { subject, text }) => {
                Self::Message(v1::Message { subject: subject.clone(), text: text.clone() })
            }
            Payload::Immunization(it) => Self::Immunization(it.into()),
        }
    }
}

impl From<&Demographics> for v1::Demographics {
    fn from(it: &Demographics) -> Self {
        let Demographics { name, kana, birth_date, sex, postal_code, address, deceased } = it;
        Self {
            name: name.clone(),
            kana: kana.clone(),
            birth_date: birth_date.map(|date| date.to_string()).unwrap_or_default(),
            sex: sex.number(),
            postal_code: postal_code.clone(),
            address: address.clone(),
            deceased_us: deceased.map(Moment::micros),
        }
    }
}

impl From<&LabResult> for v1::LabResult {
    fn from(it: &LabResult) -> Self {
        let LabResult { code, value, reference_low, reference_high, flag, specimen, status, order, note } = it;
        Self {
            code: Some(code.into()),
            value: Some(value.into()),
            reference_low: *reference_low,
            reference_high: *reference_high,
            flag: flag.clone(),
            specimen: specimen.clone(),
            status: status.number(),
            order: order.clone(),
            note: note.clone(),
        }
    }
}

impl From<&Medication> for v1::Medication {
    fn from(it: &Medication) -> Self {
        let Medication { code, status, dosage, quantity, quantity_unit, days } = it;
        Self {
            code: Some(code.into()),
            status: status.clone(),
            dosage: dosage.clone(),
            quantity: *quantity,
            quantity_unit: quantity_unit.clone(),
            days: *days,
        }
    }
}

impl From<&Immunization> for v1::Immunization {
    fn from(it: &Immunization) -> Self {
        let Immunization { code, status, reason, lot, manufacturer, dose_number, quantity, quantity_unit, .. } = it;
        let Immunization { site, route, reported, subpotent, note, .. } = it;
        Self {
            code: Some(code.into()),
            status: status.number(),
            reason: reason.clone(),
            lot: lot.clone(),
            manufacturer: manufacturer.clone(),
            dose_number: dose_number.clone(),
            quantity: *quantity,
            quantity_unit: quantity_unit.clone(),
            site: site.clone(),
            route: route.clone(),
            reported: *reported,
            subpotent: *subpotent,
            note: note.clone(),
        }
    }
}
