//! Grades of a qualitative result.

/// A grade. Rank 1 negative, 2 borderline, 3 to 7 for 1+ to 5+, as result codes of health checks count them.
#[derive(Clone, Copy, PartialEq, Eq, Hash, Debug)]
pub enum Grade {
    /// `-`, 陰性, 検出せず.
    Negative,
    /// `±`, 判定保留, 弱陽性, 少量.
    Borderline,
    /// `1+` to `5+`.
    Plus(u8),
    /// Positive without a grade: `+`, 陽性, 検出.
    Positive,
}

/// Folded, lower case. The Japanese words: nhoHQ SSMIX2_support_documents convert_to_sn (A); the English ones,
/// 検出限界以下, 判定保留, 弱陽性, 擬陽性: C. `ND` is not here: not detected, or not done.
const WORDS: &[(&str, Grade)] = &[
    ("-", Grade::Negative),
    ("ー", Grade::Negative),
    ("陰性", Grade::Negative),
    ("インセイ", Grade::Negative),
    ("検出せず", Grade::Negative),
    ("検出セズ", Grade::Negative),
    ("検出されず", Grade::Negative),
    ("ケンシュツセズ", Grade::Negative),
    ("ケンシユツセズ", Grade::Negative),
    ("フケンシュツ", Grade::Negative),
    ("フケンシユツ", Grade::Negative),
    ("不検出", Grade::Negative),
    ("ミケンシュツ", Grade::Negative),
    ("ミケンシユツ", Grade::Negative),
    ("未検出", Grade::Negative),
    ("neg", Grade::Negative),
    ("negative", Grade::Negative),
    ("検出限界以下", Grade::Negative),
    ("検出限界未満", Grade::Negative),
    ("検出感度以下", Grade::Negative),
    ("検出感度未満", Grade::Negative),
    ("感度以下", Grade::Negative),
    ("±", Grade::Borderline),
    ("+-", Grade::Borderline),
    ("-+", Grade::Borderline),
    ("+ー", Grade::Borderline),
    ("+/-", Grade::Borderline),
    ("-/+", Grade::Borderline),
    ("少量", Grade::Borderline),
    ("少数", Grade::Borderline),
    ("少", Grade::Borderline),
    ("1+↓", Grade::Borderline),
    ("判定保留", Grade::Borderline),
    ("弱陽性", Grade::Borderline),
    ("擬陽性", Grade::Borderline),
    ("疑陽性", Grade::Borderline),
    ("trace", Grade::Borderline),
    ("+", Grade::Positive),
    ("陽性", Grade::Positive),
    ("ヨウセイ", Grade::Positive),
    ("検出", Grade::Positive),
    ("pos", Grade::Positive),
    ("positive", Grade::Positive),
    ("++", Grade::Plus(2)),
    ("+++", Grade::Plus(3)),
    ("++++", Grade::Plus(4)),
    ("+++++", Grade::Plus(5)),
];

impl Grade {
    /// 1 negative, 2 borderline, 3 to 7 for 1+ to 5+. Positive without a grade counts as the least positive, 3.
    pub const fn rank(self) -> u8 {
        match self {
            Self::Negative => 1,
            Self::Borderline => 2,
            Self::Positive => 3,
            Self::Plus(n) => n + 2,
        }
    }

    /// As it is written: `-`, `±`, `+`, `2+`.
    pub fn symbol(self) -> String {
        match self {
            Self::Negative => "-".to_owned(),
            Self::Borderline => "±".to_owned(),
            Self::Positive => "+".to_owned(),
            Self::Plus(n) => format!("{n}+"),
        }
    }

    /// From folded text, in brackets or not, doubled or not (`(-)陰性`).
    pub(super) fn from_folded(text: &str) -> Option<Self> {
        let text = text.trim_matches(['★', ' ']);
        if let Some(grade) = Self::plain(text) {
            return Some(grade);
        }
        // a sign in brackets, with or without the word for it on either side
        for (open, close) in [('(', ')'), ('[', ']')] {
            let Some((before, rest)) = text.split_once(open) else { continue };
            let Some((inside, after)) = rest.rsplit_once(close) else { continue };
            let grade = Self::plain(inside.trim())?;
            let same = |word: &str| {
                let word = word.trim();
                word.is_empty() || word == "判定" || Self::plain(word).is_some_and(|other| other.agrees_with(grade))
            };
            return (same(before) && same(after)).then_some(grade);
        }
        None
    }

    /// Whether two ways of saying it do not contradict each other: 陽性(2+).
    fn agrees_with(self, other: Self) -> bool {
        self == other || self == Self::Positive && matches!(other, Self::Plus(_))
    }

    fn plain(text: &str) -> Option<Self> {
        let text = text.strip_suffix(" 有").or_else(|| text.strip_suffix(" 無")).unwrap_or(text);
        if let Some(digit) = text.strip_suffix('+').and_then(|digits| digits.parse::<u8>().ok()) {
            return (1..=5).contains(&digit).then_some(Self::Plus(digit));
        }
        let lower = text.to_lowercase();
        WORDS.iter().find(|(word, _)| *word == lower).map(|(_, grade)| *grade)
    }
}
