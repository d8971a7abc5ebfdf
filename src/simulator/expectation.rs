//! What must be visible: the rules of disclosure re-stated slowly and plainly over the events themselves.
//!
//! This shares no code with the consent filter on purpose. It keeps every event it was shown and judges each record by
//! looking everything up again, so that an answer of a node can be compared with something independent of it.

use model::{
    AgreementChange, Body, Category, ChangeKind, Consent, ConsentChange, ConsentForm, ConsentState, DirectoryChange,
    DisclosureScope, Event, Facility, FacilityId, FacilityKind, FacilityStatus, HoldBack, Label, Labels, LinkChange,
    LinkId, Member, MemberId, Moment, PatientRef, Principal, Record, RecordRef, Role, ViewerAgreement, Viewers,
};
use std::collections::{BTreeMap, BTreeSet, HashMap};

/// How many records of each category a principal sees.
pub type Visible = BTreeMap<Category, u64>;

/// Every event so far, in the order of the log as far as one patient's events and the directory go.
#[derive(Debug, Default)]
pub struct Expectation {
    facilities: HashMap<FacilityId, Facility>,
    members: HashMap<MemberId, Member>,
    scopes: HashMap<FacilityId, DisclosureScope>,
    links: BTreeMap<String, (PatientRef, PatientRef)>,
    unlinked: BTreeSet<String>,
    consents: HashMap<PatientRef, BTreeMap<String, Consent>>,
    withdrawn: BTreeSet<String>,
    agreements: BTreeMap<(String, String), ViewerAgreement>,
    records: HashMap<RecordRef, Record>,
}

impl Expectation {
    /// Knows nothing; nobody sees anything.
    pub fn new() -> Self {
        Self::default()
    }
    /// Takes in one event that the node accepted.
    pub fn observe(&mut self, event: &Event) {
        match &event.body {
            Body::Record(record) => {
                let newer = self.records.get(&record.reference()).is_none_or(|known| known.version < record.version);
                if newer {
                    // What a record's codes add to its labels is a table, not a judgement: the same one.
                    self.records.insert(record.reference(), consent_filter::labelled(Record::clone(record)));
                }
            }
            Body::Consent(ConsentChange::Given(consent)) => {
                let of_patient = self.consents.entry(consent.patient.clone()).or_default();
                of_patient.insert(consent.id.as_str().to_owned(), consent.clone());
            }
            Body::Consent(ConsentChange::Withdrawn(withdrawal)) => {
                self.withdrawn.insert(withdrawal.id.as_str().to_owned());
            }
            Body::Directory(DirectoryChange::Facility(facility)) => {
                self.facilities.insert(facility.id.clone(), facility.clone());
            }
            Body::Directory(DirectoryChange::Member(member)) => {
                self.members.insert(member.id.clone(), member.clone());
            }
            Body::Directory(DirectoryChange::Scope(scope)) => {
                self.scopes.insert(scope.facility.clone(), scope.clone());
            }
            Body::Directory(DirectoryChange::Link(LinkChange::Linked(link))) => {
                self.links.insert(link.id.as_str().to_owned(), (link.a.clone(), link.b.clone()));
            }
            Body::Directory(DirectoryChange::Link(LinkChange::Unlinked(unlink))) => {
                self.unlinked.insert(text(&unlink.id));
            }
            Body::Directory(DirectoryChange::Agreement(AgreementChange::Stated(agreement))) => {
                let key = (agreement.facility.as_str().to_owned(), agreement.id.as_str().to_owned());
                self.agreements.insert(key, agreement.clone());
            }
            // The simulated region does not say these; they would be judged wrongly here.
            Body::Consent(_) | Body::Directory(DirectoryChange::Agreement(AgreementChange::Ended(_))) => {}
            Body::Directory(
                DirectoryChange::Kinship(_)
                | DirectoryChange::Laboratory(_)
                | DirectoryChange::Definition(_)
                | DirectoryChange::Measure(_),
            ) => {}
            Body::Referral(_) | Body::Audit(_) => {}
        }
    }
    /// How many records of each category `viewer` must see at `moment`. Categories of which none is visible are there
    /// with 0.
    pub fn visible(&self, viewer: &Principal, moment: Moment) -> Visible {
        let mut visible: Visible = Category::ALL.iter().map(|category| (*category, 0)).collect();
        let mut persons = HashMap::new();
        for record in self.records.values() {
            if self.sees(record, viewer, moment, &mut persons) {
                *visible.entry(record.category()).or_default() += 1;
            }
        }
        visible
    }
    /// How many records of one category `viewer` must see at `moment`, by the facility that made them.
    pub fn by_source(&self, viewer: &Principal, category: Category, moment: Moment) -> BTreeMap<String, u64> {
        let mut sources = BTreeMap::new();
        let mut persons = HashMap::new();
        for record in self.records.values().filter(|record| record.category() == category) {
            if self.sees(record, viewer, moment, &mut persons) {
                *sources.entry(record.patient.facility().as_str().to_owned()).or_default() += 1;
            }
        }
        sources
    }
    /// The consents that are in force on an edge, with the number of the category's records that only they can open
    /// to `viewer`. For choosing one whose withdrawal can be seen.
    pub fn withdrawable(&self, viewer: &Principal, category: Category, moment: Moment) -> Vec<(&Consent, u64)> {
        let mut found = Vec::new();
        let mut all: Vec<(&String, &Consent)> = self.consents.values().flatten().collect();
        all.sort_by_key(|(id, _)| *id);
        for (id, consent) in all {
            if self.withdrawn.contains(id) || consent.state != ConsentState::Active {
                continue;
            }
            if !matches!(&consent.viewers, Viewers::Facilities(ids) if ids.contains(&viewer.facility)) {
                continue;
            }
            let mut persons = HashMap::new();
            let others =
                self.of(&consent.patient).any(|(other, theirs)| other != id && self.names(theirs, viewer, moment));
            if others || consent.patient.facility() == &viewer.facility {
                continue;
            }
            let of_patient = self.records.values().filter(|record| {
                record.patient == consent.patient
                    && record.category() == category
                    && self.sees(record, viewer, moment, &mut persons)
            });
            let count = of_patient.count() as u64;
            if count > 0 {
                found.push((consent, count));
            }
        }
        found
    }

