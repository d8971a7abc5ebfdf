//! How a file is spelled. These types exist for the file alone; what they mean are [`Cohort`] and [`Criterion`].

use super::{CohortFile, CohortFileError, extent};
use crate::diabetes::cohort::{Cohort, Criterion, Within};
use crate::diabetes::denominator::DiabetesType;
use crate::diabetes::drug::DrugClass;
use crate::diabetes::due::Check;
use crate::diabetes::facts::Measure;
use crate::diabetes::kidney::{CkdRisk, NephropathyStage};
use model::CodeSystem;
use rust_decimal::Decimal;
use serde::de::Error as _;
use serde::{Deserialize, Deserializer, Serialize, Serializer};

/// A file's fields in the order in which they are written.
#[derive(Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct Form {
    name: String,
    version: String,
    #[serde(default, skip_serializing_if = "String::is_empty")]
    ja: String,
    #[serde(default, skip_serializing_if = "String::is_empty")]
    en: String,
    #[serde(default, rename = "where", skip_serializing_if = "Option::is_none")]
    criterion: Option<Asked>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    sql: Option<String>,
}

#[derive(Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
enum Asked {
    All(Vec<Asked>),
    Any(Vec<Asked>),
    Not(Box<Asked>),
    Diabetes,
    Kind(Word<DiabetesType>),
    Age(Ages),
    AtLeast(Bound),
    Below(Bound),
    StageAtLeast(Word<NephropathyStage>),
    RiskAtLeast(Word<CkdRisk>),
    RapidDecline,
    #[serde(rename = "falling-below-60")]
    FallingBelow60,
    OverTreated,
    Overdue(Word<Check>),
    NotSeenFor(Days),
    Takes(Word<DrugClass>),
    Coded(Code),
    Alive,
    Admitted,
    MovedAway,
    GestationalBirth(Span),
    GlucoseSinceBirth,
}

/// Completed years, both included.
#[derive(Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
struct Ages {
    #[serde(default)]
    from: u16,
    #[serde(default = "oldest")]
    to: u16,
}

/// Days after something, both included.
#[derive(Serialize, Deserialize)]
#[serde(deny_unknown_fields, rename_all = "kebab-case")]
struct Span {
    from_days: u16,
    to_days: u16,
}

#[derive(Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
struct Days {
    days: u16,
}

/// A limit in the measure's unit.
#[derive(Serialize, Deserialize)]
#[serde(deny_unknown_fields, rename_all = "kebab-case")]
struct Bound {
    measure: Word<Measure>,
    value: Number,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    within_days: Option<u16>,
}

#[derive(Serialize, Deserialize)]
#[serde(deny_unknown_fields, rename_all = "kebab-case")]
struct Code {
    system: String,
    begins: String,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    within_days: Option<u16>,
}

const fn oldest() -> u16 {
    130
}

/// A value by its short stable name.
struct Word<T>(T);

/// What has short stable names.
trait Named: Copy + 'static {
    const WHAT: &'static str;
    fn all() -> Vec<Self>;
    fn word(self) -> String;
}

macro_rules! named {
    ($($type:ty, $what:literal, $all:expr, $word:expr;)+) => {
        $(impl Named for $type {
            const WHAT: &'static str = $what;
            fn all() -> Vec<Self> {
                $all
            }
            fn word(self) -> String {
                ($word)(self)
            }
        })+
    };
}

named! {
    DiabetesType, "kind of diabetes", DiabetesType::ALL.to_vec(), |one: Self| one.code().to_owned();
    NephropathyStage, "stage of nephropathy", NephropathyStage::ALL.to_vec(), |one: Self| one.number().to_string();
    CkdRisk, "risk", CkdRisk::ALL.to_vec(), |one: Self| one.code().to_owned();
    Check, "check", Check::ALL.to_vec(), |one: Self| one.code().to_owned();
    DrugClass, "class of drugs", DrugClass::ALL.to_vec(), |one: Self| one.code().to_owned();
    Measure, "measure", Measure::all().collect(), |one: Self| one.key().to_owned();
}

impl<T: Named> Serialize for Word<T> {
    fn serialize<S: Serializer>(&self, to: S) -> Result<S::Ok, S::Error> {
        to.serialize_str(&self.0.word())
    }
}

impl<'de, T: Named> Deserialize<'de> for Word<T> {
    fn deserialize<D: Deserializer<'de>>(from: D) -> Result<Self, D::Error> {
        let text = String::deserialize(from)?;
        let all = T::all();
        let found = all.iter().copied().find(|one| one.word() == text);
        found.map(Self).ok_or_else(|| {
            let words: Vec<String> = all.into_iter().map(T::word).collect();
            D::Error::custom(format!("`{text}` is no {}: write one of {}", T::WHAT, words.join(", ")))
        })
    }
}

/// A decimal as it is written: never by way of a binary fraction.
struct Number(Decimal);

