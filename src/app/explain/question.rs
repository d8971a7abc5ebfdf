//! What is asked, parsed.

use crate::history::AsOf;
use consent_filter::Book;
use model::{FacilityId, MemberId, Moment, PatientNumber, PatientRef, Principal, Purpose, RecordId, RecordRef, Role};
use parking_lot::RwLock;
use tonic::Status;
use wire::v1;

/// About one record.
pub(super) struct Question {
    pub(super) record: RecordRef,
    pub(super) viewer: Viewer,
    pub(super) data: Option<AsOf>,
    pub(super) consent: Option<AsOf>,
    pub(super) for_patient: bool,
}

/// About one patient.
pub(super) struct ViewQuestion {
    pub(super) patient: PatientRef,
    pub(super) viewer: Viewer,
    pub(super) data: Option<AsOf>,
    pub(super) consent: Option<AsOf>,
    pub(super) limit: u64,
}

/// Who looks, and when the clock is read.
pub(super) struct Viewer {
    pub(super) principal: Principal,
    pub(super) at: Option<Moment>,
}

/// Records streamed where no limit is said.
const LIMIT: u32 = 10_000;

pub(super) fn invalid(field: &str) -> impl Fn(&dyn std::fmt::Display) -> Status + '_ {
    move |rule| Status::invalid_argument(format!("`{field}`: {rule}"))
}

/// The facility named, or the caller's.
fn facility(field: &str, said: &str, caller: &Principal) -> Result<FacilityId, Status> {
    match said {
        "" => Ok(caller.facility.clone()),
        text => FacilityId::parse(text).map_err(|error| invalid(field)(&error)),
    }
}

/// A place in the history; absent is now.
pub(super) fn parse_as_of(field: &str, said: Option<v1::AsOf>) -> Result<Option<AsOf>, Status> {
    use v1::as_of::When;
    let Some(v1::AsOf { when }) = said else { return Ok(None) };
    let required = || invalid(field)(&"say a moment, a frontier or a position");
    Ok(Some(match when.ok_or_else(required)? {
        When::AtUs(micros) => AsOf::Moment(Moment::from_micros(micros).map_err(|error| invalid(field)(&error))?),
        When::Frontier(frontier) => AsOf::Frontier(frontier.into()),
        When::Position(position) => AsOf::Letter(position.into()),
    }))
}

impl Viewer {
    fn parse(
        (facility, member): (FacilityId, &str),
        (role, purpose): (i32, i32),
        at_us: Option<i64>,
        book: &RwLock<Book>,
    ) -> Result<Self, Status> {
        let named = |said: i32| said != 0;
        let member = match member {
            "" => None,
            text => Some(MemberId::parse(text).map_err(|error| invalid("member")(&error))?),
        };
        let role = match v1::Role::try_from(role) {
            Ok(said) if named(role) => Role::try_from(said).map_err(|error| invalid("role")(&error))?,
            Ok(_) => {
                let book = book.read();
                member.as_ref().and_then(|member| book.member(member)).map_or(Role::System, |member| member.role)
            }
            Err(error) => return Err(invalid("role")(&error)),
        };
        let purpose = parse_purpose(purpose)?;
        let at = at_us.map(Moment::from_micros).transpose().map_err(|error| invalid("at_us")(&error))?;
        Ok(Self { principal: Principal { facility, member, role, purpose }, at })
    }
}

/// A purpose; 0 is treatment.
pub(in crate::app) fn parse_purpose(said: i32) -> Result<Purpose, Status> {
    match v1::Purpose::try_from(said) {
        Ok(_) if said == 0 => Ok(Purpose::Treatment),
        Ok(known) => Purpose::try_from(known).map_err(|error| invalid("purpose")(&error)),
        Err(error) => Err(invalid("purpose")(&error)),
    }
}

impl Question {
    pub(super) fn parse(request: v1::ExplainRequest, caller: &Principal, book: &RwLock<Book>) -> Result<Self, Status> {
        let v1::ExplainRequest {
            source,
            record_id,
            viewer,
            member,
            role,
            purpose,
            at_us,
            data_as_of,
            consent_as_of,
            for_patient,
        } = request;
        let viewer = facility("viewer", &viewer, caller)?;
        Ok(Self {
            record: RecordRef {
                source: FacilityId::parse(&source).map_err(|error| invalid("source")(&error))?,
                id: RecordId::parse(&record_id).map_err(|error| invalid("record_id")(&error))?,
            },
            viewer: Viewer::parse((viewer, &member), (role, purpose), at_us, book)?,
            data: parse_as_of("data_as_of", data_as_of)?,
            consent: parse_as_of("consent_as_of", consent_as_of)?,
            for_patient,
        })
    }
}

impl ViewQuestion {
    pub(super) fn parse(request: v1::ViewOfRequest, caller: &Principal, book: &RwLock<Book>) -> Result<Self, Status> {
        let v1::ViewOfRequest {
            source,
            patient_number,
            viewer,
            member,
            role,
            purpose,
            at_us,
            data_as_of,
            consent_as_of,
            limit,
        } = request;
        let number = PatientNumber::parse(&patient_number).map_err(|error| invalid("patient_number")(&error))?;
        let viewer = facility("viewer", &viewer, caller)?;
        Ok(Self {
            patient: PatientRef::new(facility("source", &source, caller)?, number),
            viewer: Viewer::parse((viewer, &member), (role, purpose), at_us, book)?,
            data: parse_as_of("data_as_of", data_as_of)?,
            consent: parse_as_of("consent_as_of", consent_as_of)?,
            limit: u64::from(if limit == 0 { LIMIT } else { limit }),
        })
    }
}
