//! What a limit that is reached is called: a closed list, so that whoever shows one can have words for all of them.

use crate::perinatal::maternal::{Colour, MaternalLimit, Sign};

/// Which limit is reached.
#[derive(Clone, Copy, PartialEq, Eq, Hash, Debug)]
pub enum LimitKey {
    /// A figure of the maternal rules.
    Figure(MaternalLimit),
    /// A sign of MEOWS with its colour; what is not red is yellow.
    Coloured(Colour, Sign),
    /// Something that is found and is no number.
    Finding(Finding),
}

/// Something that is found and is no number.
#[derive(Clone, Copy, PartialEq, Eq, Hash, Debug)]
pub enum Finding {
    /// She goes on bleeding and her circulation does not hold.
    BleedingGoesOn,
    /// She is less than alert: red, by MEOWS.
    MeowsConsciousness,
    /// Likewise, by the maternal early warning criteria.
    MercConsciousness,
    /// Signs of the nerves, of preeclampsia.
    Neurological,
    /// Coagulation that is disturbed.
    Coagulation,
    /// Lasting pain of the upper abdomen.
    AbdominalPain,
    /// Growth restriction, abnormal flow, stillbirth.
    Uteroplacental,
}

impl Finding {
    /// All of them.
    pub const ALL: [Self; 7] = [
        Self::BleedingGoesOn,
        Self::MeowsConsciousness,
        Self::MercConsciousness,
        Self::Neurological,
        Self::Coagulation,
        Self::AbdominalPain,
        Self::Uteroplacental,
    ];
}

impl LimitKey {
    /// Its short name, as the column `limit_key` has it.
    pub const fn code(self) -> &'static str {
        match self {
            Self::Figure(limit) => limit.row().key,
            Self::Finding(finding) => finding.code(),
            Self::Coloured(Colour::Red, sign) => match sign {
                Sign::Systolic => "meows-red-systolic",
                Sign::Diastolic => "meows-red-diastolic",
                Sign::HeartRate => "meows-red-pulse",
                Sign::Breathing => "meows-red-breathing",
                Sign::Temperature => "meows-red-temperature",
                Sign::Saturation => "meows-red-saturation",
            },
            Self::Coloured(_, sign) => match sign {
                Sign::Systolic => "meows-yellow-systolic",
                Sign::Diastolic => "meows-yellow-diastolic",
                Sign::HeartRate => "meows-yellow-pulse",
                Sign::Breathing => "meows-yellow-breathing",
                Sign::Temperature => "meows-yellow-temperature",
                Sign::Saturation => "meows-yellow-saturation",
            },
        }
    }

    /// All that a rule can say.
    pub fn all() -> impl Iterator<Item = Self> {
        let coloured = [Colour::Red, Colour::Yellow].into_iter();
        let coloured = coloured.flat_map(|colour| Sign::ALL.into_iter().map(move |sign| Self::Coloured(colour, sign)));
        let figures = MaternalLimit::ALL.iter().map(|limit| Self::Figure(*limit));
        figures.chain(coloured).chain(Finding::ALL.into_iter().map(Self::Finding))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::collections::BTreeSet;

    /// The words of the page of pregnancies, by code.
    const PAGE: &str = include_str!("../../../../../dashboards/web/src/pregnancy/limits.ts");

    /// Each line `"key": ["日本語", "English"],` of the page's words.
    fn words() -> Vec<(&'static str, [&'static str; 2])> {
        let quoted = |line: &'static str| line.split('"').skip(1).step_by(2).collect::<Vec<_>>();
        let lines = PAGE.lines().filter(|line| line.starts_with("  \""));
        let word = |line: &'static str| match quoted(line).as_slice() {
            [key, ja, en] => (*key, [*ja, *en]),
            _ => panic!("three texts in quotes: {line}"),
        };
        lines.map(word).collect()
    }

    #[test]
    fn every_key_is_another_and_the_page_of_pregnancies_has_words_for_each_and_for_no_other() {
        let keys: Vec<&str> = LimitKey::all().map(LimitKey::code).collect();
        let all: BTreeSet<&str> = keys.iter().copied().collect();
        assert_eq!(all.len(), keys.len());
        let words = words();
        let said: BTreeSet<&str> = words.iter().map(|(key, _)| *key).collect();
        assert_eq!(said.len(), words.len(), "a key has words twice");
        let without: Vec<_> = all.difference(&said).collect();
        assert!(without.is_empty(), "limits.ts has no words for {without:?}");
        let unknown: Vec<_> = said.difference(&all).collect();
        assert!(unknown.is_empty(), "no rule says {unknown:?}");
        for (key, [ja, en]) in words {
            assert!(!ja.is_ascii(), "{key}: {ja} is no Japanese");
            assert!(en.is_ascii() && !en.trim().is_empty() && en != key, "{key}: {en}");
        }
    }
}
