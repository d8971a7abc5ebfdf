//! Consents as the book holds them: a small grant per consent, its terms and its viewers interned.

use crate::classes::Class;
use crate::decision::Reason;
use crate::directory::{Directory, Viewer};
use crate::exceptions::{self, Trees};
use crate::index::{DepartmentIx, MemberIx, TermsIx};
use crate::intern::{Interner, PackedIds};
use crate::planted::{Bug, is};
use crate::{ConsentIx, FacilityIx};
use model::{
    CategorySet, Consent, ConsentForm, ConsentId, ConsentState, DepartmentCode, Exceptions, Labels, Moment, Period,
    Position, Purpose, PurposeSet, Viewers,
};
use std::collections::{BTreeMap, BTreeSet};

/// Where a consent stands in the book.
#[derive(Clone, Copy, PartialEq, Eq, Hash, Debug)]
pub enum Standing {
    /// As last stated.
    Stated(ConsentState),
    /// Withdrawn, for good.
    Withdrawn,
}

/// What most consents share: one form, one set of terms.
#[derive(Clone, PartialEq, Eq, Hash, Debug)]
pub(crate) struct Terms {
    pub data_from: i64,
    pub data_until: i64,
    pub categories: CategorySet,
    pub labels: Labels,
    pub purposes: PurposeSet,
    /// Sorted; empty means all.
    pub departments: Box<[DepartmentIx]>,
    /// When a guardian's consent reaches the patient's majority; `i64::MAX` for all others.
    pub of_age: i64,
    /// The number of its exceptions.
    pub exceptions: u32,
    /// Whether it was taken by proxy.
    pub proxy: bool,
}

/// To whom a consent opens, in four bytes.
#[derive(Clone, Copy, PartialEq, Eq, Hash, Debug)]
pub(crate) struct ViewersIx(u32);

/// What a [`ViewersIx`] says. One facility is the usual case and needs no look-up.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(crate) enum Opens {
    Nobody,
    All,
    One(FacilityIx),
    /// The list of this number.
    Several(u32),
}

/// A list of viewers, sorted.
#[derive(Clone, PartialEq, Eq, Hash, Debug)]
pub(crate) enum ViewerList {
    Facilities(Box<[FacilityIx]>),
    Practitioners(Box<[MemberIx]>),
}

/// One consent of one patient ref.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(crate) struct Grant {
    /// In force from this moment, in microseconds; `i64::MIN` when unbounded.
    pub from: i64,
    /// In force until before this moment; `i64::MAX` when unbounded.
    pub until: i64,
    pub id: ConsentIx,
    pub terms: TermsIx,
    pub viewers: ViewersIx,
    pub standing: Standing,
}

/// The tables that grants refer to.
#[derive(Clone, Default, Debug)]
pub(crate) struct Consents {
    /// Each with the statement by which it stands as it does: see [`Brief`].
    ids: PackedIds<8>,
    /// The statements whose position is too large to stand beside the id.
    far: BTreeMap<u32, Position>,
    terms: Interner<Terms>,
    lists: Interner<ViewerList>,
    departments: Interner<DepartmentCode>,
    pub trees: Trees,
    /// Moments at which a period begins or ends, of consents and of memberships. Never forgotten: one that no longer
    /// counts only causes a look too many.
    boundaries: BTreeSet<i64>,
}

/// A position in eight bytes, for there is one for each consent: 16 bits of partition, 48 of offset.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
enum Brief {
    /// No letter stands there.
    Nowhere,
    At(Position),
    /// It is kept elsewhere.
    Far,
}

impl Brief {
    const OFFSET: u32 = 48;
    const NOWHERE: u64 = u64::MAX;
    const FAR: u64 = u64::MAX - 1;

