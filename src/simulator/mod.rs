//! A small region, played from a seed: what its hospitals' systems would send.
//!
//! [`Simulation`] is an iterator of timed events. It reads no clock and no file; the same options give the same
//! events, byte for byte. What it says first is the directory (facilities, members, scopes); then, for each person,
//! links, consents and the charts as they stand; then life goes on hour by hour: visits, results that are preliminary,
//! final and corrected, prescriptions and dispensing, notes, deletions, check-ups, cardiotocograms at 4 Hz, and
//! consents put in force and withdrawn.
//!
//! It is *not* a model of epidemiology: visits are far more frequent than in life, so that a small population keeps a
//! node busy. The shares and distributions are written where they are drawn (`people`, `agreements`, `care`,
//! `visit`, `laboratory`, `perinatal`); the lists of names, codes and drugs are under `data/`.
//!
//! ```
//! use ajisai::simulator::{Simulation, SimulationOptions};
//! let start = model::Moment::parse("2026-04-01T08:00:00+09:00")?;
//! let options = SimulationOptions { patients: 3, hours: 1, ..SimulationOptions::new(7, start) };
//! let events = Simulation::new(options)?.collect::<Result<Vec<_>, _>>()?;
//! assert!(events.len() > 40);
//! # Ok::<(), ajisai::simulator::SimulationError>(())
//! ```

mod agreements;
mod care;
mod dice;
mod expectation;
mod laboratory;
mod people;
mod perinatal;
mod pregnancy;
mod region;
mod scribe;
mod tables;
#[cfg(test)]
mod tests;
mod visit;

pub use expectation::{Expectation, Visible};
pub use region::{CLINICAL, Office, Site};

use care::{DAY, MINUTE, Stage};
use dice::Dice;
use model::{
    AgreementChange, AgreementId, Definition, DefinitionError, DefinitionKind, DefinitionName, DirectoryChange, Event,
    FacilityId, IdError, Moment, MomentError, Period, PeriodError, RecordError, ViewerAgreement,
};
use people::Person;
use perinatal::Recording;
use scribe::Scribe;
use std::cmp::Ordering;
use std::collections::{BinaryHeap, VecDeque};
use tables::{Tables, Trait};

