//! A criterion, and whether it holds.

use crate::diabetes::answer::{Absent, Found};
use crate::diabetes::day::{day_of, days_between};
use crate::diabetes::denominator::DiabetesType;
use crate::diabetes::drug::DrugClass;
use crate::diabetes::due::{Check, is_overdue};
use crate::diabetes::facts::{Dated, Facts, Measure, Observation, Reading};
use crate::diabetes::kidney::{CkdRisk, Edition, NephropathyStage, Rapid};
use crate::diabetes::person::Person;
use crate::diabetes::registry::over_treated;
use model::{CodeSystem, EncounterClass, FacilityId, Moment};
use rust_decimal::Decimal;

/// What is asked of a person.
#[derive(Clone, PartialEq, Debug)]
pub enum Criterion {
    /// All of these.
    All(Vec<Criterion>),
    /// At least one of these.
    Any(Vec<Criterion>),
    /// Not this.
    Not(Box<Criterion>),
    /// In the denominator of diabetes.
    Diabetes,
    /// In the denominator, and of this kind by its codes.
    Kind(DiabetesType),
    /// Completed years, from and to, both included.
    Age(u16, u16),
    /// The latest value of a measure is at least this.
    AtLeast(Measure, Decimal, Within),
    /// The latest value of a measure is below this.
    Below(Measure, Decimal, Within),
    /// The stage of nephropathy (2023) is at least this.
    StageAtLeast(NephropathyStage),
    /// The colour of the kidney's risk is at least this.
    RiskAtLeast(CkdRisk),
    /// The slope of eGFR is below the limit of rapid decline.
    RapidDecline,
    /// eGFR is below 60 and falls by 5 a year or more (重症化予防プログラム).
    FallingBelow60,
    /// HbA1c lies below the floor while a drug is taken that risks hypoglycaemia, at 65 or older.
    OverTreated,
    /// A check is overdue, or was never made.
    Overdue(Check),
    /// Not seen anywhere that is open for more than so many days, having been seen before.
    NotSeenFor(u16),
    /// A drug of the class is taken.
    Takes(DrugClass),
    /// A code that begins so was recorded, not suspected.
    Coded(CodeSystem, String, Within),
    /// Alive.
    Alive,
    /// In hospital.
    Admitted,
    /// Moved away, and not seen since.
    MovedAway,
    /// A pregnancy with gestational diabetes ended so many days ago, from and to, both included.
    GestationalBirth(u16, u16),
    /// HbA1c, a fasting glucose or a load was taken since the last pregnancy ended.
    GlucoseSinceBirth,
}

/// How far back is looked.
#[derive(Clone, Copy, PartialEq, Eq, Hash, Debug)]
pub enum Within {
    /// However long ago.
    Ever,
    /// So many days.
    Days(u16),
}

/// Whether something holds.
#[derive(Clone, Copy, PartialEq, Eq, Hash, Debug)]
pub enum Truth {
    /// It does.
    Yes,
    /// It does not.
    No,
    /// It cannot be said.
    Unknown,
}

/// What a member is one by.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Ground {
    /// The criterion's name.
    pub criterion: &'static str,
    /// What was found, as `hba1c 8.5 %`; empty where there is nothing to say.
    pub fact: String,
    /// The moment of the latest fact it rests on.
    pub at: Moment,
    /// The facilities of those facts.
    pub sources: Vec<FacilityId>,
}

/// Whether a person is a member, and by what.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Verdict {
    /// Whether the criterion holds. Only `Yes` is a member.
    pub truth: Truth,
    /// What it rests on where it holds.
    pub grounds: Vec<Ground>,
}

impl Truth {
    fn of(said: Option<bool>) -> Self {
        match said {
            Some(true) => Self::Yes,
            Some(false) => Self::No,
            None => Self::Unknown,
        }
    }
    fn not(self) -> Self {
        match self {
            Self::Yes => Self::No,
            Self::No => Self::Yes,
            Self::Unknown => Self::Unknown,
        }
    }
}

impl Verdict {
    /// Whether the person is a member.
    pub fn is_member(&self) -> bool {
        self.truth == Truth::Yes
    }

    fn bare(truth: Truth) -> Self {
        Self { truth, grounds: Vec::new() }
    }

