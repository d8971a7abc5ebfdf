//! Reference intervals as laboratories write them, whichever way they come.

/// The interval that came with the result: `6.7-8.3`, `>10`, `<15`, `[3.5 - 5.3]`. `None`: something is stated that is no
/// interval of two numbers.
pub(crate) fn read(text: &str) -> Option<(Option<f64>, Option<f64>)> {
    let plain: String = text.chars().map(half_width).filter(|c| !c.is_whitespace()).collect();
    let plain = plain.trim_matches(['[', ']', '(', ')']);
    if plain.is_empty() {
        return Some((None, None));
    }
    let number = |text: &str| -> Option<f64> {
        let shaped = !text.is_empty() && text.bytes().all(|b| b.is_ascii_digit() || matches!(b, b'.' | b'-' | b'+'));
        shaped.then(|| text.parse().ok()).flatten().filter(|number: &f64| number.is_finite())
    };
    for (signs, is_low) in [([">=", "≧", "≥", ">"], true), (["<=", "≦", "≤", "<"], false)] {
        if let Some(rest) = signs.iter().find_map(|sign| plain.strip_prefix(sign)) {
            let bound = number(rest)?;
            return Some(if is_low { (Some(bound), None) } else { (None, Some(bound)) });
        }
    }
    // A minus in front belongs to the number.
    let from = plain.char_indices().nth(1).map_or(plain.len(), |(at, _)| at);
    let at = plain.get(from..)?.find(['-', '~'])? + from;
    let (low, high) = plain.split_at_checked(at)?;
    let (low, high) = (low, high.get(1..)?);
    let low = number(low)?;
    if high.is_empty() {
        return Some((Some(low), None));
    }
    let high = number(high)?;
    (low <= high).then_some((Some(low), Some(high)))
}

fn half_width(c: char) -> char {
    match c {
        '０'..='９' | '＜' | '＞' | '．' | '－' | '＝' | '（' | '）' => {
            // Full-width forms lie 0xFEE0 above the ASCII signs.
            char::from_u32(u32::from(c) - 0xfee0).unwrap_or(c)
        }
        '～' | '〜' | '–' | '—' | '−' => '~',
        other => other,
    }
}

#[cfg(test)]
mod tests {
    use super::read;
    use rstest::rstest;

    #[rstest]
    #[case("6.70-8.3", Some((Some(6.7), Some(8.3))))]
    #[case("[3.5 - 5.3]", Some((Some(3.5), Some(5.3))))]
    #[case("－", None)]
    #[case("３．５～５．３", Some((Some(3.5), Some(5.3))))]
    #[case("-2--1", Some((Some(-2.0), Some(-1.0))))]
    #[case("<15", Some((None, Some(15.0))))]
    #[case("≧10", Some((Some(10.0), None)))]
    #[case("10-", Some((Some(10.0), None)))]
    #[case("", Some((None, None)))]
    #[case("[ ]", Some((None, None)))]
    #[case("9-1", None)]
    #[case("negative", None)]
    #[case("1-2-3", None)]
    #[case("(-)", None)]
    fn an_interval_is_two_numbers_or_one_with_a_sign(
        #[case] text: &str,
        #[case] expected: Option<(Option<f64>, Option<f64>)>,
    ) {
        assert_eq!(read(text), expected, "{text}");
    }
}
