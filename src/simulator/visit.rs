//! Visits, and all that follows from them.
//!
//! A visit opens an encounter, measures vital signs, writes a note (80 %), orders a panel (70 %; preliminary after
//! 20–40 minutes, final 50–130 minutes after collection, corrected within a day in 2 %), and prescribes (60 %), which
//! the patient's pharmacy dispenses within two hours in 80 %. Clinics send specimens to the laboratory (final after
//! 4–10 hours). 1.5 % of visits are opened in the wrong chart and deleted within the hour; 3 % of notes are corrected;
//! 8 % of visits at hospitals are emergencies and some of those (25 %) end in admission. Psychiatric notes carry PSY
//! and R.

use super::SimulationError;
use super::care::{Finding, MINUTE, Stage, diagnose, panels, prescribe, record_of, results, standing_drugs};
use super::laboratory::measure;
use super::people::Person;
use super::region::Site;
use super::scribe::{Amendment, Draft, amend, coding};
use super::tables::Trait;
use model::{
    ChangeKind, CodeSystem, Coding, Document, Encounter, EncounterClass, Imaging, LabResult, LabStatus, Label, Labels,
    Moment, PatientRef, Payload, Role, Value, VitalSign,
};

/// A visit at `site` that begins at `at`, with everything that follows from it.
pub(super) fn visit(stage: &mut Stage<'_>, person: &mut Person, site: Site, at: Moment) -> Result<(), SimulationError> {
    let Some(patient) = person.at(site).cloned() else { return Ok(()) };
    let hospital = matches!(site, Site::Central | Site::Harbour);
    let emergency = hospital && person.dice.happens(0.08);
    let illness = stage.tables.chance_problems.draw(&mut person.dice).clone();
    let ill = emergency || person.dice.happens(0.25);
    let inflammation = match illness.icd10 {
        "J18.9" if ill => person.dice.uniform(0.5, 1.0),
        "J06.9" | "N30.0" if ill => person.dice.uniform(0.1, 0.5),
        _ => 0.0,
    };
    let reason = if ill {
        coding(CodeSystem::Icd10, illness.icd10, illness.name)
    } else {
        coding(CodeSystem::Local, "", "定期受診")
    };
    let department = if ill { illness.department } else { "01" };
    if person.dice.happens(0.015) {
        return wrong_chart(stage, person, (site, &patient), at);
    }
    encounter(stage, person, (site, &patient), (at, emergency), (&reason, department))?;
    vitals(stage, person, (site, &patient), at.plus_micros(8 * MINUTE), inflammation)?;
    if ill {
        let recorded = at.plus_micros(25 * MINUTE);
        let suspected = person.dice.happens(0.3);
        let finding = Finding { problem: &illness, onset: at, recorded, suspected };
        diagnose(stage, person, (site, &patient), finding)?;
    }
    if emergency || person.dice.happens(0.7) {
        let laboratory = if hospital { site } else { Site::Laboratory };
        order_results(stage, person, (laboratory, at.plus_micros(10 * MINUTE)), emergency, inflammation)?;
    }
    if hospital && person.dice.happens(if emergency { 0.5 } else { 0.1 }) {
        imaging(stage, person, (site, &patient), at.plus_micros(40 * MINUTE))?;
    }
    if person.dice.happens(0.8) {
        note(stage, person, (site, &patient), at.plus_micros(30 * MINUTE))?;
    }
    if person.dice.happens(0.6) {
        let standing = standing_drugs(stage.tables, person);
        let drugs = if ill || standing.is_empty() {
            vec![stage.tables.chance_drugs.draw(&mut person.dice).clone()]
        } else {
            standing
        };
        for drug in &drugs {
            prescribe(stage, person, site, drug, at.plus_micros(35 * MINUTE))?;
        }
    }
    Ok(())
}

/// An encounter opened in the wrong chart: taken back within the hour, and what it said is not kept.
fn wrong_chart(
    stage: &mut Stage<'_>,
    person: &mut Person,
    (site, patient): (Site, &PatientRef),
    at: Moment,
) -> Result<(), SimulationError> {
    let author = stage.author(site, Role::Physician, person);
    let event = stage.write(Draft {
        patient,
        kind: "encounter",
        occurred: at,
        recorded: at,
        labels: Labels::NONE,
        department: "01",
        author,
        payload: Payload::Encounter(Encounter {
            class: EncounterClass::Ambulatory,
            status: "in-progress".to_owned(),
            reason: coding(CodeSystem::Local, "", "受付"),
            start: Some(at),
            end: None,
        }),
    })?;
    let recorded = at.plus_micros(person.dice.between(5, 55) * MINUTE);
    let deletion = Amendment { change: ChangeKind::Delete, recorded, labels: Labels::NONE, payload: None };
    stage.amend(&event, deletion)
}

