//! Patients, conditions, allergies, drugs, vaccinations, visits and plans.

use crate::build::{Form, Json};
use crate::code::{ACT, UCUM, coded, concept, number, put_text};
use model::{Allergy, CarePlan, Condition, Demographics, Encounter, Immunization, Medication, Sex};
use serde_json::{Value, json};

const REPRESENTATION: &str = "http://hl7.org/fhir/StructureDefinition/iso21090-EN-representation";
const CONDITION_CLINICAL: &str = "http://terminology.hl7.org/CodeSystem/condition-clinical";
const CONDITION_VERIFICATION: &str = "http://terminology.hl7.org/CodeSystem/condition-ver-status";
const ALLERGY_CLINICAL: &str = "http://terminology.hl7.org/CodeSystem/allergyintolerance-clinical";

/// The status; FHIR asks for one.
fn stated(status: &str) -> Value {
    Value::from(if status.is_empty() { "unknown" } else { status })
}

fn name(text: &str, script: &str) -> Value {
    json!({"extension": [{"url": REPRESENTATION, "valueCode": script}], "use": "official", "text": text})
}

impl Form<'_> {
    pub(crate) fn patient(&self, demographics: &Demographics) -> Value {
        let mut json = self.begin("Patient", Some(self.record.recorded));
        self.be_patient(&mut json);
        let written = [(&demographics.name, "IDE"), (&demographics.kana, "SYL")];
        let names: Vec<Value> =
            written.iter().filter(|(text, _)| !text.is_empty()).map(|(text, script)| name(text, script)).collect();
        if !names.is_empty() {
            json.insert("name".to_owned(), Value::from(names));
        }
        if demographics.sex != Sex::Unknown {
            put_text(&mut json, "gender", demographics.sex.code());
        }
        if let Some(born) = demographics.birth_date {
            put_text(&mut json, "birthDate", &born.to_string());
        }
        let mut address = Json::new();
        put_text(&mut address, "text", &demographics.address);
        put_text(&mut address, "postalCode", &demographics.postal_code);
        if !address.is_empty() {
            json.insert("address".to_owned(), json!([address]));
        }
        if let Some(died) = demographics.deceased {
            put_text(&mut json, "deceasedDateTime", &died.to_string());
        }
        Value::Object(json)
    }

    pub(crate) fn condition(&self, condition: &Condition) -> Value {
        let told = condition.onset.unwrap_or(self.record.recorded);
        let mut json = self.about("Condition", "subject", Some(told));
        json.insert("code".to_owned(), concept(&condition.code));
        if !condition.clinical_status.is_empty() {
            json.insert("clinicalStatus".to_owned(), coded(CONDITION_CLINICAL, &condition.clinical_status));
        }
        let verified = if condition.suspected { "provisional" } else { "confirmed" };
        json.insert("verificationStatus".to_owned(), coded(CONDITION_VERIFICATION, verified));
        for (key, moment) in [("onsetDateTime", condition.onset), ("abatementDateTime", condition.abated)] {
            if let Some(moment) = moment {
                put_text(&mut json, key, &moment.to_string());
            }
        }
        put_text(&mut json, "recordedDate", &self.recorded());
        Value::Object(json)
    }

    pub(crate) fn allergy(&self, allergy: &Allergy) -> Value {
        let mut json = self.about("AllergyIntolerance", "patient", Some(self.record.occurred));
        json.insert("code".to_owned(), concept(&allergy.code));
        put_text(&mut json, "criticality", &allergy.criticality);
        if !allergy.clinical_status.is_empty() {
            json.insert("clinicalStatus".to_owned(), coded(ALLERGY_CLINICAL, &allergy.clinical_status));
        }
        if !allergy.reaction.is_empty() {
            json.insert("reaction".to_owned(), json!([{"manifestation": [{"text": allergy.reaction}]}]));
        }
        if self.record.occurred != self.record.recorded {
            put_text(&mut json, "onsetDateTime", &self.occurred());
        }
        put_text(&mut json, "recordedDate", &self.recorded());
        Value::Object(json)
    }

    pub(crate) fn medication(&self, medication: &Medication) -> Value {
        let mut json = self.about("MedicationRequest", "subject", Some(self.record.occurred));
        json.insert("status".to_owned(), stated(&medication.status));
        put_text(&mut json, "intent", "order");
        json.insert("medicationCodeableConcept".to_owned(), concept(&medication.code));
        put_text(&mut json, "authoredOn", &self.occurred());
        if !medication.dosage.is_empty() {
            json.insert("dosageInstruction".to_owned(), json!([{"text": medication.dosage}]));
        }
        let mut quantity = Json::new();
        if let Some(amount) = medication.quantity {
            quantity.insert("value".to_owned(), number(amount));
        }
        put_text(&mut quantity, "unit", &medication.quantity_unit);
        let mut dispense = Json::new();
        if !quantity.is_empty() {
            dispense.insert("quantity".to_owned(), Value::Object(quantity));
        }
        if let Some(days) = medication.days {
            let supply = json!({"value": days, "unit": "d", "system": UCUM, "code": "d"});
            dispense.insert("expectedSupplyDuration".to_owned(), supply);
        }
        if !dispense.is_empty() {
            json.insert("dispenseRequest".to_owned(), Value::Object(dispense));
        }
        Value::Object(json)
    }

    pub(crate) fn immunization(&self, given: &Immunization) -> Value {
        let mut json = self.about("Immunization", "patient", Some(self.record.occurred));
        put_text(&mut json, "status", given.status.code());
        json.insert("vaccineCode".to_owned(), concept(&given.code));
        put_text(&mut json, "occurrenceDateTime", &self.occurred());
        put_text(&mut json, "recorded", &self.recorded());
        for (key, text) in [("statusReason", &given.reason), ("site", &given.site), ("route", &given.route)] {
            if !text.is_empty() {
                json.insert(key.to_owned(), json!({"text": text}));
            }
        }
        put_text(&mut json, "lotNumber", &given.lot);
        if !given.manufacturer.is_empty() {
            json.insert("manufacturer".to_owned(), json!({"display": given.manufacturer}));
        }
        if !given.dose_number.is_empty() {
            json.insert("protocolApplied".to_owned(), json!([{"doseNumberString": given.dose_number}]));
        }
        if let Some(amount) = given.quantity {
            let mut quantity = Json::new();
            quantity.insert("value".to_owned(), number(amount));
            put_text(&mut quantity, "unit", &given.quantity_unit);
            json.insert("doseQuantity".to_owned(), Value::Object(quantity));
        }
        if given.reported {
            json.insert("primarySource".to_owned(), Value::from(false));
        }
        if given.subpotent {
            json.insert("isSubpotent".to_owned(), Value::from(true));
        }
        if !given.note.is_empty() {
            json.insert("note".to_owned(), json!([{"text": given.note}]));
        }
        Value::Object(json)
    }

    pub(crate) fn encounter(&self, encounter: &Encounter) -> Value {
        let told = encounter.start.or(encounter.end).unwrap_or(self.record.recorded);
        let mut json = self.about("Encounter", "subject", Some(told));
        json.insert("status".to_owned(), stated(&encounter.status));
        json.insert("class".to_owned(), json!({"system": ACT, "code": encounter.class.code()}));
        if !encounter.reason.code.is_empty() || !encounter.reason.display.is_empty() {
            json.insert("reasonCode".to_owned(), json!([concept(&encounter.reason)]));
        }
        let mut period = Json::new();
        for (key, moment) in [("start", encounter.start), ("end", encounter.end)] {
            if let Some(moment) = moment {
                put_text(&mut period, key, &moment.to_string());
            }
        }
        if !period.is_empty() {
            json.insert("period".to_owned(), Value::Object(period));
        }
        Value::Object(json)
    }

    pub(crate) fn care_plan(&self, plan: &CarePlan) -> Value {
        let mut json = self.about("CarePlan", "subject", Some(self.record.occurred));
        json.insert("status".to_owned(), stated(&plan.status));
        put_text(&mut json, "intent", "plan");
        json.insert("category".to_owned(), json!([concept(&plan.code)]));
        put_text(&mut json, "description", &plan.text);
        json.insert("period".to_owned(), json!({"start": self.occurred()}));
        put_text(&mut json, "created", &self.recorded());
        Value::Object(json)
    }
}
