//! One draft, tried: two books, the rows, and what differs.

use crate::pipeline::Rooms;
use consent_filter::{Book, Difference, FacilityIx, PatientIx, Touched};
use model::{
    AuditOutcome, Body, Category, DirectoryChange, FacilityId, HoldBack, MemberId, Moment, PartitionId, PatientNumber,
    PatientRef, Position, Principal, Purpose, Role,
};
use std::collections::{BTreeMap, BTreeSet, HashMap, HashSet};
use std::time::{Duration, Instant};
use tokio::sync::mpsc;
use tonic::Status;
use views::{Account, Glance, Shown, ShownRow, StoreError, Unwritten};
use wire::v1;
use wire::v1::simulate_response::Part;

/// What is asked, besides the draft.
pub(super) struct Asked {
    /// Whose statement it would be.
    pub(super) caller: FacilityId,
    /// For which purpose viewers look.
    pub(super) purpose: Purpose,
    /// When the clock is read.
    pub(super) moment: Moment,
    /// How many references are told at most; `None` for none.
    pub(super) references: Option<u64>,
}

/// Why a trial did not come to its end.
pub(super) enum Ended {
    /// Nobody listens any more.
    Deaf,
    /// The store cannot be read.
    Store(StoreError),
    /// What was told could not be recorded.
    Unrecorded(Unwritten),
}

impl From<Unwritten> for Ended {
    fn from(unwritten: Unwritten) -> Self {
        Self::Unrecorded(unwritten)
    }
}

impl From<StoreError> for Ended {
    fn from(error: StoreError) -> Self {
        Self::Store(error)
    }
}

/// To whom it is told.
pub(super) struct Voice(mpsc::Sender<Result<v1::SimulateResponse, Status>>);

impl Voice {
    pub(super) fn new(out: mpsc::Sender<Result<v1::SimulateResponse, Status>>) -> Self {
        Self(out)
    }
    fn say(&self, part: Part) -> Result<(), Ended> {
        self.0.blocking_send(Ok(v1::SimulateResponse { part: Some(part) })).map_err(|_| Ended::Deaf)
    }
    pub(super) fn fail(&self, status: Status) {
        let _gone = self.0.blocking_send(Err(status));
    }
    fn is_deaf(&self) -> bool {
        self.0.is_closed()
    }
}

/// Rows gained or lost, counted.
#[derive(Default)]
struct Counted {
    patients: HashSet<u32>,
    rows: u64,
    first: Option<i64>,
    last: Option<i64>,
}

impl Counted {
    fn take(&mut self, row: &Row) {
        self.patients.insert(row.patient);
        self.rows += 1;
        self.first = Some(self.first.map_or(row.occurred, |first| first.min(row.occurred)));
        self.last = self.last.max(Some(row.occurred));
    }
    fn spelled(&self) -> v1::AffectedRows {
        v1::AffectedRows {
            patients: u64::try_from(self.patients.len()).unwrap_or(u64::MAX),
            rows: self.rows,
            first_us: self.first,
            last_us: self.last,
        }
    }
}

/// What is remembered of a row that is shown.
struct Row {
    /// The patient, by the book's number.
    patient: u32,
    occurred: i64,
    /// Its name, where references are told.
    name: Option<Name>,
}

struct Name {
    source: String,
    record: String,
    version: u64,
}

/// A draft and the two books it lies between.
pub(super) struct Trial<'a> {
    asked: Asked,
    body: &'a Body,
    before: Book,
    after: Book,
    glance: Glance,
    outcome: &'static str,
    /// Whom the draft may concern: viewing facilities, and which patients of each.
    concerned: BTreeMap<FacilityIx, Vec<PatientIx>>,
    /// Everybody the directory has at each facility, before or after.
    staff: HashMap<FacilityId, BTreeSet<(MemberId, Role)>>,
}

/// How often a caller is told how far it has come.
const PROGRESS: Duration = Duration::from_millis(200);
const DAY: i64 = 86_400_000_000;

