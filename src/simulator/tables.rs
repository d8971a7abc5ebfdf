//! The small lists under `data/`: names, places, analytes, problems, drugs, allergies, notes.

use super::SimulationError;
use super::dice::Urn;
use model::{Label, Labels, Role, Sex};
use std::str::FromStr;

/// A file of comma-separated rows under a header; lines that begin with `#` are remarks. The last column takes the
/// rest of its line, commas included.
struct Sheet {
    file: &'static str,
    columns: Vec<&'static str>,
    rows: Vec<(usize, Vec<&'static str>)>,
}

struct Row<'a> {
    sheet: &'a Sheet,
    line: usize,
    cells: &'a [&'static str],
}

impl Sheet {
    fn read(file: &'static str, text: &'static str) -> Self {
        let mut lines = text.lines().enumerate().filter(|(_, line)| !line.is_empty() && !line.starts_with('#'));
        let columns: Vec<&str> = lines.next().map(|(_, line)| line.split(',').collect()).unwrap_or_default();
        let rows = lines.map(|(at, line)| (at + 1, line.splitn(columns.len().max(1), ',').collect())).collect();
        Self { file, columns, rows }
    }
    fn each<T>(&self, parse: impl Fn(&Row<'_>) -> Result<T, SimulationError>) -> Result<Vec<T>, SimulationError> {
        self.rows.iter().map(|(line, cells)| parse(&Row { sheet: self, line: *line, cells })).collect()
    }
    fn urn<T>(&self, parse: impl Fn(&Row<'_>) -> Result<(f64, T), SimulationError>) -> Result<Urn<T>, SimulationError> {
        Urn::new(self.each(parse)?).ok_or(SimulationError::Table { file: self.file, line: 1, column: "(rows)" })
    }
}

impl Row<'_> {
    fn fault(&self, column: &'static str) -> SimulationError {
        SimulationError::Table { file: self.sheet.file, line: self.line, column }
    }
    fn text(&self, column: &'static str) -> Result<&'static str, SimulationError> {
        let at = self.sheet.columns.iter().position(|c| *c == column).ok_or_else(|| self.fault(column))?;
        self.cells.get(at).copied().ok_or_else(|| self.fault(column))
    }
    fn parse<T: FromStr>(&self, column: &'static str) -> Result<T, SimulationError> {
        self.text(column)?.parse().map_err(|_| self.fault(column))
    }
    fn optional<T: FromStr>(&self, column: &'static str) -> Result<Option<T>, SimulationError> {
        if self.text(column)?.is_empty() { Ok(None) } else { self.parse(column).map(Some) }
    }
    fn labels(&self, column: &'static str) -> Result<Labels, SimulationError> {
        self.text(column)?
            .split('|')
            .filter(|label| !label.is_empty())
            .map(|label| label.parse::<Label>().map_err(|_| self.fault(column)))
            .collect()
    }
}

/// What the simulation knows of a patient, and to what a problem, a drug or a note is tied.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Trait {
    /// Type 2 diabetes.
    Diabetes,
    /// Diabetic nephropathy.
    DiabeticKidney,
    /// Chronic kidney disease of any cause.
    Kidney,
    /// Hypertension.
    Hypertension,
    /// Dyslipidaemia.
    Lipid,
    /// Pregnant now.
    Pregnancy,
    /// Gestational diabetes.
    GestationalDiabetes,
    /// HIV infection.
    Hiv,
    /// In psychiatric care.
    Psychiatry,
    /// A diagnosis the patient has not been told.
    Untold,
    /// A diagnosis that must not leave its source.
    Withheld,
}

impl Trait {
    fn from_code(code: &str) -> Option<Self> {
        Some(match code {
            "diabetes" => Self::Diabetes,
            "diabetic-kidney" => Self::DiabeticKidney,
            "kidney" => Self::Kidney,
            "hypertension" => Self::Hypertension,
            "lipid" => Self::Lipid,
            "pregnancy" => Self::Pregnancy,
            "gestational-diabetes" => Self::GestationalDiabetes,
            "hiv" => Self::Hiv,
            "psychiatry" => Self::Psychiatry,
            "untold" => Self::Untold,
            "withheld" => Self::Withheld,
            _ => return None,
        })
    }
}

impl Row<'_> {
    fn tie(&self) -> Result<Option<Trait>, SimulationError> {
        match self.text("trait")? {
            "" => Ok(None),
            code => Trait::from_code(code).map(Some).ok_or_else(|| self.fault("trait")),
        }
    }
}

/// A family or given name and its reading.
#[derive(Debug, Clone)]
pub(super) struct Name {
    pub(super) written: &'static str,
    pub(super) kana: &'static str,
}

/// A given name with whom it is given to.
#[derive(Debug, Clone)]
pub(super) struct GivenName {
    pub(super) name: Name,
    pub(super) sex: Sex,
    pub(super) from: i64,
    pub(super) until: i64,
}

/// A place to live.
#[derive(Debug, Clone)]
pub(super) struct Place {
    pub(super) postal: &'static str,
    pub(super) address: &'static str,
}

/// One analyte.
#[derive(Debug, Clone)]
pub(super) struct Analyte {
    pub(super) key: &'static str,
    pub(super) jlac10: &'static str,
    pub(super) name: &'static str,
    pub(super) unit: &'static str,
    pub(super) decimals: i32,
    pub(super) male: (Option<f64>, Option<f64>),
    pub(super) female: (Option<f64>, Option<f64>),
    pub(super) log_normal: bool,
    pub(super) panels: Vec<&'static str>,
}

