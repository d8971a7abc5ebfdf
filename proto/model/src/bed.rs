//! Beds: what people do at one that is watched. What is measured there are records; who acknowledged an alarm, wrote beside the
//! trace or took the watch over are acts, and stand in the ledger.

use crate::label::closed_set;
use crate::{ActId, Agent, FacilityId, FetusNumber, Moment, OwnWords, PatientRef, ReferralId, ReferralStep};
use std::fmt;
use std::str::FromStr;

/// A bed: a patient at a source, and a monitoring session there.
#[derive(Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct BedPlace {
    /// The patient, as the source knows them.
    pub patient: PatientRef,
    /// The session, as its waveforms name it.
    pub session: String,
}

// Redacted: a session's name may be a patient's number.
impl fmt::Debug for BedPlace {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "BedPlace({}, ******)", self.patient.facility())
    }
}

closed_set! {
    /// What asks for attention at a bed.
    BedAlarmKind, BedAlarmKinds, u8, UnknownBedAlarmKind, "alarm of a bed" {
        /// No signal of a fetus.
        Lost = "lost",
        /// A fetus's trace stands still.
        Frozen = "frozen",
        /// A fetus's trace may be something else.
        Suspect = "suspect",
        /// A fetus's trace is of a high level.
        Level = "level",
        /// A fetus's trace is sinusoidal.
        Sinusoidal = "sinusoidal",
        /// Contractions come too often.
        Tachysystole = "tachysystole",
        /// Two traces may be one heart.
        SameHeart = "same-heart",
        /// The permission to see the bed ends soon, by the clock.
        Ending = "ending",
    }
}

/// An alarm of a bed. Written `lost/1`, `level/1/4`, `tachysystole`: its kind, the fetus where it is one's, the level where it is one.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Debug)]
pub struct BedAlarm {
    kind: BedAlarmKind,
    fetus: Option<FetusNumber>,
    level: Option<u8>,
}

/// Why a text is not an alarm of a bed.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum BedAlarmError {
    /// Its kind.
    #[error(transparent)]
    Kind(#[from] UnknownBedAlarmKind),
    /// What belongs to the kind.
    #[error(
        "write `lost/1`, `frozen/1`, `suspect/1`, `sinusoidal/1` of a fetus, `level/1/4` of its level, and the kind alone otherwise"
    )]
    Parts,
}

impl BedAlarm {
    /// An alarm of the whole bed; `None` where the kind is a fetus's.
    pub const fn of_bed(kind: BedAlarmKind) -> Option<Self> {
        match kind {
            BedAlarmKind::Tachysystole | BedAlarmKind::SameHeart | BedAlarmKind::Ending => {
                Some(Self { kind, fetus: None, level: None })
            }
            _ => None,
        }
    }
    /// An alarm of one fetus's trace; `None` where the kind is not one's, or says how high besides.
    pub const fn of_fetus(kind: BedAlarmKind, fetus: FetusNumber) -> Option<Self> {
        match kind {
            BedAlarmKind::Lost | BedAlarmKind::Frozen | BedAlarmKind::Suspect | BedAlarmKind::Sinusoidal => {
                Some(Self { kind, fetus: Some(fetus), level: None })
            }
            _ => None,
        }
    }
    /// A fetus's trace is of this level, 1 to 5; `None` for any other number.
    pub const fn of_level(fetus: FetusNumber, level: u8) -> Option<Self> {
        match level {
            1..=5 => Some(Self { kind: BedAlarmKind::Level, fetus: Some(fetus), level: Some(level) }),
            _ => None,
        }
    }
    /// What asks for attention.
    pub const fn kind(self) -> BedAlarmKind {
        self.kind
    }
    /// Whose trace, where it is one fetus's.
    pub const fn fetus(self) -> Option<FetusNumber> {
        self.fetus
    }
    /// How high, of a level.
    pub const fn level(self) -> Option<u8> {
        self.level
    }
    /// Whether who has acknowledged this one has acknowledged `other` too: the same, or a lower level of the same fetus.
    pub fn covers(self, other: Self) -> bool {
        (self.kind, self.fetus) == (other.kind, other.fetus) && other.level <= self.level
    }
}

impl fmt::Display for BedAlarm {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}", self.kind)?;
        if let Some(fetus) = self.fetus {
            write!(f, "/{}", fetus.get())?;
        }
        self.level.map_or(Ok(()), |level| write!(f, "/{level}"))
    }
}

