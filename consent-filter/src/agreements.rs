//! Viewing facilities' agreements to be named in consents by proxy, and kinships.

use crate::directory::Viewer;
use crate::index::MemberIx;
use crate::intern::QuickMap;
use crate::planted::{Bug, is};
use crate::{FacilityIx, PatientIx};
use model::{AgreementId, FetusNumber, LinkId};

/// One agreement.
#[derive(Clone, PartialEq, Eq, Debug)]
pub(crate) struct Agreement {
    pub id: AgreementId,
    pub source: FacilityIx,
    /// Sorted; empty means the whole facility.
    pub members: Box<[MemberIx]>,
    pub from: i64,
    pub until: i64,
    /// Taken back; final for its id.
    pub ended: bool,
}

#[derive(Clone, Default, Debug)]
pub(crate) struct Agreements {
    /// By the viewing facility, in the order of their first mention.
    of: QuickMap<FacilityIx, Vec<Agreement>>,
}

#[derive(Clone, PartialEq, Eq, Debug)]
struct Kin {
    newborn: PatientIx,
    fetus: Option<FetusNumber>,
    ended: bool,
}

/// A kinship as it is kept.
#[derive(Clone, Copy, Debug)]
pub(crate) struct KinshipAt<'a> {
    pub(crate) mother: PatientIx,
    pub(crate) id: &'a LinkId,
    pub(crate) newborn: PatientIx,
    /// Which fetus the newborn was, where that was said.
    pub(crate) fetus: Option<FetusNumber>,
    /// Whether it still holds.
    pub(crate) holds: bool,
}

/// Mothers and newborns. No decision reads it.
#[derive(Clone, Default, Debug)]
pub(crate) struct Kinships {
    kin: QuickMap<(PatientIx, LinkId), Kin>,
}

/// What became of a statement or its end.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(crate) enum Restated {
    Changed,
    Unchanged,
    /// It was taken back before.
    Final,
    /// Nothing of this id was known; it is now barred.
    Unknown,
}

// === impl Agreement ===

impl Agreement {
    fn covers(&self, viewer: &Viewer, source: FacilityIx, moment: i64) -> bool {
        !self.ended
            && self.source == source
            && self.from <= moment
            && (moment < self.until || moment == self.until && is(Bug::AgreementEndInclusive))
            && (self.members.is_empty()
                || is(Bug::AgreementForAll)
                || viewer.member.is_some_and(|member| self.members.binary_search(&member).is_ok()))
    }
}

// === impl Agreements ===

impl Agreements {
    /// Whether the viewer's facility has agreed, for this viewer, to be named in consents that `source` takes.
    pub(crate) fn agree(&self, viewer: &Viewer, source: FacilityIx, moment: i64) -> bool {
        let agreements = self.of.get(&viewer.facility).map(Vec::as_slice).unwrap_or_default();
        agreements.iter().any(|agreement| agreement.covers(viewer, source, moment))
    }
    pub(crate) fn state(&mut self, facility: FacilityIx, agreement: Agreement) -> Restated {
        let agreements = self.of.entry(facility).or_default();
        match agreements.iter_mut().find(|known| known.id == agreement.id) {
            None => {
                agreements.push(agreement);
                Restated::Changed
            }
            Some(known) if known.ended => Restated::Final,
            Some(known) if *known == agreement => Restated::Unchanged,
            Some(known) => {
                *known = agreement;
                Restated::Changed
            }
        }
    }
    pub(crate) fn end(&mut self, facility: FacilityIx, id: &AgreementId) -> Restated {
        let agreements = self.of.entry(facility).or_default();
        match agreements.iter_mut().find(|known| known.id == *id) {
            None => {
                let (members, id) = (Box::default(), id.clone());
                let source = FacilityIx::NOWHERE;
                agreements.push(Agreement { id, source, members, from: i64::MIN, until: i64::MIN, ended: true });
                Restated::Unknown
            }
            Some(known) if known.ended => Restated::Unchanged,
            Some(known) => {
                known.ended = !is(Bug::AgreementGoesOn);
                Restated::Changed
            }
        }
    }
    pub(crate) fn all(&self) -> impl Iterator<Item = (FacilityIx, &Agreement)> {
        self.of.iter().flat_map(|(facility, agreements)| agreements.iter().map(|agreement| (*facility, agreement)))
    }
    pub(crate) fn bytes(&self) -> usize {
        self.of.values().map(|agreements| agreements.capacity() * size_of::<Agreement>()).sum()
    }
}

// === impl Kinships ===

impl Kinships {
    pub(crate) fn state(
        &mut self,
        mother: PatientIx,
        id: &LinkId,
        (newborn, fetus): (PatientIx, Option<FetusNumber>),
    ) -> Restated {
        let stated = Kin { newborn, fetus, ended: false };
        match self.kin.get_mut(&(mother, id.clone())) {
            Some(known) if known.ended => Restated::Final,
            Some(known) if *known == stated => Restated::Unchanged,
            Some(known) => {
                *known = stated;
                Restated::Changed
            }
            None => {
                self.kin.insert((mother, id.clone()), stated);
                Restated::Changed
            }
        }
    }
    pub(crate) fn end(&mut self, mother: PatientIx, id: &LinkId) -> Restated {
        match self.kin.get_mut(&(mother, id.clone())) {
            Some(known) if known.ended => Restated::Unchanged,
            Some(known) => {
                known.ended = true;
                Restated::Changed
            }
            None => {
                self.kin.insert((mother, id.clone()), Kin { newborn: PatientIx::NOWHERE, fetus: None, ended: true });
                Restated::Unknown
            }
        }
    }
    /// Every kinship.
    pub(crate) fn all(&self) -> impl Iterator<Item = KinshipAt<'_>> {
        self.kin.iter().map(|((mother, id), kin)| KinshipAt {
            mother: *mother,
            id,
            newborn: kin.newborn,
            fetus: kin.fetus,
            holds: !kin.ended,
        })
    }
    pub(crate) fn bytes(&self) -> usize {
        self.kin.capacity() * (size_of::<((PatientIx, LinkId), Kin)>() + 1)
    }
}