fn encounter(
    stage: &mut Stage<'_>,
    person: &mut Person,
    (site, patient): (Site, &PatientRef),
    (at, emergency): (Moment, bool),
    (reason, department): (&Coding, &'static str),
) -> Result<(), SimulationError> {
    let admitted = emergency && person.dice.happens(0.25);
    let class = if admitted {
        EncounterClass::Inpatient
    } else if emergency {
        EncounterClass::Emergency
    } else {
        EncounterClass::Ambulatory
    };
    let open =
        Encounter { class, status: "in-progress".to_owned(), reason: reason.clone(), start: Some(at), end: None };
    let author = stage.author(site, Role::Physician, person);
    let event = stage.write(Draft {
        patient,
        kind: "encounter",
        occurred: at,
        recorded: at,
        labels: Labels::NONE,
        department,
        author,
        payload: Payload::Encounter(open.clone()),
    })?;
    let minutes = if admitted { person.dice.between(2 * 1440, 12 * 1440) } else { person.dice.between(60, 200) };
    let end = at.plus_micros(minutes * MINUTE);
    let closed = Encounter { status: "finished".to_owned(), end: Some(end), ..open };
    stage.amend(
        &event,
        Amendment {
            change: ChangeKind::Upsert,
            recorded: end,
            labels: Labels::NONE,
            payload: Some(Payload::Encounter(closed)),
        },
    )
}

/// Vital signs by LOINC: temperature, pressure, pulse, oxygen saturation, weight.
pub(super) fn vitals(
    stage: &mut Stage<'_>,
    person: &mut Person,
    (site, patient): (Site, &PatientRef),
    at: Moment,
    inflammation: f64,
) -> Result<(), SimulationError> {
    let dice = &mut person.dice;
    let (gained, raised) = person.carried;
    let sbp = dice.normal(person.pressure.0 + raised, 7.0).round();
    let dbp = dice.normal(person.pressure.1 + 0.6 * raised, 5.0).round();
    let pulse = (dice.normal(74.0, 9.0) + 22.0 * inflammation).round();
    let temperature = ((dice.normal(36.5, 0.25) + 2.4 * inflammation) * 10.0).round() / 10.0;
    let spo2 = (dice.normal(97.6, 0.8) - 6.0 * inflammation * inflammation).clamp(80.0, 100.0).round();
    let weight = ((person.weight + gained + dice.normal(0.0, 0.6)) * 10.0).round() / 10.0;
    let author = stage.author(site, if site == Site::Perinatal { Role::Midwife } else { Role::Nurse }, person);
    for (code, name, value, unit) in [
        ("8310-5", "体温", temperature, "Cel"),
        ("8480-6", "収縮期血圧", sbp, "mm[Hg]"),
        ("8462-4", "拡張期血圧", dbp, "mm[Hg]"),
        ("8867-4", "心拍数", pulse, "/min"),
        ("59408-5", "酸素飽和度", spo2, "%"),
        ("29463-7", "体重", weight, "kg"),
    ] {
        stage.write(Draft {
            patient,
            kind: "vital",
            occurred: at,
            recorded: at.plus_micros(MINUTE),
            labels: Labels::NONE,
            department: "",
            author: author.clone(),
            payload: Payload::VitalSign(VitalSign {
                code: coding(CodeSystem::Loinc, code, name),
                value: Value::Quantity { value, unit: unit.to_owned(), comparator: String::new() },
            }),
        })?;
    }
    Ok(())
}

fn order_results(
    stage: &mut Stage<'_>,
    person: &mut Person,
    (site, collected): (Site, Moment),
    emergency: bool,
    inflammation: f64,
) -> Result<(), SimulationError> {
    let panels = panels(person, emergency);
    let order = stage.scribe.id("order");
    let measured = measure(stage.tables, person, &panels, inflammation, &order);
    if site == Site::Laboratory {
        results(stage, person, (site, collected), measured, LabStatus::Final)?;
        return Ok(());
    }
    let preliminary = results(stage, person, (site, collected), measured, LabStatus::Preliminary)?;
    let minutes = person.dice.between(50, 130);
    for event in &preliminary {
        let Some(record) = record_of(event) else { continue };
        let Some(Payload::Laboratory(result)) = record.payload() else { continue };
        let recorded = collected.plus_micros(minutes * MINUTE);
        let last = LabResult { status: LabStatus::Final, ..result.clone() };
        let amendment = Amendment {
            change: ChangeKind::Upsert,
            recorded,
            labels: record.labels,
            payload: Some(Payload::Laboratory(last.clone())),
        };
        let second = amend(record, amendment)?;
        stage.said.push((recorded, second.clone()));
        if person.dice.happens(0.02) {
            let recorded = recorded.plus_micros(person.dice.between(60, 1_200) * MINUTE);
            let payload = Some(Payload::Laboratory(corrected(last, person)));
            stage
                .amend(&second, Amendment { change: ChangeKind::Correct, recorded, labels: record.labels, payload })?;
        }
    }
    Ok(())
}

/// The same result measured again: up to 8 % away.
fn corrected(result: LabResult, person: &mut Person) -> LabResult {
    let value = match result.value {
        Value::Quantity { value, unit, .. } => {
            let again = (value * person.dice.uniform(0.92, 1.08) * 100.0).round() / 100.0;
            Value::Quantity { value: again, unit, comparator: String::new() }
        }
        other => other,
    };
    LabResult { value, status: LabStatus::Corrected, ..result }
}

fn imaging(
    stage: &mut Stage<'_>,
    person: &mut Person,
    (site, patient): (Site, &PatientRef),
    at: Moment,
) -> Result<(), SimulationError> {
    let (modality, procedure, report) = match person.dice.between(0, 2) {
        0 => ("CT", "胸部CT", "肺野に活動性病変なし。縦隔リンパ節腫大なし。"),
        1 => ("CR", "胸部単純X線", "心胸郭比 48%。肺野に異常陰影なし。"),
        _ => ("US", "腹部超音波", "軽度脂肪肝。胆石なし。腎に水腎なし。"),
    };
    let author = stage.author(site, Role::Physician, person);
    let study = person.dice.between(1, 999_999_999);
    stage.write(Draft {
        patient,
        kind: "imaging",
        occurred: at,
        recorded: at.plus_micros(50 * MINUTE),
        labels: Labels::NONE,
        department: "26",
        author,
        payload: Payload::Imaging(Imaging {
            modality: modality.to_owned(),
            procedure: coding(CodeSystem::Local, "", procedure),
            study_uid: format!("1.2.392.999999.{}.{study}", person.index + 1),
            report: report.to_owned(),
        }),
    })?;
    Ok(())
}

/// A note by somebody of the site that fits the person.
pub(super) fn note(
    stage: &mut Stage<'_>,
    person: &mut Person,
    (site, patient): (Site, &PatientRef),
    at: Moment,
) -> Result<(), SimulationError> {
    let roles: &[Role] = match site {
        Site::Perinatal => &[Role::Midwife, Role::Physician],
        Site::Pharmacy => &[Role::Pharmacist],
        Site::Clinic | Site::Bayside => &[Role::Physician, Role::Nurse],
        _ => &[Role::Physician, Role::Nurse, Role::Pharmacist],
    };
    let fitting: Vec<_> =
        stage.tables.notes.iter().filter(|note| roles.contains(&note.role) && person.fits(note.tie)).collect();
    let pick = usize::try_from(person.dice.between(0, fitting.len() as i64 - 1)).unwrap_or_default();
    let Some(note) = fitting.get(pick) else { return Ok(()) };
    let psychiatric = note.tie == Some(Trait::Psychiatry);
    let labels = if psychiatric { Labels::of(Label::Psy).with(Label::Restricted) } else { Labels::NONE };
    let text = fill(note.text, person);
    let document = Document {
        kind: coding(CodeSystem::Loinc, "11506-3", "Progress note"),
        title: note.title.to_owned(),
        content_type: "text/plain".to_owned(),
        content: text,
    };
    let author = stage.author(site, note.role, person);
    let event = stage.write(Draft {
        patient,
        kind: "note",
        occurred: at,
        recorded: at.plus_micros(5 * MINUTE),
        labels,
        department: if psychiatric { "21" } else { "01" },
        author,
        payload: Payload::Document(document.clone()),
    })?;
    if person.dice.happens(0.03) {
        let recorded = at.plus_micros(person.dice.between(20, 240) * MINUTE);
        let content = format!("{}（追記: 次回採血を予定）", document.content);
        let payload = Some(Payload::Document(Document { content, ..document }));
        stage.amend(&event, Amendment { change: ChangeKind::Correct, recorded, labels, payload })?;
    }
    Ok(())
}

fn fill(text: &str, person: &mut Person) -> String {
    let sbp = person.dice.normal(person.pressure.0, 6.0).round();
    let dbp = person.dice.normal(person.pressure.1, 4.0).round();
    let pulse = person.dice.normal(74.0, 8.0).round();
    text.replace("{sbp}", &sbp.to_string())
        .replace("{dbp}", &dbp.to_string())
        .replace("{pulse}", &pulse.to_string())
        .replace("{weight}", &format!("{:.1}", person.weight + person.carried.0))
        .replace("{hba1c}", &format!("{:.1}", person.hba1c))
        .replace("{egfr}", &format!("{:.0}", person.egfr))
        .replace("{temperature}", &format!("{:.1}", person.dice.normal(36.5, 0.2)))
        .replace("{weeks}", &person.gestation.map_or(0, |days| days / 7).to_string())
}
