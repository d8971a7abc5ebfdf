//! The kinds of data in a storage, and what becomes of each here.

use model::Category;
use std::fmt;

/// What becomes of a kind of data.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Treatment {
    /// It becomes records, mostly of this category.
    Record(Category),
    /// It is known and counted; no category is made from it. Orders and plans say what shall be, not what is.
    Counted,
}

macro_rules! kinds {
    ($($variant:ident $code:literal $treatment:expr, $ja:literal, $doc:literal;)+) => {
        /// A data type of the standardised storage (データ種別).
        #[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Debug)]
        pub enum Kind { $(#[doc = $doc] $variant,)+ }

        impl Kind {
            /// All of them, in the order of the specification.
            pub const ALL: [Self; 26] = [$(Self::$variant,)+];
            /// Its code, as in the path: `OML-11`.
            pub const fn code(self) -> &'static str {
                match self { $(Self::$variant => $code,)+ }
            }
            /// Its name in Japanese.
            pub const fn name(self) -> &'static str {
                match self { $(Self::$variant => $ja,)+ }
            }
            /// What becomes of it.
            pub const fn treatment(self) -> Treatment {
                match self { $(Self::$variant => $treatment,)+ }
            }
        }
    };
}

kinds! {
    Adt00 "ADT-00" Treatment::Record(Category::Patient), "患者基本情報", "Demographics.";
    Adt01 "ADT-01" Treatment::Counted, "担当医の変更", "The attending physician changes.";
    Adt12 "ADT-12" Treatment::Record(Category::Encounter), "外来診察の受付", "An outpatient arrives.";
    Adt21 "ADT-21" Treatment::Counted, "入院予定", "An admission is planned.";
    Adt22 "ADT-22" Treatment::Record(Category::Encounter), "入院実施", "An admission.";
    Adt31 "ADT-31" Treatment::Counted, "外出泊実施", "An inpatient leaves for a while.";
    Adt32 "ADT-32" Treatment::Counted, "外出泊帰院実施", "An inpatient is back.";
    Adt41 "ADT-41" Treatment::Counted, "転科・転棟予定", "A transfer is planned.";
    Adt42 "ADT-42" Treatment::Counted, "転科・転棟実施", "A transfer: the encounter here has no ward.";
    Adt51 "ADT-51" Treatment::Counted, "退院予定", "A discharge is planned.";
    Adt52 "ADT-52" Treatment::Record(Category::Encounter), "退院実施", "A discharge.";
    Adt61 "ADT-61" Treatment::Record(Category::Allergy), "アレルギー情報", "All allergies of a patient.";
    Ppr01 "PPR-01" Treatment::Record(Category::Condition), "病名（歴）情報", "All diagnoses of a patient.";
    Omd "OMD" Treatment::Record(Category::CarePlan), "食事オーダ", "A diet.";
    Omp01 "OMP-01" Treatment::Record(Category::Medication), "処方オーダ", "A prescription.";
    Omp11 "OMP-11" Treatment::Record(Category::Medication), "処方実施通知", "Medicine given.";
    Omp02 "OMP-02" Treatment::Record(Category::Medication), "注射オーダ", "An injection is ordered.";
    Omp12 "OMP-12" Treatment::Record(Category::Medication), "注射実施通知", "An injection given.";
    Oml01 "OML-01" Treatment::Counted, "検体検査オーダ", "Laboratory tests are ordered.";
    Oml11 "OML-11" Treatment::Record(Category::Laboratory), "検体検査結果通知", "Laboratory results.";
    Omg01 "OMG-01" Treatment::Counted, "放射線検査オーダ", "Radiology is ordered.";
    Omg11 "OMG-11" Treatment::Record(Category::Imaging), "放射線検査の実施通知", "Radiology done.";
    Omg02 "OMG-02" Treatment::Counted, "内視鏡検査オーダ", "An endoscopy is ordered.";
    Omg12 "OMG-12" Treatment::Record(Category::Imaging), "内視鏡検査の実施通知", "An endoscopy done.";
    Omg03 "OMG-03" Treatment::Counted, "生理検査オーダ", "A physiological test is ordered.";
    Omg13 "OMG-13" Treatment::Record(Category::Document), "生理検査結果通知", "Results of a physiological test.";
}

