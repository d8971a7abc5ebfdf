//! The same test, recently done elsewhere: so that it need not be repeated.

use super::{Item, Jlac10, Loinc, Resolved, SpecimenKind};
use crate::{Certainty, Source};
use model::{LabStatus, Moment};
use std::collections::BTreeMap;
use std::fmt;

/// What makes two results results of the same test.
#[derive(Clone, PartialEq, Eq, PartialOrd, Ord, Hash, Debug)]
pub enum TestIdentity {
    /// An item, whatever code it came under; with the condition where the code says one (`1300` fasting).
    Item {
        /// The item's key.
        item: &'static str,
        /// The JLAC10 identification, where it says more than `0000`; else empty.
        condition: String,
    },
    /// A JLAC10 code that is no item here: analyte, identification, kind of specimen and result part; the method may differ.
    Jlac10 {
        /// The analyte.
        analyte: String,
        /// The identification.
        identification: String,
        /// The specimen, as the code says it.
        specimen: String,
        /// The result part.
        result: String,
    },
    /// A LOINC code that is no item here.
    Loinc(String),
}

/// LOINC codes that say a condition which JLAC10 says in its identification (certainty C).
const CONDITIONS: &[(&str, &str)] = &[("1558-6", "1300")];
/// The identification that says nothing.
const PLAIN: &str = "0000";

impl TestIdentity {
    /// Of what a code means. `None` where nothing is known of it but a local code.
    pub fn of(resolved: &Resolved) -> Option<Self> {
        match (&resolved.item, &resolved.jlac10, &resolved.loinc) {
            (Some(item), jlac10, loinc) => Some(Self::of_item(item, jlac10.as_ref(), loinc.as_ref())),
            (None, Some(code), _) => Some(Self::of_jlac10(code)),
            (None, None, Some(code)) => Some(Self::Loinc(code.as_str().to_owned())),
            (None, None, None) => None,
        }
    }

    fn of_item(item: &'static Item, jlac10: Option<&Jlac10>, loinc: Option<&Loinc>) -> Self {
        let of_loinc = || {
            let code = loinc?.as_str();
            CONDITIONS.iter().find(|(known, _)| *known == code).map(|(_, condition)| (*condition).to_owned())
        };
        let condition = match jlac10.map(Jlac10::identification) {
            Some(PLAIN) | None => of_loinc().unwrap_or_default(),
            Some(identification) => identification.to_owned(),
        };
        Self::Item { item: item.key, condition }
    }

    fn of_jlac10(code: &Jlac10) -> Self {
        // serum and plasma, which laboratories exchange, are one
        let specimen = match SpecimenKind::of_jlac10(code.specimen()) {
            SpecimenKind::Blood => "023",
            _ => code.specimen(),
        };
        Self::Jlac10 {
            analyte: code.analyte().to_owned(),
            identification: code.identification().to_owned(),
            specimen: specimen.to_owned(),
            result: code.result().to_owned(),
        }
    }
}

/// `glucose`, `glucose/1300`, `jlac10:5C0700000…`, `loinc:1988-5`: a key for a column.
impl fmt::Display for TestIdentity {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Item { item, condition } if condition.is_empty() => f.write_str(item),
            Self::Item { item, condition } => write!(f, "{item}/{condition}"),
            Self::Jlac10 { analyte, identification, specimen, result } => {
                write!(f, "jlac10:{analyte}{identification}{specimen}***{result}")
            }
            Self::Loinc(code) => write!(f, "loinc:{code}"),
        }
    }
}

/// A test that was done.
#[derive(Clone, PartialEq, Debug)]
pub struct Done {
    /// The result's id.
    pub id: String,
    /// Which test.
    pub test: TestIdentity,
    /// When the specimen was taken.
    pub at: Moment,
    /// Which facility's result it is.
    pub facility: String,
    /// How final it is.
    pub status: LabStatus,
    /// Whether it has a value (not 測定不能 and the like).
    pub has_value: bool,
    /// Whether it is critical, or its delta check calls a mix-up likely: a reason to repeat it.
    pub repeat_advised: bool,
}

/// The days within which a test need not be repeated, per item.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct DuplicateTable {
    version: String,
    days: BTreeMap<&'static str, u32>,
}

/// Where the shipped days come from.
pub const DUPLICATE_SOURCE: Source = Source {
    text: "a choice after how fast things change and how often insurance pays (HbA1c, BNP monthly; UACR, cystatin C quarterly)",
    certainty: Certainty::Memory,
};

/// Days per item. What is not here (glucose, gases, troponin, procalcitonin …) is never called needless.
const DAYS: &[(&[&str], u32)] = &[
    (&["cystatin-c", "urine-albumin-creatinine"], 84),
    (&["hba1c", "glycoalbumin", "total-cholesterol", "hdl-cholesterol", "ldl-cholesterol", "triglyceride", "iron"], 28),
    (&["tsh", "free-t4", "bnp", "nt-probnp", "anhydroglucitol"], 28),
    (&["uric-acid", "che", "alp", "ggt", "total-protein", "albumin", "calcium", "magnesium", "phosphate"], 14),
    (&["ast", "alt", "ld", "bilirubin", "creatinine", "egfr", "urea-nitrogen", "amylase"], 7),
    (&["wbc", "rbc", "haemoglobin", "haematocrit", "platelets", "mcv", "mch", "mchc"], 3),
    (&["sodium", "potassium", "chloride", "crp", "d-dimer", "fibrinogen"], 1),
];