    fn found<T>(
        criterion: &'static str,
        said: Option<bool>,
        found: &Found<T>,
        fact: impl FnOnce(&T) -> String,
    ) -> Self {
        let ground = || Ground { criterion, fact: fact(&found.value), at: found.at, sources: found.sources.clone() };
        Self { truth: Truth::of(said), grounds: if said == Some(true) { vec![ground()] } else { Vec::new() } }
    }

    fn origin(
        criterion: &'static str,
        said: Option<bool>,
        (at, source): (Moment, &FacilityId),
        fact: impl FnOnce() -> String,
    ) -> Self {
        Self::found(criterion, said, &Found { value: (), at, sources: vec![source.clone()] }, |()| fact())
    }
}

const DAY: i64 = 86_400_000_000;

impl Within {
    fn holds(self, at: Moment, now: Moment) -> bool {
        match self {
            Self::Ever => at <= now,
            Self::Days(days) => at <= now && now.since(at) < i64::from(days) * DAY,
        }
    }
}

impl Criterion {
    /// A short stable name.
    pub const fn code(&self) -> &'static str {
        match self {
            Self::All(_) => "all",
            Self::Any(_) => "any",
            Self::Not(_) => "not",
            Self::Diabetes => "diabetes",
            Self::Kind(_) => "kind",
            Self::Age(..) => "age",
            Self::AtLeast(..) => "at-least",
            Self::Below(..) => "below",
            Self::StageAtLeast(_) => "stage-at-least",
            Self::RiskAtLeast(_) => "risk-at-least",
            Self::RapidDecline => "rapid-decline",
            Self::FallingBelow60 => "falling-below-60",
            Self::OverTreated => "over-treated",
            Self::Overdue(_) => "overdue",
            Self::NotSeenFor(_) => "not-seen-for",
            Self::Takes(_) => "takes",
            Self::Coded(..) => "coded",
            Self::Alive => "alive",
            Self::Admitted => "admitted",
            Self::MovedAway => "moved-away",
            Self::GestationalBirth(..) => "gestational-birth",
            Self::GlucoseSinceBirth => "glucose-since-birth",
        }
    }

    /// Whether it holds of a person.
    pub fn of(&self, person: &Person<'_>) -> Verdict {
        let (facts, tables, now) = (person.facts(), person.tables(), person.now());
        match self {
            Self::All(of) => all(of, person),
            Self::Any(of) => any(of, person),
            Self::Not(of) => Verdict::bare(of.of(person).truth.not()),
            Self::Diabetes | Self::Kind(_) => self.diabetes(person),
            Self::Age(from, to) => Verdict::bare(Truth::of(facts.age(now).map(|age| *from <= age && age <= *to))),
            Self::AtLeast(measure, bound, within) => {
                self.latest(facts, (*measure, *within), now, |value| value.at_least(*bound))
            }
            Self::Below(measure, bound, within) => {
                self.latest(facts, (*measure, *within), now, |value| value.at_least(*bound).map(|at_least| !at_least))
            }
            Self::StageAtLeast(_) | Self::RiskAtLeast(_) | Self::RapidDecline | Self::FallingBelow60 => {
                self.kidney(person)
            }
            Self::OverTreated => match over_treated(person) {
                Ok(found) => {
                    Verdict::found(self.code(), Some(found.value), &found, |_| latest(facts, Measure::Hba1c, now))
                }
                Err(Absent::DoesNotApply { .. }) => Verdict::bare(Truth::No),
                Err(_) => Verdict::bare(Truth::Unknown),
            },
            Self::Overdue(check) => {
                let next = tables.due.next(facts, *check, now);
                match &next {
                    Ok(found) => Verdict::found(self.code(), is_overdue(&next), found, |next| {
                        format!("{} {}, due {}", check.code(), next.last, next.due)
                    }),
                    Err(_) => Verdict::bare(Truth::of(is_overdue(&next))),
                }
            }
            Self::NotSeenFor(days) => match person.last_contact() {
                Ok(last) => {
                    let gap = days_between(last.value, day_of(now));
                    Verdict::found(self.code(), Some(gap > i32::from(*days)), &last, ToString::to_string)
                }
                Err(_) => Verdict::bare(Truth::Unknown),
            },
            Self::Takes(class) => match person.drugs().get(class) {
                Some(supply) => Verdict::origin(self.code(), Some(true), supply.origin(), || class.code().to_owned()),
                None => {
                    let open = facts.reach.absent(model::Category::Medication) == Absent::NotMeasured;
                    Verdict::bare(if open { Truth::No } else { Truth::Unknown })
                }
            },
            Self::Coded(system, beginning, within) => {
                let wanted: String = beginning.chars().filter(|c| *c != '.').collect();
                let fits = |one: &&Dated<crate::diabetes::Diagnosis>| {
                    let code: String = one.value.code.chars().filter(|c| *c != '.').collect();
                    !one.value.suspected
                        && one.value.system == *system
                        && code.starts_with(&wanted)
                        && within.holds(one.at, now)
                };
                let last = facts.diagnoses.iter().filter(fits).max_by_key(|one| (one.origin(), &one.value.code));
                last.map_or(Verdict::bare(Truth::No), |one| {
                    Verdict::origin(self.code(), Some(true), one.origin(), || one.value.code.clone())
                })
            }
            Self::Alive => Verdict::bare(Truth::of(Some(facts.died.is_none_or(|died| died > now)))),
            Self::Admitted => {
                let stays = facts.visits.iter().filter(|one| {
                    let visit = one.value;
                    visit.class == EncounterClass::Inpatient
                        && !visit.planned
                        && one.at <= now
                        && visit.until.is_none_or(|until| until > now)
                });
                let stay = stays.map(Dated::origin).max();
                stay.map_or(Verdict::bare(Truth::No), |one| Verdict::origin(self.code(), Some(true), one, String::new))
            }
            Self::MovedAway => {
                let moved = facts.observed(now, |one| (one == Observation::MovedAway).then_some(()));
                let Some((_, moved)) = moved.last() else { return Verdict::bare(Truth::No) };
                let since = facts.visits.iter().any(|one| moved.at < one.at && one.at <= now && !one.value.planned);
                Verdict::origin(self.code(), Some(!since), moved.origin(), String::new)
            }
            Self::GestationalBirth(from, to) => self.gestational_birth(person, (*from, *to)),
            Self::GlucoseSinceBirth => {
                let Some(birth) = last_birth(facts, now) else { return Verdict::bare(Truth::No) };
                let measures = [Measure::Hba1c, Measure::FastingGlucose, Measure::LoadGlucose];
                let values = measures.iter().filter_map(|measure| facts.latest(*measure, now).ok());
                match values.map(Dated::origin).max().filter(|one| one.0 > birth.at) {
                    Some(one) => Verdict::origin(self.code(), Some(true), one, String::new),
                    None => {
                        let open = facts.reach.absent(model::Category::Laboratory) == Absent::NotMeasured;
                        Verdict::bare(if open { Truth::No } else { Truth::Unknown })
                    }
                }
            }
        }
    }

    fn diabetes(&self, person: &Person<'_>) -> Verdict {
        let has = person.has();
        let said = match self {
            Self::Kind(kind) => has.counts() && has.kind == Some(*kind),
            _ => has.counts(),
        };
        let rests_on = has.reasons.iter().flat_map(|reason| reason.facts.iter().map(|one| (one.0, &one.1)));
        match Found::resting_on((), rests_on) {
            Some(found) => Verdict::found(self.code(), Some(said), &found, |()| {
                has.kind.map(|kind| kind.code().to_owned()).unwrap_or_default()
            }),
            None => Verdict::bare(Truth::No),
        }
    }

    fn latest(
        &self,
        facts: &Facts,
        (measure, within): (Measure, Within),
        now: Moment,
        holds: impl Fn(crate::lab::Span) -> Option<bool>,
    ) -> Verdict {
        match facts.latest(measure, now) {
            Ok(one) if within.holds(one.at, now) => {
                Verdict::origin(self.code(), holds(one.value.value()), one.origin(), || spoken(&one.value))
            }
            _ => Verdict::bare(Truth::Unknown),
        }
    }

    fn kidney(&self, person: &Person<'_>) -> Verdict {
        let limits = &person.tables().kidney;
        let unknown = Verdict::bare(Truth::Unknown);
        match self {
            Self::StageAtLeast(stage) => person.stage(Edition::Y2023).map_or(unknown, |found| {
                Verdict::found(self.code(), Some(found.value >= *stage), &found, |found| found.number().to_string())
            }),
            Self::RiskAtLeast(risk) => person.ckd().map_or(unknown, |found| {
                let said = Some(found.value.risk >= *risk);
                Verdict::found(self.code(), said, &found, |cell| cell.risk.code().to_owned())
            }),
            Self::RapidDecline => person.decline().map_or(unknown, |found| {
                let said = Some(found.value.rapid != Rapid::No);
                Verdict::found(self.code(), said, &found, |falls| falling(falls.line.per_year))
            }),
            _ => {
                let (Ok(falls), Ok(egfr)) = (person.decline(), person.egfr()) else {
                    return unknown;
                };
                let said = egfr.value.value < 60.0 && falls.value.line.per_year <= limits.rapid;
                Verdict::found(self.code(), Some(said), &falls, |falls| {
                    format!("egfr {:.0}, {}", egfr.value.value, falling(falls.line.per_year))
                })
            }
        }
    }

    fn gestational_birth(&self, person: &Person<'_>, (from, to): (u16, u16)) -> Verdict {
        let (facts, now) = (person.facts(), person.now());
        let Some(birth) = last_birth(facts, now) else { return Verdict::bare(Truth::No) };
        let has = person.has();
        let of_it = has
            .gestational
            .iter()
            .any(|one| one.0 <= birth.at && facts.pregnant_at(one.0) && same(facts, one.0, birth.at));
        let days = days_between(birth.day(), day_of(now));
        let said = of_it && i32::from(from) <= days && days <= i32::from(to);
        Verdict::origin(self.code(), Some(said), birth.origin(), || birth.day().to_string())
    }
}