impl FromStr for BedAlarm {
    type Err = BedAlarmError;
    fn from_str(text: &str) -> Result<Self, BedAlarmError> {
        let mut parts = text.split('/');
        let kind: BedAlarmKind = parts.next().unwrap_or_default().parse()?;
        // one digit, and no other spelling of it
        let mut number =
            || parts.next().map(|part| part.parse::<u8>().ok().filter(|number| number.to_string() == part));
        let read = match (number(), number(), number()) {
            (None, None, None) => Self::of_bed(kind),
            (Some(Some(fetus)), level, None) => match (FetusNumber::new(u32::from(fetus)).ok(), level) {
                (Some(fetus), None) => Self::of_fetus(kind, fetus),
                (Some(fetus), Some(Some(level))) if kind == BedAlarmKind::Level => Self::of_level(fetus, level),
                _ => None,
            },
            _ => None,
        };
        read.ok_or(BedAlarmError::Parts)
    }
}

/// Somebody who watched a bed.
#[derive(Clone, PartialEq, Eq, Hash, Debug)]
pub struct BedWatcher {
    /// Who.
    pub agent: Agent,
    /// Since when.
    pub since: Moment,
    /// Until when; `None` while they went on.
    pub until: Option<Moment>,
}

/// The receipt of a watch that goes from one facility to another with the patient: who watched on either side at that moment.
#[derive(Clone, PartialEq, Eq, Hash, Debug)]
pub struct BedHandover {
    /// The transfer, of the bed's own facility.
    pub referral: ReferralId,
    /// The facility that receives the patient.
    pub to: FacilityId,
    /// The step with which the watch went over.
    pub step: ReferralStep,
    /// Who watched, at either of the two facilities.
    pub watchers: Vec<BedWatcher>,
}

/// What somebody did at a bed.
#[derive(Clone, PartialEq, Eq, Hash, Debug)]
pub enum BedDeed {
    /// A person says that they know of an alarm. It holds for their facility while the alarm goes on.
    Acknowledged {
        /// Which.
        alarm: BedAlarm,
    },
    /// A person wrote beside the trace. The note's id is that of the act.
    Noted {
        /// The moment on the trace, by the source's clock.
        at: Moment,
        /// In their own words.
        text: OwnWords,
        /// The note of their own that this one puts right.
        replaces: Option<ActId>,
    },
    /// A person took a note of their own back.
    NoteTaken {
        /// Which.
        note: ActId,
    },
    /// The watch went over with the patient.
    HandedOver(BedHandover),
}

impl BedDeed {
    /// `acknowledged`, `noted`, `note-taken` or `handed-over`.
    pub const fn code(&self) -> &'static str {
        match self {
            Self::Acknowledged { .. } => "acknowledged",
            Self::Noted { .. } => "noted",
            Self::NoteTaken { .. } => "note-taken",
            Self::HandedOver(_) => "handed-over",
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn all() -> Vec<BedAlarm> {
        let fetuses = FetusNumber::ALL;
        let of_fetus = |kind: &BedAlarmKind| fetuses.map(|fetus| BedAlarm::of_fetus(*kind, fetus));
        let levels = (0..8).flat_map(|level| fetuses.map(|fetus| BedAlarm::of_level(fetus, level)));
        let kinds = || BedAlarmKind::ALL.iter();
        kinds().map(|kind| BedAlarm::of_bed(*kind)).chain(kinds().flat_map(of_fetus)).chain(levels).flatten().collect()
    }

    #[test]
    fn an_alarm_is_read_as_it_is_written() {
        let all = all();
        assert_eq!(all.len(), 3 + 4 * 3 + 5 * 3);
        for alarm in &all {
            assert_eq!(alarm.to_string().parse(), Ok(*alarm));
        }
        assert_eq!(BedAlarm::of_level(FetusNumber::ALL[0], 4).unwrap().to_string(), "level/1/4");
    }

    #[test]
    fn who_knows_of_a_level_knows_of_a_lower_one_of_the_same_fetus() {
        let alarm = |text: &str| text.parse::<BedAlarm>().unwrap();
        assert!(alarm("level/1/5").covers(alarm("level/1/4")) && !alarm("level/1/4").covers(alarm("level/1/5")));
        assert!(!alarm("level/2/5").covers(alarm("level/1/4")) && alarm("lost/1").covers(alarm("lost/1")));
        assert!(!alarm("lost/1").covers(alarm("frozen/1")) && !alarm("lost/1").covers(alarm("lost/2")));
    }

    proptest! {
        #[test]
        fn no_other_text_is_an_alarm(text in "(lost|level|tachysystole|x)?(/[0-6]{0,2}){0,3}") {
            let read = text.parse::<BedAlarm>();
            prop_assert!(read.is_err() || all().iter().any(|alarm| alarm.to_string() == text), "{read:?}");
        }
    }
}
