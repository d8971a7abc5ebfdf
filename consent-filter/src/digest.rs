//! A digest of the book's content, and how much memory it takes.

use crate::Book;
use crate::consents::{Standing, StatedConsent};
use model::{DisclosureScope, Facility, FacilityStatus, HoldBack, Member, PatientRef, Period, Provision, Viewers};
use std::fmt;
use xxhash_rust::xxh3::Xxh3;

/// What a book holds, in 128 bits (XXH3): equal for equal content, whatever the order in which it arrived and
/// whatever numbers it was given. For comparing two books; not a cryptographic commitment.
#[derive(Clone, Copy, PartialEq, Eq, Hash)]
pub struct BookDigest(u128);

impl fmt::Display for BookDigest {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{:032x}", self.0)
    }
}

impl fmt::Debug for BookDigest {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "BookDigest({self})")
    }
}

/// One item's content as bytes without ambiguity: every text carries its length, every list its count.
struct Item(Xxh3);

impl Item {
    fn new(kind: u8) -> Self {
        let mut hasher = Xxh3::new();
        hasher.update(&[kind]);
        Self(hasher)
    }
    fn number(&mut self, number: impl Into<i128>) -> &mut Self {
        self.0.update(&number.into().to_le_bytes());
        self
    }
    fn text(&mut self, text: &str) -> &mut Self {
        self.number(text.len() as u64);
        self.0.update(text.as_bytes());
        self
    }
    fn texts<'a>(&mut self, texts: impl ExactSizeIterator<Item = &'a str>) -> &mut Self {
        self.number(texts.len() as u64);
        texts.for_each(|text| {
            self.text(text);
        });
        self
    }
    fn period(&mut self, period: &Period) -> &mut Self {
        let (from, until) = crate::consents::sides(period);
        self.number(from).number(until)
    }
    fn viewers(&mut self, viewers: &Viewers) -> &mut Self {
        match viewers {
            Viewers::AllMembers => self.number(0),
            Viewers::Facilities(ids) => self.number(1).texts(ids.iter().map(|id| id.as_str())),
            Viewers::Practitioners(ids) => self.number(2).texts(ids.iter().map(|id| id.as_str())),
        }
    }
    fn provisions(&mut self, provisions: &[Provision]) -> &mut Self {
        self.number(provisions.len() as u64);
        for provision in provisions {
            let Provision {
                kind,
                viewers,
                roles,
                purposes,
                categories,
                departments,
                author_roles,
                labels,
                data_period,
                period,
                nested,
            } = provision;
            self.text(kind.code());
            match viewers {
                Some(viewers) => self.viewers(viewers),
                None => self.number(-1),
            };
            self.number(roles.bits()).number(purposes.bits()).number(categories.bits());
            self.texts(departments.iter().map(|code| code.as_str())).number(author_roles.bits()).number(labels.bits());
            self.period(data_period).period(period).provisions(nested);
        }
        self
    }
    fn patient(&mut self, patient: &PatientRef) -> &mut Self {
        self.text(patient.facility().as_str()).text(patient.number().as_str())
    }
    fn finish(&self) -> u128 {
        self.0.digest128()
    }
}

fn facility_digest(facility: &Facility) -> u128 {
    let Facility { id, kind, name, name_en, status } = facility;
    let mut item = Item::new(1);
    item.text(id.as_str()).text(kind.code()).text(name).text(name_en).number(*status == FacilityStatus::Active);
    item.finish()
}

fn member_digest(member: &Member) -> u128 {
    let Member { id, facility, role, name, period } = member;
    let mut item = Item::new(2);
    item.text(id.as_str()).text(facility.as_str()).text(role.code()).text(name).period(period);
    item.finish()
}

fn scope_digest(scope: &DisclosureScope) -> u128 {
    let mut item = Item::new(3);
    item.text(scope.facility.as_str()).number(scope.rules.len() as u64);
    for rule in &scope.rules {
        item.number(rule.categories.bits()).number(rule.viewer_kinds.bits()).number(rule.viewer_roles.bits());
        item.texts(rule.departments.iter().map(|code| code.as_str()));
        item.number(rule.author_roles.bits()).number(rule.labels.bits());
        item.number(rule.since.map_or(i64::MIN, model::Moment::micros));
        item.number(match rule.hold_back {
            HoldBack::None => -1,
            HoldBack::Days(days) => i32::from(days),
            HoldBack::UntilReleased => -2,
        });
    }
    item.text(scope.guardian_consents.code()).number(scope.break_glass.len() as u64);
    for rule in &scope.break_glass {
        item.number(rule.viewer_kinds.bits()).number(rule.viewer_roles.bits());
    }
    item.finish()
}

fn consent_digest(patient: &PatientRef, consent: &StatedConsent) -> u128 {
    let StatedConsent {
        id,
        standing,
        viewers,
        period,
        data_period,
        categories,
        departments,
        labels,
        purposes,
        exceptions,
        proxy,
        of_age,
    } = consent;
    let mut item = Item::new(4);
    item.patient(patient).text(id.as_str());
    item.text(match standing {
        Standing::Stated(state) => state.code(),
        Standing::Withdrawn => "withdrawn",
    });
    item.viewers(viewers);
    item.provisions(exceptions.provisions()).number(*proxy);
    item.number(of_age.map_or(i64::MAX, model::Moment::micros));
    item.period(period).period(data_period).number(categories.bits());
    item.texts(departments.iter().map(|code| code.as_str())).number(labels.bits()).number(purposes.bits());
    item.finish()
}

