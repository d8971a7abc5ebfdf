//! Why a record is shown or not: every gate, everything each gate looked at, and when the clock will change the answer.

use crate::classes::Class;
use crate::directory::Viewer;
use crate::{Book, Decision, Facts, Permit, Reason};
use model::{ConsentId, FacilityId, GlassId, Labels, LinkId, Moment, PatientRef, Position, Principal, Role};
use std::collections::BTreeSet;

/// The gates of [`Book::decide`], in their order.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Debug)]
pub enum Gate {
    /// The viewing facility takes part, the person is a member of it in that role, and the role sees clinical data.
    Viewer,
    /// The record is the viewing facility's own; where this gate opens no other is asked.
    Own,
    /// The record is one of the book's, and its source takes part.
    Source,
    /// The record may leave its source at all.
    Tag,
    /// A consent opens it.
    Consent,
    /// A broken glass opens it; asked where no consent does.
    Glass,
    /// A rule of the source's scope opens it.
    Scope,
    /// Links say that the viewing facility knows the person.
    Link,
}

impl Gate {
    /// The gate's code.
    pub const fn code(self) -> &'static str {
        match self {
            Self::Viewer => "viewer",
            Self::Own => "own",
            Self::Source => "source",
            Self::Tag => "tag",
            Self::Consent => "consent",
            Self::Glass => "glass",
            Self::Scope => "scope",
            Self::Link => "link",
        }
    }
}

/// What a gate, or one of the things it looked at, says.
#[derive(Clone, Copy, PartialEq, Eq, Hash, Debug)]
pub enum Verdict {
    /// It opens.
    Opens,
    /// It does not, and why.
    Shuts(Reason),
    /// It is another's record, or no glass is broken: nothing to say.
    Silent,
}

/// One thing a gate looked at, and what it says.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Finding<T> {
    /// Which.
    pub what: T,
    /// What it says.
    pub verdict: Verdict,
}

/// What opened a record: one of the statements that had to be made.
#[derive(Clone, PartialEq, Eq, PartialOrd, Ord, Hash, Debug)]
pub enum Opener {
    /// The patient's consent.
    Consent(ConsentId),
    /// The viewer's broken glass.
    Glass(GlassId),
    /// The source's scope.
    Scope(FacilityId),
    /// A link at one end of which the patient ref stands.
    Link(LinkId),
}

/// A statement that opened a record, and the letter that made it stand as it does.
#[derive(Clone, PartialEq, Eq, PartialOrd, Ord, Hash, Debug)]
pub struct Opening {
    /// Which.
    pub by: Opener,
    /// The letter's place in the log.
    pub at: Position,
}

/// Why a record is shown or not. For the disclosing facility, the patient and the ledger: a viewer is given
/// [`Explanation::for_viewer`] and nothing else.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Explanation {
    /// The answer: what [`Book::decide`] says.
    pub decision: Decision,
    /// At which moment.
    pub moment: Moment,
    /// Each gate and its verdict, in order; up to the first that shuts for the viewer, all of them otherwise.
    pub gates: Vec<Finding<Gate>>,
    /// The record's labels, the added ones too.
    pub labels: Labels,
    /// The consents of the patient ref, in the order of their first statement.
    pub consents: Vec<Finding<ConsentId>>,
    /// The viewer's own broken glasses.
    pub glasses: Vec<Finding<GlassId>>,
    /// The rules of the source's scope, by their place from 0.
    pub rules: Vec<Finding<u16>>,
    /// The viewing facility's own ref of the person, where links lead to one.
    pub own_patient: Option<PatientRef>,
    /// The links at one end of which the record's patient ref stands.
    pub links: Vec<LinkId>,
    /// For a record that is shown: since which moment the clock alone would have let it be. `None`: as long as the
    /// statements stand.
    pub since: Option<Moment>,
    /// For another facility's record that is shown: the statements that opened it, and where in the log each was made.
    pub opened_by: Vec<Opening>,
    /// The next moment at which the decision changes though no event arrives.
    pub next_change: Option<Moment>,
}

/// What a viewer is told: the same for what is hidden and for what does not exist.
#[derive(Clone, Copy, PartialEq, Eq, Hash, Debug)]
pub enum ViewerAnswer {
    /// The viewing facility's own record.
    Own,
    /// Another facility's record, shown by a patient's consent.
    Shared,
    /// Another facility's record, shown because the viewer has broken the glass.
    BrokenGlass,
    /// There is no such record in the viewer's world.
    NothingHere,
}