impl<'a> Trial<'a> {
    /// Copies the book and applies the draft to the copy.
    pub(super) fn begin(rooms: &Rooms, body: &'a Body, asked: Asked) -> Self {
        let (before, glance) = {
            let book = rooms.book.read();
            (book.clone(), rooms.store.glance())
        };
        let mut after = before.clone();
        let partition = match body {
            // Which of the data partitions makes no difference to the book.
            Body::Consent(_) => PartitionId(1),
            _ => PartitionId::CONTROL,
        };
        let next = Position { partition, offset: after.frontier().next(partition) };
        let applied = after.apply(next, body);
        let mut concerned: BTreeMap<FacilityIx, Vec<PatientIx>> = BTreeMap::new();
        for (viewer, patient) in after.pairs(&applied.touched) {
            concerned.entry(viewer).or_default().push(patient);
        }
        if let Touched::Viewers(facilities) = &applied.touched {
            // Facilities without patients have staff all the same.
            facilities.iter().for_each(|viewer| {
                concerned.entry(*viewer).or_default();
            });
        }
        let mut staff: HashMap<FacilityId, BTreeSet<(MemberId, Role)>> = HashMap::new();
        for member in before.members().chain(after.members()) {
            staff.entry(member.facility.clone()).or_default().insert((member.id.clone(), member.role));
        }
        Self { asked, body, before, after, glance, outcome: applied.outcome.code(), concerned, staff }
    }

    /// Compares, viewer by viewer, and tells.
    /// References that are told are a reading, and stand in the ledger before the end is told.
    pub(super) fn run(&self, voice: &Voice, account: Option<Account>) -> Result<(), Ended> {
        voice.say(Part::Start(v1::SimulateStart {
            outcome: self.outcome.to_owned(),
            frontier: Some(self.glance.frontier().into()),
            at_us: self.asked.moment.micros(),
        }))?;
        let total = u64::try_from(self.concerned.len()).unwrap_or(u64::MAX);
        let (mut done, mut changed, mut said) = (0, 0, Instant::now());
        let mut told = Told { left: self.asked.references.unwrap_or(0), truncated: false, account };
        let mut next_change = Book::next_change_of(self.body, self.asked.moment);
        for viewer in self.concerned.keys() {
            if voice.is_deaf() {
                return Err(Ended::Deaf);
            }
            if let Some(facility) = self.after.facility_id(*viewer) {
                changed += u64::from(self.facility(facility, voice, &mut told)?);
                let lapse = self.next_lapse(*viewer, facility)?;
                next_change = next_change.into_iter().chain(lapse).min();
            }
            done += 1;
            if said.elapsed() >= PROGRESS {
                said = Instant::now();
                voice.say(Part::Progress(v1::Progress { done, total }))?;
            }
        }
        if let Some(account) = told.account.take() {
            if told.left == self.asked.references.unwrap_or(0) {
                account.strike();
            } else {
                tokio::runtime::Handle::current().block_on(account.close(AuditOutcome::Completed))?;
            }
        }
        voice.say(Part::End(v1::SimulateEnd {
            facilities: total,
            concerned: changed,
            next_change_us: next_change.map(Moment::micros),
            truncated: told.truncated,
        }))
    }

    fn machine(&self, facility: &FacilityId) -> Principal {
        let (facility, purpose) = (facility.clone(), self.asked.purpose);
        Principal { facility, member: None, role: Role::System, purpose }
    }

    fn difference(&self, viewer: &Principal) -> Difference {
        self.before.difference(&self.after, viewer, self.asked.moment)
    }

    /// What changes for a facility: for its machine, and for whoever of its staff gains or loses something else.
    fn facility(&self, facility: &FacilityId, voice: &Voice, told: &mut Told) -> Result<bool, Ended> {
        let machine = self.machine(facility);
        let common = self.difference(&machine);
        let mut changed = self.viewer(&machine, &common, voice, told)?;
        for (member, role) in self.staff.get(facility).into_iter().flatten() {
            let person = Principal { member: Some(member.clone()), role: *role, ..machine.clone() };
            let own = self.difference(&person);
            if !own.is_nothing() && !own.is_like(&common) {
                changed |= self.viewer(&person, &own, voice, told)?;
            }
        }
        Ok(changed)
    }

