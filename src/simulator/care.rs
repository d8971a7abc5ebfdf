//! Charts as they stand at the start, and the orders and results that charts and visits share.

use super::SimulationError;
use super::laboratory::{Measured, measure};
use super::people::Person;
use super::region::{Office, Site};
use super::scribe::{Amendment, Draft, Scribe, amend, coding};
use super::tables::{Drug, Problem, Tables, Trait};
use model::{
    Allergy, Author, Body, CodeSystem, Condition, Event, LabResult, LabStatus, Label, Labels, Medication, Moment,
    PatientRef, Payload, Record, Role,
};

pub(super) const MINUTE: i64 = 60_000_000;
pub(super) const DAY: i64 = 86_400_000_000;

/// What the region offers to one person's story.
pub(super) struct Stage<'a> {
    pub(super) tables: &'a Tables,
    pub(super) offices: &'a [Office],
    pub(super) scribe: &'a mut Scribe,
    /// What happened, each with the moment it reaches the network.
    pub(super) said: Vec<(Moment, Event)>,
}

impl Stage<'_> {
    pub(super) fn office(&self, site: Site) -> Option<&Office> {
        self.offices.iter().find(|office| office.site == site)
    }
    pub(super) fn author(&self, site: Site, role: Role, person: &mut Person) -> Author {
        match self.office(site) {
            Some(office) => office.author(role, &mut person.dice),
            None => Author { member: None, role },
        }
    }
    /// Writes a record that reaches the network when it is recorded.
    pub(super) fn write(&mut self, draft: Draft<'_>) -> Result<Event, SimulationError> {
        let at = draft.recorded;
        let event = self.scribe.record(draft)?;
        self.said.push((at, event.clone()));
        Ok(event)
    }
    /// Changes a record written before.
    pub(super) fn amend(&mut self, earlier: &Event, amendment: Amendment) -> Result<(), SimulationError> {
        if let Body::Record(record) = &earlier.body {
            let at = amendment.recorded;
            let event = amend(record, amendment)?;
            self.said.push((at, event));
        }
        Ok(())
    }
}

/// The record an event carries.
pub(super) fn record_of(event: &Event) -> Option<&Record> {
    match &event.body {
        Body::Record(record) => Some(record),
        _ => None,
    }
}

/// What a site holds of the person when the simulation starts: demographics, problems, allergies, standing drugs and
/// laboratory results of the last `history_months`.
pub(super) fn chart(
    stage: &mut Stage<'_>,
    person: &mut Person,
    start: Moment,
    history_months: u32,
) -> Result<(), SimulationError> {
    let known = person.refs.clone();
    for (site, patient) in &known {
        let registered = start.plus_micros(-person.dice.between(400, 1_500) * DAY);
        let author = stage.author(*site, Role::Clerk, person);
        let demographics = person.demographics.clone();
        stage.write(Draft {
            patient,
            kind: "patient",
            occurred: registered,
            recorded: registered,
            labels: Labels::NONE,
            department: "",
            author,
            payload: Payload::Patient(demographics),
        })?;
    }
    let sites: Vec<Site> = known.iter().map(|(site, _)| *site).collect();
    for site in &sites {
        if matches!(site, Site::Central | Site::Harbour | Site::Clinic | Site::Bayside) {
            problems(stage, person, *site, start)?;
            for drug in standing_drugs(stage.tables, person) {
                let days_ago = person.dice.between(3, 27);
                prescribe(stage, person, *site, &drug, start.plus_micros(-days_ago * DAY))?;
            }
        }
    }
    let chronic = [Trait::Diabetes, Trait::Kidney, Trait::Hypertension, Trait::Lipid].iter().any(|t| person.has(*t));
    let first = i64::from(history_months) * 30;
    let every = if chronic { 91 } else { 300 };
    for (site, orderer) in laboratories(&sites) {
        let mut days_ago = first - person.dice.between(0, 60);
        while days_ago > 0 {
            let at = start.plus_micros(-days_ago * DAY);
            let panels = panels(person, false);
            let inflammation = if person.dice.happens(0.08) { person.dice.uniform(0.2, 0.8) } else { 0.0 };
            let measured = measure(stage.tables, person, &panels, inflammation, &format!("{orderer}-{days_ago}"));
            results(stage, person, (site, at), measured, LabStatus::Final)?;
            days_ago -= every + person.dice.between(-10, 10);
        }
    }
    Ok(())
}

/// Which site measures, and a word for the order.
fn laboratories(sites: &[Site]) -> Vec<(Site, &'static str)> {
    sites
        .iter()
        .filter_map(|site| match site {
            Site::Central => Some((Site::Central, "OC")),
            Site::Harbour => Some((Site::Harbour, "OH")),
            Site::Laboratory => Some((Site::Laboratory, "OL")),
            _ => None,
        })
        .collect()
}

fn problems(stage: &mut Stage<'_>, person: &mut Person, site: Site, start: Moment) -> Result<(), SimulationError> {
    let Some(patient) = person.at(site).cloned() else { return Ok(()) };
    let mut standing: Vec<Problem> =
        stage.tables.problems.iter().filter(|p| p.tie.is_some() && person.fits(p.tie)).cloned().collect();
    if person.dice.happens(0.35) {
        standing.push(stage.tables.chance_problems.draw(&mut person.dice).clone());
    }
    for problem in standing {
        let onset = start.plus_micros(-person.dice.between(40, 3_000) * DAY);
        let finding = Finding { problem: &problem, onset, recorded: onset, suspected: false };
        diagnose(stage, person, (site, &patient), finding)?;
    }
    if person.dice.happens(0.12) {
        let allergen = stage.tables.allergens.draw(&mut person.dice).clone();
        let occurred = start.plus_micros(-person.dice.between(40, 2_000) * DAY);
        let author = stage.author(site, Role::Nurse, person);
        stage.write(Draft {
            patient: &patient,
            kind: "allergy",
            occurred,
            recorded: occurred,
            labels: Labels::NONE,
            department: "01",
            author,
            payload: Payload::Allergy(Allergy {
                code: coding(CodeSystem::Local, "", allergen.name),
                criticality: allergen.criticality.to_owned(),
                reaction: allergen.reaction.to_owned(),
                clinical_status: "active".to_owned(),
            }),
        })?;
    }
    Ok(())
}