impl Book {
    /// The digest of everything stated that has a bearing on a decision now or later: facilities, members, scopes,
    /// consents (withdrawn ids too) and links (unlinked ids too). Reads the whole book.
    pub fn digest(&self) -> BookDigest {
        let mut sum: u128 = 0;
        // Items are added, so their order does not matter; two that are equal do not cancel.
        let mut add = |item: u128| sum = sum.wrapping_add(item);
        self.facilities().for_each(|facility| add(facility_digest(facility)));
        self.members().for_each(|member| add(member_digest(member)));
        self.directory
            .entries()
            .filter_map(|(_, entry)| entry.scope.as_ref())
            .for_each(|scope| add(scope_digest(scope)));
        for (ix, patient) in self.patients.iter() {
            let grants = self.patients.grants(ix).iter();
            let stated = grants.filter_map(|grant| self.consents.spell_out(grant, &self.directory));
            stated.for_each(|consent| add(consent_digest(patient, &consent)));
        }
        for (id, a, b) in self.links() {
            add(Item::new(5).text(id.as_str()).patient(a).patient(b).finish());
        }
        self.links.unlinked().for_each(|id| add(Item::new(6).text(id.as_str()).finish()));
        self.add_rare(&mut add);
        BookDigest(sum)
    }

    /// Agreements, kinships, releases and broken glasses, the ids that are barred too.
    fn add_rare(&self, add: &mut impl FnMut(u128)) {
        let facility = |ix| self.facility_id(ix).map_or("", |id| id.as_str());
        for (viewer, agreement) in self.agreements.all() {
            let mut members: Vec<_> = agreement.members.iter().filter_map(|ix| self.directory.member_id(*ix)).collect();
            members.sort();
            let mut item = Item::new(7);
            item.text(facility(viewer)).text(agreement.id.as_str()).number(agreement.ended);
            if !agreement.ended {
                item.text(facility(agreement.source)).texts(members.iter().map(|id| id.as_str()));
                item.number(agreement.from).number(agreement.until);
            }
            add(item.finish());
        }
        for kin in self.kinships.all() {
            let Some(mother) = self.patient_ref(kin.mother) else { continue };
            let mut item = Item::new(8);
            item.patient(mother).text(kin.id.as_str()).number(kin.holds);
            if let Some(newborn) = self.patient_ref(kin.newborn).filter(|_| kin.holds) {
                item.patient(newborn);
                if let Some(fetus) = kin.fetus {
                    item.number(fetus.get());
                }
            }
            add(item.finish());
        }
        for (patient, categories, until) in self.emergencies.releases() {
            let Some(patient) = self.patient_ref(patient) else { continue };
            add(Item::new(9).patient(patient).number(categories.bits()).number(until).finish());
        }
        for glass in self.emergencies.all().filter_map(|(patient, glass)| self.spell_out(patient, glass)) {
            let mut item = Item::new(10);
            item.patient(&glass.patient).text(glass.facility.as_str()).text(glass.id.as_str());
            item.text(glass.member.as_ref().map_or("", |id| id.as_str())).text(glass.role.code());
            let side = |moment: Option<model::Moment>| moment.map_or(i64::MIN, model::Moment::micros);
            item.number(side(glass.from)).number(side(glass.until)).number(glass.closed);
            item.text(glass.review.map_or("", model::ReviewOutcome::code));
            add(item.finish());
        }
    }

    /// How much memory the book takes. Counted from capacities of the tables and the sizes of their entries;
    /// allocator overhead is counted for the slices of grants (16 bytes each) and nowhere else.
    pub fn memory(&self) -> Memory {
        let (grants, slices) = self.patients.grant_bytes();
        Memory {
            grants,
            grant_bytes: slices + self.consents.bytes(),
            patients: self.patients.len(),
            patient_bytes: self.patients.bytes() + self.directory.bytes(),
            links: self.links.count(),
            link_bytes: self.links.bytes(),
            classes: self.classes.len(),
            class_bytes: self.classes.bytes(),
            rare_bytes: self.agreements.bytes() + self.emergencies.bytes() + self.kinships.bytes(),
        }
    }
}

/// Counts and bytes of a book; see [`Book::memory`].
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Memory {
    /// Consents held, the withdrawn ones too.
    pub grants: usize,
    /// Their slices, ids, terms, viewer lists and the boundaries of their periods.
    pub grant_bytes: usize,
    /// Patient refs.
    pub patients: usize,
    /// Their refs and the index by ref, and the facilities' sets of them.
    pub patient_bytes: usize,
    /// Links that hold.
    pub links: usize,
    /// Links, their ids, and the persons.
    pub link_bytes: usize,
    /// Scope classes.
    pub classes: usize,
    /// Classes and the rules compiled for them.
    pub class_bytes: usize,
    /// Agreements, broken glasses, releases and kinships, which few patients have.
    pub rare_bytes: usize,
}

impl Memory {
    /// Bytes per grant, rounded up; 0 without grants.
    pub fn bytes_per_grant(&self) -> usize {
        if self.grants == 0 { 0 } else { self.grant_bytes.div_ceil(self.grants) }
    }
}