    /// What one viewer gains and loses, told by category.
    fn viewer(
        &self,
        viewer: &Principal,
        difference: &Difference,
        voice: &Voice,
        told: &mut Told,
    ) -> Result<bool, Ended> {
        if difference.is_nothing() {
            return Ok(false);
        }
        let own_caller = viewer.facility == self.asked.caller;
        let (mine, others): (Vec<PatientIx>, Vec<PatientIx>) =
            difference.patients().iter().copied().partition(|patient| {
                let source = self.after.patient_source(*patient).and_then(|source| self.after.facility_id(source));
                source == Some(&self.asked.caller)
            });
        // Of others' rows the caller learns only what its own machine is shown now, so of no gain.
        let others = if own_caller { others } else { Vec::new() };
        let own = difference.own() && own_caller;
        let looked: Vec<PatientIx> = mine.iter().chain(&others).copied().collect();
        let was = self.glance.under(&self.before, difference.before(), &looked, own);
        let is = self.glance.under(&self.after, difference.after(), &looked, own);
        let visible = if others.is_empty() {
            None
        } else {
            let visible = self.before.visibility(&self.machine(&self.asked.caller), self.asked.moment);
            Some(self.glance.under(&self.before, &visible, &others, false))
        };
        let foreign: HashSet<u32> = others.iter().map(|patient| patient.as_u32()).collect();
        let mut changed = false;
        for category in Category::ALL.iter().copied() {
            let (gained, lost) = self.compare((&was, &is), category, voice)?;
            let known = match &visible {
                Some(visible) if !lost.is_empty() => positions(visible, category)?,
                _ => HashSet::new(),
            };
            let mine = |(position, row): &(Position, Row), gain: bool| {
                !foreign.contains(&row.patient) || !gain && known.contains(position)
            };
            let gained: Vec<_> = gained.into_iter().filter(|row| mine(row, true)).collect();
            let lost: Vec<_> = lost.into_iter().filter(|row| mine(row, false)).collect();
            if gained.is_empty() && lost.is_empty() {
                continue;
            }
            changed = true;
            let count = |rows: &[(Position, Row)]| {
                let mut counted = Counted::default();
                rows.iter().for_each(|(_, row)| counted.take(row));
                counted.spelled()
            };
            voice.say(Part::Effect(v1::Effect {
                viewer: viewer.facility.as_str().to_owned(),
                member: viewer.member.as_ref().map(|member| member.as_str().to_owned()).unwrap_or_default(),
                role: v1::Role::from(viewer.role).into(),
                category: v1::Category::from(category).into(),
                gained: Some(count(&gained)),
                lost: Some(count(&lost)),
            }))?;
            let named = gained.iter().map(|row| (row, true)).chain(lost.iter().map(|row| (row, false)));
            for ((_, row), gained) in named {
                let patient = self.after.patient_ref(PatientIx::from_u32(row.patient));
                told.reference((viewer, patient), category, (row, gained), voice)?;
            }
        }
        Ok(changed)
    }

    /// The rows that appear and those that vanish.
    fn compare(&self, (was, is): (&Shown, &Shown), category: Category, voice: &Voice) -> Result<Compared, Ended> {
        let mut before: HashMap<Position, Row> = HashMap::new();
        let (mut rows, mut deaf) = (0_u32, false);
        // A caller who has gone away stops a long table too.
        let mut heard = |deaf: &mut bool| {
            rows = rows.wrapping_add(1);
            *deaf |= rows % 65_536 == 0 && voice.is_deaf();
            !*deaf
        };
        was.rows(category, |row| {
            before.insert(row.position, self.row(&row));
            heard(&mut deaf)
        })?;
        let mut gained = Vec::new();
        is.rows(category, |row| {
            if before.remove(&row.position).is_none() {
                gained.push((row.position, self.row(&row)));
            }
            heard(&mut deaf)
        })?;
        if deaf {
            return Err(Ended::Deaf);
        }
        let mut lost: Vec<_> = before.into_iter().collect();
        lost.sort_by_key(|(position, _)| *position);
        Ok((gained, lost))
    }

