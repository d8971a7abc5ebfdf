//! What the maternal rules say of a pregnancy at a moment: which limit is reached, by what, since when; and what was not looked at.

use super::fact::{Chart, Fact, Noted};
use super::limit_key::LimitKey;
use super::pregnancies::{AFTER_BIRTH_DAYS, OfPregnancy, Outcome};
use crate::Source;
use crate::diabetes::{day_of, days_between};
use crate::perinatal::PerinatalTables;
use model::{Category, FacilityId, Moment};

/// A rule.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Debug)]
pub enum Rule {
    /// The haemorrhage protocol: shock index, blood loss, coagulation.
    Haemorrhage,
    /// The criteria for obstetric DIC.
    ObstetricDic,
    /// Blood loss against what nine of ten lose.
    BloodLoss,
    /// A hypertensive crisis.
    Crisis,
    /// The hypertensive disorders of pregnancy.
    Hypertension,
    /// MEOWS.
    Meows,
    /// The maternal early warning criteria.
    EarlyWarning,
    /// The labour care guide.
    LabourCare,
    /// The length of the second stage of labour.
    SecondStage,
    /// The Bishop score.
    Bishop,
    /// Glucose in pregnancy.
    Glucose,
}

impl Rule {
    /// All of them, in the order in which they are told.
    pub const ALL: [Self; 11] = [
        Self::Haemorrhage,
        Self::ObstetricDic,
        Self::BloodLoss,
        Self::Crisis,
        Self::Hypertension,
        Self::Meows,
        Self::EarlyWarning,
        Self::LabourCare,
        Self::SecondStage,
        Self::Bishop,
        Self::Glucose,
    ];
}

impl Rule {
    /// Where it comes from. Single limits may be less certain, and say so themselves.
    pub const fn source(self) -> Source {
        use crate::perinatal::maternal::{MEOWS, MaternalLimit};
        match self {
            Self::Haemorrhage => MaternalLimit::ShockCritical.row().source,
            Self::ObstetricDic => MaternalLimit::ObstetricDic.row().source,
            Self::BloodLoss => MaternalLimit::UsualVaginal.row().source,
            Self::Crisis => MaternalLimit::EmergencySystolic.row().source,
            Self::Hypertension => MaternalLimit::Systolic.row().source,
            Self::Meows => MEOWS,
            Self::EarlyWarning => MaternalLimit::MercPulseLow.row().source,
            Self::LabourCare => MaternalLimit::At5.row().source,
            Self::SecondStage => MaternalLimit::SecondFirst.row().source,
            Self::Bishop => MaternalLimit::Ripe.row().source,
            Self::Glucose => MaternalLimit::GlucoseFasting.row().source,
        }
    }
}

/// Whether a rule is reached.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Debug)]
pub enum Said {
    /// A limit is reached.
    Reached,
    /// None is, and nothing that is missing could change that.
    NotReached,
    /// None is, as far as was looked; what is missing could change that.
    CannotBeSaid,
}

/// A limit that is reached.
#[derive(Clone, PartialEq, Debug)]
pub struct LimitReached {
    /// Which.
    pub key: LimitKey,
    /// Its value; `None` where it is no number.
    pub limit: Option<f64>,
    /// The value that reached it; `None` where it is no number.
    pub value: Option<f64>,
    /// The unit of both; empty where they are no numbers.
    pub unit: &'static str,
    /// When the value was measured.
    pub at: Moment,
    /// Since when it has been reached at every measurement.
    pub since: Moment,
    /// Where the limit comes from; `None` for the facility's own.
    pub source: Option<Source>,
    /// Whether a monitor measured the value.
    pub monitor: bool,
}

/// Something that was not looked at, and could change what a rule says.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Debug)]
pub struct Missing {
    /// What, by a short name.
    pub what: &'static str,
    /// Of which category its records would be.
    pub category: Category,
}

/// What a rule says.
#[derive(Clone, PartialEq, Debug)]
pub struct Ruling {
    /// Which rule.
    pub rule: Rule,
    /// Whether it is reached.
    pub said: Said,
    /// What it is called by its source; `None` where nothing can be said.
    pub class: Option<&'static str>,
    /// The limits that are reached, the gravest first.
    pub reached: Vec<LimitReached>,
    /// What was not looked at.
    pub missing: Vec<Missing>,
    /// When the newest value it rests on was measured.
    pub at: Option<Moment>,
    /// The version of the table.
    pub version: String,
    /// The facilities whose values it rests on, in order.
    pub sources: Vec<FacilityId>,
}

/// The rules of a facility over one chart.
#[derive(Clone, Copy, Debug)]
pub struct MaternalRules<'a> {
    /// The tables that hold.
    pub tables: &'a PerinatalTables,
    /// The moment.
    pub now: Moment,
}

/// A pregnancy with what was noted in it until a moment.
#[derive(Clone)]
pub(super) struct Case<'a> {
    pub(super) of: &'a OfPregnancy,
    pub(super) tables: &'a PerinatalTables,
    /// In order.
    pub(super) notes: Vec<&'a Noted>,
    pub(super) until: Moment,
    /// When the children were born.
    pub(super) born: Option<Moment>,
}

/// A rule as it is evaluated: `None` where it is not asked.
pub(super) struct Found {
    pub(super) said: Said,
    pub(super) class: Option<&'static str>,
    pub(super) reached: Vec<LimitReached>,
    pub(super) missing: Vec<Missing>,
    pub(super) used: Vec<(Moment, FacilityId)>,
}

/// More moments than this are not gone back for the beginning of something.
const BACK: usize = 200;