impl Kind {
    /// From its code, in whichever case a storage writes it.
    pub fn from_code(code: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|kind| kind.code().eq_ignore_ascii_case(code))
    }
    /// Whether one file states everything of its sort, so that a newer file replaces all of what the older one said
    /// whatever their order numbers are.
    pub const fn is_snapshot(self) -> bool {
        matches!(self, Self::Adt00 | Self::Adt61 | Self::Ppr01)
    }
}

impl fmt::Display for Kind {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.code())
    }
}

/// One of the 36 kinds of message that the standardised storage holds.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct MessageKind {
    /// Under which data type it lies.
    pub kind: Kind,
    /// HL7 MSH-9, its first two components: `ADT^A08`.
    pub message: &'static str,
    /// Whether it takes back what another message of the same data type states.
    pub cancels: bool,
}

const fn states(kind: Kind, message: &'static str) -> MessageKind {
    MessageKind { kind, message, cancels: false }
}

const fn cancels(kind: Kind, message: &'static str) -> MessageKind {
    MessageKind { kind, message, cancels: true }
}

/// The 36 kinds of message (標準化ストレージ格納データ), in the order of the specification.
pub const MESSAGES: [MessageKind; 36] = [
    states(Kind::Adt00, "ADT^A08"),
    cancels(Kind::Adt00, "ADT^A23"),
    states(Kind::Adt01, "ADT^A54"),
    cancels(Kind::Adt01, "ADT^A55"),
    states(Kind::Adt12, "ADT^A04"),
    states(Kind::Adt21, "ADT^A14"),
    cancels(Kind::Adt21, "ADT^A27"),
    states(Kind::Adt22, "ADT^A01"),
    cancels(Kind::Adt22, "ADT^A11"),
    states(Kind::Adt31, "ADT^A21"),
    cancels(Kind::Adt31, "ADT^A52"),
    states(Kind::Adt32, "ADT^A22"),
    cancels(Kind::Adt32, "ADT^A53"),
    states(Kind::Adt41, "ADT^A15"),
    cancels(Kind::Adt41, "ADT^A26"),
    states(Kind::Adt42, "ADT^A02"),
    cancels(Kind::Adt42, "ADT^A12"),
    states(Kind::Adt51, "ADT^A16"),
    cancels(Kind::Adt51, "ADT^A25"),
    states(Kind::Adt52, "ADT^A03"),
    cancels(Kind::Adt52, "ADT^A13"),
    states(Kind::Adt61, "ADT^A60"),
    states(Kind::Ppr01, "PPR^ZD1"),
    states(Kind::Omd, "OMD^O03"),
    states(Kind::Omp01, "RDE^O11"),
    states(Kind::Omp11, "RAS^O17"),
    states(Kind::Omp02, "RDE^O11"),
    states(Kind::Omp12, "RAS^O17"),
    states(Kind::Oml01, "OML^O33"),
    states(Kind::Oml11, "OUL^R22"),
    states(Kind::Omg01, "OMG^O19"),
    states(Kind::Omg11, "OMI^Z23"),
    states(Kind::Omg02, "OMG^O19"),
    states(Kind::Omg12, "OMI^Z23"),
    states(Kind::Omg03, "OMG^O19"),
    states(Kind::Omg13, "ORU^R01"),
];

/// A data type folder of the extended storage: `local code^name^system^standard code^name^system`.
///
/// `Debug` shows it: a type of document says nothing of a patient.
#[derive(Clone, PartialEq, Eq, PartialOrd, Ord, Hash, Debug)]
pub struct ExtendedKind {
    /// The local code; may be empty when there is a standard one.
    pub local: String,
    /// Its name.
    pub local_name: String,
    /// Its system.
    pub local_system: String,
    /// The standard code; may be empty.
    pub standard: String,
    /// Its name.
    pub standard_name: String,
    /// Its system; `LN` is LOINC.
    pub standard_system: String,
}

