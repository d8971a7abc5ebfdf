//! Consents that a change in the patient's life calls in question: majority and death.

use crate::{Consent, Moment, Signer};

/// The age at which a person signs for themselves (民法4条).
pub const MAJORITY: i16 = 18;

/// Why a standing consent should be looked at. It decides nothing by itself.
#[derive(Clone, Copy, PartialEq, Eq, Hash, Debug)]
pub enum ConsentFlag {
    /// A representative signed for a minor, who has come of age: ask the patient.
    OfAge,
    /// A representative signed, and neither the form nor the demographics say when the patient was born.
    AgeUnknown,
    /// The patient has died. Consents stand unless withdrawn.
    Deceased,
}

impl ConsentFlag {
    /// The flag's code.
    pub const fn code(self) -> &'static str {
        match self {
            Self::OfAge => "of-age",
            Self::AgeUnknown => "age-unknown",
            Self::Deceased => "deceased",
        }
    }
}

/// The moment at which somebody born on `born` comes of age: the beginning of their 18th birthday in Japan, and of
/// 1 March for who was born on 29 February. `None` past the years a moment can say.
pub fn majority(born: jiff::civil::Date) -> Option<Moment> {
    let year = born.year().checked_add(MAJORITY)?;
    let birthday =
        jiff::civil::Date::new(year, born.month(), born.day()).or_else(|_| jiff::civil::Date::new(year, 3, 1)).ok()?;
    Moment::parse(&birthday.to_string()).ok()
}

impl Consent {
    /// When a consent that a representative signed for a minor reaches the patient's majority, by the form's own birth
    /// date or else by `born`. `None` where the patient signed, where the patient was of age when it was signed (an
    /// adult's guardian), and where no birth date is known.
    pub fn of_age_at(&self, born: Option<jiff::civil::Date>) -> Option<Moment> {
        if self.signer != Signer::Representative {
            return None;
        }
        self.paper.born.or(born).and_then(majority).filter(|majority| self.signed_at < *majority)
    }

    /// What calls this consent in question at `moment`, by what the patient's demographics say.
    pub fn flags(
        &self,
        born: Option<jiff::civil::Date>,
        deceased: Option<Moment>,
        moment: Moment,
    ) -> impl Iterator<Item = ConsentFlag> {
        let unknown = self.signer == Signer::Representative && self.paper.born.or(born).is_none();
        let of_age = self.of_age_at(born).is_some_and(|majority| majority <= moment);
        let died = deceased.is_some_and(|died| died <= moment);
        [(of_age, ConsentFlag::OfAge), (unknown, ConsentFlag::AgeUnknown), (died, ConsentFlag::Deceased)]
            .into_iter()
            .filter_map(|(is, flag)| is.then_some(flag))
    }
}