    fn sees(
        &self,
        record: &Record,
        viewer: &Principal,
        moment: Moment,
        persons: &mut HashMap<PatientRef, bool>,
    ) -> bool {
        let source = record.patient.facility();
        let active =
            |id: &FacilityId| self.facilities.get(id).filter(|facility| facility.status == FacilityStatus::Active);
        let (Some(at), Some(_)) = (active(&viewer.facility), active(source)) else { return false };
        if matches!(viewer.role, Role::Clerk | Role::Auditor | Role::Administrator | Role::Patient) {
            return false;
        }
        if let Some(person) = &viewer.member {
            let belongs = self.members.get(person).is_some_and(|member| {
                member.facility == viewer.facility && member.role == viewer.role && member.period.contains(moment)
            });
            if !belongs {
                return false;
            }
        }
        if record.change() == ChangeKind::Delete {
            return false;
        }
        if source == &viewer.facility {
            return true;
        }
        !record.labels.contains(Label::Undelivered)
            && self.in_scope(record, viewer, at.kind, moment)
            && self.consented(record, viewer, moment)
            && *persons
                .entry(record.patient.clone())
                .or_insert_with(|| self.is_known_at(&record.patient, &viewer.facility))
    }

    fn in_scope(&self, record: &Record, viewer: &Principal, kind: FacilityKind, moment: Moment) -> bool {
        let Some(scope) = self.scopes.get(record.patient.facility()) else { return false };
        scope.rules.iter().any(|rule| {
            let roles = viewer.role == Role::System && !rule.viewer_roles.intersection(super::CLINICAL).is_empty();
            let department = record.department.as_ref();
            let held_until = match rule.hold_back {
                HoldBack::None => record.recorded,
                HoldBack::Days(days) => record.recorded.plus_micros(i64::from(days) * 86_400_000_000),
                // The simulated region releases nothing.
                HoldBack::UntilReleased => return false,
            };
            rule.categories.contains(record.category())
                && rule.viewer_kinds.contains(kind)
                && (roles || rule.viewer_roles.contains(viewer.role))
                && (rule.departments.is_empty() || department.is_some_and(|d| rule.departments.contains(d)))
                && rule.author_roles.contains(record.author.role)
                && needed(record.labels).is_subset(rule.labels)
                && rule.since.is_none_or(|since| since <= record.occurred)
                && (rule.hold_back == HoldBack::None || held_until <= moment)
        })
    }

    /// The consents of a patient ref.
    fn of(&self, patient: &PatientRef) -> impl Iterator<Item = (&String, &Consent)> {
        self.consents.get(patient).into_iter().flatten()
    }

    fn consented(&self, record: &Record, viewer: &Principal, moment: Moment) -> bool {
        self.of(&record.patient).any(|(id, consent)| {
            !self.withdrawn.contains(id)
                && self.names(consent, viewer, moment)
                && consent.data_period.contains(record.occurred)
                && consent.categories.contains(record.category())
                && (consent.departments.is_empty()
                    || record.department.as_ref().is_some_and(|d| consent.departments.contains(d)))
                && needed(record.labels).is_subset(consent.labels)
        })
    }

    /// Whether the consent is in force now, for this viewer and purpose.
    fn names(&self, consent: &Consent, viewer: &Principal, moment: Moment) -> bool {
        let named = match &consent.viewers {
            Viewers::AllMembers => true,
            Viewers::Facilities(ids) => ids.contains(&viewer.facility),
            Viewers::Practitioners(ids) => viewer.member.as_ref().is_some_and(|member| ids.contains(member)),
        };
        let agreed = |agreement: &ViewerAgreement| {
            agreement.facility == viewer.facility
                && agreement.source == *consent.patient.facility()
                && agreement.period.contains(moment)
                && (agreement.members.is_empty()
                    || viewer.member.as_ref().is_some_and(|member| agreement.members.contains(member)))
        };
        named
            && (consent.form() != ConsentForm::Proxy || self.agreements.values().any(agreed))
            && consent.state == ConsentState::Active
            && !self.withdrawn.contains(consent.id.as_str())
            && consent.period.contains(moment)
            && consent.purposes.contains(viewer.purpose)
    }

    /// Whether links lead from the patient to some number of the facility.
    fn is_known_at(&self, patient: &PatientRef, facility: &FacilityId) -> bool {
        let mut reached = BTreeSet::from([patient.clone()]);
        loop {
            let before = reached.len();
            for (id, (a, b)) in &self.links {
                if !self.unlinked.contains(id) && (reached.contains(a) || reached.contains(b)) {
                    reached.insert(a.clone());
                    reached.insert(b.clone());
                }
            }
            if reached.len() == before {
                return reached.iter().any(|one| one.facility() == facility);
            }
        }
    }
}

fn text(id: &LinkId) -> String {
    id.as_str().to_owned()
}

/// The labels that scope and consent must both name.
fn needed(labels: Labels) -> Labels {
    let tags = [Label::Lts, Label::Uninformed, Label::Undelivered, Label::Released];
    labels.iter().filter(|label| !tags.contains(label)).collect()
}
