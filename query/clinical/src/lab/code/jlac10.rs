//! JLAC10: the Japanese laboratory code, 17 characters read as 5 + 4 + 3 + 3 + 2.

/// Why a text is not a JLAC10 code.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum Jlac10Error {
    /// Not 15 or 17 characters.
    #[error("a JLAC10 code has 17 characters (15 without the result part), this has {length}")]
    Length {
        /// How many there were.
        length: usize,
    },
    /// A character that is not a digit or a capital letter.
    #[error("a JLAC10 code is made of 0-9 and A-Z, character {at} is not")]
    Character {
        /// Which, from 1.
        at: usize,
    },
}

/// How closely two codes agree, closest first.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Debug)]
pub enum Match {
    /// The same code.
    Exact,
    /// The same analyte, specimen and result part: another method or identification.
    AnalyteSpecimenResult,
    /// The same analyte only.
    Analyte,
}

/// The parts of a code.
#[derive(Clone, Copy, PartialEq, Eq, Hash, Debug)]
pub enum Jlac10Part {
    /// 分析物, 5 characters.
    Analyte,
    /// 識別, 4 characters.
    Identification,
    /// 材料, 3 characters.
    Specimen,
    /// 測定法, 3 characters.
    Method,
    /// 結果識別, 2 characters.
    Result,
}

impl Jlac10Part {
    /// All, in the order of the code.
    pub const ALL: [Self; 5] = [Self::Analyte, Self::Identification, Self::Specimen, Self::Method, Self::Result];

    /// `analyte`, `identification`, `specimen`, `method` or `result`.
    pub const fn code(self) -> &'static str {
        match self {
            Self::Analyte => "analyte",
            Self::Identification => "identification",
            Self::Specimen => "specimen",
            Self::Method => "method",
            Self::Result => "result",
        }
    }

    /// From that name, or from its Japanese one.
    pub fn from_name(name: &str) -> Option<Self> {
        const JAPANESE: [&str; 5] = ["分析物", "識別", "材料", "測定法", "結果識別"];
        let lower = name.trim().to_lowercase();
        let known = |(part, japanese): &(Self, &str)| part.code() == lower || *japanese == lower;
        Self::ALL.into_iter().zip(JAPANESE).find(known).map(|(part, _)| part)
    }
}

/// A parsed code. 17 characters, or 15 where an order carries no result part (OBR-4).
#[derive(Clone, PartialEq, Eq, Hash, Debug)]
pub struct Jlac10 {
    text: String,
}

impl Jlac10 {
    /// Parses a code.
    ///
    /// # Errors
    /// When its length or a character is not that of a JLAC10 code.
    pub fn parse(text: &str) -> Result<Self, Jlac10Error> {
        let length = text.chars().count();
        if length != 17 && length != 15 {
            return Err(Jlac10Error::Length { length });
        }
        match text.chars().position(|c| !(c.is_ascii_digit() || c.is_ascii_uppercase())) {
            Some(at) => Err(Jlac10Error::Character { at: at + 1 }),
            None => Ok(Self { text: text.to_owned() }),
        }
    }

