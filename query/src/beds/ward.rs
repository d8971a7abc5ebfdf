//! The beds of one principal's view, and those that were closed.

use super::alarm::{Alarms, Risen};
use super::bed::{Bed, Came};
use super::mother::{By, Mother};
use super::rules::Rules;
use super::stretch::{BedId, Place, Session, Stretch};
use super::strip::SLOT;
use clinical::perinatal::PerinatalTables;
use model::{Category, Moment, PatientRef, Record};
use std::collections::BTreeMap;
use std::sync::Arc;

/// A bed that is silent for this long is no longer shown.
const SILENT: i64 = 30 * 60 * 1_000_000;
/// What was measured longer ago opens no bed: it is history.
const RECENT: i64 = 10 * 60 * 1_000_000;
/// So many beds are read anew at one tick: each takes a few hundredths of a second.
const ANEW_AT_ONCE: usize = 4;
/// The book is asked at least so often until when a permission stands.
const ASKED_EVERY: i64 = 10_000_000;
/// It is said for so long that a bed was closed.
const SAID: i64 = 10 * 60 * 1_000_000;

/// Why a bed is not shown any more.
#[derive(Clone, Copy, PartialEq, Eq, Hash, Debug)]
pub enum BedEnd {
    /// Consent, scope or link no longer open it.
    Withheld,
    /// The time is over until which they did, as had been said.
    Expired,
    /// The source ended the monitoring.
    Closed,
    /// Nothing came for half an hour.
    Silent,
}

impl BedEnd {
    /// `withheld`, `expired`, `closed` or `silent`.
    pub const fn code(self) -> &'static str {
        match self {
            Self::Withheld => "withheld",
            Self::Expired => "expired",
            Self::Closed => "closed",
            Self::Silent => "silent",
        }
    }
}

/// A bed that was closed. Nothing of it is kept but that it was: not even whose it was.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Ended {
    /// Which.
    pub bed: BedId,
    /// Why.
    pub why: BedEnd,
    /// When, by our clock.
    pub at: Moment,
}

/// What a bed's source calls it, and what the viewing facility calls the patient.
#[derive(Clone, PartialEq, Eq, Default)]
pub struct Names {
    /// The viewing facility's own number for the patient; empty where it has none. Patient data.
    pub own: String,
    /// The bed as the ward calls it; empty where it was not said.
    pub bed: String,
    /// How the ward names the fetuses, in order.
    pub fetuses: Vec<String>,
}

impl std::fmt::Debug for Names {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("Names(******)")
    }
}

/// A bed with its names and the newest record that was given live: the book is asked of it before the bed is shown.
#[derive(Debug)]
struct Kept {
    bed: Bed,
    names: Names,
    newest: Option<Arc<Record>>,
    /// The record that opened it.
    session: Option<u128>,
    /// When it came to be watched, by our clock.
    opened: Moment,
    /// Until when the permission for what comes stands, as far as was asked.
    stands: Stands,
    /// What is known of her who lies there, by which the bed is read.
    mother: Mother,
    alarms: Alarms,
}

/// Until when the clock lets what comes of a bed be shown.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default)]
pub struct Stands {
    /// Until when; `None` where the clock ends nothing, or nothing was asked yet.
    pub until: Option<Moment>,
    /// The state of the book that said so.
    pub generation: u64,
    /// When it was asked.
    asked: Option<Moment>,
}

impl Stands {
    /// What the book says at a moment.
    pub const fn new(until: Option<Moment>, generation: u64, asked: Moment) -> Self {
        Self { until, generation, asked: Some(asked) }
    }
    fn is_over(&self, now: Moment) -> bool {
        self.until.is_some_and(|until| until <= now)
    }
    /// Whether the book is to be asked again.
    fn is_old(&self, generation: u64, now: Moment) -> bool {
        self.generation != generation || self.asked.is_none_or(|asked| now.since(asked) >= ASKED_EVERY)
    }
}