    fn row(&self, row: &ShownRow<'_>) -> Row {
        let name = self.asked.references.map(|_| Name {
            source: row.source.to_owned(),
            record: row.record.to_owned(),
            version: row.version,
        });
        let patient = FacilityId::parse(row.source).ok().zip(PatientNumber::parse(row.patient).ok());
        let patient = patient.and_then(|(source, number)| self.after.find_patient(&PatientRef::new(source, number)));
        Row { patient: patient.map_or(u32::MAX, PatientIx::as_u32), occurred: row.occurred, name }
    }

    /// The next moment at which a row that a draft scope holds back is let go to a facility's machine.
    fn next_lapse(&self, viewer: FacilityIx, facility: &FacilityId) -> Result<Option<Moment>, Ended> {
        let Body::Directory(DirectoryChange::Scope(scope)) = self.body else { return Ok(None) };
        let days = scope.rules.iter().filter_map(|rule| match rule.hold_back {
            HoldBack::Days(days) => Some(i64::from(days) * DAY),
            HoldBack::None | HoldBack::UntilReleased => None,
        });
        let holds: BTreeSet<i64> = days.collect();
        let Some(longest) = holds.last() else { return Ok(None) };
        let (machine, now) = (self.machine(facility), self.asked.moment);
        let patients = self.concerned.get(&viewer).map(Vec::as_slice).unwrap_or_default();
        let shown =
            |moment: Moment| self.glance.under(&self.after, &self.after.visibility(&machine, moment), patients, false);
        let (now_shown, then_shown) = (shown(now), shown(now.plus_micros(*longest)));
        let mut next: Option<i64> = None;
        for category in Category::ALL.iter().copied() {
            let known = positions(&now_shown, category)?;
            then_shown.rows(category, |row| {
                if !known.contains(&row.position) {
                    let lapses = holds.iter().map(|hold| row.recorded.saturating_add(*hold));
                    next = next.into_iter().chain(lapses.filter(|lapse| *lapse > now.micros())).min();
                }
                true
            })?;
        }
        Ok(next.and_then(|micros| Moment::from_micros(micros).ok()))
    }
}

/// Rows gained, rows lost.
type Compared = (Vec<(Position, Row)>, Vec<(Position, Row)>);

fn positions(shown: &Shown, category: Category) -> Result<HashSet<Position>, StoreError> {
    let mut positions = HashSet::new();
    shown.rows(category, |row| {
        positions.insert(row.position);
        true
    })?;
    Ok(positions)
}

/// How many references may still be told, and who writes down those that are.
struct Told {
    left: u64,
    truncated: bool,
    account: Option<Account>,
}

impl Told {
    fn reference(
        &mut self,
        (viewer, patient): (&Principal, Option<&PatientRef>),
        category: Category,
        (row, gained): (&Row, bool),
        voice: &Voice,
    ) -> Result<(), Ended> {
        let Some(Name { source, record, version }) = &row.name else { return Ok(()) };
        if self.left == 0 {
            self.truncated = true;
            return Ok(());
        }
        self.left -= 1;
        if let (Some(account), Some(patient)) = (&mut self.account, patient) {
            account.rows(patient, category, 1);
        }
        voice.say(Part::Record(v1::AffectedRecord {
            viewer: viewer.facility.as_str().to_owned(),
            member: viewer.member.as_ref().map(|member| member.as_str().to_owned()).unwrap_or_default(),
            role: v1::Role::from(viewer.role).into(),
            source: source.clone(),
            record_id: record.clone(),
            category: v1::Category::from(category).into(),
            version: *version,
            occurred_us: row.occurred,
            gained,
        }))
    }
}
