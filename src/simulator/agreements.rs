//! Links and consents: which numbers are one person, and to whom each person opens what.
//!
//! Shares, per person and edge: a number is linked to the person's hub (their first hospital's number) 93 % of the
//! time. Hospital → clinic 75 %, hospital → pharmacy 55 %, laboratory → clinic 85 %, clinic → hospital 45 %,
//! pharmacy → clinic and hospital 50 %, hospital ↔ perinatal centre 90 %, hospital → other hospital 40 %. Of these consents 78 % are
//! the usual form (one facility, all categories of the chart), 7 % open to all members (一括同意), 8 % name
//! practitioners (代行同意), 7 % list several facilities; 10 % leave notes out, 8 % begin with data of the last year
//! only, 6 % are given by a representative; where the person carries a sensitive label, 50 % name it. 4 % are only
//! signed at the start and put in force during play; each consent is withdrawn at a rate of once in 300 hours.

use super::SimulationError;
use super::dice::Dice;
use super::people::Person;
use super::region::{Office, Site};
use super::scribe::Scribe;
use super::tables::Trait;
use model::{
    Category, CategorySet, Consent, ConsentChange, ConsentId, ConsentState, DirectoryChange, Event, Exceptions, Label,
    Labels, Link, LinkChange, LinkEvidence, LinkId, MemberId, Moment, Period, Purpose, PurposeSet, Role, Signer,
    Unlink, Viewers, Withdrawal,
};

const MINUTE: i64 = 60_000_000;
const DAY: i64 = 86_400_000_000;
const WITHDRAWAL_MEAN_HOURS: f64 = 300.0;
const UNLINK_MEAN_HOURS: f64 = 3_000.0;

/// Where and when agreements are made.
#[derive(Clone, Copy)]
pub(super) struct Setting<'a> {
    pub(super) offices: &'a [Office],
    pub(super) start: Moment,
    pub(super) end: Moment,
}

/// The links and consents of a person: what stands from the start, and what changes later.
pub(super) struct Agreements {
    pub(super) at_start: Vec<Event>,
    pub(super) later: Vec<(Moment, Event)>,
}

/// Draws a person's links and consents.
pub(super) fn agree(
    setting: Setting<'_>,
    person: &mut Person,
    scribe: &mut Scribe,
) -> Result<Agreements, SimulationError> {
    let mut dice = person.dice.clone();
    let mut agreements = Agreements { at_start: Vec::new(), later: Vec::new() };
    link(setting, person, (scribe, &mut dice), &mut agreements)?;
    for (source, viewer) in edges(person) {
        if dice.happens(share(source, viewer)) {
            consent(setting, person, (source, viewer), (scribe, &mut dice), &mut agreements)?;
        }
    }
    person.dice = dice;
    Ok(agreements)
}

fn office(offices: &[Office], site: Site) -> Option<&Office> {
    offices.iter().find(|office| office.site == site)
}

/// Who at the office keeps links: the clerk, else anybody.
fn keeper(office: &Office) -> Option<MemberId> {
    office.member(Role::Clerk).or(office.members.first()).map(|member| member.id.clone())
}

fn link(
    Setting { offices, start, end }: Setting<'_>,
    person: &Person,
    (scribe, dice): (&mut Scribe, &mut Dice),
    agreements: &mut Agreements,
) -> Result<(), SimulationError> {
    let Some(((_, hub), others)) = person.refs.split_first() else { return Ok(()) };
    for (site, other) in others {
        let linked = dice.happens(0.93);
        let by_insurance = dice.happens(0.3);
        let unlinked_after = dice.wait(UNLINK_MEAN_HOURS * 60.0 * MINUTE as f64) as i64;
        let Some(office) = office(offices, *site) else { continue };
        let (true, Some(keeper)) = (linked, keeper(office)) else { continue };
        let id = LinkId::parse(&scribe.id("link"))?;
        let link = Link {
            id: id.clone(),
            a: hub.clone(),
            b: other.clone(),
            evidence: if by_insurance { LinkEvidence::InsuredId } else { LinkEvidence::ConsentForm },
            confirmed_by: keeper.clone(),
            confirmed_at: start,
        };
        let linked = DirectoryChange::Link(LinkChange::Linked(link));
        agreements.at_start.push(scribe.directory(office.id(), start, linked)?);
        let at = start.plus_micros(unlinked_after);
        if at < end {
            let unlinked = DirectoryChange::Link(LinkChange::Unlinked(Unlink { id, by: keeper, at }));
            agreements.later.push((at, scribe.directory(office.id(), at, unlinked)?));
        }
    }
    Ok(())
}

/// The directed edges between the sites that know this person.
fn edges(person: &Person) -> Vec<(Site, Site)> {
    let mut edges = Vec::new();
    for (source, _) in &person.refs {
        for (viewer, _) in &person.refs {
            if source != viewer && share(*source, *viewer) > 0.0 {
                edges.push((*source, *viewer));
            }
        }
    }
    edges
}