impl ViewerAnswer {
    /// The answer in Japanese.
    pub const fn ja(self) -> &'static str {
        match self {
            Self::Own => "自施設の記録です。",
            Self::Shared => "患者の同意と開示施設の開示範囲により表示されています。",
            Self::BrokenGlass => "緊急閲覧により表示されています。開示施設に通知され、後に審査されます。",
            Self::NothingHere => "該当する記録はありません。",
        }
    }
    /// The answer in English.
    pub const fn en(self) -> &'static str {
        match self {
            Self::Own => "It is your facility's own record.",
            Self::Shared => "It is shown by the patient's consent and the disclosing facility's scope.",
            Self::BrokenGlass => {
                "It is shown because you broke the glass. The disclosing facility knows and will review it."
            }
            Self::NothingHere => "There is no such record.",
        }
    }
}

// === impl Explanation ===

impl Explanation {
    /// What the viewer may be told.
    pub fn for_viewer(&self) -> ViewerAnswer {
        match self.decision {
            Decision::Permit(Permit::Own) => ViewerAnswer::Own,
            Decision::Permit(Permit::Shared { .. }) => ViewerAnswer::Shared,
            Decision::Permit(Permit::BrokenGlass { .. }) => ViewerAnswer::BrokenGlass,
            Decision::Withhold(_) => ViewerAnswer::NothingHere,
        }
    }
    fn gate(&mut self, what: Gate, verdict: Verdict) {
        self.gates.push(Finding { what, verdict });
    }
}

fn verdict<T>(result: &Result<T, Reason>) -> Verdict {
    match result {
        Ok(_) => Verdict::Opens,
        Err(reason) => Verdict::Shuts(*reason),
    }
}

/// The first that opens, or the reason of the one that came furthest.
fn best<T, K: Copy>(all: &[(Result<(), Reason>, Finding<T>, K)], none: Reason) -> Result<K, Reason> {
    let mut furthest = none;
    for (result, _, key) in all {
        match result {
            Ok(()) => return Ok(*key),
            Err(reason) => furthest = furthest.max(*reason),
        }
    }
    Err(furthest)
}

// === impl Book ===

impl Book {
    /// Why [`Book::decide`] answers as it does.
    pub fn explain(&self, facts: &Facts, viewer: &Principal, moment: Moment) -> Explanation {
        let class = self.classes.get(facts.class);
        let mut told = Explanation {
            decision: Decision::Withhold(Reason::UnknownRecord),
            moment,
            gates: Vec::new(),
            labels: class.map(|class| class.labels).unwrap_or_default(),
            consents: Vec::new(),
            glasses: Vec::new(),
            rules: Vec::new(),
            own_patient: None,
            links: Vec::new(),
            since: None,
            opened_by: Vec::new(),
            next_change: None,
        };
        told.decision = match class.map(|class| self.walk(facts, class, (viewer, moment), &mut told)) {
            None => Decision::Withhold(Reason::UnknownRecord),
            Some(Ok(permit)) => Decision::Permit(permit),
            Some(Err(reason)) => Decision::Withhold(reason),
        };
        let moments = self.moments(facts, class, viewer);
        let same = |at: &Moment| self.decide(facts, viewer, *at) == told.decision;
        told.next_change = moments.iter().find(|at| **at > moment && !same(at)).copied();
        if let Decision::Permit(permit) = told.decision {
            told.opened_by = self.openings(facts, permit, &told.links);
            // Back from now, the last moment before which the clock alone said something else.
            let before = |at: &&Moment| self.decide(facts, viewer, at.plus_micros(-1)).is_permit();
            told.since = moments.iter().rev().filter(|at| **at <= moment).find(|at| !before(at)).copied();
        }
        told
    }

