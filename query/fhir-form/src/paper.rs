//! Documents, reports, imaging studies and messages.

use crate::build::Form;
use crate::code::{concept, put_text};
use base64::Engine as _;
use model::{ChangeKind, Document, Imaging, Message};
use serde_json::{Value, json};

const DICOM: &str = "http://dicom.nema.org/resources/ontology/DCM";

/// What a document says, or where it is kept.
fn attachment(document: &Document) -> Value {
    let mut json = serde_json::Map::new();
    put_text(&mut json, "contentType", &document.content_type);
    if document.content_type.starts_with("text/") {
        let data = base64::engine::general_purpose::STANDARD.encode(&document.content);
        json.insert("data".to_owned(), Value::from(data));
    } else {
        put_text(&mut json, "url", &document.content);
    }
    Value::Object(json)
}

impl Form<'_> {
    /// A `DiagnosticReport` where its source said so by the record's id, else a `DocumentReference`.
    pub(crate) fn document(&self, document: &Document) -> Value {
        if self.record.id.as_str().starts_with("DiagnosticReport/") {
            self.report(document)
        } else {
            self.paper(document)
        }
    }

    fn is_corrected(&self) -> bool {
        self.record.change() == ChangeKind::Correct
    }

    fn paper(&self, document: &Document) -> Value {
        let mut json = self.about("DocumentReference", "subject", Some(self.record.occurred));
        put_text(&mut json, "status", "current");
        put_text(&mut json, "docStatus", if self.is_corrected() { "amended" } else { "final" });
        json.insert("type".to_owned(), concept(&document.kind));
        put_text(&mut json, "description", &document.title);
        put_text(&mut json, "date", &self.recorded());
        json.insert("context".to_owned(), json!({"period": {"start": self.occurred()}}));
        json.insert("content".to_owned(), json!([{"attachment": attachment(document)}]));
        Value::Object(json)
    }

    fn report(&self, document: &Document) -> Value {
        let mut json = self.about("DiagnosticReport", "subject", Some(self.record.occurred));
        put_text(&mut json, "status", if self.is_corrected() { "amended" } else { "final" });
        let mut code = concept(&document.kind);
        if let Some(code) = code.as_object_mut().filter(|_| !document.title.is_empty()) {
            put_text(code, "text", &document.title);
        }
        json.insert("code".to_owned(), code);
        put_text(&mut json, "effectiveDateTime", &self.occurred());
        put_text(&mut json, "issued", &self.recorded());
        json.insert("presentedForm".to_owned(), json!([attachment(document)]));
        // The same words where an expression can read them: an attachment is in base64.
        if document.content_type.starts_with("text/") {
            put_text(&mut json, "conclusion", &document.content);
        }
        Value::Object(json)
    }

    pub(crate) fn imaging(&self, imaging: &Imaging) -> Value {
        let mut json = self.about("ImagingStudy", "subject", Some(self.record.occurred));
        put_text(&mut json, "status", "available");
        put_text(&mut json, "started", &self.occurred());
        let modalities: Vec<Value> = imaging
            .modality
            .split('\\')
            .filter(|code| !code.is_empty())
            .map(|code| json!({"system": DICOM, "code": code}))
            .collect();
        if !modalities.is_empty() {
            json.insert("modality".to_owned(), Value::from(modalities));
        }
        if !imaging.procedure.code.is_empty() || !imaging.procedure.display.is_empty() {
            json.insert("procedureCode".to_owned(), json!([concept(&imaging.procedure)]));
        }
        if !imaging.study_uid.is_empty() {
            let uid = json!({"system": "urn:dicom:uid", "value": format!("urn:oid:{}", imaging.study_uid)});
            json.insert("identifier".to_owned(), json!([uid, self.record_identifier()]));
        }
        if !imaging.report.is_empty() {
            json.insert("note".to_owned(), json!([{"text": imaging.report}]));
        }
        Value::Object(json)
    }

    pub(crate) fn message(&self, message: &Message) -> Value {
        let mut json = self.about("Communication", "subject", Some(self.record.occurred));
        put_text(&mut json, "status", "completed");
        if !message.subject.is_empty() {
            json.insert("topic".to_owned(), json!({"text": message.subject}));
        }
        put_text(&mut json, "sent", &self.occurred());
        if !message.text.is_empty() {
            json.insert("payload".to_owned(), json!([{"contentString": message.text}]));
        }
        Value::Object(json)
    }
}
