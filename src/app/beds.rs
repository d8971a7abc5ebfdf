//! `BedService`: the beds of a view, and what people do at them.

use super::node::Node;
use crate::history::History;
use crate::pipeline::Clock;
use crate::register::sees_clinical_data;
use model::{
    ActId, AuditOutcome, BedAlarm, BedDeed, BedHandover, BedPlace, FacilityId, Moment, Offset, OwnWords, PartitionId,
    PatientRef, Principal, Reading, Referral, ReferralStep, Role, What,
};
use query::beds::{Bed, BedId, Boards, Known, Leg, Note, Past, Place, Risen, Watch, line, read_by};
use std::sync::Arc;
use std::time::Duration;
use tonic::{Request, Response, Status};
use views::Witness;
use wire::v1;
use wire::v1::bed_service_server::{BedService, BedServiceServer};

/// How long an answer waits until what was before has been read for a view that nobody watched.
const READY_WITHIN: Duration = Duration::from_secs(5);
/// How long an act waits to be read back before it is answered all the same: it is durable.
const SEEN_WITHIN: Duration = Duration::from_secs(5);
/// A view that was asked for is watched for so long after: who asks again is told what came meanwhile, and at once.
const LINGERS: Duration = Duration::from_secs(30);
/// A note stands at a moment of the bed's own time, or so little after now: clocks differ.
const AHEAD: i64 = 10_000_000;

/// What the answers are taken from. Cheap to clone.
#[derive(Clone)]
pub(super) struct BedDesk {
    pub(super) node: Arc<Node>,
    pub(super) boards: Arc<Boards>,
    pub(super) witness: Arc<dyn Witness>,
    pub(super) clock: Clock,
}

/// When the log took letters in, as the boards ask it.
pub(super) struct LogPast(pub(super) History);

#[tonic::async_trait]
impl Past for LogPast {
    async fn end_at(&self, partition: PartitionId, moment: Moment) -> Option<Offset> {
        match self.0.end_at(partition, moment).await {
            Ok(end) => Some(end),
            Err(error) => {
                tracing::debug!(%error, "what was on a screen is told from memory alone");
                None
            }
        }
    }
}

/// The service over the boards and the ledger.
pub(super) fn service(desk: BedDesk) -> BedServiceServer<BedDesk> {
    BedServiceServer::new(desk)
}

impl std::fmt::Debug for BedDesk {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("BedDesk").finish_non_exhaustive()
    }
}

/// Who asks, where they are shown beds.
fn caller<T>(request: &Request<T>) -> Result<Principal, Status> {
    let unknown = || Status::unauthenticated("who asks is not known");
    let caller = request.extensions().get::<Principal>().cloned().ok_or_else(unknown)?;
    if !sees_clinical_data(caller.role) {
        return Err(Status::permission_denied("this role sees no clinical data: ask as clinical staff or system"));
    }
    Ok(caller)
}

/// Who acts: a person.
fn person<T>(request: &Request<T>) -> Result<Principal, Status> {
    let caller = caller(request)?;
    if caller.member.is_none() || caller.role == Role::System {
        return Err(Status::permission_denied("a person of the facility does this, each for themselves"));
    }
    Ok(caller)
}

fn invalid(field: &str, rule: &dyn std::fmt::Display) -> Status {
    Status::invalid_argument(format!("`{field}`: {rule}"))
}

fn no_such() -> Status {
    Status::not_found("no such bed is in the caller's view")
}

fn act(field: &str, text: &str) -> Result<ActId, Status> {
    let read = (text.len() == 32).then(|| u128::from_str_radix(text, 16).ok()).flatten();
    read.map(ActId).ok_or_else(|| invalid(field, &"is no note's id: write 32 hex digits"))
}

/// A bed that is shown to who acts.
struct At {
    watch: Arc<Watch>,
    bed: BedId,
    place: Place,
}

