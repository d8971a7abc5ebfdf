//! Records.

use crate::error::{At, Rule, WireError, Within, required};
use crate::v1;
use crate::vocabulary::{Vocabulary, entries, moment, numbers, patient};
use model::{Author, Category, ChangeKind, DepartmentCode, Label, MemberId, Payload, Record, RecordId, Role, Version};

impl TryFrom<v1::Record> for Record {
    type Error = WireError;
    fn try_from(wire: v1::Record) -> Result<Self, WireError> {
        let v1::Record {
            patient: patient_ref,
            id,
            version,
            category,
            occurred_us,
            recorded_us,
            labels,
            department,
            author,
            change,
            payload,
        } = wire;
        Self::new(
            patient("patient", patient_ref)?,
            RecordId::parse(&id).at("id")?,
            Version::new(version).ok_or(Rule::NotPositive).at("version")?,
            Category::from_number(category).at("category")?,
            moment("occurred_us", occurred_us)?,
            moment("recorded_us", recorded_us)?,
            entries::<Label, _>("labels", &labels)?,
            if department.is_empty() { None } else { Some(DepartmentCode::parse(&department).at("department")?) },
            Author::try_from(required("author", author)?).within("author")?,
            ChangeKind::from_number(change).at("change")?,
            payload.map(Payload::try_from).transpose().within("payload")?,
        )
        .at("payload")
    }
}

impl TryFrom<v1::Author> for Author {
    type Error = WireError;
    fn try_from(wire: v1::Author) -> Result<Self, WireError> {
        let v1::Author { member, role } = wire;
        let member = if member.is_empty() { None } else { Some(MemberId::parse(&member).at("member")?) };
        Ok(Self { member, role: Role::from_number(role).at("role")? })
    }
}

impl From<&Record> for v1::Record {
    fn from(record: &Record) -> Self {
        let Author { member, role } = &record.author;
        Self {
            patient: Some((&record.patient).into()),
            id: record.id.as_str().to_owned(),
            version: record.version.get(),
            category: record.category().number(),
            occurred_us: Some(record.occurred.micros()),
            recorded_us: Some(record.recorded.micros()),
            labels: numbers(record.labels.iter()),
            department: record.department.as_ref().map_or_else(String::new, |code| code.as_str().to_owned()),
            author: Some(v1::Author {
                member: member.as_ref().map_or_else(String::new, |member| member.as_str().to_owned()),
                role: role.number(),
            }),
            change: record.change().number(),
            payload: record.payload().map(Into::into),
        }
    }
}
