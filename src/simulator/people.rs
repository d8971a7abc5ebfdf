//! The people of the region: who they are, what they live with, and where they are known.

use super::SimulationError;
use super::dice::Dice;
use super::pregnancy::Pregnancy;
use super::region::{Office, Site};
use super::tables::{GivenName, Tables, Trait};
use model::{Demographics, Moment, PatientNumber, PatientRef, Sex};

/// A person. No facility knows all of this; each has its own number for them.
#[derive(Debug)]
pub(super) struct Person {
    pub(super) index: u64,
    pub(super) dice: Dice,
    pub(super) demographics: Demographics,
    pub(super) age: i64,
    pub(super) traits: Vec<Trait>,
    /// Gestational age in days at the start, for those who are pregnant.
    pub(super) gestation: Option<i64>,
    /// How the pregnancy goes, of the same.
    pub(super) pregnancy: Option<Pregnancy>,
    /// In cm.
    pub(super) height: f64,
    /// In kg; of those who are pregnant, before.
    pub(super) weight: f64,
    /// What the pregnancy adds at its last check-up: kg, and mmHg of systolic pressure.
    pub(super) carried: (f64, f64),
    /// Systolic and diastolic pressure this person returns to.
    pub(super) pressure: (f64, f64),
    /// Where they are known, with the number there.
    pub(super) refs: Vec<(Site, PatientRef)>,
    /// The analytes' personal middles, as z-scores within the reference interval, in the order of the table.
    pub(super) set_points: Vec<f64>,
    /// HbA1c this person returns to, % (NGSP).
    pub(super) hba1c: f64,
    /// eGFR this person returns to, mL/min/1.73m2.
    pub(super) egfr: f64,
}

/// Names the streams of pregnancies.
const PREGNANCY: u64 = 0x7072_6567;

impl Person {
    pub(super) fn has(&self, one: Trait) -> bool {
        self.traits.contains(&one)
    }
    /// Whether something tied to `tie` concerns this person; what is tied to nothing concerns everybody.
    pub(super) fn fits(&self, tie: Option<Trait>) -> bool {
        tie.is_none_or(|one| self.has(one))
    }
    pub(super) fn at(&self, site: Site) -> Option<&PatientRef> {
        self.refs.iter().find(|(known, _)| *known == site).map(|(_, patient)| patient)
    }
    pub(super) fn female(&self) -> bool {
        self.demographics.sex == Sex::Female
    }
}

/// A name that fits sex and birth year: as written, and in kana.
pub(super) fn person_name(tables: &Tables, sex: Sex, birth_year: i64, dice: &mut Dice) -> (String, String) {
    let family = tables.families.draw(dice).clone();
    let usual: Vec<&GivenName> = tables
        .given
        .iter()
        .filter(|given| given.sex == sex && (given.from..=given.until).contains(&birth_year))
        .collect();
    let at = usize::try_from(dice.between(0, usual.len() as i64 - 1)).unwrap_or_default();
    match usual.get(at) {
        Some(given) => {
            (format!("{} {}", family.written, given.name.written), format!("{} {}", family.kana, given.name.kana))
        }
        None => (family.written.to_owned(), family.kana.to_owned()),
    }
}

/// Draws person number `index`.
///
/// Ages follow three groups (18 % under 20, 45 % 20–64, 37 % 65–95, as in an ageing prefecture of those who visit
/// hospitals). Shares of traits among adults: diabetes 18 % (28 % from 65), hypertension 35 % (55 %), dyslipidaemia
/// 25 %, kidney disease 8 % and 35 % of diabetics, HIV 0.7 %, psychiatry 5 %, an untold diagnosis 2 %, a withheld one
/// 2 %; of women of 20–42, 25 % are pregnant (the region's perinatal centre is one of its seven facilities), of those
/// 10 % with gestational diabetes.
///
/// # Errors
/// When a number does not parse, which the tests rule out.
pub(super) fn person(
    tables: &Tables,
    offices: &[Office],
    (seed, index): (u64, u64),
    start: Moment,
) -> Result<Person, SimulationError> {
    let mut dice = Dice::new(seed, index);
    let sex = if dice.happens(0.53) { Sex::Female } else { Sex::Male };
    let age = match dice.unit() {
        u if u < 0.18 => dice.between(0, 19),
        u if u < 0.63 => dice.between(20, 64),
        _ => dice.between(65, 95),
    };
    let birth = start.plus_micros(-(age * 365_2425 / 10_000 * 86_400_000_000 + dice.between(1, 364) * 86_400_000_000));
    let birth_date = civil_date(birth);
    let birth_year = birth_date.map_or(1960, |date| i64::from(date.year()));
    let (name, kana) = person_name(tables, sex, birth_year, &mut dice);
    let place = tables.places.draw(&mut dice).clone();
    let address = format!("{}{}番{}号", place.address, dice.between(1, 999), dice.between(1, 30));

    let traits = draw_traits(sex, age, &mut dice);
    let has = |one: Trait| traits.contains(&one);
    let gestation = has(Trait::Pregnancy).then(|| dice.between(8 * 7, 40 * 7));
    let height = if sex == Sex::Male { dice.normal(168.0, 6.0) } else { dice.normal(155.0, 5.5) };
    let body_mass = (dice.normal(if has(Trait::Diabetes) { 25.5 } else { 22.5 }, 3.0)).clamp(15.0, 42.0);
    let grown = if age < 18 { (0.35 + 0.65 * age as f64 / 18.0).min(1.0) } else { 1.0 };
    let height = height * grown;
    let systolic = dice.normal(if has(Trait::Hypertension) { 138.0 } else { 118.0 }, 9.0);
    let set_points = tables.analytes.iter().map(|_| dice.normal(0.0, 0.7)).collect();
    let hba1c = if has(Trait::Diabetes) {
        dice.normal(7.3, 1.0).clamp(5.9, 12.5)
    } else {
        dice.normal(5.4, 0.25).clamp(4.6, 6.1)
    };
    let egfr = if has(Trait::Kidney) {
        dice.normal(38.0, 12.0).clamp(8.0, 58.0)
    } else {
        (dice.normal(105.0, 10.0) - 0.55 * age as f64).clamp(58.0, 130.0)
    };
    let refs = known_at(&traits, offices, (seed, index), &mut dice)?;
    Ok(Person {
        index,
        demographics: Demographics {
            name,
            kana,
            birth_date,
            sex,
            postal_code: place.postal.to_owned(),
            address,
            deceased: None,
        },
        age,
        gestation,
        // a stream of its own: the rest of a person's life does not depend on it
        pregnancy: gestation.map(|days| Pregnancy::draw(Dice::new(seed ^ PREGNANCY, index), index, days)),
        height,
        carried: (0.0, 0.0),
        weight: body_mass * height * height / 10_000.0,
        pressure: (systolic, systolic * 0.55 + dice.normal(11.0, 4.0)),
        refs,
        set_points,
        hba1c,
        egfr,
        traits,
        dice,
    })
}

