//! Counting what an act shows, from its beginning to its end.

use crate::{
    ActId, Agent, AuditEvent, AuditOutcome, Category, Counts, Frontier, Moment, PatientRef, Position, Principal,
};
use crate::{Purpose, Salt, Shown, What};

/// An act that has begun. Rows are counted as they are shown; the end gives the audit events to write.
///
/// ```
/// use model::{ActId, AuditOutcome, Category, Digest, FacilityId, Frontier, MemberId, Moment, PatientNumber, PatientRef};
/// use model::{Principal, Purpose, Reading, Role, Salt, What};
/// let principal = Principal {
///     facility: FacilityId::parse("sato-clinic")?,
///     member: Some(MemberId::parse("M-0001")?),
///     role: Role::Physician,
///     purpose: Purpose::Treatment,
/// };
/// let patient = PatientRef::new(FacilityId::parse("nagasaki-mc")?, PatientNumber::parse("00012345")?);
/// let what = What::Query { statement: Digest::from_bytes([7; 32]), seen: "0:5,1:120".parse()? };
/// let mut reading = Reading::begin(ActId(1), &principal, what, Moment::parse("2026-04-01T09:30:00+09:00")?);
/// reading.rows(&patient, Category::Laboratory, 12);
/// let ended = Moment::parse("2026-04-01T09:30:01+09:00")?;
/// let events = reading.finish(ended, AuditOutcome::Completed, || Salt::from_bytes([9; 32]));
/// assert_eq!(events.len(), 1);
/// assert_eq!(events[0].shown.of(&patient).map(|counts| counts.of(Category::Laboratory)), Some(12));
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Reading {
    id: ActId,
    part: u32,
    agent: Agent,
    purpose: Purpose,
    what: What,
    began: Moment,
    shown: Shown,
}

impl Reading {
    /// At most so many patients in one event, so that it fits a letter of the log.
    pub const PATIENTS_PER_EVENT: usize = 4096;

    /// The beginning of an act.
    pub fn begin(id: ActId, principal: &Principal, what: What, moment: Moment) -> Self {
        Self {
            id,
            part: 0,
            agent: Agent::from(principal),
            purpose: principal.purpose,
            what,
            began: moment,
            shown: Shown::default(),
        }
    }
    /// Counts `rows` of `patient`'s `category`, shown just now. A receipt shows none: it is about one patient, who may
    /// be given all of it. Nor does an act on a worklist or at a bed, which names its patient: nobody else may be given it.
    pub fn rows(&mut self, patient: &PatientRef, category: Category, rows: u64) {
        if self.tells_rows() {
            self.shown.add(patient, category, rows);
        }
    }
    /// The same of several categories at once.
    pub fn all_rows(&mut self, patient: PatientRef, counts: &Counts) {
        if self.tells_rows() {
            self.shown.add_all(patient, counts);
        }
    }
    const fn tells_rows(&self) -> bool {
        !matches!(self.what, What::Receipt(_) | What::Worklist { .. } | What::Bed { .. })
    }
    /// A feed, or a statement that waited, has come to `frontier` after `seconds` of live watching in all.
    pub fn reached(&mut self, frontier: &Frontier, live_seconds: u64) {
        match &mut self.what {
            What::Feed { seen, seconds, .. } => {
                frontier.iter().for_each(|(partition, next)| seen.advance(partition, next));
                *seconds = live_seconds;
            }
            What::Query { seen, .. }
            | What::Export { seen, .. }
            | What::MachinePull { seen, .. }
            | What::Disclosure { seen, .. }
            | What::BreakGlass { seen, .. } => seen.clone_from(frontier),
            What::Receipt(_)
            | What::Acknowledgement { .. }
            | What::Delivery { .. }
            | What::Action { .. }
            | What::Worklist { .. }
            | What::Bed { .. } => {}
        }
    }
    /// A feed has given what lies at `position`, which may be beyond the last frontier it reached.
    pub fn gave(&mut self, position: Position) {
        if let What::Feed { seen, .. } = &mut self.what {
            seen.include(position);
        }
    }
    /// How many patients wait to be told; at [`Self::PATIENTS_PER_EVENT`] it is time for [`Self::so_far`].
    pub fn waiting(&self) -> usize {
        self.shown.patients()
    }
    /// Tells what was shown since the beginning or the last telling, for an act that goes on. `salt` draws a fresh one.
    pub fn so_far(&mut self, moment: Moment, salt: impl FnMut() -> Salt) -> Vec<AuditEvent> {
        let events = self.tell(moment, AuditOutcome::Ongoing, salt);
        // What comes next is told from here on.
        if let What::Feed { since, seen, .. } | What::Disclosure { since, seen } = &mut self.what {
            since.clone_from(seen);
        }
        events
    }
    /// The end of the act. `salt` draws a fresh one.
    pub fn finish(mut self, moment: Moment, outcome: AuditOutcome, salt: impl FnMut() -> Salt) -> Vec<AuditEvent> {
        self.tell(moment, outcome, salt)
    }

