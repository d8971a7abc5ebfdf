//! The traces of a bed.

use clinical::perinatal::ctg::Fetus;

/// One trace of a bed.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Debug)]
pub enum Lead {
    /// The first fetus's heart rate.
    First,
    /// The second's.
    Second,
    /// The third's.
    Third,
    /// Uterine activity.
    Uterus,
    /// The mother's heart rate.
    Mother,
    /// Her oxygen saturation.
    Oxygen,
}

impl Lead {
    /// All, in the order they are drawn.
    pub const ALL: [Self; 6] = [Self::First, Self::Second, Self::Third, Self::Uterus, Self::Mother, Self::Oxygen];

    /// Its name, which is that of the channel: `fhr1` … `fhr3`, `uc`, `mhr`, `spo2`.
    pub const fn code(self) -> &'static str {
        match self {
            Self::First => "fhr1",
            Self::Second => "fhr2",
            Self::Third => "fhr3",
            Self::Uterus => "uc",
            Self::Mother => "mhr",
            Self::Oxygen => "spo2",
        }
    }
    /// From its name; `None` for what is measured now and then and has no trace.
    pub fn from_code(code: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|lead| lead.code() == code)
    }
    /// Whose heart it is, where it is a fetus's.
    pub fn fetus(self) -> Option<Fetus> {
        match self {
            Self::First => Fetus::new(1),
            Self::Second => Fetus::new(2),
            Self::Third => Fetus::new(3),
            Self::Uterus | Self::Mother | Self::Oxygen => None,
        }
    }
    /// The trace of a fetus's heart.
    pub fn of(fetus: Fetus) -> Self {
        match fetus.number() {
            1 => Self::First,
            2 => Self::Second,
            _ => Self::Third,
        }
    }
    /// Whether it is a heart rate.
    pub const fn is_heart(self) -> bool {
        matches!(self, Self::First | Self::Second | Self::Third | Self::Mother)
    }
}