/// All beds of one view.
#[derive(Debug)]
pub struct Ward {
    tables: Arc<PerinatalTables>,
    /// As of a pregnancy of which nothing is known.
    rules: Arc<Rules>,
    beds: BTreeMap<BedId, Kept>,
    ended: Vec<Ended>,
    /// Beds of which what was before has not been read.
    unread: Vec<Place>,
}

impl Ward {
    /// An empty one, read by a facility's tables.
    pub fn new(tables: Arc<PerinatalTables>) -> Self {
        let rules = Arc::new(Rules::of(&tables));
        Self { tables, rules, beds: BTreeMap::new(), ended: Vec::new(), unread: Vec::new() }
    }

    /// Takes a record that the feed gave; a bed that is not known yet is opened. What is no stretch of samples is left aside.
    pub fn take(&mut self, record: &Arc<Record>, came: Came, now: Moment) {
        if let Some(session) = Session::of(record) {
            if matches!(came, Came::Now(_)) && session.closed.is_none() {
                self.known(&session.place);
            }
            self.session(&session, now);
            if let Some(kept) = self.beds.get_mut(&BedId::of(&session.place)) {
                kept.newest = Some(record.clone());
            }
            return;
        }
        let Some(stretch) = Stretch::of(record) else { return };
        let id = BedId::of(&stretch.place);
        if !self.beds.contains_key(&id) {
            if now.since(stretch.measured) > RECENT || self.was_over(id, stretch.measured) {
                return;
            }
            self.known(&stretch.place);
        }
        let kept = self.open(&stretch.place, stretch.measured, now);
        if kept.bed.take(&stretch, came) && matches!(came, Came::Now(_)) {
            kept.newest = Some(record.clone());
        }
    }

    /// Takes a stretch that was read from the view's table.
    pub fn read(&mut self, stretch: &Stretch, now: Moment) {
        self.open(&stretch.place, stretch.measured, now).bed.take(stretch, Came::Before(now));
    }

    /// A bed's monitoring was opened, changed or closed.
    pub fn session(&mut self, session: &Session, now: Moment) {
        let id = BedId::of(&session.place);
        if session.closed.is_some() {
            return self.end(id, BedEnd::Closed, now);
        }
        // what was opened long ago and of which nothing comes was left open
        if !self.beds.contains_key(&id) && now.since(session.opened) > RECENT {
            return;
        }
        let kept = self.open(&session.place, session.opened, now);
        kept.session = Some(session.record);
        kept.bed.began_by(session.opened);
        kept.bed.expect(session.fetuses.len());
        session.bed.clone_into(&mut kept.names.bed);
        session.fetuses.clone_into(&mut kept.names.fetuses);
    }

    /// Monitoring that had been closed before anybody looked: what was measured until then opens no bed.
    pub fn was_closed(&mut self, place: &Place, closed: Moment) {
        let id = BedId::of(place);
        // what is measured and stated after it was closed is of another
        let over = |kept: &Kept| {
            let strip = kept.bed.strip();
            kept.newest.is_none()
                && kept.session.is_none()
                && strip.moment_of(strip.end()) <= closed.plus_micros(2 * SLOT)
        };
        if self.beds.get(&id).is_some_and(over) {
            self.beds.remove(&id);
        }
    }

    /// Whether the permission for a bed had ended by the clock after a moment, or its source had closed it: what was measured
    /// before that and came after opens the bed no more.
    fn was_over(&self, id: BedId, measured: Moment) -> bool {
        let final_end = |why: BedEnd| matches!(why, BedEnd::Expired | BedEnd::Closed);
        let before = |ended: &Ended| ended.bed == id && final_end(ended.why) && measured <= ended.at;
        self.ended.iter().any(before)
    }

    /// A bed is opened by what came: what was before is to be read.
    fn known(&mut self, place: &Place) {
        let id = BedId::of(place);
        self.ended.retain(|ended| ended.bed != id);
        if !self.beds.contains_key(&id) {
            self.unread.push(place.clone());
        }
    }

