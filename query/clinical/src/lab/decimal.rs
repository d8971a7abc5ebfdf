//! Decimals written in tables.

use rust_decimal::Decimal;

/// A decimal from its digits, at compile time: a row that is not a number does not compile.
pub(crate) const fn dec(text: &str) -> Decimal {
    let mut rest = text.as_bytes();
    let (mut digits, mut scale, mut fraction) = (0_u32, 0_u32, false);
    while let Some((first, after)) = rest.split_first() {
        if *first == b'.' {
            assert!(!fraction, "a number has one point");
            fraction = true;
        } else {
            assert!(first.is_ascii_digit(), "a number in a table is made of digits and a point");
            digits = digits * 10 + (*first - b'0') as u32;
            if fraction {
                scale += 1;
            }
        }
        rest = after;
    }
    Decimal::from_parts(digits, 0, 0, false, scale)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn digits_are_read_as_written() {
        const LOW: Decimal = dec("0.65");
        assert_eq!((LOW.to_string(), dec("142").to_string()), ("0.65".to_owned(), "142".to_owned()));
    }
}