    fn of(position: Position) -> Self {
        match Self::At(position).bits() {
            Self::FAR => Self::Far,
            _ => Self::At(position),
        }
    }
    fn bits(self) -> u64 {
        match self {
            Self::Nowhere => Self::NOWHERE,
            Self::Far => Self::FAR,
            Self::At(position) => {
                let (partition, offset) = (position.partition.0, position.offset.0);
                // The last partition that 16 bits hold is left to the two signs.
                let fits = partition < u32::from(u16::MAX) && offset >> Self::OFFSET == 0;
                if fits { u64::from(partition) << Self::OFFSET | offset } else { Self::FAR }
            }
        }
    }
    fn to_bytes(self) -> [u8; 8] {
        self.bits().to_le_bytes()
    }
    fn of_bytes(bytes: [u8; 8]) -> Self {
        match u64::from_le_bytes(bytes) {
            Self::NOWHERE => Self::Nowhere,
            Self::FAR => Self::Far,
            bits => {
                let partition = u32::try_from(bits >> Self::OFFSET).unwrap_or(u32::MAX);
                Self::At(Position::new(partition, bits & ((1 << Self::OFFSET) - 1)))
            }
        }
    }
}

// Three grants lie in two cache lines; a decision reads them one after another.
const _: () = assert!(size_of::<Grant>() == 32);

/// The microseconds of a half-open period's sides.
pub(crate) fn sides(period: &Period) -> (i64, i64) {
    (period.from().map_or(i64::MIN, Moment::micros), period.until().map_or(i64::MAX, Moment::micros))
}

/// The period of these sides; the inverse of [`sides`].
fn period(from: i64, until: i64) -> Period {
    let side = |micros: i64| Moment::from_micros(micros).ok();
    Period::new(side(from), side(until)).unwrap_or(Period::ALWAYS)
}

// === impl ViewersIx ===

impl ViewersIx {
    pub(crate) const NOBODY: Self = Self(u32::MAX);
    const ALL: Self = Self(u32::MAX - 1);
    /// Marks the number of a list; facilities' numbers lie below it.
    const LIST: u32 = 1 << 31;

    fn one(facility: FacilityIx) -> Self {
        if facility.as_u32() < Self::LIST { Self(facility.as_u32()) } else { Self::NOBODY }
    }
    fn several(list: u32) -> Self {
        if list < Self::LIST - 2 { Self(Self::LIST | list) } else { Self::NOBODY }
    }
    pub(crate) fn opens(self) -> Opens {
        match self {
            Self::NOBODY => Opens::Nobody,
            Self::ALL => Opens::All,
            Self(number) if number < Self::LIST => Opens::One(FacilityIx::from_u32(number)),
            Self(number) => Opens::Several(number & !Self::LIST),
        }
    }
}

// === impl Terms ===

impl Terms {
    /// The first of the terms that the record does not meet.
    pub(crate) fn admit(&self, class: &Class, occurred: i64) -> Result<(), Reason> {
        let last = occurred == self.data_until && is(Bug::DataPeriodEndInclusive);
        if !(self.data_from <= occurred && (occurred < self.data_until || last)) {
            return Err(Reason::DataPeriod);
        }
        self.admit_class(class)
    }
    /// The first of the terms that records of this class do not meet, whenever they occurred.
    pub(crate) fn admit_class(&self, class: &Class) -> Result<(), Reason> {
        if !self.categories.contains(class.category) && !is(Bug::CategoriesIgnored) {
            Err(Reason::CategoryNotConsented)
        } else if !(self.departments.is_empty()
            || self.departments.binary_search(&class.department).is_ok()
            || is(Bug::DepartmentsIgnored))
        {
            Err(Reason::DepartmentNotConsented)
        } else if !class.need_saying.is_subset(self.labels) && !is(Bug::LabelsIgnored) {
            Err(Reason::LabelNotConsented)
        } else {
            Ok(())
        }
    }
    /// Whether who and which records it covers follow from the other fields alone, as of most consents.
    pub(crate) fn is_plain(&self) -> bool {
        self.exceptions == exceptions::NONE && !self.proxy && self.of_age == i64::MAX
    }
    pub(crate) fn purpose(&self, purpose: Purpose) -> Result<(), Reason> {
        if self.purposes.contains(purpose) || is(Bug::PurposesIgnored) {
            Ok(())
        } else {
            Err(Reason::PurposeNotCovered)
        }
    }
}

// === impl Grant ===