    fn open(&mut self, place: &Place, began: Moment, now: Moment) -> &mut Kept {
        self.beds.entry(BedId::of(place)).or_insert_with(|| Kept {
            bed: Bed::new(place, began, self.rules.clone(), now),
            names: Names::default(),
            newest: None,
            session: None,
            opened: now,
            stands: Stands::default(),
            mother: Mother::default(),
            alarms: Alarms::default(),
        })
    }

    /// Lets go of beds of which only old samples were read.
    pub fn settle(&mut self, now: Moment) {
        let old = |bed: &Bed| now.since(bed.strip().moment_of(bed.strip().end()).max(bed.began())) > RECENT;
        self.beds.retain(|_, kept| kept.newest.is_some() || !old(&kept.bed));
    }

    /// Beds that were opened by what came, so that what was before has to be read; told once.
    pub fn unread(&mut self) -> Vec<Place> {
        std::mem::take(&mut self.unread)
    }

    /// The permission for a record has ended: nothing of its bed is shown any more, at once.
    pub fn withheld(&mut self, record: u128, now: Moment) {
        self.end_withheld(|kept| kept.session == Some(record) || kept.bed.holds(record), now);
    }

    /// Asks the book of each bed, where it has changed since or was not asked for a while: what the viewing facility calls the
    /// patient (a link may come after what it opens), and until when the permission for what comes stands.
    pub fn ask(
        &mut self,
        generation: u64,
        own: impl Fn(&PatientRef) -> String,
        until: impl Fn(&Record) -> Stands,
        now: Moment,
    ) {
        for kept in self.beds.values_mut().filter(|kept| kept.stands.is_old(generation, now)) {
            kept.names.own = own(&kept.bed.place().patient);
            kept.mother.called(&kept.names.own);
            if let Some(newest) = &kept.newest {
                kept.stands = until(newest);
            }
        }
    }

    /// Closes the beds whose newest record is not permitted any more, and those of which nothing that comes would be.
    pub fn keep_permitted(&mut self, permits: impl Fn(&Record) -> bool, now: Moment) {
        let withheld = |kept: &Kept| kept.newest.as_ref().is_some_and(|record| !permits(record));
        self.end_withheld(|kept| kept.stands.is_over(now) || withheld(kept), now);
    }

    // --- who lies there ---

    /// Those of whom what was before is to be read, by the viewing facility's own numbers; told once, and again a while later where it
    /// was not read.
    pub(super) fn mothers_unread(&mut self, now: Moment) -> Vec<String> {
        let wanted =
            self.beds.values_mut().filter_map(|kept| kept.mother.is_wanted(now).then(|| kept.names.own.clone()));
        let mut wanted: Vec<String> = wanted.collect();
        wanted.sort_unstable();
        wanted.dedup();
        wanted
    }

    /// Whether a record of somebody is asked for: they lie on a bed, and it may say something of a pregnancy.
    pub(super) fn asks(&self, own: &str, category: Category) -> bool {
        !own.is_empty() && self.beds.values().any(|kept| kept.names.own == own && kept.mother.asks(category))
    }

    /// What was before of one has been read, by the viewing facility's own number.
    pub(super) fn mother_read(&mut self, own: &str, records: &[Arc<Record>], now: Moment) {
        self.each_mother(now, |_, mother, by| mother.read(own, records, by));
    }

    /// A record of one came.
    pub(super) fn learn(&mut self, own: &str, record: &Arc<Record>, now: Moment) {
        self.each_mother(now, |names, mother, by| {
            if names.own == own {
                mother.learn(record, by);
            } else {
                // a newer version may be of somebody else
                mother.forget(record.reference().digest(), by);
            }
        });
    }

    /// A record of one is not shown any more.
    pub(super) fn forget(&mut self, record: u128, now: Moment) {
        self.each_mother(now, |_, mother, by| mother.forget(record, by));
    }

    /// Forgets of all what the book does not permit any more; it is asked where its state is another than it was, and when the clock
    /// may have ended something: `turns` says when that is next.
    pub(super) fn keep_permitted_of_mothers(
        &mut self,
        (generation, turns): (u64, impl Fn() -> Option<Moment>),
        permits: impl Fn(&Record) -> bool,
        now: Moment,
    ) {
        self.each_mother(now, |_, mother, by| mother.keep_permitted((generation, &turns), &permits, by));
    }