impl BedDesk {
    async fn watch(&self, caller: &Principal) -> Arc<Watch> {
        let watch = self.boards.watch(caller);
        watch.ready(READY_WITHIN).await;
        let lingers = Arc::clone(&watch);
        tokio::spawn(async move {
            tokio::time::sleep(LINGERS).await;
            drop(lingers);
        });
        watch
    }

    async fn at(&self, caller: &Principal, bed: &str) -> Result<At, Status> {
        let bed = BedId::parse(bed).ok_or_else(|| invalid("bed", &"is no bed's number"))?;
        let watch = self.watch(caller).await;
        let place = watch.look(|ward, _| ward.bed(bed).map(|(bed, _)| bed.place().clone()));
        Ok(At { watch, bed, place: place.ok_or_else(no_such)? })
    }

    /// Writes into the ledger what was done at a bed; its id there.
    async fn record(&self, caller: &Principal, place: &Place, deed: BedDeed) -> Result<ActId, Status> {
        let id = ActId(uuid::Uuid::new_v4().as_u128());
        let bed = BedPlace { patient: place.patient.clone(), session: place.session.clone() };
        let reading = Reading::begin(id, caller, What::Bed { bed, deed }, (self.clock)());
        let written = self.witness.end(reading, AuditOutcome::Completed).await;
        written.map_err(|error| Status::unavailable(format!("the ledger could not be written: {error}")))?;
        Ok(id)
    }

    /// Waits until what is durable can be read back, but not for ever.
    async fn seen(&self, is_seen: impl Fn() -> bool) {
        let deadline = tokio::time::Instant::now() + SEEN_WITHIN;
        while !is_seen() && tokio::time::Instant::now() < deadline {
            tokio::time::sleep(Duration::from_millis(2)).await;
        }
    }

    fn knows(&self, at: &At, caller: &Principal, risen: &Risen) -> Option<Known> {
        self.boards.charts().of(&at.place).knows(&caller.facility, risen).cloned()
    }

    /// Says that a person knows of alarms; which of them nobody of the facility had known of.
    pub(super) async fn acknowledge(
        &self,
        caller: &Principal,
        (bed, alarms): (&str, &[String]),
    ) -> Result<Vec<String>, Status> {
        let wanted: Result<Vec<BedAlarm>, _> = alarms.iter().map(|alarm| alarm.parse()).collect();
        let wanted = wanted.map_err(|error: model::BedAlarmError| invalid("alarms", &error))?;
        let at = self.at(caller, bed).await?;
        let standing = at.watch.look(|ward, _| ward.alarms(at.bed));
        let is_wanted = |risen: &&Risen| wanted.is_empty() || wanted.contains(&risen.alarm);
        let mut said = Vec::new();
        for risen in standing.iter().filter(is_wanted) {
            if self.knows(&at, caller, risen).is_none() {
                self.record(caller, &at.place, BedDeed::Acknowledged { alarm: risen.alarm }).await?;
                said.push(*risen);
            }
        }
        self.seen(|| said.iter().all(|risen| self.knows(&at, caller, risen).is_some())).await;
        // somebody may have been quicker
        let own = |risen: &Risen| {
            let known = self.knows(&at, caller, risen);
            known.is_none_or(|known| Some(&known.member) == caller.member.as_ref())
        };
        Ok(said.iter().filter(|risen| own(risen)).map(|risen| risen.alarm.to_string()).collect())
    }