impl Serialize for Number {
    fn serialize<S: Serializer>(&self, to: S) -> Result<S::Ok, S::Error> {
        to.serialize_str(&self.0.to_string())
    }
}

impl<'de> Deserialize<'de> for Number {
    fn deserialize<D: Deserializer<'de>>(from: D) -> Result<Self, D::Error> {
        let text = String::deserialize(from)?;
        let number = Decimal::from_str_exact(&text);
        number.map(Self).map_err(|_| D::Error::custom(format!("`value`: `{text}` is no number")))
    }
}

/// Reads the form, within bounds that hold before anything is built.
pub(super) fn read(text: &str) -> Result<Form, CohortFileError> {
    let options = serde_saphyr::options! {
        budget: serde_saphyr::budget! { max_depth: 3 * CohortFile::DEPTH, max_nodes: 20 * CohortFile::CRITERIA },
        with_snippet: false,
    };
    serde_saphyr::from_str_with_options(text, options).map_err(|error| {
        let line = error.location().map_or(0, |place| place.line());
        let said = error.without_snippet().to_string();
        // the place stands in a field of its own
        let rule = said.split(" at line ").next().unwrap_or(&said).to_owned();
        // an error of shape does not say of what
        let rule = match field_in(text, line).filter(|_| !rule.contains('`')) {
            Some(field) => format!("`{field}`: {rule}"),
            None => rule,
        };
        CohortFileError { line, rule }
    })
}

/// The field that a line begins with.
fn field_in(text: &str, line: u64) -> Option<&str> {
    let line = text.lines().nth(usize::try_from(line).ok()?.checked_sub(1)?)?;
    let (field, _) = line.trim_start_matches(['-', ' ']).split_once(':')?;
    let plain = |c: char| c.is_ascii_lowercase() || c.is_ascii_digit() || c == '-';
    (!field.is_empty() && field.chars().all(plain)).then_some(field)
}

impl Form {
    /// The form of a definition.
    pub(super) fn of(file: &CohortFile) -> Self {
        let ((ja, en), (criterion, sql)) = match file {
            CohortFile::Typed(cohort) => ((&cohort.ja, &cohort.en), (Some((&cohort.criterion).into()), None)),
            CohortFile::Sql { ja, en, sql, .. } => ((ja, en), (None, Some(sql.clone()))),
        };
        Self {
            name: file.key().to_owned(),
            version: file.version().to_owned(),
            ja: ja.clone(),
            en: en.clone(),
            criterion,
            sql,
        }
    }

    /// As YAML. A form of ours has nothing that cannot be written.
    pub(super) fn write(&self) -> String {
        serde_saphyr::to_string(self).unwrap_or_default()
    }

    pub(super) fn into_file(self) -> Result<CohortFile, String> {
        let Self { name: key, version, ja, en, criterion, sql } = self;
        let begins = key.starts_with(|c: char| c.is_ascii_lowercase());
        if !begins || key.len() > 63 || !key.chars().all(|c| matches!(c, 'a'..='z' | '0'..='9' | '_' | '-')) {
            return Err("`name`: begins with a-z and has at most 63 of a-z, 0-9, `_` and `-`".to_owned());
        }
        if version.trim().is_empty() || version.len() > 63 {
            return Err("`version`: 1 to 63 bytes".to_owned());
        }
        let (ja, en) = match (ja.is_empty(), en.is_empty()) {
            (true, true) => return Err("`ja`: say what it is called, or `en`".to_owned()),
            (true, false) => (en.clone(), en),
            (false, true) => (ja.clone(), ja),
            (false, false) => (ja, en),
        };
        if ja.len().max(en.len()) > 300 {
            return Err("`ja`, `en`: at most 300 bytes".to_owned());
        }
        match (criterion, sql) {
            (Some(criterion), None) => {
                let criterion = Criterion::try_from(criterion)?;
                let (count, depth) = extent(&criterion);
                if count > CohortFile::CRITERIA || depth > CohortFile::DEPTH {
                    let (count, depth) = (CohortFile::CRITERIA, CohortFile::DEPTH);
                    return Err(format!("`where`: at most {count} criteria, at most {depth} deep in each other"));
                }
                Ok(CohortFile::Typed(Cohort { key, version, ja, en, criterion }))
            }
            (None, Some(sql)) if !sql.trim().is_empty() => Ok(CohortFile::Sql { key, version, ja, en, sql }),
            (None, Some(_)) => Err("`sql`: is empty".to_owned()),
            (None, None) => Err("`where`: is missing: say criteria there, or a statement in `sql`".to_owned()),
            (Some(_), Some(_)) => Err("`sql`: say `where` or `sql`, not both".to_owned()),
        }
    }
}

const fn within(days: Option<u16>) -> Within {
    match days {
        Some(days) => Within::Days(days),
        None => Within::Ever,
    }
}

