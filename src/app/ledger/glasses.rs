//! What was read under broken glasses: rows of the patient shown to the member who broke it, for the purpose of
//! break-glass, while it stood.

use super::{LedgerDesk, failed, invalid, nothing_here};
use consent_filter::CLINICAL;
use ingest::GlassStanding;
use ledger::{Entry, Subject, TreeHead};
use model::{Act, ActId, Counts, FacilityId, GlassId, Moment, PatientRef, Principal, Purpose, Role, RoleSet};
use std::collections::BTreeSet;
use tonic::Status;
use wire::v1;

/// Who lists glasses is told what was read under them.
const KEEPERS: RoleSet = CLINICAL.with(Role::System).with(Role::Clerk);
/// So many are asked about at once.
const MOST: usize = 1000;

/// Rows read under one glass.
#[derive(Default)]
struct Readings {
    counts: Counts,
    acts: BTreeSet<ActId>,
    first: Option<Moment>,
    last: Option<Moment>,
}

impl Readings {
    /// Counts what an entry says of reading under this glass; other entries count nothing.
    fn take(&mut self, glass: &GlassStanding, entry: &Entry) {
        let event = &entry.event;
        let (agent, broken) = (&event.agent, &glass.glass);
        let is_reading = matches!(event.what.act(), Act::Query | Act::Feed | Act::Export | Act::MachinePull);
        let is_theirs = agent.facility == broken.facility && agent.member.as_ref() == Some(&broken.member);
        let while_open = event.began < ended(glass) && broken.from() <= event.ended;
        if !is_reading || !is_theirs || event.purpose != Purpose::BreakGlass || !while_open {
            return;
        }
        let Some(shown) = event.shown.of(&broken.patient) else { return };
        shown.iter().for_each(|(category, rows)| self.counts.add(category, rows));
        self.acts.insert(event.id);
        self.first = Some(self.first.map_or(event.began, |first| first.min(event.began)));
        self.last = self.last.max(Some(event.ended));
    }
    fn spelled(&self) -> v1::GlassReading {
        let row = |(category, rows)| v1::CategoryRows { category: v1::Category::from(category).into(), rows };
        v1::GlassReading {
            rows: self.counts.iter().map(row).collect(),
            acts: self.acts.len() as u64,
            first_us: self.first.map(Moment::micros),
            last_us: self.last.map(Moment::micros),
        }
    }
}

/// When it ended: by the clock, by somebody, or by a review that found it unjustified.
fn ended(glass: &GlassStanding) -> Moment {
    let closed = glass.end.as_ref().map(|end| end.at);
    let refused = glass.review.as_ref().filter(|_| glass.refused).map(|review| review.at);
    [closed, refused].into_iter().flatten().fold(glass.glass.until(), Moment::min)
}

impl LedgerDesk {
    /// What was read under each of these, in their order.
    pub(super) async fn read_under(
        &self,
        caller: &Principal,
        asked: Vec<v1::GlassRef>,
    ) -> Result<v1::ReadingsResponse, Status> {
        if !KEEPERS.contains(caller.role) {
            return Err(Status::permission_denied("the caller's role is told of no broken glasses"));
        }
        if asked.len() > MOST {
            return Err(invalid("glasses")(&format!("ask about at most {MOST} at once")));
        }
        let mut glasses = Vec::with_capacity(asked.len());
        for one in asked {
            glasses.push(self.glass(caller, one)?);
        }
        self.recorded(caller, "ledger readings").await?;
        let head = self.head().await?.head;
        let mut readings = Vec::with_capacity(glasses.len());
        for glass in &glasses {
            readings.push(self.readings(glass, &head).await?.spelled());
        }
        Ok(v1::ReadingsResponse { readings })
    }

    /// A glass in which the caller's facility has a part.
    fn glass(&self, caller: &Principal, asked: v1::GlassRef) -> Result<GlassStanding, Status> {
        let v1::GlassRef { id, facility, patient } = asked;
        let patient = patient.ok_or_else(|| invalid("glasses.patient")(&wire::Rule::Required))?;
        let patient = PatientRef::try_from(patient).map_err(|error| invalid("glasses.patient")(&error))?;
        let facility = FacilityId::parse(&facility).map_err(|error| invalid("glasses.facility")(&error))?;
        let id = GlassId::parse(&id).map_err(|error| invalid("glasses.id")(&error))?;
        if caller.facility != facility && caller.facility != *patient.facility() {
            return Err(nothing_here());
        }
        let found = self.node.rooms().register.glass(&facility, &patient, &id).map_err(|error| {
            tracing::error!(%error, "a broken glass could not be looked up");
            Status::unavailable("broken glasses cannot be read just now; try again")
        })?;
        found.ok_or_else(nothing_here)
    }

