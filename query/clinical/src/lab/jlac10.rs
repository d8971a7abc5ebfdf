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
    fn agreement_is_exact_then_specimen_and_result_then_analyte() {
        let hplc = Jlac10::parse("3D046000001920402").unwrap();
        let check = |other: &str| hplc.agrees_with(&Jlac10::parse(other).unwrap());
        assert_eq!(check("3D046000001920402"), Some(Match::Exact));
        assert_eq!(check("3D046000001906202"), Some(Match::AnalyteSpecimenResult));
        assert_eq!(check("3D046000002306201"), Some(Match::Analyte));
        assert_eq!(check("3D045000001920402"), None, "3D045 is the old JDS value, another analyte");
    }
}