impl Grant {
    /// Whether the consent is in force, or the gate at which it is not.
    pub(crate) fn in_force(&self, moment: i64) -> Result<(), Reason> {
        match self.standing {
            Standing::Withdrawn => Err(Reason::ConsentWithdrawn),
            Standing::Stated(ConsentState::Active)
                if moment < self.from || moment == self.from && is(Bug::PeriodBeginExclusive) =>
            {
                Err(Reason::ConsentNotBegun)
            }
            Standing::Stated(ConsentState::Active)
                if moment >= self.until && !(moment == self.until && is(Bug::PeriodEndInclusive)) =>
            {
                Err(Reason::ConsentExpired)
            }
            Standing::Stated(ConsentState::Active) => Ok(()),
            Standing::Stated(ConsentState::Superseded) => Err(Reason::ConsentSuperseded),
            Standing::Stated(_) => Err(Reason::ConsentNotActive),
        }
    }
}

// === impl Consents ===

impl Consents {
    pub(crate) fn department(&mut self, code: &DepartmentCode) -> DepartmentIx {
        DepartmentIx::from_u32(self.departments.number(code))
    }
    pub(crate) fn find_department(&self, code: &DepartmentCode) -> Option<DepartmentIx> {
        self.departments.find(code).map(DepartmentIx::from_u32)
    }
    /// Every department that a record, a consent or an exception named.
    pub(crate) fn known_departments(&self) -> impl Iterator<Item = DepartmentIx> {
        (0..self.departments.len()).map(DepartmentIx::from_u32)
    }
    pub(crate) fn terms(&self, ix: TermsIx) -> Option<&Terms> {
        self.terms.get(ix.as_u32())
    }
    pub(crate) fn list(&self, number: u32) -> Option<&ViewerList> {
        self.lists.get(number)
    }
    pub(crate) fn is(&self, grant: &Grant, id: &ConsentId) -> bool {
        self.ids.is(grant.id.as_u32(), id.as_str())
    }
    pub(crate) fn id(&self, ix: ConsentIx) -> Option<ConsentId> {
        self.ids.text(ix.as_u32()).and_then(|text| ConsentId::parse(&text).ok())
    }
    /// The statement by which the consent stands as it does.
    pub(crate) fn stated_at(&self, ix: ConsentIx) -> Option<Position> {
        match Brief::of_bytes(self.ids.beside(ix.as_u32())?) {
            Brief::Nowhere => None,
            Brief::At(position) => Some(position),
            Brief::Far => self.far.get(&ix.as_u32()).copied(),
        }
    }
    pub(crate) fn note_statement(&mut self, ix: ConsentIx, position: Position) {
        let brief = Brief::of(position);
        if matches!(brief, Brief::Far) {
            self.far.insert(ix.as_u32(), position);
        }
        self.ids.put_beside(ix.as_u32(), brief.to_bytes());
    }
    /// Keeps an id; `None` when there is no room for another.
    pub(crate) fn push_id(&mut self, id: &ConsentId) -> Option<ConsentIx> {
        self.ids.push(id.as_str()).map(ConsentIx::from_u32)
    }