    async fn readings(&self, glass: &GlassStanding, head: &TreeHead) -> Result<Readings, Status> {
        let of = |subject| self.reader.of(subject, head).map_err(|error| failed(&error));
        let of_patient = of(Subject::Patient(&glass.glass.patient))?;
        let both = of(Subject::Member(&glass.glass.member))?.intersection(&of_patient).copied().collect::<Vec<_>>();
        let mut readings = Readings::default();
        for some in both.chunks(512) {
            let entries = self.reader.entries(some.iter().copied()).await.map_err(|error| failed(&error))?;
            entries.iter().for_each(|(_, entry)| readings.take(glass, entry));
        }
        Ok(readings)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use model::{
        AuditOutcome, BreakGlass, BreakGlassEnd, BreakGlassReview, Category, Digest, Frontier, MemberId, PatientNumber,
        Position, Reading, ReviewOutcome, Salt, What,
    };

    fn at(minute: i64) -> Moment {
        Moment::parse("2026-11-01T09:00:00+09:00").unwrap().plus_micros(minute * 60_000_000)
    }
    fn facility(id: &str) -> FacilityId {
        FacilityId::parse(id).unwrap()
    }
    fn patient(number: &str) -> PatientRef {
        PatientRef::new(facility("nmc"), PatientNumber::parse(number).unwrap())
    }
    fn member(id: &str) -> MemberId {
        MemberId::parse(id).unwrap()
    }
    /// Broken from minute 0, for an hour.
    fn glass() -> GlassStanding {
        let (id, facility, role) = (GlassId::parse("g-1").unwrap(), facility("sato"), Role::Physician);
        let (who, whom, reason) = (member("dr-sato"), patient("001"), "意識障害".to_owned());
        let glass = BreakGlass::new(id, facility, who, role, whom, reason, at(0), at(60));
        GlassStanding { glass: glass.unwrap(), position: Position::new(1, 1), end: None, review: None, refused: false }
    }
    fn read(by: Option<&str>, purpose: Purpose, (began, ended): (i64, i64), number: &str) -> Entry {
        let (facility, member, role) = (facility("sato"), by.map(member), Role::Physician);
        let principal = Principal { facility, member, role, purpose };
        let what = What::Query { statement: Digest::from_bytes([1; 32]), seen: Frontier::start() };
        let mut reading = Reading::begin(ActId(began as u128), &principal, what, at(began));
        reading.rows(&patient(number), Category::Laboratory, 5);
        let event = reading.finish(at(ended), AuditOutcome::Completed, || Salt::from_bytes([1; 32])).remove(0);
        Entry { position: Position::new(0, 9), event }
    }
    fn counted(glass: &GlassStanding, entries: &[Entry]) -> (u64, usize) {
        let mut readings = Readings::default();
        entries.iter().for_each(|entry| readings.take(glass, entry));
        (readings.counts.total(), readings.acts.len())
    }

    #[test]
    fn only_that_member_for_that_purpose_of_that_patient_while_it_stood_counts() {
        let theirs = read(Some("dr-sato"), Purpose::BreakGlass, (5, 6), "001");
        let others = [
            read(Some("dr-ueda"), Purpose::BreakGlass, (5, 6), "001"),
            read(None, Purpose::BreakGlass, (5, 6), "001"),
            read(Some("dr-sato"), Purpose::Treatment, (5, 6), "001"),
            read(Some("dr-sato"), Purpose::BreakGlass, (5, 6), "002"),
            read(Some("dr-sato"), Purpose::BreakGlass, (-5, -4), "001"),
            read(Some("dr-sato"), Purpose::BreakGlass, (60, 61), "001"),
        ];
        assert_eq!(counted(&glass(), &others), (0, 0));
        let mut all = others.to_vec();
        all.push(theirs);
        all.push(read(Some("dr-sato"), Purpose::BreakGlass, (59, 70), "001"));
        assert_eq!(counted(&glass(), &all), (10, 2));
    }

    #[test]
    fn what_was_read_after_it_was_closed_or_refused_is_not_of_this_glass() {
        let entries = [
            read(Some("dr-sato"), Purpose::BreakGlass, (5, 6), "001"),
            read(Some("dr-sato"), Purpose::BreakGlass, (30, 31), "001"),
        ];
        let standing = glass();
        let (id, facility, patient) = (standing.glass.id.clone(), facility("sato"), patient("001"));
        let end = BreakGlassEnd { id: id.clone(), facility: facility.clone(), patient: patient.clone(), at: at(20) };
        let closed = GlassStanding { end: Some(end), ..standing.clone() };
        assert_eq!(counted(&closed, &entries), (5, 1));
        let (reviewer, text) = (member("clerk"), String::new());
        let review = |outcome| BreakGlassReview {
            id: id.clone(),
            facility: facility.clone(),
            patient: patient.clone(),
            reviewer: reviewer.clone(),
            outcome,
            text: text.clone(),
            at: at(20),
        };
        let refused =
            GlassStanding { review: Some(review(ReviewOutcome::Unjustified)), refused: true, ..standing.clone() };
        assert_eq!(counted(&refused, &entries), (5, 1));
        let justified = GlassStanding { review: Some(review(ReviewOutcome::Justified)), ..standing };
        assert_eq!(counted(&justified, &entries), (10, 2), "a review that finds it right does not end it");
    }
}