impl Chart {
    /// What the rules say of one of its pregnancies. Of one that ended more than twelve weeks ago, or of which it is not known
    /// how it ended, nothing is said.
    pub fn rulings(&self, of: &OfPregnancy, rules: MaternalRules<'_>) -> Vec<Ruling> {
        let ended = of.ending.as_ref().map(|ending| ending.at);
        let over = ended.is_some_and(|at| days_between(day_of(at), day_of(rules.now)) > AFTER_BIRTH_DAYS);
        if over || of.outcome == Outcome::NotKnown {
            return Vec::new();
        }
        let mut notes: Vec<&Noted> = self
            .notes
            .iter()
            .filter(|note| note.at <= rules.now)
            .filter(|note| day_of(note.at) >= of.begun || is_from_before(&note.fact))
            .collect();
        notes.sort_by_cached_key(|note| (note.at, note.source.clone(), format!("{:?}", note.fact)));
        let born = ended.filter(|_| of.outcome == Outcome::Born);
        let case = Case { of, tables: rules.tables, notes, until: rules.now, born };
        Rule::ALL.into_iter().filter_map(|rule| case.ruling(rule)).collect()
    }
}

fn is_from_before(fact: &Fact) -> bool {
    matches!(fact, Fact::Hypertension(_) | Fact::Diabetes(_))
}

impl Case<'_> {
    fn ruling(&self, rule: Rule) -> Option<Ruling> {
        let mut found = self.find(rule)?;
        self.begin(rule, &mut found);
        let version = match rule {
            Rule::Meows => self.tables.meows.version(),
            _ => self.tables.maternal.version(),
        };
        let at = found.used.iter().map(|(at, _)| *at).max();
        let mut sources: Vec<FacilityId> = found.used.into_iter().map(|(_, source)| source).collect();
        sources.sort();
        sources.dedup();
        let Found { said, class, mut reached, mut missing, .. } = found;
        for one in &mut reached {
            let mut of = self.notes.iter().filter(|note| note.at == one.at && rule.asks(&note.fact));
            one.monitor = of.any(|note| note.monitor);
        }
        missing.sort();
        missing.dedup();
        Some(Ruling { rule, said, class, reached, missing, at, version: version.to_owned(), sources })
    }

    /// Goes back measurement by measurement while a limit is reached: that is since when.
    fn begin(&self, rule: Rule, found: &mut Found) {
        let mut open: Vec<bool> = found.reached.iter().map(|one| one.since == one.at).collect();
        if !open.contains(&true) {
            return;
        }
        let mut moments: Vec<Moment> =
            self.notes.iter().filter(|note| rule.asks(&note.fact)).map(|note| note.at).collect();
        moments.dedup();
        for moment in moments.into_iter().rev().take(BACK) {
            let before = self.at(moment).find(rule);
            for (one, open) in found.reached.iter_mut().zip(&mut open).filter(|(_, open)| **open) {
                let still = before.as_ref().and_then(|before| before.reached.iter().find(|other| other.key == one.key));
                match still {
                    Some(still) => one.since = one.since.min(still.at),
                    None => *open = false,
                }
            }
            if !open.contains(&true) {
                return;
            }
        }
    }

    /// The same until an earlier moment.
    fn at(&self, until: Moment) -> Self {
        let notes = self.notes.iter().copied().filter(|note| note.at <= until).collect();
        Self { notes, until, born: self.born.filter(|born| *born <= until), ..self.clone() }
    }
}

impl Rule {
    /// Whether a fact can change what the rule says.
    pub(super) fn asks(self, fact: &Fact) -> bool {
        match self {
            Self::Haemorrhage => matches!(
                fact,
                Fact::Pulse(_)
                    | Fact::Systolic(_)
                    | Fact::BloodLoss(..)
                    | Fact::DicScore(_)
                    | Fact::GoesOn(_)
                    | Fact::Lab(super::LabMeasure::Fibrinogen, _)
            ),
            Self::ObstetricDic => matches!(
                fact,
                Fact::DicDisease(_)
                    | Fact::BloodLoss(..)
                    | Fact::Lab(super::LabMeasure::Fibrinogen | super::LabMeasure::Fdp | super::LabMeasure::DDimer, _)
            ),
            Self::BloodLoss => matches!(fact, Fact::BloodLoss(..)),
            Self::Crisis | Self::Hypertension => {
                matches!(fact, Fact::Systolic(_) | Fact::Diastolic(_) | Fact::Lab(..) | Fact::Sign(..))
            }
            Self::Meows => matches!(
                fact,
                Fact::Systolic(_)
                    | Fact::Diastolic(_)
                    | Fact::Pulse(_)
                    | Fact::Breathing(_)
                    | Fact::Temperature(_)
                    | Fact::Saturation(_)
                    | Fact::Awake(_)
            ),
            Self::EarlyWarning => matches!(
                fact,
                Fact::Systolic(_)
                    | Fact::Diastolic(_)
                    | Fact::Pulse(_)
                    | Fact::Breathing(_)
                    | Fact::Saturation(_)
                    | Fact::Urine(_)
                    | Fact::Awake(_)
            ),
            Self::LabourCare => matches!(
                fact,
                Fact::Dilatation(_)
                    | Fact::FetalRate(..)
                    | Fact::Systolic(_)
                    | Fact::Pulse(_)
                    | Fact::Temperature(_)
                    | Fact::Contractions(_)
            ),
            Self::SecondStage => matches!(fact, Fact::Dilatation(_) | Fact::Epidural(_)),
            Self::Bishop => matches!(
                fact,
                Fact::Dilatation(_) | Fact::Effacement(_) | Fact::Station(_) | Fact::Firm(_) | Fact::Points(_)
            ),
            Self::Glucose => matches!(fact, Fact::Lab(..)),
        }
    }
}