    /// What a consent says, as a grant under `id`.
    pub(crate) fn grant(&mut self, id: ConsentIx, consent: &Consent, directory: &mut Directory) -> Grant {
        let mut departments: Vec<_> = consent.departments.iter().map(|code| self.department(code)).collect();
        departments.sort_unstable();
        departments.dedup();
        let (data_from, data_until) = sides(&consent.data_period);
        let Self { trees, departments: codes, .. } = self;
        let department = |code: &DepartmentCode| DepartmentIx::from_u32(codes.number(code));
        let exceptions = trees.number(&consent.exceptions, directory, department);
        let terms = self.terms.number(&Terms {
            data_from,
            data_until,
            categories: consent.categories,
            labels: consent.labels,
            purposes: consent.purposes,
            departments: departments.into_boxed_slice(),
            of_age: consent.of_age_at(None).map_or(i64::MAX, Moment::micros),
            exceptions,
            proxy: consent.form() == ConsentForm::Proxy,
        });
        let viewers = self.viewers(&consent.viewers, directory);
        let (from, until) = sides(&consent.period);
        Grant { from, until, id, terms: TermsIx::from_u32(terms), viewers, standing: Standing::Stated(consent.state) }
    }
    fn viewers(&mut self, viewers: &Viewers, directory: &mut Directory) -> ViewersIx {
        match viewers {
            Viewers::AllMembers => ViewersIx::ALL,
            Viewers::Facilities(ids) => {
                let mut facilities: Vec<_> = ids.iter().map(|id| directory.facility(id)).collect();
                facilities.sort_unstable();
                facilities.dedup();
                match facilities.as_slice() {
                    [] => ViewersIx::NOBODY,
                    [one] => ViewersIx::one(*one),
                    _ => ViewersIx::several(self.lists.number(&ViewerList::Facilities(facilities.into_boxed_slice()))),
                }
            }
            Viewers::Practitioners(ids) => {
                let mut members: Vec<_> = ids.iter().map(|id| directory.member(id)).collect();
                members.sort_unstable();
                members.dedup();
                if members.is_empty() {
                    return ViewersIx::NOBODY;
                }
                ViewersIx::several(self.lists.number(&ViewerList::Practitioners(members.into_boxed_slice())))
            }
        }
    }

    /// Whether a grant opens to this viewer, or the gate at which it does not.
    pub(crate) fn covers(&self, grant: &Grant, viewer: &Viewer, directory: &Directory) -> Result<(), Reason> {
        let number = match grant.viewers.opens() {
            Opens::All => return Ok(()),
            Opens::One(facility) if facility == viewer.facility => return Ok(()),
            Opens::One(_) | Opens::Nobody => return Err(Reason::NoConsent),
            Opens::Several(number) => number,
        };
        match self.list(number) {
            Some(ViewerList::Facilities(facilities)) if facilities.binary_search(&viewer.facility).is_ok() => Ok(()),
            Some(ViewerList::Practitioners(members)) => {
                let here = |member: &MemberIx| {
                    directory.member_standing(*member).is_some_and(|entry| entry.facility == viewer.facility)
                };
                if viewer.member.is_some_and(|member| members.binary_search(&member).is_ok()) {
                    Ok(())
                } else if members.iter().any(here) {
                    if is(Bug::ColleaguesCovered) { Ok(()) } else { Err(Reason::MemberNotNamed) }
                } else {
                    Err(Reason::NoConsent)
                }
            }
            _ => Err(Reason::NoConsent),
        }
    }

    /// Remembers when a period begins and ends.
    pub(crate) fn note_boundaries(&mut self, from: i64, until: i64) {
        if is(Bug::BoundariesForgotten) {
            return;
        }
        self.boundaries.extend([from, until].into_iter().filter(|side| *side != i64::MIN && *side != i64::MAX));
    }
    /// Remembers every moment at which what a grant opens may change without an event.
    pub(crate) fn note_grant(&mut self, grant: &Grant) {
        self.note_boundaries(grant.from, grant.until);
        let Some(terms) = self.terms.get(grant.terms.as_u32()) else { return };
        let (of_age, exceptions) = (terms.of_age, terms.exceptions);
        self.note_boundaries(of_age, i64::MAX);
        let Self { trees, boundaries, .. } = self;
        trees.boundaries(exceptions, |from, until| {
            boundaries.extend([from, until].into_iter().filter(|side| *side != i64::MIN && *side != i64::MAX));
        });
    }
    pub(crate) fn boundary_after(&self, moment: i64) -> Option<i64> {
        let after = (std::ops::Bound::Excluded(moment), std::ops::Bound::Unbounded);
        self.boundaries.range(after).next().copied()
    }

    /// Bytes of the tables: ids, terms, lists, boundaries.
    pub(crate) fn bytes(&self) -> usize {
        // A B-tree leaf holds 11 keys and is 2/3 full as a rule.
        const BOUNDARY: usize = 14;
        self.ids.bytes()
            + self.far.len() * size_of::<(u32, Position)>()
            + self.terms.bytes()
            + self.lists.bytes()
            + self.departments.bytes()
            + self.trees.bytes()
            + self.boundaries.len() * BOUNDARY
    }

