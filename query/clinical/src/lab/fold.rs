//! One form for the many forms of a character: width, look-alikes, superscripts.

use unicode_normalization::UnicodeNormalization;

const SUPERSCRIPTS: &str = "⁰¹²³⁴⁵⁶⁷⁸⁹";

/// NFKC, with look-alikes of ASCII signs made ASCII and white space made single and trimmed.
///
/// A superscript after a digit becomes `^` and the digit: NFKC alone makes `10⁴` the number 104. Nothing is lost that
/// a laboratory distinguishes; the original is kept by whoever calls.
pub(crate) fn fold(text: &str) -> String {
    if text.is_ascii() {
        return text.split_ascii_whitespace().collect::<Vec<_>>().join(" ");
    }
    let mut spread = String::with_capacity(text.len() + 4);
    let (mut raised, mut last) = (false, ' ');
    for c in text.chars() {
        let superscript = SUPERSCRIPTS.contains(c);
        if superscript && !raised && last.is_numeric() {
            spread.push('^');
        }
        raised = superscript;
        last = c;
        spread.push(c);
    }
    let plain: String = spread.nfkc().map(look_alike).collect();
    plain.split_whitespace().collect::<Vec<_>>().join(" ")
}

/// Signs that mean an ASCII one and that NFKC leaves as they are.
fn look_alike(c: char) -> char {
    match c {
        '−' | '‐' | '‑' | '‒' | '–' | '—' | '―' => '-',
        '〜' | '∼' => '~',
        '〈' | '‹' => '<',
        '〉' | '›' => '>',
        '・' | '•' | '⋅' | '∙' => '·',
        '✕' | '✖' => '×',
        '≤' | '⩽' => '≦',
        '≥' | '⩾' => '≧',
        other => other,
    }
}

/// A name for comparing: folded, lower case, hiragana as katakana, Greek letters as letters, without signs and spaces.
pub(crate) fn fold_name(text: &str) -> String {
    let folded: String = fold(text)
        .chars()
        .flat_map(char::to_lowercase)
        .map(|c| match c {
            // the two syllabaries lie 0x60 apart
            'ぁ'..='ゖ' => char::from_u32(c as u32 + 0x60).unwrap_or(c),
            other => other,
        })
        .filter(|c| c.is_alphanumeric() || *c == '+' || *c == '%')
        .collect();
    folded.replace("ガンマ", "γ").replace("アルファ", "α").replace("ベータ", "β")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[track_caller]
    fn check(text: &str, expected: &str) {
        assert_eq!(fold(text), expected);
    }

    #[test]
    fn width_and_look_alikes_fold_to_ascii() {
        check("２．３", "2.3");
        check("　ｍｇ／ｄＬ ", "mg/dL");
        check("＜０．５", "<0.5");
        check("3.5～5.0", "3.5~5.0");
        check("3.5−5.0", "3.5-5.0");
        check("㎎/㎗", "mg/dl");
    }

    #[test]
    fn a_superscript_after_a_digit_stays_a_power() {
        check("×10⁴/µL", "×10^4/μL");
        check("mL/min/1.73m²", "mL/min/1.73m2");
        check("10¹²/L", "10^12/L");
    }

    #[test]
    fn names_compare_without_width_case_kana_and_signs() {
        assert_eq!(fold_name("ﾍﾓｸﾞﾛﾋﾞﾝ Ａ１ｃ"), fold_name("へもぐろびんa1C"));
        assert_eq!(fold_name("γ-GTP"), fold_name("ガンマ－ＧＴＰ"));
    }
}