    /// Something may have become known of who lies on a bed: each is read by what is known then.
    fn each_mother(&mut self, now: Moment, mut learns: impl FnMut(&Names, &mut Mother, By<'_>)) {
        let Self { beds, tables, rules, .. } = self;
        for Kept { bed, names, mother, .. } in beds.values_mut() {
            learns(names, mother, By { began: bed.began(), now, tables });
            if mother.at_bed() != bed.at_bed() {
                bed.read_by(Arc::new(rules.at(mother.at_bed().clone())));
            }
        }
    }

    // --- the ends of beds ---

    /// Closes beds that may be shown no longer: by the clock, where that had been said before, or by what somebody stated.
    fn end_withheld(&mut self, which: impl Fn(&Kept) -> bool, now: Moment) {
        let was_said = |kept: &Kept| {
            let said = kept.stands.asked.is_some_and(|asked| kept.stands.until.is_some_and(|until| asked < until));
            said && kept.stands.is_over(now)
        };
        self.end_all(|kept| which(kept) && was_said(kept), BedEnd::Expired, now);
        self.end_all(which, BedEnd::Withheld, now);
    }

    fn end_all(&mut self, which: impl Fn(&Kept) -> bool, why: BedEnd, now: Moment) {
        let which: Vec<BedId> = self.beds.iter().filter(|(_, kept)| which(kept)).map(|(id, _)| *id).collect();
        for bed in which {
            self.end(bed, why, now);
        }
    }

    /// The source took a record back, or its newer version is not for this viewer: its samples go, the bed stays.
    pub fn taken_back(&mut self, record: u128) {
        for kept in self.beds.values_mut() {
            kept.bed.take_back(record);
        }
    }

    /// Closes a bed with a word.
    pub fn end(&mut self, bed: BedId, why: BedEnd, at: Moment) {
        if let Some(gone) = self.beds.remove(&bed) {
            self.unread.retain(|place| place != gone.bed.place());
            self.ended.push(Ended { bed, why, at });
        }
    }

    /// Everything is void: what follows is read anew.
    pub fn clear(&mut self) {
        self.beds.clear();
        self.unread.clear();
    }

    /// Time goes on. To be called a few times a second, whether or not anything came.
    pub fn tick(&mut self, now: Moment) {
        self.end_all(|kept| now.since(kept.bed.heard()) >= SILENT, BedEnd::Silent, now);
        self.ended.retain(|ended| now.since(ended.at) < SAID);
        self.each_mother(now, |_, mother, by| mother.tick(by));
        let mut anew = ANEW_AT_ONCE;
        for kept in self.beds.values_mut() {
            anew -= usize::from(kept.bed.tick(now, anew > 0));
            kept.alarms.tick(&kept.bed, &self.rules, kept.stands.until, (kept.opened, now));
        }
    }

    /// What asks for attention at a bed, as of the last tick.
    pub fn alarms(&self, id: BedId) -> Vec<Risen> {
        self.beds.get(&id).map(|kept| kept.alarms.now()).unwrap_or_default()
    }
    /// Until when the clock lets what comes of a bed be shown; `None` where it ends nothing.
    pub fn until(&self, id: BedId) -> Option<Moment> {
        self.beds.get(&id).and_then(|kept| kept.stands.until)
    }

    /// The beds.
    pub fn beds(&self) -> impl Iterator<Item = (&Bed, &Names)> {
        self.beds.values().map(|kept| (&kept.bed, &kept.names))
    }
    /// One bed.
    pub fn bed(&self, id: BedId) -> Option<(&Bed, &Names)> {
        self.beds.get(&id).map(|kept| (&kept.bed, &kept.names))
    }
    /// Beds that were closed within the last minutes.
    pub fn ended(&self) -> &[Ended] {
        &self.ended
    }
    /// By which limits they are read.
    pub fn rules(&self) -> &Rules {
        &self.rules
    }
}

#[cfg(test)]
mod tests;