/// One problem.
#[derive(Debug, Clone)]
pub(super) struct Problem {
    pub(super) icd10: &'static str,
    pub(super) name: &'static str,
    pub(super) department: &'static str,
    pub(super) tie: Option<Trait>,
    pub(super) labels: Labels,
}

/// One drug.
#[derive(Debug, Clone)]
pub(super) struct Drug {
    pub(super) yj: &'static str,
    pub(super) name: &'static str,
    pub(super) dosage: &'static str,
    pub(super) unit: &'static str,
    pub(super) per_day: f64,
    pub(super) tie: Option<Trait>,
}

/// One allergy.
#[derive(Debug, Clone)]
pub(super) struct Allergen {
    pub(super) name: &'static str,
    pub(super) reaction: &'static str,
    pub(super) criticality: &'static str,
}

/// One note to write.
#[derive(Debug, Clone)]
pub(super) struct Note {
    pub(super) role: Role,
    pub(super) tie: Option<Trait>,
    pub(super) title: &'static str,
    pub(super) text: &'static str,
}

/// All lists, read once.
#[derive(Debug)]
pub(super) struct Tables {
    pub(super) families: Urn<Name>,
    pub(super) given: Vec<GivenName>,
    pub(super) places: Urn<Place>,
    pub(super) analytes: Vec<Analyte>,
    pub(super) problems: Vec<Problem>,
    pub(super) chance_problems: Urn<Problem>,
    pub(super) drugs: Vec<Drug>,
    pub(super) chance_drugs: Urn<Drug>,
    pub(super) allergens: Urn<Allergen>,
    pub(super) notes: Vec<Note>,
}

impl Tables {
    /// Reads the lists compiled into the program.
    ///
    /// # Errors
    /// When a list is damaged; the error names file, line and column.
    pub(super) fn read() -> Result<Self, SimulationError> {
        let families = Sheet::read("family_names.csv", include_str!("data/family_names.csv"))
            .urn(|row| Ok((row.parse("weight")?, Name { written: row.text("name")?, kana: row.text("kana")? })))?;
        let given = Sheet::read("given_names.csv", include_str!("data/given_names.csv")).each(|row| {
            let sex = Sex::ALL.into_iter().find(|sex| row.text("sex").is_ok_and(|code| code == sex.code()));
            Ok(GivenName {
                name: Name { written: row.text("name")?, kana: row.text("kana")? },
                sex: sex.ok_or_else(|| row.fault("sex"))?,
                from: row.parse("from")?,
                until: row.parse("until")?,
            })
        })?;
        let places = Sheet::read("addresses.csv", include_str!("data/addresses.csv")).urn(|row| {
            Ok((row.parse("weight")?, Place { postal: row.text("postal")?, address: row.text("address")? }))
        })?;
        let analytes = Sheet::read("laboratory.csv", include_str!("data/laboratory.csv")).each(|row| {
            Ok(Analyte {
                key: row.text("key")?,
                jlac10: row.text("jlac10")?,
                name: row.text("name")?,
                unit: row.text("unit")?,
                decimals: row.parse("decimals")?,
                male: (row.optional("low_male")?, row.optional("high_male")?),
                female: (row.optional("low_female")?, row.optional("high_female")?),
                log_normal: row.text("shape")? == "lognormal",
                panels: row.text("panels")?.split('|').collect(),
            })
        })?;
        let problem = |row: &Row<'_>| {
            let problem = Problem {
                icd10: row.text("icd10")?,
                name: row.text("name")?,
                department: row.text("department")?,
                tie: row.tie()?,
                labels: row.labels("labels")?,
            };
            Ok((row.parse::<f64>("weight")?, problem))
        };
        let sheet = Sheet::read("conditions.csv", include_str!("data/conditions.csv"));
        let chance_problems = sheet.urn(problem)?;
        let problems = sheet.each(problem)?.into_iter().map(|(_, problem)| problem).collect();
        let drug = |row: &Row<'_>| {
            let drug = Drug {
                yj: row.text("yj")?,
                name: row.text("name")?,
                dosage: row.text("dosage")?,
                unit: row.text("unit")?,
                per_day: row.parse("per_day")?,
                tie: row.tie()?,
            };
            let weight = if drug.tie.is_none() { 1.0 } else { 0.0 };
            Ok((weight, drug))
        };
        let sheet = Sheet::read("medications.csv", include_str!("data/medications.csv"));
        let chance_drugs = sheet.urn(drug)?;
        let drugs = sheet.each(drug)?.into_iter().map(|(_, drug)| drug).collect();
        let allergens = Sheet::read("allergies.csv", include_str!("data/allergies.csv")).urn(|row| {
            let allergen = Allergen {
                name: row.text("name")?,
                reaction: row.text("reaction")?,
                criticality: row.text("criticality")?,
            };
            Ok((row.parse("weight")?, allergen))
        })?;
        let notes = Sheet::read("notes.csv", include_str!("data/notes.csv")).each(|row| {
            Ok(Note { role: row.parse("role")?, tie: row.tie()?, title: row.text("title")?, text: row.text("text")? })
        })?;
        Ok(Self { families, given, places, analytes, problems, chance_problems, drugs, chance_drugs, allergens, notes })
    }
}