fn share(source: Site, viewer: Site) -> f64 {
    use Site::{Bayside, Central, Clinic, Harbour, Laboratory, Perinatal, Pharmacy};
    match (source, viewer) {
        (Central | Harbour, Clinic | Bayside) => 0.75,
        (Central | Harbour, Pharmacy) => 0.55,
        (Central, Harbour) | (Harbour, Central) => 0.4,
        (Laboratory, Clinic | Bayside) => 0.85,
        (Laboratory, Central | Harbour) => 0.3,
        (Clinic, Central | Harbour) => 0.45,
        (Clinic, Pharmacy) => 0.4,
        (Pharmacy, Clinic | Bayside | Central | Harbour) => 0.5,
        (Central | Harbour, Perinatal) | (Perinatal, Central | Harbour) => 0.9,
        (Perinatal, Clinic | Bayside) => 0.7,
        _ => 0.0,
    }
}

fn consent(
    Setting { offices, start, end }: Setting<'_>,
    person: &Person,
    (source, viewer): (Site, Site),
    (scribe, dice): (&mut Scribe, &mut Dice),
    agreements: &mut Agreements,
) -> Result<(), SimulationError> {
    let (Some(patient), Some(discloser), Some(taker)) =
        (person.at(source), office(offices, source), office(offices, viewer))
    else {
        return Ok(());
    };
    let signed_at = start.plus_micros(-dice.between(1, 500) * DAY);
    let form = dice.unit();
    let (viewers, taken_by) = match form {
        f if f < 0.78 => (Viewers::Facilities(vec![taker.id().clone()]), taker),
        f if f < 0.85 => (Viewers::AllMembers, discloser),
        f if f < 0.93 => {
            let named = taker.members.iter().filter(|member| member.role != Role::Clerk).take(2);
            (Viewers::Practitioners(named.map(|member| member.id.clone()).collect()), discloser)
        }
        _ => {
            let known = person.refs.iter().filter(|(site, _)| *site != source).map(|(_, patient)| patient.facility());
            (Viewers::Facilities(known.cloned().collect()), taker)
        }
    };
    let mut categories = CategorySet::all();
    if dice.happens(0.10) {
        categories = categories.without(CategorySet::of(Category::Document));
    }
    let mut labels = Labels::NONE;
    if dice.happens(0.5) {
        if person.has(Trait::Hiv) {
            labels = labels.with(Label::Hiv).with(Label::Restricted);
        }
        if person.has(Trait::Psychiatry) {
            labels = labels.with(Label::Psy).with(Label::Restricted);
        }
        if person.has(Trait::Pregnancy) {
            labels = labels.with(Label::Repro);
        }
    }
    let data_from = dice.happens(0.08).then(|| start.plus_micros(-365 * DAY));
    let until = dice.happens(0.10).then(|| start.plus_micros(dice.between(30, 720) * DAY));
    let consent = Consent {
        id: ConsentId::parse(&scribe.id("grant"))?,
        patient: patient.clone(),
        viewers,
        state: ConsentState::Active,
        supersedes: None,
        period: Period::new(Some(signed_at), until)?,
        data_period: Period::new(data_from, None)?,
        categories,
        departments: Vec::new(),
        labels,
        purposes: PurposeSet::of(Purpose::Treatment).with(Purpose::EmergencyTreatment),
        exceptions: Exceptions::none(),
        signer: if person.age < 16 || dice.happens(0.06) { Signer::Representative } else { Signer::Patient },
        taken_by: taken_by.id().clone(),
        signed_at,
        form_digest: String::new(),
        paper: Box::default(),
    };
    let id = consent.id.clone();
    let mut in_force = start;
    if dice.happens(0.04) {
        // Signed at the viewing side; the source puts it in force when the form has come (about 15 minutes in life).
        let waits = dice.between(10, 240) * MINUTE;
        in_force = start.plus_micros(waits);
        if taken_by.id() != discloser.id() {
            let signed = Consent { state: ConsentState::Signed, ..consent.clone() };
            agreements.at_start.push(scribe.consent(taken_by.id(), start, ConsentChange::Given(signed))?);
        }
        if in_force < end {
            let given = scribe.consent(discloser.id(), in_force, ConsentChange::Given(consent))?;
            agreements.later.push((in_force, given));
        }
    } else {
        agreements.at_start.push(scribe.consent(discloser.id(), start, ConsentChange::Given(consent))?);
    }
    let withdrawn_at = in_force.plus_micros(dice.wait(WITHDRAWAL_MEAN_HOURS * 60.0 * MINUTE as f64) as i64);
    if withdrawn_at < end {
        let withdrawal = Withdrawal { id, patient: patient.clone(), withdrawn_at };
        let withdrawn = scribe.consent(discloser.id(), withdrawn_at, ConsentChange::Withdrawn(withdrawal))?;
        agreements.later.push((withdrawn_at, withdrawn));
    }
    Ok(())
}