    // INVARIANT: the text is ASCII and at least 15 long, so every range below is inside it.
    fn part(&self, range: std::ops::Range<usize>) -> &str {
        self.text.get(range).unwrap_or_default()
    }
    /// The whole code.
    pub fn as_str(&self) -> &str {
        &self.text
    }
    /// 分析物: what is measured, 5 characters.
    pub fn analyte(&self) -> &str {
        self.part(0..5)
    }
    /// 識別: 4 characters; `1300` fasting, `1299` casual for glucose.
    pub fn identification(&self) -> &str {
        self.part(5..9)
    }
    /// 材料: the specimen, 3 characters; `023` serum, `019` whole blood with additive.
    pub fn specimen(&self) -> &str {
        self.part(9..12)
    }
    /// 測定法: the method, 3 characters.
    pub fn method(&self) -> &str {
        self.part(12..15)
    }
    /// 結果識別: which result, 2 characters; empty in a 15-character code.
    pub fn result(&self) -> &str {
        self.part(15..17)
    }
    /// One of the parts.
    pub fn get(&self, part: Jlac10Part) -> &str {
        match part {
            Jlac10Part::Analyte => self.analyte(),
            Jlac10Part::Identification => self.identification(),
            Jlac10Part::Specimen => self.specimen(),
            Jlac10Part::Method => self.method(),
            Jlac10Part::Result => self.result(),
        }
    }
    /// The candidate that agrees most closely, the first of several that agree equally.
    pub fn closest<'a>(&self, candidates: impl IntoIterator<Item = &'a Self>) -> Option<(Match, &'a Self)> {
        let agreeing = candidates.into_iter().filter_map(|other| Some((self.agrees_with(other)?, other)));
        agreeing.min_by_key(|(how, _)| *how)
    }
    /// How closely this code agrees with another; `None` when the analytes differ.
    pub fn agrees_with(&self, other: &Self) -> Option<Match> {
        if self == other {
            Some(Match::Exact)
        } else if self.analyte() != other.analyte() {
            None
        } else if self.specimen() == other.specimen() && self.result() == other.result() {
            Some(Match::AnalyteSpecimenResult)
        } else {
            Some(Match::Analyte)
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_code_is_read_as_five_four_three_three_two() {
        let code = Jlac10::parse("3D010130002227201").unwrap();
        let parts = [code.analyte(), code.identification(), code.specimen(), code.method(), code.result()];
        assert_eq!(parts, ["3D010", "1300", "022", "272", "01"]);
    }

    #[test]
    fn an_order_code_has_no_result_part() {
        assert_eq!(Jlac10::parse("3D0101300022272").unwrap().result(), "");
    }

    #[test]
    fn lengths_and_characters_that_are_not_jlac10_are_refused() {
        assert_eq!(Jlac10::parse("3D046"), Err(Jlac10Error::Length { length: 5 }));
        assert_eq!(Jlac10::parse("3d046000001920402"), Err(Jlac10Error::Character { at: 2 }));
        assert_eq!(Jlac10::parse("３D04600000192040"), Err(Jlac10Error::Length { length: 16 }));
    }

    #[test]
    fn the_closest_candidate_is_found() {
        let code = |text: &str| Jlac10::parse(text).unwrap();
        let candidates = ["3D010000000127201", "3D010000002226101", "3D010000002227201"].map(code);
        let closest = |text: &str| code(text).closest(&candidates).map(|(how, code)| (how, code.as_str().to_owned()));
        assert_eq!(closest("3D010000002227201"), Some((Match::Exact, "3D010000002227201".to_owned())));
        assert_eq!(closest("3D010129902299901"), Some((Match::AnalyteSpecimenResult, "3D010000002226101".to_owned())));
        assert_eq!(closest("3D010000004127201"), Some((Match::Analyte, "3D010000000127201".to_owned())));
        assert_eq!(closest("3D046000001920402"), None);
    }

    #[test]
    fn parts_are_named_in_english_and_japanese() {
        let code = Jlac10::parse("3D010130002227201").unwrap();
        assert_eq!(Jlac10Part::from_name("材料").map(|part| code.get(part)), Some("022"));
        assert_eq!(Jlac10Part::from_name("Identification").map(|part| code.get(part)), Some("1300"));
        assert_eq!(Jlac10Part::from_name("method ").map(|part| code.get(part)), Some("272"));
        assert_eq!(Jlac10Part::from_name("colour"), None);
        let joined: String = Jlac10Part::ALL.into_iter().map(|part| code.get(part)).collect();
        assert_eq!(joined, code.as_str());
    }

    #[test]
    fn agreement_is_exact_then_specimen_and_result_then_analyte() {
        let hplc = Jlac10::parse("3D046000001920402").unwrap();
        let check = |other: &str| hplc.agrees_with(&Jlac10::parse(other).unwrap());
        assert_eq!(check("3D046000001920402"), Some(Match::Exact));
        assert_eq!(check("3D046000001906202"), Some(Match::AnalyteSpecimenResult));
        assert_eq!(check("3D046000002306201"), Some(Match::Analyte));
        assert_eq!(check("3D045000001920402"), None, "3D045 is the old JDS value, another analyte");
    }
}