impl DuplicateTable {
    /// The shipped days.
    pub fn shipped() -> Self {
        let days = DAYS.iter().flat_map(|(items, days)| items.iter().map(|item| (*item, *days))).collect();
        Self { version: "2026-11-22".to_owned(), days }
    }

    /// The same with a facility's own days; `None` takes an item out.
    ///
    /// # Errors
    /// When a row names no item.
    pub fn with<'a>(
        mut self,
        version: &str,
        rows: impl IntoIterator<Item = (&'a str, Option<u32>)>,
    ) -> Result<Self, UnknownItemError> {
        for (key, days) in rows {
            let item = Item::by_key(key).ok_or_else(|| UnknownItemError { key: key.to_owned() })?;
            match days {
                Some(days) => self.days.insert(item.key, days),
                None => self.days.remove(item.key),
            };
        }
        self.version = version.to_owned();
        Ok(self)
    }

    /// Its version.
    pub fn version(&self) -> &str {
        &self.version
    }

    /// The days of a test; `None` where repeating it is never called needless.
    pub fn days(&self, test: &TestIdentity) -> Option<u32> {
        match test {
            TestIdentity::Item { item, condition } if condition.is_empty() => self.days.get(item).copied(),
            TestIdentity::Item { .. } | TestIdentity::Jlac10 { .. } | TestIdentity::Loinc(_) => None,
        }
    }
}

/// A row names no item.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("no item is called `{key}`")]
pub struct UnknownItemError {
    /// What was written.
    pub key: String,
}

const DAY: i64 = 86_400_000_000;

/// A test somebody is about to order.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Asked<'a> {
    /// Which test.
    pub test: &'a TestIdentity,
    /// At which facility.
    pub here: &'a str,
    /// When.
    pub at: Moment,
}

/// The last time a test was done at another facility than the one that asks, within the days: those given, else the table's. It
/// must have a value and stand; a preliminary one counts only where there is no final one. What a repetition is advised
/// for is not offered.
pub fn done_elsewhere<'a>(
    asked: &Asked<'_>,
    done: &'a [Done],
    days: Option<u32>,
    table: &DuplicateTable,
) -> Option<&'a Done> {
    let days = days.or_else(|| table.days(asked.test))?;
    let recent = |one: &&Done| {
        let age = asked.at.since(one.at);
        age >= 0 && age <= i64::from(days) * DAY
    };
    done.iter()
        .filter(|one| one.test == *asked.test && one.facility != asked.here && is_of_use(one))
        .filter(recent)
        .max_by_key(|one| (one.status != LabStatus::Preliminary, one.at, one.id.as_str()))
}

fn is_of_use(one: &Done) -> bool {
    one.has_value && !one.repeat_advised && one.status != LabStatus::Cancelled
}

/// A test and its needless repetition at another facility.
#[derive(Clone, Copy, PartialEq, Debug)]
pub struct Repeated<'a> {
    /// The one that would have served.
    pub first: &'a Done,
    /// The one that was done all the same.
    pub again: &'a Done,
}

/// Every repetition among one patient's tests: done again at another facility within the days of the test. Each
/// repetition stands beside the last result that would have served.
pub fn repetitions<'a>(done: &'a [Done], days: Option<u32>, table: &DuplicateTable) -> Vec<Repeated<'a>> {
    let mut found: Vec<_> = done
        .iter()
        .filter(|again| again.status != LabStatus::Cancelled)
        .filter_map(|again| {
            let others = done.iter().filter(|one| {
                let days = days.or_else(|| table.days(&one.test)).map(|days| i64::from(days) * DAY);
                let age = again.at.since(one.at);
                let before = age > 0 && days.is_some_and(|days| age <= days);
                before && one.test == again.test && one.facility != again.facility && is_of_use(one)
            });
            let first = others.max_by_key(|one| (one.at, one.id.as_str()))?;
            Some(Repeated { first, again })
        })
        .collect();
    found.sort_by_key(|one| (one.again.at, one.again.id.as_str()));
    found
}

#[cfg(test)]
mod tests {
    use super::*;

    fn at(day: i64) -> Moment {
        Moment::from_micros(1_800_000_000_000_000 + day * DAY).unwrap()
    }

    fn jlac10(code: &str) -> TestIdentity {
        TestIdentity::of(&Resolved::jlac10(Jlac10::parse(code).unwrap())).unwrap()
    }

    fn loinc(code: &str) -> TestIdentity {
        TestIdentity::of(&Resolved::loinc(Loinc::parse(code).unwrap())).unwrap()
    }