    fn tell(&mut self, ended: Moment, outcome: AuditOutcome, mut salt: impl FnMut() -> Salt) -> Vec<AuditEvent> {
        let mut events = Vec::new();
        loop {
            let shown = self.shown.split(Self::PATIENTS_PER_EVENT);
            let is_last = self.shown.is_empty();
            events.push(AuditEvent {
                id: self.id,
                part: self.part,
                agent: self.agent.clone(),
                purpose: self.purpose,
                what: self.what.clone(),
                began: self.began,
                ended: ended.max(self.began),
                outcome: if is_last { outcome } else { AuditOutcome::Ongoing },
                shown,
                salt: salt(),
            });
            self.part = self.part.saturating_add(1);
            if is_last {
                return events;
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{Digest, FacilityId, PatientNumber, Role};
    use proptest::prelude::*;

    fn patient(number: u32) -> PatientRef {
        PatientRef::new(FacilityId::parse("nmc").unwrap(), PatientNumber::parse(&number.to_string()).unwrap())
    }
    fn at(micros: i64) -> Moment {
        Moment::from_micros(micros).unwrap()
    }
    fn feed() -> Reading {
        let facility = FacilityId::parse("sato").unwrap();
        let principal = Principal { facility, member: None, role: Role::System, purpose: Purpose::Treatment };
        let statement = Digest::from_bytes([1; 32]);
        let what = What::Feed { statement, since: Frontier::start(), seen: Frontier::start(), seconds: 0 };
        Reading::begin(ActId(5), &principal, what, at(10))
    }
    fn told<'a>(events: impl IntoIterator<Item = &'a AuditEvent>) -> Shown {
        let mut all = Shown::default();
        for event in events {
            for (patient, counts) in event.shown.iter() {
                counts.iter().for_each(|(category, rows)| all.add(patient, category, rows));
            }
        }
        all
    }

    proptest! {
        #[test]
        fn what_is_told_is_what_was_shown(
            rows in prop::collection::vec((0..40_u32, prop::sample::select(Category::ALL), 0..5_u64, any::<bool>()), 0..200)
        ) {
            let mut reading = feed();
            let mut expected = Shown::default();
            let mut events = Vec::new();
            for (number, category, count, tell) in rows {
                reading.rows(&patient(number), category, count);
                expected.add(&patient(number), category, count);
                if tell {
                    events.extend(reading.so_far(at(20), || Salt::from_bytes([0; 32])));
                }
            }
            events.extend(reading.finish(at(30), AuditOutcome::Completed, || Salt::from_bytes([0; 32])));
            prop_assert_eq!(told(&events), expected);
            for (number, event) in events.iter().enumerate() {
                prop_assert_eq!(event.part as usize, number, "parts are counted without gaps");
            }
        }
    }

    #[test]
    fn a_reading_of_many_patients_is_told_in_parts_that_fit() {
        let mut reading = feed();
        let many = u32::try_from(Reading::PATIENTS_PER_EVENT).unwrap() * 2 + 1;
        for number in 0..many {
            reading.rows(&patient(number), Category::Laboratory, 1);
        }
        let mut draws = 0;
        let events = reading.finish(at(20), AuditOutcome::Completed, || {
            draws += 1;
            Salt::from_bytes([draws; 32])
        });
        let sizes: Vec<usize> = events.iter().map(|event| event.shown.patients()).collect();
        assert_eq!(sizes, [Reading::PATIENTS_PER_EVENT, Reading::PATIENTS_PER_EVENT, 1]);
        let outcomes: Vec<&str> = events.iter().map(|event| event.outcome.code()).collect();
        assert_eq!(outcomes, ["ongoing", "ongoing", "completed"]);
        assert!(events[0].salt != events[1].salt && events[1].salt != events[2].salt, "each part has its own salt");
        assert_eq!(told(&events).patients(), many as usize);
    }

    #[test]
    fn a_feed_told_so_far_goes_on_from_there() {
        let mut reading = feed();
        let five: Frontier = "1:5".parse().unwrap();
        reading.reached(&five, 60);
        let first = reading.so_far(at(20), || Salt::from_bytes([0; 32]));
        reading.reached(&"1:9".parse().unwrap(), 90);
        let last = reading.finish(at(30), AuditOutcome::Closed, || Salt::from_bytes([0; 32]));
        assert_eq!((first[0].what.since(), first[0].what.seen()), (Some(&Frontier::start()), Some(&five)));
        assert_eq!((last[0].what.since(), last[0].what.seconds()), (Some(&five), 90));
        assert_eq!((first[0].part, last[0].part, last[0].outcome), (0, 1, AuditOutcome::Closed));
    }

    #[test]
    fn a_feed_has_come_as_far_as_what_it_gave_last() {
        let mut reading = feed();
        reading.reached(&"0:3,1:5".parse().unwrap(), 60);
        reading.gave(Position::new(1, 8));
        reading.reached(&"0:4,1:6".parse().unwrap(), 61);
        let events = reading.finish(at(30), AuditOutcome::Cancelled, || Salt::from_bytes([0; 32]));
        assert_eq!(events[0].what.seen(), Some(&"0:4,1:9".parse().unwrap()));
    }

    #[test]
    fn an_act_that_showed_nothing_is_told_all_the_same() {
        let events = feed().finish(at(5), AuditOutcome::Refused, || Salt::from_bytes([0; 32]));
        assert_eq!(events.len(), 1);
        assert_eq!(
            events[0].ended, events[0].began,
            "a clock that went back does not make an end before the beginning"
        );
    }

    #[test]
    fn a_digest_is_read_as_it_is_written_and_nothing_else_is() {
        let digest = Digest::from_bytes(std::array::from_fn(|at| u8::try_from(at * 8).unwrap()));
        assert_eq!(digest.to_string().parse(), Ok(digest));
        for text in ["", "00", &"0".repeat(63), &"0".repeat(65), &"A".repeat(64), &"g".repeat(64), &"あ".repeat(21)] {
            assert_eq!(text.parse::<Digest>(), Err(crate::DigestError), "{text}");
        }
    }
}