    /// A grant spelled out.
    pub(crate) fn spell_out(&self, grant: &Grant, directory: &Directory) -> Option<StatedConsent> {
        let terms = self.terms(grant.terms);
        let facility = |ix: &FacilityIx| directory.entry(*ix).map(|entry| entry.id.clone());
        let viewers = match grant.viewers.opens() {
            Opens::All => Viewers::AllMembers,
            Opens::Nobody => Viewers::Facilities(Vec::new()),
            Opens::One(ix) => Viewers::Facilities(facility(&ix).into_iter().collect()),
            Opens::Several(number) => match self.list(number)? {
                ViewerList::Facilities(list) => Viewers::Facilities(sorted(list.iter().filter_map(facility))),
                ViewerList::Practitioners(list) => {
                    Viewers::Practitioners(sorted(list.iter().filter_map(|ix| directory.member_id(*ix))))
                }
            },
        };
        let department = |ix: &DepartmentIx| self.departments.get(ix.as_u32()).cloned();
        Some(StatedConsent {
            id: self.id(grant.id)?,
            standing: grant.standing,
            viewers,
            period: period(grant.from, grant.until),
            data_period: terms.map_or(Period::ALWAYS, |terms| period(terms.data_from, terms.data_until)),
            categories: terms.map_or(CategorySet::NONE, |terms| terms.categories),
            departments: sorted(terms.iter().flat_map(|terms| terms.departments.iter().filter_map(department))),
            labels: terms.map_or(Labels::NONE, |terms| terms.labels),
            purposes: terms.map_or(PurposeSet::NONE, |terms| terms.purposes),
            exceptions: terms.map(|terms| self.trees.stated(terms.exceptions)).unwrap_or_default(),
            proxy: terms.is_some_and(|terms| terms.proxy),
            of_age: terms.and_then(|terms| Moment::from_micros(terms.of_age).ok()),
        })
    }
}

fn sorted<T: Ord>(items: impl Iterator<Item = T>) -> Vec<T> {
    let mut items: Vec<T> = items.collect();
    items.sort();
    items
}

/// A consent as the book holds it: what decides, without the paper (signer, form), which stays in the log.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct StatedConsent {
    /// Its id.
    pub id: ConsentId,
    /// Where it stands.
    pub standing: Standing,
    /// To whom it opens, sorted; nobody for an id that was withdrawn before it was given.
    pub viewers: Viewers,
    /// When it is in force.
    pub period: Period,
    /// Which data it opens, by `occurred`.
    pub data_period: Period,
    /// Which categories it opens.
    pub categories: CategorySet,
    /// Which departments' records; empty means all.
    pub departments: Vec<DepartmentCode>,
    /// Which labels beyond normal records.
    pub labels: Labels,
    /// For which purposes.
    pub purposes: PurposeSet,
    /// What it does not open though the fields above do.
    pub exceptions: Exceptions,
    /// Whether it was taken by proxy, and so needs the viewer's prior agreement.
    pub proxy: bool,
    /// When a guardian's consent reaches the patient's majority.
    pub of_age: Option<Moment>,
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn where_a_consent_was_stated_comes_back_however_far_it_lies() {
        let mut consents = Consents::default();
        let ids = ["a", "0192d7a0-5b1e-7c3a-9f00-00aa11bb22cc", "b", "c", "d"].map(|id| ConsentId::parse(id).unwrap());
        let ids = ids.map(|id| consents.push_id(&id).unwrap());
        assert_eq!(ids.map(|id| consents.stated_at(id)), [None; 5]);
        let positions = [(0, 0), (65_534, (1 << 48) - 1), (65_535, 0), (u32::MAX, u64::MAX), (1, 1 << 48)];
        let positions = positions.map(|(partition, offset)| Position::new(partition, offset));
        ids.iter().zip(positions).for_each(|(id, position)| consents.note_statement(*id, position));
        assert_eq!(ids.map(|id| consents.stated_at(id)), positions.map(Some));
        // Stated again nearer, it is there and not where it was.
        consents.note_statement(ids[3], positions[0]);
        assert_eq!(consents.stated_at(ids[3]), Some(positions[0]));
    }
}
