//! The one door: events.

use crate::error::{At, Rule, WireError, Within, required};
use crate::v1;
use crate::vocabulary::moment;
use bytes::Bytes;
use model::{
    AuditEvent, Body, ConsentChange, DirectoryChange, Event, EventId, EventKey, FacilityId, Record, ReferralChange,
};
use prost::Message;

/// Bytes that `admitted_us` takes at the end of a written event. It is the last field of the message and of fixed
/// size, so that an event's content is the bytes before it, whenever it is admitted.
pub const STAMP_LENGTH: usize = 9;

/// Reads an event from the bytes of a letter.
///
/// # Errors
/// When the bytes are not a message, or the message is not an event; the error names the field and the rule.
pub fn read_event(bytes: Bytes) -> Result<Event, WireError> {
    Event::try_from(parse_event(bytes)?)
}

/// Reads the message without asking what it means: for the door, which must stamp it before it is an event.
///
/// # Errors
/// When the bytes are not a message.
pub fn parse_event(bytes: Bytes) -> Result<v1::Event, WireError> {
    v1::Event::decode(bytes).map_err(|error| WireError::new("event", Rule::Unreadable { reason: error.to_string() }))
}

/// Writes an event as the bytes of a letter. The same event always gives the same bytes.
pub fn write_event(event: &Event) -> Bytes {
    v1::Event::from(event).encode_to_vec().into()
}

impl TryFrom<v1::Event> for Event {
    type Error = WireError;
    fn try_from(wire: v1::Event) -> Result<Self, WireError> {
        let v1::Event { id, source, body, admitted_us } = wire;
        Ok(Self {
            key: EventKey { source: FacilityId::parse(&source).at("source")?, id: EventId::parse(&id).at("id")? },
            admitted_at: moment("admitted_us", admitted_us)?,
            body: match required("body", body)? {
                v1::event::Body::Record(record) => Body::Record(Box::new(Record::try_from(*record).within("record")?)),
                v1::event::Body::Consent(change) => Body::Consent(ConsentChange::try_from(change).within("consent")?),
                v1::event::Body::Directory(change) => {
                    Body::Directory(DirectoryChange::try_from(change).within("directory")?)
                }
                v1::event::Body::Referral(change) => {
                    Body::Referral(Box::new(ReferralChange::try_from(change).within("referral")?))
                }
                v1::event::Body::Audit(audit) => Body::Audit(Box::new(AuditEvent::try_from(*audit).within("audit")?)),
            },
        })
    }
}

impl From<&Event> for v1::Event {
    fn from(event: &Event) -> Self {
        let Event { key: EventKey { source, id }, admitted_at, body } = event;
        Self {
            id: id.as_str().to_owned(),
            source: source.as_str().to_owned(),
            body: Some(match body {
                Body::Record(record) => v1::event::Body::Record(Box::new(record.as_ref().into())),
                Body::Consent(change) => v1::event::Body::Consent(change.into()),
                Body::Directory(change) => v1::event::Body::Directory(change.into()),
                Body::Referral(change) => v1::event::Body::Referral(change.as_ref().into()),
                Body::Audit(audit) => v1::event::Body::Audit(Box::new(audit.as_ref().into())),
            }),
            admitted_us: Some(admitted_at.micros()),
        }
    }
}
