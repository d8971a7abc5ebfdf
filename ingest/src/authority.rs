//! Who may say what: pure decisions over the caller, the event and the book.
//!
//! | event | who |
//! | --- | --- |
//! | record | the source's system or clinical staff; the patient ref is the source's own |
//! | consent, state activated, active, rejected or superseded | the disclosing facility |
//! | consent, earlier states | the disclosing facility, or the facility that takes it, if it will view |
//! | withdrawal | the disclosing facility, the one that took the consent, an administrator |
//! | facility | an administrator |
//! | member | the member's facility (its system), an administrator |
//! | scope | that facility (its system or its administrator), nobody else |
//! | link, unlink | either facility |
//! | release, review of a broken glass | the disclosing facility |
//! | break glass | a clinical member of the viewing facility, for themselves |
//! | close glass | the facility that broke it, the disclosing one |
//! | agreement | the viewing facility (its system or its administrator) |
//! | kinship | the mother's facility |
//! | referral | the patient's facility; each step, the facility whose step it is |
//! | laboratory table | that facility: system, laboratory staff, administrator |
//! | definition of limits, perinatal tables | that facility: system, physicians, administrator |
//! | definition of a cohort, a view | that facility: system, clinical staff, clerks, administrator |
//! | published figures of a measure | that facility: system, physicians |
//! | audit | nobody: the node writes these past the door |
//!
//! The event's source is always the caller's own facility. Patients and auditors change nothing.

use crate::book::Book;
use crate::refusal::{Refusal, RefusalReason};
use model::{
    AgreementChange, Body, BreakGlass, Consent, ConsentChange, ConsentState, DefinitionKind, DirectoryChange, Event,
    FacilityId, KinshipChange, Link, LinkChange, Member, Principal, Record, ReferralChange, Role, RoleSet, Viewers,
    Withdrawal,
};

/// Roles that see and make clinical data, and a facility's own system.
const CLINICAL: RoleSet = RoleSet::of(Role::Physician)
    .with(Role::Dentist)
    .with(Role::Nurse)
    .with(Role::Midwife)
    .with(Role::Pharmacist)
    .with(Role::LaboratoryStaff)
    .with(Role::CareManager)
    .with(Role::System);

/// Roles that keep consents and links for their facility.
const KEEPERS: RoleSet = CLINICAL.with(Role::Clerk);

/// Roles that set clinical limits for their facility, and publish its figures.
const LIMIT_SETTERS: RoleSet = RoleSet::of(Role::Physician).with(Role::System);

/// Whether the caller may send events at all.
pub(crate) fn may_publish(principal: &Principal) -> bool {
    KEEPERS.contains(principal.role) || principal.is_administrator()
}

/// Whether the caller may see events of their facility, quarantined ones for example.
pub(crate) fn may_see_events(principal: &Principal) -> bool {
    CLINICAL.contains(principal.role)
}

/// Whether the caller may read consents and links of their facility.
pub(crate) fn keeps_consents(principal: &Principal) -> bool {
    KEEPERS.contains(principal.role)
}

/// Whether the caller may read the members and the scope of `facility`.
pub(crate) fn reads_directory_of(principal: &Principal, facility: &FacilityId) -> bool {
    principal.facility == *facility || principal.is_administrator()
}

/// Whether `facility` has a part in the consent: discloses, views, or took it.
pub(crate) fn has_part(facility: &FacilityId, consent: &Consent, book: &dyn Book) -> bool {
    consent.patient.facility() == facility || consent.taken_by == *facility || views(facility, consent, book)
}

fn views(facility: &FacilityId, consent: &Consent, book: &dyn Book) -> bool {
    match &consent.viewers {
        Viewers::AllMembers => true,
        Viewers::Facilities(ids) => ids.contains(facility),
        Viewers::Practitioners(ids) => {
            ids.iter().any(|id| book.member(id).is_some_and(|member| member.facility == *facility))
        }
    }
}