    /// Until when the clock alone lets a viewer go on seeing what comes: the first moment from `moment` on at which a record like
    /// this one, true and written down at that very moment, is not shown. `None`: the clock ends nothing. Later moments may open
    /// it again.
    pub fn lets_go_at(&self, facts: &Facts, viewer: &Principal, moment: Moment) -> Option<Moment> {
        let shown = |at: Moment| {
            let then = Facts { occurred: at, recorded: at, ..*facts };
            self.decide(&then, viewer, at).is_permit()
        };
        if !shown(moment) {
            return Some(moment);
        }
        let class = self.classes.get(facts.class);
        let mut moments: BTreeSet<Moment> = self.moments(facts, class, viewer).into_iter().collect();
        let mut note = |from: i64, until: i64| {
            moments.extend([from, until].into_iter().filter_map(|micros| Moment::from_micros(micros).ok()));
        };
        // what is true now leaves a data period as the clock goes on
        for terms in self.patients.grants(facts.patient).iter().filter_map(|grant| self.consents.terms(grant.terms)) {
            note(terms.data_from, terms.data_until);
            self.consents.trees.data_boundaries(terms.exceptions, &mut note);
        }
        moments.into_iter().filter(|at| *at > moment).find(|at| !shown(*at))
    }

    fn walk(
        &self,
        facts: &Facts,
        class: &Class,
        (principal, moment): (&Principal, Moment),
        told: &mut Explanation,
    ) -> Result<Permit, Reason> {
        let viewer = match self.directory.viewer(principal, moment) {
            Err(Reason::RoleNotClinical) if principal.role == Role::Patient && class.uninformed => {
                Err(Reason::Uninformed)
            }
            viewer => viewer,
        };
        told.gate(Gate::Viewer, verdict(&viewer));
        let viewer = viewer?;
        if class.source == viewer.facility {
            told.gate(Gate::Own, Verdict::Opens);
            return Ok(Permit::Own);
        }
        told.gate(Gate::Own, Verdict::Silent);
        let source = if self.patients.source(facts.patient) != Some(class.source) {
            Err(Reason::UnknownRecord)
        } else if !self.directory.standing(class.source).active {
            Err(Reason::SourceInactive)
        } else {
            Ok(())
        };
        told.gate(Gate::Source, verdict(&source));
        let tag = if class.undelivered { Err(Reason::Undelivered) } else { Ok(()) };
        told.gate(Gate::Tag, verdict(&tag));

        let consents = self.patients.grants(facts.patient).iter().filter_map(|grant| {
            let result = self.consent_verdict(grant, (facts, class), &viewer, moment);
            Some((result, Finding { what: self.consents.id(grant.id)?, verdict: verdict(&result) }, grant.id))
        });
        let consents: Vec<_> = consents.collect();
        let consent = best(&consents, Reason::NoConsent);
        told.consents = consents.into_iter().map(|(_, finding, _)| finding).collect();
        told.gate(Gate::Consent, verdict(&consent));

        let glass = self.glass_gate(facts.patient, class.source, &viewer, moment);
        told.glasses = self.glass_findings(facts, class, &viewer, moment);
        told.gate(
            Gate::Glass,
            match glass {
                Ok(_) => Verdict::Opens,
                Err(Some(reason)) => Verdict::Shuts(reason),
                Err(None) => Verdict::Silent,
            },
        );

        let rule = self.rule_findings(facts, class, (&viewer, moment), told);
        told.gate(Gate::Scope, verdict(&rule));
        let own = self.own_ref(facts.patient, &viewer).ok_or(Reason::NotLinked);
        told.gate(Gate::Link, verdict(&own));
        told.own_patient = own.ok().and_then(|own| self.patient_ref(own).cloned());
        told.links = self.links_of(facts);

        source.and(tag)?;
        match (consent, glass) {
            (Ok(consent), _) => Ok(Permit::Shared { consent, rule: rule?, own_patient: own? }),
            (Err(_), Ok(glass)) => Ok(Permit::BrokenGlass { glass, rule: rule?, own_patient: own? }),
            (Err(unconsented), Err(reason)) => Err(reason.map_or(unconsented, |reason| reason.max(unconsented))),
        }
    }

    fn glass_findings(&self, facts: &Facts, class: &Class, viewer: &Viewer, moment: Moment) -> Vec<Finding<GlassId>> {
        let own = self.emergencies.glasses(facts.patient).iter().filter(|glass| glass.is_of(viewer));
        let finding = own.map(|glass| {
            let allowed = self.directory.may_break_glass(class.source, viewer.kind, glass.role);
            let result = glass.in_force(moment.micros());
            let result = result.and(if allowed { Ok(()) } else { Err(Reason::NotPreauthorisedForBreakGlass) });
            Finding { what: glass.id.clone(), verdict: verdict(&result) }
        });
        finding.collect()
    }