/// A reading in words that need no language: its measure, number or bound, and unit.
fn spoken(reading: &Reading) -> String {
    let (measure, value) = (reading.measure(), reading.value());
    let number = match (value.low, value.high) {
        (Some((low, _)), Some((high, _))) if low == high => low.to_string(),
        (Some((low, true)), _) => format!(">={low}"),
        (Some((low, false)), _) => format!(">{low}"),
        (None, Some((high, true))) => format!("<={high}"),
        (None, Some((high, false))) => format!("<{high}"),
        (None, None) => String::new(),
    };
    format!("{} {number} {}", measure.key(), measure.unit()).trim_end().to_owned()
}

fn latest(facts: &Facts, measure: Measure, now: Moment) -> String {
    facts.latest(measure, now).map(|one| spoken(&one.value)).unwrap_or_default()
}

fn falling(per_year: f64) -> String {
    format!("{per_year:+.1} a year")
}

/// Whether no other pregnancy ended between a moment and this end.
fn same(facts: &Facts, at: Moment, end: Moment) -> bool {
    !facts.observations.iter().any(|one| one.value == Observation::PregnancyEnded && at <= one.at && one.at < end)
}

pub(super) fn last_birth(facts: &Facts, now: Moment) -> Option<&Dated<Observation>> {
    facts.observed(now, |one| (one == Observation::PregnancyEnded).then_some(())).pop().map(|one| one.1)
}

fn all(of: &[Criterion], person: &Person<'_>) -> Verdict {
    let (mut truth, mut grounds) = (Truth::Yes, Vec::new());
    for one in of {
        let verdict = one.of(person);
        match verdict.truth {
            // nothing that follows can make it hold
            Truth::No => return Verdict::bare(Truth::No),
            Truth::Unknown => truth = Truth::Unknown,
            Truth::Yes => grounds.extend(verdict.grounds),
        }
    }
    if truth == Truth::Yes { Verdict { truth, grounds } } else { Verdict::bare(truth) }
}

fn any(of: &[Criterion], person: &Person<'_>) -> Verdict {
    let (mut truth, mut grounds) = (Truth::No, Vec::new());
    for one in of {
        let verdict = one.of(person);
        match verdict.truth {
            Truth::Yes => {
                truth = Truth::Yes;
                grounds.extend(verdict.grounds);
            }
            Truth::Unknown if truth == Truth::No => truth = Truth::Unknown,
            Truth::Unknown | Truth::No => {}
        }
    }
    Verdict { truth, grounds }
}