/// Decides whether the caller may say this.
pub(crate) fn authorise(principal: &Principal, event: &Event, book: &dyn Book) -> Result<(), Refusal> {
    if event.key.source != principal.facility {
        return Err(Refusal::new(RefusalReason::WrongSource, "source", "must be the facility of the caller"));
    }
    match &event.body {
        Body::Record(record) => record_from(principal, record),
        Body::Consent(ConsentChange::Given(consent)) => consent_from(principal, consent, book),
        Body::Consent(ConsentChange::Withdrawn(withdrawal)) => withdrawal_from(principal, withdrawal, book),
        Body::Consent(ConsentChange::Released(release)) => {
            discloser_only(principal, release.patient.facility(), "consent.released")
        }
        Body::Consent(ConsentChange::GlassBroken(glass)) => glass_from(principal, glass),
        Body::Consent(ConsentChange::GlassClosed(end)) => {
            if end.facility == principal.facility && CLINICAL.contains(principal.role) {
                return Ok(());
            }
            discloser_only(principal, end.patient.facility(), "consent.glass_closed")
        }
        Body::Consent(ConsentChange::GlassReviewed(review)) => {
            if principal.member.as_ref().is_some_and(|member| *member != review.reviewer) {
                return Err(not_permitted("consent.glass_reviewed.reviewer", "must be the caller"));
            }
            discloser_only(principal, review.patient.facility(), "consent.glass_reviewed")
        }
        Body::Directory(DirectoryChange::Agreement(change)) => agreement_from(principal, change),
        Body::Directory(DirectoryChange::Kinship(change)) => kinship_from(principal, change),
        Body::Directory(DirectoryChange::Facility(_)) => {
            if principal.is_administrator() {
                Ok(())
            } else {
                Err(role("directory.facility", "only administrators"))
            }
        }
        Body::Directory(DirectoryChange::Member(member)) => member_from(principal, member, book),
        Body::Directory(DirectoryChange::Scope(scope)) => {
            if !matches!(principal.role, Role::System | Role::Administrator) {
                return Err(role("directory.scope", "only the facility's system or its administrator"));
            }
            if scope.facility != principal.facility {
                return Err(not_permitted("directory.scope.facility", "only the facility itself states its scope"));
            }
            Ok(())
        }
        Body::Directory(DirectoryChange::Link(change)) => link_from(principal, change, book),
        Body::Directory(DirectoryChange::Laboratory(table)) => {
            if !matches!(principal.role, Role::System | Role::Administrator | Role::LaboratoryStaff) {
                return Err(role(
                    "directory.laboratory",
                    "only the facility's system, laboratory staff or administrator",
                ));
            }
            if *table.facility() != principal.facility {
                let rule = "only the facility itself states its laboratory tables";
                return Err(not_permitted("directory.laboratory.facility", rule));
            }
            Ok(())
        }
        Body::Directory(DirectoryChange::Definition(definition)) => {
            let (roles, who) = match definition.kind() {
                DefinitionKind::Thresholds | DefinitionKind::Perinatal => {
                    (LIMIT_SETTERS, "only the facility's system, physicians or administrator")
                }
                DefinitionKind::Cohort | DefinitionKind::View => {
                    (KEEPERS, "only the facility's system, clinical staff, clerks or administrator")
                }
            };
            if !roles.contains(principal.role) && principal.role != Role::Administrator {
                return Err(role("directory.definition", who));
            }
            if *definition.facility() != principal.facility {
                let rule = "only the facility itself states its definitions";
                return Err(not_permitted("directory.definition.facility", rule));
            }
            Ok(())
        }
        Body::Directory(DirectoryChange::Measure(release)) => {
            if !LIMIT_SETTERS.contains(principal.role) {
                return Err(role("directory.measure", "only the facility's system or physicians"));
            }
            if release.facility != principal.facility {
                return Err(not_permitted(
                    "directory.measure.facility",
                    "only the facility itself publishes its figures",
                ));
            }
            Ok(())
        }
        Body::Referral(change) => referral_from(principal, change),
        Body::Audit(_) => Err(not_permitted("audit", "only the node itself writes what goes into the ledger")),
    }
}