const fn days(within: Within) -> Option<u16> {
    match within {
        Within::Days(days) => Some(days),
        Within::Ever => None,
    }
}

fn in_order(what: &str, from: u16, to: u16) -> Result<(u16, u16), String> {
    if from <= to { Ok((from, to)) } else { Err(format!("`{what}`: from {from} is later than to {to}")) }
}

impl TryFrom<Asked> for Criterion {
    type Error = String;
    fn try_from(asked: Asked) -> Result<Self, String> {
        let each = |of: Vec<Asked>| of.into_iter().map(Self::try_from).collect::<Result<Vec<_>, _>>();
        Ok(match asked {
            Asked::All(of) => Self::All(each(of)?),
            Asked::Any(of) => Self::Any(each(of)?),
            Asked::Not(of) => Self::Not(Box::new((*of).try_into()?)),
            Asked::Diabetes => Self::Diabetes,
            Asked::Kind(kind) => Self::Kind(kind.0),
            Asked::Age(Ages { from, to }) => {
                let (from, to) = in_order("age", from, to)?;
                Self::Age(from, to)
            }
            Asked::AtLeast(Bound { measure, value, within_days }) => {
                Self::AtLeast(measure.0, value.0, within(within_days))
            }
            Asked::Below(Bound { measure, value, within_days }) => Self::Below(measure.0, value.0, within(within_days)),
            Asked::StageAtLeast(stage) => Self::StageAtLeast(stage.0),
            Asked::RiskAtLeast(risk) => Self::RiskAtLeast(risk.0),
            Asked::RapidDecline => Self::RapidDecline,
            Asked::FallingBelow60 => Self::FallingBelow60,
            Asked::OverTreated => Self::OverTreated,
            Asked::Overdue(check) => Self::Overdue(check.0),
            Asked::NotSeenFor(Days { days }) => Self::NotSeenFor(days),
            Asked::Takes(class) => Self::Takes(class.0),
            Asked::Coded(Code { system, begins, within_days }) => {
                if begins.trim().is_empty() {
                    return Err("`coded`: `begins` is empty, which every code would fit".to_owned());
                }
                Self::Coded(CodeSystem::from_text(&system), begins, within(within_days))
            }
            Asked::Alive => Self::Alive,
            Asked::Admitted => Self::Admitted,
            Asked::MovedAway => Self::MovedAway,
            Asked::GestationalBirth(Span { from_days, to_days }) => {
                let (from, to) = in_order("gestational-birth", from_days, to_days)?;
                Self::GestationalBirth(from, to)
            }
            Asked::GlucoseSinceBirth => Self::GlucoseSinceBirth,
        })
    }
}

impl From<&Criterion> for Asked {
    fn from(criterion: &Criterion) -> Self {
        let bound = |measure: &crate::diabetes::Measure, value: &Decimal, within: &Within| Bound {
            measure: Word(*measure),
            value: Number(*value),
            within_days: days(*within),
        };
        match criterion {
            Criterion::All(of) => Self::All(of.iter().map(Self::from).collect()),
            Criterion::Any(of) => Self::Any(of.iter().map(Self::from).collect()),
            Criterion::Not(of) => Self::Not(Box::new(of.as_ref().into())),
            Criterion::Diabetes => Self::Diabetes,
            Criterion::Kind(kind) => Self::Kind(Word(*kind)),
            Criterion::Age(from, to) => Self::Age(Ages { from: *from, to: *to }),
            Criterion::AtLeast(measure, value, within) => Self::AtLeast(bound(measure, value, within)),
            Criterion::Below(measure, value, within) => Self::Below(bound(measure, value, within)),
            Criterion::StageAtLeast(stage) => Self::StageAtLeast(Word(*stage)),
            Criterion::RiskAtLeast(risk) => Self::RiskAtLeast(Word(*risk)),
            Criterion::RapidDecline => Self::RapidDecline,
            Criterion::FallingBelow60 => Self::FallingBelow60,
            Criterion::OverTreated => Self::OverTreated,
            Criterion::Overdue(check) => Self::Overdue(Word(*check)),
            Criterion::NotSeenFor(days) => Self::NotSeenFor(Days { days: *days }),
            Criterion::Takes(class) => Self::Takes(Word(*class)),
            Criterion::Coded(system, begins, within) => Self::Coded(Code {
                system: system.code().to_owned(),
                begins: begins.clone(),
                within_days: days(*within),
            }),
            Criterion::Alive => Self::Alive,
            Criterion::Admitted => Self::Admitted,
            Criterion::MovedAway => Self::MovedAway,
            Criterion::GestationalBirth(from, to) => Self::GestationalBirth(Span { from_days: *from, to_days: *to }),
            Criterion::GlucoseSinceBirth => Self::GlucoseSinceBirth,
        }
    }
}
