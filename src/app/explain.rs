//! `ExplainService`: why a record is shown to a viewer, or is not.

use crate::pipeline::Rooms;
use consent_filter::{Book, Decision, Explanation, Finding, Reason, Verdict, ViewerAnswer};
use model::{FacilityId, MemberId, Moment, Principal, Purpose, RecordId, RecordRef, Role};
use tonic::{Request, Response, Status};
use wire::v1;
use wire::v1::explain_service_server::{ExplainService, ExplainServiceServer};

/// The service over the book and the store.
pub(super) fn service(rooms: Rooms) -> ExplainServiceServer<ExplainDesk> {
    ExplainServiceServer::new(ExplainDesk(rooms))
}

/// Answers `ExplainService`.
#[derive(Debug)]
pub(super) struct ExplainDesk(Rooms);

/// What is asked, parsed.
struct Question {
    record: RecordRef,
    viewer: Principal,
    moment: Moment,
}

fn invalid(field: &str) -> impl Fn(&dyn std::fmt::Display) -> Status + '_ {
    move |rule| Status::invalid_argument(format!("`{field}`: {rule}"))
}

impl Question {
    fn parse(request: v1::ExplainRequest, caller: &Principal, book: &Book) -> Result<Self, Status> {
        let named = |said: i32| said != 0;
        let v1::ExplainRequest { source, record_id, viewer, member, role, purpose, at_us } = request;
        let record = RecordRef {
            source: FacilityId::parse(&source).map_err(|error| invalid("source")(&error))?,
            id: RecordId::parse(&record_id).map_err(|error| invalid("record_id")(&error))?,
        };
        let facility = match viewer.as_str() {
            "" => caller.facility.clone(),
            text => FacilityId::parse(text).map_err(|error| invalid("viewer")(&error))?,
        };
        let member = match member.as_str() {
            "" => None,
            text => Some(MemberId::parse(text).map_err(|error| invalid("member")(&error))?),
        };
        let known = member.as_ref().and_then(|member| book.member(member));
        let role = match v1::Role::try_from(role) {
            Ok(said) if named(role) => Role::try_from(said).map_err(|error| invalid("role")(&error))?,
            Ok(_) => known.map_or(Role::System, |member| member.role),
            Err(error) => return Err(invalid("role")(&error)),
        };
        let purpose = match v1::Purpose::try_from(purpose) {
            Ok(said) if named(purpose) => Purpose::try_from(said).map_err(|error| invalid("purpose")(&error))?,
            Ok(_) => Purpose::Treatment,
            Err(error) => return Err(invalid("purpose")(&error)),
        };
        let moment = match at_us {
            None => (crate::identity::system_clock())(),
            Some(micros) => Moment::from_micros(micros).map_err(|error| invalid("at_us")(&error))?,
        };
        Ok(Self { record, viewer: Principal { facility, member, role, purpose }, moment })
    }
}

/// Who is told every gate: the people and systems of the disclosing facility, but not a patient who signs in there.
fn is_discloser(caller: &Principal, record: &RecordRef) -> bool {
    caller.facility == record.source && caller.role != Role::Patient
}

#[tonic::async_trait]
impl ExplainService for ExplainDesk {
    async fn explain(&self, request: Request<v1::ExplainRequest>) -> Result<Response<v1::ExplainResponse>, Status> {
        let unknown = || Status::unauthenticated("who asks is not known");
        let caller = request.extensions().get::<Principal>().cloned().ok_or_else(unknown)?;
        let rooms = self.0.clone();
        // A table file may have to be read.
        let answered = tokio::task::spawn_blocking(move || answer(&rooms, &caller, request.into_inner()));
        answered.await.map_err(|_| Status::internal("the explanation ended early"))?.map(Response::new)
    }
}

fn answer(rooms: &Rooms, caller: &Principal, request: v1::ExplainRequest) -> Result<v1::ExplainResponse, Status> {
    let book = rooms.book.read();
    let Question { record, viewer, moment } = Question::parse(request, caller, &book)?;
    let discloser = is_discloser(caller, &record);
    // A viewer is told of itself; of others, and of what it is not shown, the same as if nothing were there.
    let facts = if discloser || *caller == viewer {
        rooms.store.facts_of(&book, &record).map_err(|error| {
            tracing::error!(%error, "a record could not be looked up for an explanation");
            Status::unavailable("the record store cannot be read just now; try again")
        })?
    } else {
        None
    };
    let explanation = facts.map(|facts| book.explain(&facts, &viewer, moment));
    let told = explanation.as_ref().map_or(ViewerAnswer::NothingHere, Explanation::for_viewer);
    Ok(v1::ExplainResponse {
        answer: code(told).to_owned(),
        answer_ja: told.ja().to_owned(),
        answer_en: told.en().to_owned(),
        explanation: explanation.filter(|_| discloser).map(full),
        frontier: Some((&rooms.store.frontier()).into()),
    })
}

const fn code(answer: ViewerAnswer) -> &'static str {
    match answer {
        ViewerAnswer::Own => "own",
        ViewerAnswer::Shared => "shared",
        ViewerAnswer::BrokenGlass => "broken-glass",
        ViewerAnswer::NothingHere => "nothing-here",
    }
}

fn full(told: Explanation) -> v1::Explanation {
    v1::Explanation {
        shown: told.decision.is_permit(),
        reason: match told.decision {
            Decision::Permit(_) => String::new(),
            Decision::Withhold(reason) => reason.code().to_owned(),
        },
        gates: told.gates.into_iter().map(|gate| finding(gate, |gate| gate.code().to_owned())).collect(),
        consents: told.consents.into_iter().map(|consent| finding(consent, |id| id.to_string())).collect(),
        glasses: told.glasses.into_iter().map(|glass| finding(glass, |id| id.to_string())).collect(),
        rules: told.rules.into_iter().map(|rule| finding(rule, |place| place.to_string())).collect(),
        labels: told.labels.iter().map(|label| v1::Label::from(label).into()).collect(),
        links: told.links.iter().map(ToString::to_string).collect(),
        since_us: told.since.map(Moment::micros),
        next_change_us: told.next_change.map(Moment::micros),
    }
}

fn finding<T>(found: Finding<T>, name: impl Fn(T) -> String) -> v1::GateFinding {
    let (verdict, reason) = match found.verdict {
        Verdict::Opens => ("opens", ""),
        Verdict::Shuts(reason) => ("shuts", Reason::code(reason)),
        Verdict::Silent => ("silent", ""),
    };
    v1::GateFinding { what: name(found.what), verdict: verdict.to_owned(), reason: reason.to_owned() }
}