fn role(field: &str, who: &str) -> Refusal {
    Refusal::new(RefusalReason::RoleNotPermitted, field, format!("{who} may state this"))
}

fn not_permitted(field: &str, rule: &str) -> Refusal {
    Refusal::new(RefusalReason::NotPermitted, field, rule)
}

fn record_from(principal: &Principal, record: &Record) -> Result<(), Refusal> {
    if !CLINICAL.contains(principal.role) {
        return Err(role("record", "only a facility's system or clinical staff"));
    }
    if *record.patient.facility() != principal.facility {
        let rule = "must be the event's source: a facility sends records of its own patient numbers";
        return Err(Refusal::new(RefusalReason::WrongSource, "record.patient.facility", rule));
    }
    Ok(())
}

fn consent_from(principal: &Principal, consent: &Consent, book: &dyn Book) -> Result<(), Refusal> {
    if !may_publish(principal) {
        return Err(role("consent.given", "only a facility's staff or system"));
    }
    // An id names one patient's consent for ever: else a statement under another's id would take theirs away.
    let known = book.consent(&consent.id);
    if known.as_ref().is_some_and(|known| known.consent.patient != consent.patient) {
        return Err(not_permitted("consent.given.id", "is the id of another patient's consent; choose a new one"));
    }
    if *consent.patient.facility() == principal.facility {
        return Ok(());
    }
    // All that lies past the form's arrival is the discloser's.
    let decided = |state| !matches!(state, ConsentState::Draft | ConsentState::Signed | ConsentState::Received);
    if decided(consent.state) || known.is_some_and(|known| decided(known.consent.state)) {
        let rule = "only the disclosing facility (`patient.facility`) activates, rejects or supersedes a consent, or \
                    changes one it has";
        return Err(Refusal::new(RefusalReason::NotDiscloser, "consent.given.state", rule));
    }
    if consent.taken_by != principal.facility || !views(&principal.facility, consent, book) {
        let rule = "must be the caller's facility, and that facility one of the viewers";
        return Err(not_permitted("consent.given.taken_by", rule));
    }
    Ok(())
}

fn withdrawal_from(principal: &Principal, withdrawal: &Withdrawal, book: &dyn Book) -> Result<(), Refusal> {
    if !may_publish(principal) {
        return Err(role("consent.withdrawn", "only a facility's staff or system, or an administrator"));
    }
    let known = book.consent(&withdrawal.id);
    if known.as_ref().is_some_and(|known| known.consent.patient != withdrawal.patient) {
        return Err(not_permitted("consent.withdrawn.patient", "is not the patient of this consent"));
    }
    let took = known.is_some_and(|known| known.consent.taken_by == principal.facility);
    if *withdrawal.patient.facility() == principal.facility || took || principal.is_administrator() {
        return Ok(());
    }
    let rule = "only the disclosing facility, the facility that took the consent, or an administrator withdraws it";
    Err(not_permitted("consent.withdrawn", rule))
}

/// What only the staff or the system of the disclosing facility says.
fn discloser_only(principal: &Principal, discloser: &FacilityId, field: &str) -> Result<(), Refusal> {
    if !KEEPERS.contains(principal.role) {
        return Err(role(field, "only a facility's staff or system"));
    }
    if *discloser != principal.facility {
        let rule = "only the disclosing facility (`patient.facility`) states this";
        return Err(Refusal::new(RefusalReason::NotDiscloser, field, rule));
    }
    Ok(())
}