impl ExtendedKind {
    /// Parses a folder's name; `None` where it has no code, too many parts or a control character.
    pub fn parse(text: &str) -> Option<Self> {
        if text.contains(char::is_control) {
            return None;
        }
        let mut parts = text.split('^').map(str::to_owned);
        let mut next = || parts.next().unwrap_or_default();
        let kind = Self {
            local: next(),
            local_name: next(),
            local_system: next(),
            standard: next(),
            standard_name: next(),
            standard_system: next(),
        };
        let coded = !kind.local.is_empty() || !kind.standard.is_empty() || !kind.local_name.is_empty();
        (coded && parts.next().is_none()).then_some(kind)
    }
    /// Whether two names mean the same type: by their codes, for a name may be spelled in more than one normal form.
    pub fn is_same(&self, other: &Self) -> bool {
        let coded = !self.local.is_empty() || !self.standard.is_empty();
        let codes = self.local == other.local && self.standard == other.standard;
        codes && (coded || self.local_name == other.local_name)
    }
}

/// The data type of a file: of the standardised or of the extended storage.
#[derive(Clone, PartialEq, Eq, PartialOrd, Ord, Hash, Debug)]
pub enum DataType {
    /// Of the standardised storage.
    Standard(Kind),
    /// Of the extended storage.
    Extended(ExtendedKind),
}

impl DataType {
    /// Parses the name of a data type folder.
    pub fn parse(text: &str) -> Option<Self> {
        if text.contains('^') {
            return ExtendedKind::parse(text).map(Self::Extended);
        }
        Kind::from_code(text).map(Self::Standard)
    }
    /// Whether two names mean the same type.
    pub fn is_same(&self, other: &Self) -> bool {
        match (self, other) {
            (Self::Standard(a), Self::Standard(b)) => a == b,
            (Self::Extended(a), Self::Extended(b)) => a.is_same(b),
            _ => false,
        }
    }
    /// A short name for counts: the code of the standard kind, or the extended type's own.
    pub fn code(&self) -> &str {
        match self {
            Self::Standard(kind) => kind.code(),
            Self::Extended(kind) if !kind.local.is_empty() => &kind.local,
            Self::Extended(kind) if !kind.standard.is_empty() => &kind.standard,
            Self::Extended(_) => "extended",
        }
    }
    /// Whether a newer file replaces the whole older set.
    pub fn is_snapshot(&self) -> bool {
        matches!(self, Self::Standard(kind) if kind.is_snapshot())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_table_has_every_message_once_and_every_kind_at_least_once() {
        for kind in Kind::ALL {
            assert!(MESSAGES.iter().any(|message| message.kind == kind && !message.cancels), "{kind}");
            assert_eq!(Kind::from_code(&kind.code().to_lowercase()), Some(kind));
        }
        for (i, one) in MESSAGES.iter().enumerate() {
            assert!(MESSAGES.iter().skip(i + 1).all(|other| other != one), "{one:?}");
        }
    }

    #[test]
    fn an_extended_type_is_known_by_its_codes() {
        let parse = |text| ExtendedKind::parse(text).unwrap();
        let summary = parse("^退院サマリ^^18842-5^退院時サマリー^LN");
        assert_eq!((summary.standard.as_str(), summary.standard_system.as_str()), ("18842-5", "LN"));
        // The same name with its last characters decomposed, as some file servers return it.
        assert!(summary.is_same(&parse("^退院サマリ^^18842-5^退院時サマリ\u{30fc}^LN")));
        assert!(!parse("^経過^^11506-3").is_same(&summary));
        assert!(!parse("^甲^").is_same(&parse("^乙^")));
        assert_eq!(ExtendedKind::parse("^^^^^"), None);
        assert_eq!(ExtendedKind::parse("a^b^c^d^e^f^g"), None);
        // Keys are joined by NUL.
        assert_eq!(ExtendedKind::parse("a\0b^c"), None);
    }
}