/// A problem found.
pub(super) struct Finding<'a> {
    pub(super) problem: &'a Problem,
    pub(super) onset: Moment,
    pub(super) recorded: Moment,
    pub(super) suspected: bool,
}

/// Writes a problem down.
pub(super) fn diagnose(
    stage: &mut Stage<'_>,
    person: &mut Person,
    (site, patient): (Site, &PatientRef),
    Finding { problem, onset, recorded, suspected }: Finding<'_>,
) -> Result<Event, SimulationError> {
    let author = stage.author(site, Role::Physician, person);
    stage.write(Draft {
        patient,
        kind: "problem",
        occurred: onset,
        recorded,
        labels: problem.labels,
        department: problem.department,
        author,
        payload: Payload::Condition(Condition {
            code: coding(CodeSystem::Icd10, problem.icd10, problem.name),
            clinical_status: "active".to_owned(),
            suspected,
            onset: Some(onset),
            abated: None,
        }),
    })
}

/// The drugs this person takes for good.
pub(super) fn standing_drugs(tables: &Tables, person: &Person) -> Vec<Drug> {
    tables.drugs.iter().filter(|drug| drug.tie.is_some() && person.fits(drug.tie)).cloned().collect()
}

/// Prescribes a drug; the patient's pharmacy dispenses it.
pub(super) fn prescribe(
    stage: &mut Stage<'_>,
    person: &mut Person,
    site: Site,
    drug: &Drug,
    at: Moment,
) -> Result<(), SimulationError> {
    let Some(patient) = person.at(site).cloned() else { return Ok(()) };
    let days = if drug.tie.is_some() { 28 } else { person.dice.between(3, 7) };
    let labels = match drug.tie {
        Some(Trait::Hiv) => Labels::of(Label::Hiv).with(Label::Restricted),
        Some(Trait::Psychiatry) => Labels::of(Label::Psy).with(Label::Restricted),
        _ => Labels::NONE,
    };
    let medication = |status: &str| {
        Payload::Medication(Medication {
            code: coding(CodeSystem::Yj, drug.yj, drug.name),
            status: status.to_owned(),
            dosage: drug.dosage.to_owned(),
            quantity: Some(drug.per_day * days as f64),
            quantity_unit: drug.unit.to_owned(),
            days: u32::try_from(days).ok(),
        })
    };
    let author = stage.author(site, Role::Physician, person);
    let department = if drug.tie == Some(Trait::Psychiatry) { "21" } else { "01" };
    let payload = medication("active");
    let kind = "prescription";
    stage.write(Draft { patient: &patient, kind, occurred: at, recorded: at, labels, department, author, payload })?;
    if let (Some(at_pharmacy), true) = (person.at(Site::Pharmacy).cloned(), person.dice.happens(0.8)) {
        let dispensed = at.plus_micros(person.dice.between(15, 120) * MINUTE);
        let author = stage.author(Site::Pharmacy, Role::Pharmacist, person);
        stage.write(Draft {
            patient: &at_pharmacy,
            kind: "dispensing",
            occurred: dispensed,
            recorded: dispensed,
            labels,
            department: "",
            author,
            payload: medication("completed"),
        })?;
    }
    Ok(())
}

/// The panels a physician orders for this person.
pub(super) fn panels(person: &mut Person, emergency: bool) -> Vec<&'static str> {
    if emergency {
        return vec!["emergency", "blood"];
    }
    let mut panels = vec!["basic"];
    if person.dice.happens(0.6) {
        panels.push("blood");
    }
    if person.has(Trait::Diabetes) {
        panels.push("diabetes");
    }
    if person.has(Trait::Kidney) {
        panels.push("renal");
    }
    if person.has(Trait::Lipid) {
        panels.push("lipid");
    }
    if person.has(Trait::Pregnancy) {
        panels.push("pregnancy");
    }
    if person.has(Trait::Hiv) || person.dice.happens(0.04) {
        panels.push("infection");
    }
    if person.dice.happens(0.06) {
        panels.push("thyroid");
    }
    panels
}

/// Writes results as they are; returns their events.
pub(super) fn results(
    stage: &mut Stage<'_>,
    person: &mut Person,
    (site, collected): (Site, Moment),
    measured: Vec<Measured>,
    status: LabStatus,
) -> Result<Vec<Event>, SimulationError> {
    let Some(patient) = person.at(site).cloned() else { return Ok(Vec::new()) };
    let minutes = if site == Site::Laboratory { person.dice.between(240, 600) } else { person.dice.between(20, 40) };
    let recorded = collected.plus_micros(minutes * MINUTE);
    let author = stage.author(site, Role::LaboratoryStaff, person);
    measured
        .into_iter()
        .map(|measured| {
            stage.write(Draft {
                patient: &patient,
                kind: "lab",
                occurred: collected,
                recorded,
                labels: measured.labels,
                department: "",
                author: author.clone(),
                payload: Payload::Laboratory(LabResult { status, ..measured.result }),
            })
        })
        .collect()
}