/// A glass is broken by a person, for themselves. Whether it opens anything is the book's to say.
fn glass_from(principal: &Principal, glass: &BreakGlass) -> Result<(), Refusal> {
    if !CLINICAL.contains(principal.role) || principal.role == Role::System {
        return Err(role("consent.glass_broken", "only clinical staff, each for themselves,"));
    }
    if glass.facility != principal.facility {
        return Err(not_permitted("consent.glass_broken.facility", "must be the facility of the caller"));
    }
    if principal.member.as_ref() != Some(&glass.member) {
        return Err(not_permitted("consent.glass_broken.member", "must be the caller"));
    }
    if principal.role != glass.role {
        return Err(not_permitted("consent.glass_broken.role", "must be the role of the caller"));
    }
    Ok(())
}

/// A referral is sent by the patient's facility; each step is taken by the facility whose step it is. A person speaks for
/// themselves. Whether the step follows is the register's to say.
fn referral_from(principal: &Principal, change: &ReferralChange) -> Result<(), Refusal> {
    let (field, by, facility) = match change {
        ReferralChange::Sent(referral) => ("referral.sent", &referral.by, referral.from()),
        ReferralChange::Turned(turn) => ("referral.turned", &turn.by, turn.facility()),
    };
    if !KEEPERS.contains(principal.role) {
        return Err(role(field, "only a facility's staff or system"));
    }
    if *facility != principal.facility {
        let rule = "a referral is sent, and each of its steps taken, by the facility whose turn it is";
        return Err(not_permitted(field, rule));
    }
    if principal.member.as_ref().is_some_and(|member| member != by) {
        return Err(not_permitted(&format!("{field}.by"), "must be the caller"));
    }
    Ok(())
}

fn agreement_from(principal: &Principal, change: &AgreementChange) -> Result<(), Refusal> {
    if !matches!(principal.role, Role::System | Role::Administrator) {
        return Err(role("directory.agreement", "only the facility's system or its administrator"));
    }
    if *change.facility() != principal.facility {
        return Err(not_permitted("directory.agreement.facility", "only the viewing facility itself agrees"));
    }
    Ok(())
}

fn kinship_from(principal: &Principal, change: &KinshipChange) -> Result<(), Refusal> {
    if !KEEPERS.contains(principal.role) {
        return Err(role("directory.kinship", "only a facility's staff or system"));
    }
    let mother = match change {
        KinshipChange::Stated(kinship) => kinship.mother(),
        KinshipChange::Ended(end) => &end.mother,
    };
    if *mother.facility() != principal.facility {
        return Err(not_permitted("directory.kinship.mother.facility", "must be the caller's facility"));
    }
    Ok(())
}

fn member_from(principal: &Principal, member: &Member, book: &dyn Book) -> Result<(), Refusal> {
    if principal.is_administrator() {
        return Ok(());
    }
    if principal.role != Role::System {
        return Err(role("directory.member", "only the facility's system or an administrator"));
    }
    let elsewhere = book.member(&member.id).is_some_and(|known| known.facility != principal.facility);
    if member.facility != principal.facility || elsewhere {
        return Err(not_permitted("directory.member.facility", "only an administrator states another's members"));
    }
    Ok(())
}

fn link_from(principal: &Principal, change: &LinkChange, book: &dyn Book) -> Result<(), Refusal> {
    if !KEEPERS.contains(principal.role) {
        return Err(role("directory.link", "only a facility's staff or system"));
    }
    let ends_here = |link: &Link| [&link.a, &link.b].iter().any(|end| *end.facility() == principal.facility);
    match change {
        LinkChange::Linked(link) => {
            if !ends_here(link) {
                return Err(not_permitted("directory.linked", "one of the two patients must be the caller's own"));
            }
            // As with consents: an id names one pair for ever.
            if book.link(&link.id).is_some_and(|known| (&known.a, &known.b) != (&link.a, &link.b)) {
                return Err(not_permitted("directory.linked.id", "is the id of another link; choose a new one"));
            }
            Ok(())
        }
        LinkChange::Unlinked(unlink) => {
            if book.link(&unlink.id).is_some_and(|link| ends_here(&link)) {
                return Ok(());
            }
            Err(not_permitted("directory.unlinked.id", "is not a link of the caller's facility"))
        }
    }
}