    /// Writes beside a trace; the note's id.
    pub(super) async fn note(&self, caller: &Principal, request: v1::NoteBedRequest) -> Result<ActId, Status> {
        let v1::NoteBedRequest { bed, at_us, text, replaces } = request;
        let text = OwnWords::parse(&text).map_err(|error| invalid("text", &error))?;
        if text.as_str().is_empty() {
            return Err(invalid("text", &"must say something"));
        }
        let replaces = if replaces.is_empty() { None } else { Some(act("replaces", &replaces)?) };
        let at = self.at(caller, &bed).await?;
        let (here, began) = at.watch.look(|ward, now| {
            let bed = ward.bed(at.bed).map(|(bed, _)| bed);
            let ahead = bed.map_or(0, |bed| bed.clock().ahead());
            (now.plus_micros(ahead), bed.map_or(now, |bed| bed.began()))
        });
        let moment = at_us.map_or(Ok(here), Moment::from_micros).map_err(|error| invalid("at_us", &error))?;
        if moment > here.plus_micros(AHEAD) || moment < began {
            return Err(invalid("at_us", &"must lie between the beginning of the monitoring and now"));
        }
        if let Some(old) = replaces {
            self.own(&at, caller, old)?;
        }
        let id = self.record(caller, &at.place, BedDeed::Noted { at: moment, text, replaces }).await?;
        self.seen(|| self.boards.charts().of(&at.place).notes.iter().any(|note| note.id == id)).await;
        Ok(id)
    }

    /// Takes a note of the caller's own back.
    pub(super) async fn take_back(&self, caller: &Principal, (bed, id): (&str, &str)) -> Result<(), Status> {
        let id = act("id", id)?;
        let at = self.at(caller, bed).await?;
        self.own(&at, caller, id)?;
        self.record(caller, &at.place, BedDeed::NoteTaken { note: id }).await?;
        self.seen(|| self.boards.charts().of(&at.place).notes.iter().all(|note| note.id != id)).await;
        Ok(())
    }

    fn own(&self, at: &At, caller: &Principal, id: ActId) -> Result<(), Status> {
        let chart = self.boards.charts().of(&at.place);
        let own = |note: &Note| {
            note.id == id && note.facility == caller.facility && Some(&note.member) == caller.member.as_ref()
        };
        let no_note = || Status::not_found("no such note of the caller's own stands beside this bed's traces");
        chart.notes.iter().any(own).then_some(()).ok_or_else(no_note)
    }

    /// A bed that is shown to a caller: whose it is, by the source's own number.
    pub(super) async fn patient_at(&self, caller: &Principal, bed: &str) -> Result<PatientRef, Status> {
        Ok(self.at(caller, bed).await?.place.patient)
    }

    /// The watch over a patient's beds goes over with a step of a transfer: writes the receipt for each of them that the
    /// caller is shown.
    pub(super) async fn hand_over(
        &self,
        caller: &Principal,
        referral: &Referral,
        step: ReferralStep,
    ) -> Result<(), Status> {
        if !sees_clinical_data(caller.role) {
            return Ok(());
        }
        let watch = self.watch(caller).await;
        let places: Vec<Place> = watch.look(|ward, _| {
            let of_patient =
                ward.beds().map(|(bed, _)| bed.place()).filter(|place| place.patient == *referral.patient());
            of_patient.cloned().collect()
        });
        let both: [&FacilityId; 2] = [referral.from(), referral.to()];
        for place in places {
            let watchers = self.boards.presence().watchers(&place, &both, (self.clock)());
            let (id, to) = (referral.id.clone(), referral.to().clone());
            let handover = BedHandover { referral: id, to, step, watchers };
            self.record(caller, &place, BedDeed::HandedOver(handover.clone())).await?;
            let register = &self.node.rooms().register;
            let is_seen = || {
                let found = register.handovers(referral.patient(), &referral.id);
                found.is_ok_and(|found| found.contains(&handover))
            };
            self.seen(is_seen).await;
        }
        Ok(())
    }
}

