//! LOINC codes: digits, a hyphen and a check digit.

/// Why a text is not a LOINC code.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum LoincError {
    /// Not one to seven digits, a hyphen and a digit.
    #[error("a LOINC code is one to seven digits, a hyphen and a check digit")]
    Shape,
    /// The check digit is not that of the number.
    #[error("the check digit of this LOINC code should be {expected}: a digit is wrong or two are swapped")]
    CheckDigit {
        /// What it should be.
        expected: u8,
    },
}

/// A LOINC code whose check digit holds. That it holds does not mean that the code exists.
#[derive(Clone, PartialEq, Eq, PartialOrd, Ord, Hash, Debug)]
pub struct Loinc(String);

impl Loinc {
    /// Parses a code.
    ///
    /// # Errors
    /// When its shape or its check digit is not that of LOINC.
    pub fn parse(text: &str) -> Result<Self, LoincError> {
        let (number, check) = text.split_once('-').ok_or(LoincError::Shape)?;
        let digits = |text: &str| !text.is_empty() && text.bytes().all(|b| b.is_ascii_digit());
        if !digits(number) || number.len() > 7 || !digits(check) || check.len() != 1 {
            return Err(LoincError::Shape);
        }
        // Luhn: every second digit from the right doubled, its digits summed
        let sum: u32 = number
            .bytes()
            .rev()
            .map(|b| u32::from(b - b'0'))
            .enumerate()
            .map(|(at, digit)| if at % 2 == 0 { digit * 2 / 10 + digit * 2 % 10 } else { digit })
            .sum();
        let expected = u8::try_from((10 - sum % 10) % 10).unwrap_or_default();
        if check.bytes().next() == Some(b'0' + expected) {
            Ok(Self(text.to_owned()))
        } else {
            Err(LoincError::CheckDigit { expected })
        }
    }

    /// The code.
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn real_codes_hold() {
        for code in ["2345-7", "4548-4", "98979-8", "107117-4", "718-7"] {
            assert_eq!(Loinc::parse(code).map(|loinc| loinc.as_str().to_owned()), Ok(code.to_owned()));
        }
    }

    #[test]
    fn a_wrong_or_swapped_digit_is_found() {
        assert_eq!(Loinc::parse("2345-8"), Err(LoincError::CheckDigit { expected: 7 }));
        assert_eq!(Loinc::parse("2435-7"), Err(LoincError::CheckDigit { expected: 6 }));
    }

    #[test]
    fn other_shapes_are_refused() {
        for text in ["", "2345", "-7", "2345-", "2345-77", "2 45-7", "LP1234-5", "12345678-1"] {
            assert_eq!(Loinc::parse(text), Err(LoincError::Shape), "{text}");
        }
    }
}