    fn rule_findings(
        &self,
        facts: &Facts,
        class: &Class,
        (viewer, moment): (&Viewer, Moment),
        told: &mut Explanation,
    ) -> Result<u16, Reason> {
        let stated = self.directory.entry(class.source).and_then(|entry| entry.scope.as_ref());
        let count = stated.map_or(0, |scope| scope.rules.len());
        if count == 0 {
            return Err(Reason::NoScope);
        }
        let times = self.times(facts, class, moment);
        let rules = self.classes.rules(class);
        let all: Vec<_> = (0..u16::try_from(count).unwrap_or(u16::MAX))
            .map(|place| {
                let matching = rules.iter().find(|rule| rule.rule == place);
                let result = matching.map_or(Err(Reason::OutOfScope), |rule| rule.admit(viewer, &times));
                (result, Finding { what: place, verdict: verdict(&result) }, place)
            })
            .collect();
        let rule = best(&all, Reason::OutOfScope);
        told.rules = all.into_iter().map(|(_, finding, _)| finding).collect();
        rule
    }

    /// The statements on which a permit rests.
    fn openings(&self, facts: &Facts, permit: Permit, links: &[LinkId]) -> Vec<Opening> {
        let ground = match permit {
            Permit::Own => return Vec::new(),
            Permit::Shared { consent, .. } => self
                .consents
                .id(consent)
                .and_then(|id| Some(Opening { by: Opener::Consent(id), at: self.consents.stated_at(consent)? })),
            Permit::BrokenGlass { glass, .. } => self
                .emergencies
                .glasses(facts.patient)
                .get(glass as usize)
                .and_then(|glass| Some(Opening { by: Opener::Glass(glass.id.clone()), at: glass.broken_at? })),
        };
        let source = self.patients.source(facts.patient).and_then(|source| self.directory.entry(source));
        let scope = source.and_then(|entry| Some(Opening { by: Opener::Scope(entry.id.clone()), at: entry.scope_at? }));
        let link = |id: &LinkId| Some(Opening { by: Opener::Link(id.clone()), at: self.links.stated_at(id)? });
        ground.into_iter().chain(scope).chain(links.iter().filter_map(link)).collect()
    }

    fn links_of(&self, facts: &Facts) -> Vec<LinkId> {
        let person = self.patients.person(facts.patient);
        let held = person.into_iter().flat_map(|person| self.links.holding(person));
        let ends = held.filter(|(_, a, b)| *a == facts.patient || *b == facts.patient);
        let mut links: Vec<LinkId> = ends.filter_map(|(id, ..)| id).collect();
        links.sort();
        links
    }

    /// Every moment at which the clock may change this decision, in order.
    fn moments(&self, facts: &Facts, class: Option<&Class>, viewer: &Principal) -> Vec<Moment> {
        let mut micros: BTreeSet<i64> = BTreeSet::new();
        let mut note = |from: i64, until: i64| micros.extend([from, until]);
        if let Some(member) = viewer.member.as_ref().and_then(|id| self.member(id)) {
            let (from, until) = crate::consents::sides(&member.period);
            note(from, until);
        }
        for grant in self.patients.grants(facts.patient) {
            note(grant.from, grant.until);
            if let Some(terms) = self.consents.terms(grant.terms) {
                note(terms.of_age, i64::MAX);
                self.consents.trees.boundaries(terms.exceptions, &mut note);
            }
        }
        for glass in self.emergencies.glasses(facts.patient) {
            note(glass.from, glass.until);
        }
        let at = self.directory.find(&viewer.facility);
        for (_, agreement) in self.agreements.all().filter(|(facility, _)| Some(*facility) == at) {
            note(agreement.from, agreement.until);
        }
        for rule in class.map(|class| self.classes.rules(class)).unwrap_or_default() {
            if rule.hold != i64::MIN {
                note(facts.recorded.micros().saturating_add(rule.hold), i64::MAX);
            }
        }
        micros.into_iter().filter_map(|micros| Moment::from_micros(micros).ok()).collect()
    }
}