    fn done(id: &str, code: &str, day: i64, facility: &str) -> Done {
        Done {
            id: id.to_owned(),
            test: jlac10(code),
            at: at(day),
            facility: facility.to_owned(),
            status: LabStatus::Final,
            has_value: true,
            repeat_advised: false,
        }
    }

    const HPLC: &str = "3D046000001920402";
    const LATEX: &str = "3D046000001906202";

    fn found(done: &[Done], day: i64, days: Option<u32>) -> Option<&str> {
        let asked = Asked { test: &jlac10(HPLC), here: "here", at: at(day) };
        done_elsewhere(&asked, done, days, &DuplicateTable::shipped()).map(|one| one.id.as_str())
    }

    #[test]
    fn the_same_test_is_known_under_its_codes_and_methods() {
        assert_eq!(jlac10(HPLC), jlac10(LATEX));
        assert_eq!(jlac10(HPLC), loinc("4548-4"));
        assert_eq!(jlac10("2A990000001930952"), jlac10("2A010000001930901"));
        assert_eq!(jlac10("9Z990000002327101"), jlac10("9Z990000002205201"), "serum and plasma, another method");
        assert_ne!(jlac10("9Z990000002327101"), jlac10("9Z990000000127101"), "urine");
        assert_ne!(jlac10("3D010000002227201"), jlac10("3D010000000127201"));
        assert_ne!(jlac10(HPLC), jlac10("3D045000001920402"));
    }

    #[test]
    fn fasting_is_another_test_than_casual() {
        assert_ne!(jlac10("3D010130002227201"), jlac10("3D010129902227201"));
        assert_eq!(jlac10("3D010130002227201"), loinc("1558-6"));
        assert_eq!(jlac10("3D010130002227201").to_string(), "glucose/1300");
        assert_eq!(jlac10("9Z990000002227101").to_string(), "jlac10:9Z9900000023***01");
    }

    #[test]
    fn the_last_one_elsewhere_within_the_days_is_found() {
        let tests = [done("a", HPLC, 0, "b"), done("b", LATEX, 10, "c"), done("c", HPLC, 20, "here")];
        assert_eq!(found(&tests, 30, None), Some("b"), "not the one done here");
        assert_eq!(found(&tests, 38, None), Some("b"), "28 days");
        assert_eq!(found(&tests, 39, None), None);
        assert_eq!(found(&tests, 30, Some(5)), None, "days that were asked for go before the table");
        assert_eq!(found(&tests, 5, None), Some("a"), "what lies in the future was not done yet");
    }

    #[test]
    fn what_does_not_stand_or_should_be_repeated_is_not_offered() {
        let stands = |change: fn(&mut Done)| {
            let mut one = done("a", HPLC, 0, "b");
            change(&mut one);
            found(&[one], 1, None).is_some()
        };
        assert!(stands(|_| {}));
        assert!(stands(|one| one.status = LabStatus::Preliminary));
        assert!(!stands(|one| one.status = LabStatus::Cancelled));
        assert!(!stands(|one| one.has_value = false));
        assert!(!stands(|one| one.repeat_advised = true));
        let preliminary = Done { status: LabStatus::Preliminary, ..done("p", HPLC, 5, "b") };
        assert_eq!(found(&[preliminary, done("f", HPLC, 1, "b")], 6, None), Some("f"), "a final one goes before");
    }

    #[test]
    fn what_has_no_days_is_never_needless() {
        let tests = [done("a", "3D010000002227201", 0, "b")];
        let table = DuplicateTable::shipped();
        let glucose = jlac10("3D010000002227201");
        let asked = Asked { test: &glucose, here: "here", at: at(0) };
        assert_eq!(done_elsewhere(&asked, &tests, None, &table), None);
        assert!(done_elsewhere(&asked, &tests, Some(1), &table).is_some(), "unless asked for");
        let table = table.with("h", [("glucose", Some(2)), ("hba1c", None)]).unwrap();
        assert_eq!((table.days(&glucose), table.days(&jlac10(HPLC)), table.version()), (Some(2), None, "h"));
        assert!(table.with("x", [("sugar", None)]).is_err());
    }

    #[test]
    fn repetitions_at_another_facility_are_counted_once_each() {
        let tests = [
            done("a", HPLC, 0, "x"),
            done("b", HPLC, 5, "y"),
            done("c", HPLC, 10, "y"),
            done("d", HPLC, 60, "x"),
            done("e", "3D010000002227201", 61, "y"),
        ];
        let table = DuplicateTable::shipped();
        let pairs: Vec<_> =
            repetitions(&tests, None, &table).iter().map(|one| (one.first.id.clone(), one.again.id.clone())).collect();
        assert_eq!(pairs, [("a".to_owned(), "b".to_owned()), ("a".to_owned(), "c".to_owned())]);
    }

    #[test]
    fn every_row_names_an_item_once() {
        let mut seen = std::collections::BTreeSet::new();
        for item in DAYS.iter().flat_map(|(items, _)| items.iter()) {
            assert!(Item::by_key(item).is_some() && seen.insert(*item), "{item}");
        }
    }
}