fn draw_traits(sex: Sex, age: i64, dice: &mut Dice) -> Vec<Trait> {
    let mut traits = Vec::new();
    let mut draw = |p: f64, one: Trait| {
        let happens = dice.happens(p);
        if happens {
            traits.push(one);
        }
        happens
    };
    let old = age >= 65;
    if age >= 20 {
        let diabetes = draw(if old { 0.28 } else { 0.18 }, Trait::Diabetes);
        draw(if old { 0.55 } else { 0.35 }, Trait::Hypertension);
        draw(0.25, Trait::Lipid);
        if diabetes && draw(0.35, Trait::DiabeticKidney) {
            draw(1.0, Trait::Kidney);
        } else {
            draw(0.08, Trait::Kidney);
        }
        draw(0.007, Trait::Hiv);
        draw(0.05, Trait::Psychiatry);
        draw(0.02, Trait::Untold);
        draw(0.02, Trait::Withheld);
    }
    if sex == Sex::Female && (20..=42).contains(&age) && draw(0.25, Trait::Pregnancy) {
        draw(0.10, Trait::GestationalDiabetes);
    }
    traits
}

/// Where the person is known: a hospital always (Central 65 %, Harbour 45 %, at least one), one of the clinics 85 %
/// (diabetics mostly the diabetes clinic), the laboratory where a clinic sends specimens, the pharmacy 75 %, the
/// perinatal centre when pregnant.
fn known_at(
    traits: &[Trait],
    offices: &[Office],
    (seed, index): (u64, u64),
    dice: &mut Dice,
) -> Result<Vec<(Site, PatientRef)>, SimulationError> {
    let mut sites = Vec::new();
    let central = dice.happens(0.65);
    if central {
        sites.push(Site::Central);
    }
    if !central || dice.happens(0.2) {
        sites.push(Site::Harbour);
    }
    if dice.happens(0.85) {
        let diabetic = traits.contains(&Trait::Diabetes);
        sites.push(if dice.happens(if diabetic { 0.8 } else { 0.5 }) { Site::Clinic } else { Site::Bayside });
        sites.push(Site::Laboratory);
    }
    if dice.happens(0.75) {
        sites.push(Site::Pharmacy);
    }
    if traits.contains(&Trait::Pregnancy) {
        sites.push(Site::Perinatal);
    }
    let mut refs = Vec::new();
    for site in sites {
        let Some(office) = offices.iter().find(|office| office.site == site) else { continue };
        // Each facility numbers in its own way, and no two seeds share numbers.
        let serial = seed.wrapping_mul(7_919) % 9_000 * 10_000 + index;
        let number = match site {
            Site::Central => format!("{:010}", 1_000_000_000 + serial * 7),
            Site::Harbour => format!("{:09}", 200_000_000 + serial),
            Site::Laboratory => format!("L{:09}", serial * 3 + 11),
            Site::Clinic => format!("H-{:08}", serial),
            Site::Bayside => format!("N{:08}", serial + 17),
            Site::Pharmacy => format!("P{:09}", serial * 5),
            Site::Perinatal => format!("PC{:08}", serial),
        };
        refs.push((site, PatientRef::new(office.id().clone(), PatientNumber::parse(&number)?)));
    }
    Ok(refs)
}

/// The civil date in Japan at a moment.
pub(super) fn civil_date(moment: Moment) -> Option<jiff::civil::Date> {
    let japan = jiff::tz::TimeZone::fixed(jiff::tz::offset(9));
    Some(jiff::Timestamp::from_microsecond(moment.micros()).ok()?.to_zoned(japan).date())
}