#[tonic::async_trait]
impl BedService for BedDesk {
    async fn list_beds(&self, request: Request<v1::ListBedsRequest>) -> Result<Response<v1::ListBedsResponse>, Status> {
        let caller = caller(&request)?;
        let watch = self.watch(&caller).await;
        let beds = watch.look(|ward, now| {
            let told = ward.beds().map(|(bed, names)| {
                let chart = self.boards.charts().of(bed.place());
                let presence = self.boards.presence().told(bed.place(), &caller.facility);
                let lines: Vec<_> = bed.lines(now).iter().map(line).collect();
                let traces = lines.into_iter().map(|told| v1::BedTrace {
                    lead: told.lead.to_owned(),
                    state: told.state.code.to_owned(),
                    since_us: told.since.micros(),
                    age_us: told.age.map(|age| age.likely),
                });
                let alarms = ward.alarms(bed.id()).into_iter().map(|risen| v1::BedAlarmInfo {
                    alarm: risen.alarm.to_string(),
                    since_us: risen.since.micros(),
                    acknowledged: chart.knows(&caller.facility, &risen).map(|known| v1::BedAcknowledged {
                        member: known.member.as_str().to_owned(),
                        at_us: known.at.micros(),
                    }),
                });
                v1::BedInfo {
                    bed: bed.id().to_string(),
                    source: bed.place().source().as_str().to_owned(),
                    patient: names.own.clone(),
                    named_bed: names.bed.clone(),
                    session: bed.place().session.clone(),
                    until_us: ward.until(bed.id()).map(Moment::micros),
                    traces: traces.collect(),
                    alarms: alarms.collect(),
                    notes: chart.notes.iter().map(note_out).collect(),
                    presence: Some(v1::BedPresence {
                        lookers: presence.lookers.iter().map(looker_out).collect(),
                        source_watches: presence.source,
                    }),
                    read_by: Some(read_by_out(bed)),
                    legs: bed.legs().iter().map(leg_out).collect(),
                }
            });
            told.collect()
        });
        Ok(Response::new(v1::ListBedsResponse { beds }))
    }

    async fn acknowledge_bed(
        &self,
        request: Request<v1::AcknowledgeBedRequest>,
    ) -> Result<Response<v1::AcknowledgeBedResponse>, Status> {
        let caller = person(&request)?;
        let v1::AcknowledgeBedRequest { bed, alarms } = request.into_inner();
        let alarms = self.acknowledge(&caller, (&bed, &alarms)).await?;
        Ok(Response::new(v1::AcknowledgeBedResponse { alarms }))
    }

    async fn note_bed(&self, request: Request<v1::NoteBedRequest>) -> Result<Response<v1::NoteBedResponse>, Status> {
        let caller = person(&request)?;
        let id = self.note(&caller, request.into_inner()).await?;
        Ok(Response::new(v1::NoteBedResponse { id: id.to_string() }))
    }

    async fn take_back_bed_note(
        &self,
        request: Request<v1::TakeBackBedNoteRequest>,
    ) -> Result<Response<v1::TakeBackBedNoteResponse>, Status> {
        let caller = person(&request)?;
        let v1::TakeBackBedNoteRequest { bed, id } = request.into_inner();
        self.take_back(&caller, (&bed, &id)).await?;
        Ok(Response::new(v1::TakeBackBedNoteResponse {}))
    }
}

fn note_out(note: &Note) -> v1::BedNote {
    v1::BedNote {
        id: note.id.to_string(),
        at_us: note.at.micros(),
        text: note.text.as_str().to_owned(),
        facility: note.facility.as_str().to_owned(),
        member: note.member.as_str().to_owned(),
        written_us: note.written.micros(),
        corrected: note.corrected,
    }
}

fn read_by_out(bed: &Bed) -> v1::BedReadBy {
    let told = read_by(bed.at_bed());
    let little_reserve = told.little_reserve.iter().map(|word| word.code.to_owned()).collect();
    v1::BedReadBy { week: told.week_text(), little_reserve }
}

fn leg_out(leg: &Leg) -> v1::BedLeg {
    let (from, to) = (leg.from.code().to_owned(), leg.to.code().to_owned());
    v1::BedLeg { from, to, last_us: leg.last, beyond_us: leg.beyond }
}

fn looker_out(looker: &query::beds::Looker) -> v1::BedLooker {
    let model::Agent { facility, member, role } = &looker.agent;
    v1::BedLooker {
        facility: facility.as_str().to_owned(),
        member: member.as_ref().map(|member| member.as_str().to_owned()).unwrap_or_default(),
        role: v1::Role::from(*role).into(),
        since_us: looker.since.micros(),
        alone: looker.alone,
    }
}