/// Why a simulation cannot go on. All of these are faults of the lists under `data/` or of the options.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum SimulationError {
    /// A list under `data/` is damaged.
    #[error("the list `{file}` is damaged at line {line}, column `{column}`")]
    Table {
        /// The file's name.
        file: &'static str,
        /// The line, from 1.
        line: usize,
        /// The column by its header.
        column: &'static str,
    },
    /// There is nobody to simulate.
    #[error("a simulation needs at least 1 patient and at most 10,000,000: `patients` is {0}")]
    Patients(u64),
    /// A text that was made is not an identifier.
    #[error(transparent)]
    Id(#[from] IdError),
    /// The parts of a record do not fit.
    #[error(transparent)]
    Record(#[from] RecordError),
    /// A period ends before it begins.
    #[error(transparent)]
    Period(#[from] PeriodError),
    /// A moment lies outside the calendar.
    #[error(transparent)]
    Moment(#[from] MomentError),
    /// A definition is none.
    #[error(transparent)]
    Definition(#[from] DefinitionError),
}

/// What to simulate.
#[derive(Debug, Clone, PartialEq)]
pub struct SimulationOptions {
    /// The seed; ids and patient numbers carry it.
    pub seed: u64,
    /// How many people.
    pub patients: u64,
    /// How many hours are played after the start.
    pub hours: u32,
    /// The moment play begins.
    pub start: Moment,
    /// How many months of laboratory history the charts hold at the start.
    pub history_months: u32,
    /// Mean hours between two visits of one person.
    pub visit_interval_hours: f64,
    /// How many beds of the perinatal centre are monitored at every moment.
    pub beds: u32,
    /// Milliseconds of signal in one cardiotocogram event, whole samples of a quarter of a second. Played live, half a second: a
    /// longer frame comes so late that a trace is called late between two of them.
    pub frame_millis: u32,
}

impl SimulationOptions {
    /// The defaults: 120 people, 24 hours from `start`, a year of history, a visit every 24 hours, one monitored bed,
    /// a frame each second.
    pub fn new(seed: u64, start: Moment) -> Self {
        Self {
            seed,
            patients: 120,
            hours: 24,
            start,
            history_months: 12,
            visit_interval_hours: 24.0,
            beds: 1,
            frame_millis: 1000,
        }
    }
    /// The first moment after play.
    pub fn end(&self) -> Moment {
        self.start.plus_micros(i64::from(self.hours) * 60 * MINUTE)
    }
}

/// An event and the moment it reaches the network.
#[derive(Debug, Clone, PartialEq)]
pub struct Timed {
    /// When, in the simulation's time; never before the event said before it.
    pub at: Moment,
    /// What.
    pub event: Event,
}

/// A region in play. See the module's description.
#[derive(Debug)]
pub struct Simulation {
    options: SimulationOptions,
    tables: Tables,
    offices: Vec<Office>,
    people: Vec<Person>,
    scribe: Scribe,
    agenda: BinaryHeap<Entry>,
    ordinal: u64,
    ready: VecDeque<Timed>,
    beds: Vec<Bed>,
    failed: bool,
}

/// A monitored bed: who lies there next, and the recording that runs.
#[derive(Debug)]
struct Bed {
    dice: Dice,
    recording: Option<Recording>,
    until: Moment,
}

/// Something to do at a moment.
#[derive(Debug)]
enum Task {
    Say(Box<Event>),
    Open(usize),
    Visit(usize),
    Checkup(usize),
    Frame(usize),
}

#[derive(Debug)]
struct Entry {
    at: Moment,
    ordinal: u64,
    task: Task,
}

impl PartialEq for Entry {
    fn eq(&self, other: &Self) -> bool {
        self.cmp(other) == Ordering::Equal
    }
}
impl Eq for Entry {}
impl PartialOrd for Entry {
    fn partial_cmp(&self, other: &Self) -> Option<Ordering> {
        Some(self.cmp(other))
    }
}
impl Ord for Entry {
    // Reversed: the heap gives its greatest, and the earliest comes first. The ordinal makes the order total.
    fn cmp(&self, other: &Self) -> Ordering {
        (other.at, other.ordinal).cmp(&(self.at, self.ordinal))
    }
}

// === impl Simulation ===

impl Simulation {
    /// Prepares the region and its people.
    ///
    /// # Errors
    /// When `patients` is 0 or too many.
    pub fn new(options: SimulationOptions) -> Result<Self, SimulationError> {
        if !(1..=10_000_000).contains(&options.patients) {
            return Err(SimulationError::Patients(options.patients));
        }
        let tables = Tables::read()?;
        let offices = region::offices(&tables, options.seed, options.start)?;
        let people = (0..options.patients)
            .map(|index| people::person(&tables, &offices, (options.seed, index), options.start))
            .collect::<Result<Vec<_>, _>>()?;
        let beds = (0..options.beds)
            .map(|bed| Bed {
                dice: Dice::new(options.seed, u64::MAX - 1_000 - u64::from(bed)),
                recording: None,
                until: options.start,
            })
            .collect();
        let mut simulation = Self {
            scribe: Scribe::new(options.seed),
            options,
            tables,
            offices,
            people,
            agenda: BinaryHeap::new(),
            ordinal: 0,
            ready: VecDeque::new(),
            beds,
            failed: false,
        };
        simulation.open()?;
        Ok(simulation)
    }
    /// The facilities with their people and scopes.
    pub fn offices(&self) -> &[Office] {
        &self.offices
    }
    /// What is played.
    pub fn options(&self) -> &SimulationOptions {
        &self.options
    }

    /// The directory goes first; then each person is opened, and play begins.
    fn open(&mut self) -> Result<(), SimulationError> {
        let start = self.options.start;
        for office in &self.offices {
            let mut changes = vec![DirectoryChange::Facility(office.facility.clone())];
            changes.extend(office.members.iter().cloned().map(DirectoryChange::Member));
            changes.extend(office.scope.clone().map(DirectoryChange::Scope));
            for change in changes {
                let event = self.scribe.directory(office.id(), start, change)?;
                self.ready.push_back(Timed { at: start, event });
            }
        }
        // The centre has growth tables of its own; without one nobody says how far a fetus is from the mean.
        if let Some(office) = self.offices.iter().find(|office| office.site == Site::Perinatal) {
            let name = DefinitionName::parse("perinatal")?;
            let tables = Definition::new(office.id().clone(), DefinitionKind::Perinatal, name, pregnancy::tables())?;
            let event = self.scribe.directory(office.id(), start, DirectoryChange::Definition(tables))?;
            self.ready.push_back(Timed { at: start, event });
        }
        // Who is named in a consent by proxy has agreed to it beforehand.
        let disclosing: Vec<FacilityId> =
            self.offices.iter().filter(|office| office.scope.is_some()).map(|office| office.id().clone()).collect();
        for office in &self.offices {
            for source in disclosing.iter().filter(|source| *source != office.id()) {
                let id = AgreementId::parse(&self.scribe.id("agreement"))?;
                let (facility, source) = (office.id().clone(), source.clone());
                let agreement = ViewerAgreement { id, facility, source, members: Vec::new(), period: Period::ALWAYS };
                let change = DirectoryChange::Agreement(AgreementChange::Stated(agreement));
                let event = self.scribe.directory(office.id(), start, change)?;
                self.ready.push_back(Timed { at: start, event });
            }
        }
        for index in 0..self.people.len() {
            self.plan(start, Task::Open(index));
        }
        for bed in 0..self.beds.len() {
            self.plan(start, Task::Frame(bed));
        }
        Ok(())
    }

    fn plan(&mut self, at: Moment, task: Task) {
        if at < self.options.end() {
            self.ordinal += 1;
            self.agenda.push(Entry { at, ordinal: self.ordinal, task });
        }
    }

    fn perform(&mut self, Entry { at, task, .. }: Entry) -> Result<(), SimulationError> {
        match task {
            Task::Say(event) => self.ready.push_back(Timed { at, event: *event }),
            Task::Open(index) => self.open_person(index)?,
            Task::Visit(index) => self.visit(index, at)?,
            Task::Checkup(index) => self.checkup(index, at)?,
            Task::Frame(bed) => self.frame(bed, at)?,
        }
        Ok(())
    }

    fn open_person(&mut self, index: usize) -> Result<(), SimulationError> {
        let (start, end) = (self.options.start, self.options.end());
        let Some(person) = self.people.get_mut(index) else { return Ok(()) };
        let setting = agreements::Setting { offices: &self.offices, start, end };
        let agreed = agreements::agree(setting, person, &mut self.scribe)?;
        let mut stage =
            Stage { tables: &self.tables, offices: &self.offices, scribe: &mut self.scribe, said: Vec::new() };
        care::chart(&mut stage, person, start, self.options.history_months)?;
        perinatal::history(&mut stage, person, start)?;
        let said = stage.said;
        let first_visit = person.dice.wait(self.options.visit_interval_hours * 60.0 * MINUTE as f64);
        let first_checkup = person.gestation.map(|days| {
            let interval = perinatal::interval(days) * DAY;
            (person.dice.unit() * interval as f64) as i64
        });
        self.ready.extend(agreed.at_start.into_iter().map(|event| Timed { at: start, event }));
        self.schedule(start, said);
        for (at, event) in agreed.later {
            self.plan(at, Task::Say(Box::new(event)));
        }
        self.plan(start.plus_micros(first_visit as i64), Task::Visit(index));
        if let Some(wait) = first_checkup {
            self.plan(start.plus_micros(wait), Task::Checkup(index));
        }
        Ok(())
    }

    /// What was written before now is said now, in the order of its moments; the rest when its time comes.
    fn schedule(&mut self, now: Moment, mut said: Vec<(Moment, Event)>) {
        said.sort_by_key(|(at, _)| *at);
        for (at, event) in said {
            if at <= now {
                self.ready.push_back(Timed { at: now, event });
            } else {
                self.plan(at, Task::Say(Box::new(event)));
            }
        }
    }

    fn visit(&mut self, index: usize, at: Moment) -> Result<(), SimulationError> {
        let Some(person) = self.people.get_mut(index) else { return Ok(()) };
        let again = at.plus_micros(person.dice.wait(self.options.visit_interval_hours * 60.0 * MINUTE as f64) as i64);
        let places: Vec<Site> = person
            .refs
            .iter()
            .map(|(site, _)| *site)
            .filter(|site| matches!(site, Site::Central | Site::Harbour | Site::Clinic | Site::Bayside))
            .collect();
        let pick = usize::try_from(person.dice.between(0, places.len() as i64 - 1)).unwrap_or_default();
        let mut said = Vec::new();
        if let Some(site) = places.get(pick) {
            let mut stage =
                Stage { tables: &self.tables, offices: &self.offices, scribe: &mut self.scribe, said: Vec::new() };
            visit::visit(&mut stage, person, *site, at)?;
            said = stage.said;
        }
        // Most of those who would come at night come the next morning.
        let hour = (again.micros() / (60 * MINUTE) + 9).rem_euclid(24);
        let night = !(8..18).contains(&hour);
        let again = if night && person.dice.happens(0.7) {
            let until_morning = (32 - hour).rem_euclid(24);
            again.plus_micros(until_morning * 60 * MINUTE + person.dice.between(0, 500) * MINUTE)
        } else {
            again
        };
        self.schedule(at, said);
        self.plan(again, Task::Visit(index));
        Ok(())
    }

    fn checkup(&mut self, index: usize, at: Moment) -> Result<(), SimulationError> {
        let start = self.options.start;
        let Some(person) = self.people.get_mut(index) else { return Ok(()) };
        let days = person.gestation.unwrap_or_default() + at.since(start) / DAY;
        let mut stage =
            Stage { tables: &self.tables, offices: &self.offices, scribe: &mut self.scribe, said: Vec::new() };
        perinatal::checkup(&mut stage, person, start, at)?;
        let said = stage.said;
        self.schedule(at, said);
        self.plan(at.plus_micros(perinatal::interval(days) * DAY), Task::Checkup(index));
        Ok(())
    }

    /// The next frame of a bed. When a recording ends (20 to 40 minutes), the bed goes to another woman from week 32,
    /// or to any pregnant woman while there is none.
    fn frame(&mut self, number: usize, at: Moment) -> Result<(), SimulationError> {
        let millis = self.options.frame_millis.max(Recording::SAMPLE_MILLIS);
        let Some(bed) = self.beds.get_mut(number) else { return Ok(()) };
        let mut stage =
            Stage { tables: &self.tables, offices: &self.offices, scribe: &mut self.scribe, said: Vec::new() };
        if bed.recording.is_none() || at >= bed.until {
            let near = |person: &&Person| person.gestation.is_some_and(|days| days >= 32 * 7);
            let mut waiting: Vec<&Person> = self.people.iter().filter(near).collect();
            if waiting.is_empty() {
                waiting = self.people.iter().filter(|person| person.has(Trait::Pregnancy)).collect();
            }
            let pick = usize::try_from(bed.dice.between(0, waiting.len() as i64 - 1)).unwrap_or_default();
            let Some(patient) = waiting.get(pick).and_then(|person| person.at(Site::Perinatal)) else {
                return Ok(());
            };
            let patient = patient.clone();
            let stream = bed.dice.between(1, i64::MAX - 1);
            let own = Dice::new(self.options.seed ^ stream.unsigned_abs(), u64::MAX - 2);
            if let Some(recording) = bed.recording.take() {
                recording.end(&mut stage, at)?;
            }
            bed.recording = Some(Recording::begin(&mut stage, patient, (number as u32, at), own)?);
            bed.until = at.plus_micros(bed.dice.between(20, 40) * MINUTE);
        }
        if let Some(recording) = &mut bed.recording {
            recording.frame(&mut stage, at, millis)?;
        }
        let said = stage.said;
        self.schedule(at, said);
        self.plan(at.plus_micros(i64::from(millis) * 1_000), Task::Frame(number));
        Ok(())
    }
}

impl Iterator for Simulation {
    type Item = Result<Timed, SimulationError>;

    fn next(&mut self) -> Option<Self::Item> {
        while !self.failed {
            if let Some(timed) = self.ready.pop_front() {
                return Some(Ok(timed));
            }
            let entry = self.agenda.pop()?;
            if let Err(error) = self.perform(entry) {
                self.failed = true;
                return Some(Err(error));
            }
        }
        None
    }
}
