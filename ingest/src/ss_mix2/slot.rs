//! Which files replace each other, and what a file does to what its place last stated.
//!
//! | the place last | a file `1` or `2` | a file `0` |
//! | --- | --- | --- |
//! | stated nothing | states | withdraws what it names |
//! | stated something, older | states anew: what is no longer named is withdrawn | withdraws all |
//! | stated something of the same moment | nothing; with other content, states anew | withdraws all: a rename (`1` → `0`) |
//! | was withdrawn, older | states again | nothing new |
//! | was withdrawn at the same moment | nothing for `2`; `1` states again | nothing |
//! | stated or was withdrawn, newer | nothing: history that came late | nothing |

use super::name::{Condition, FileName};
use model::{Category, Moment, RecordId, Version};
use std::fmt;

/// The place whose files replace each other: (patient, date, type, order); of a snapshot type (patient, type).
/// Patient data.
#[derive(Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Slot(String);

impl Slot {
    /// The place of a file.
    pub fn of(name: &FileName) -> Self {
        use super::kind::DataType;
        let data = match &name.data {
            DataType::Standard(kind) => kind.code().to_owned(),
            DataType::Extended(kind) => format!("^{}^{}", kind.local, kind.standard),
        };
        let patient = name.patient.as_str();
        if name.data.is_snapshot() {
            return Self(format!("{patient}\0{data}"));
        }
        let date = name.date.map_or_else(|| "-".to_owned(), |date| date.to_string());
        Self(format!("{patient}\0{data}\0{date}\0{}", name.order.as_str()))
    }
    /// Its bytes, as a key.
    pub fn as_bytes(&self) -> &[u8] {
        self.0.as_bytes()
    }
}

impl fmt::Debug for Slot {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Slot(******)")
    }
}

/// A record that a place stated.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Stated {
    /// Its id.
    pub id: RecordId,
    /// Its kind.
    pub category: Category,
    /// The version last sent of it.
    pub version: Version,
}

/// What a place last stated.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct State {
    /// The moment in the name of the file that stated it.
    pub stamp: Moment,
    /// How often it changed under the same moment: even when it is stated, odd when it is withdrawn.
    pub revision: u32,
    /// XXH3-128 of the file.
    pub content: u128,
    /// The records it stated; those withdrawn, when it is.
    pub records: Vec<Stated>,
}

impl State {
    /// Whether it stands.
    pub fn is_stated(&self) -> bool {
        self.revision.is_multiple_of(2)
    }
}

/// What a file does to its place.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Step {
    /// It states what it says, as this revision of its moment.
    State(u32),
    /// It withdraws what stands, and what it names itself.
    Withdraw(u32),
    /// The place already says so.
    Same,
    /// A newer file has come before.
    Late,
}

/// What a file does to its place; `content` is its digest.
pub fn step(state: Option<&State>, name: &FileName, content: u128) -> Step {
    let deleted = name.condition == Condition::Deleted;
    let Some(state) = state.filter(|state| state.stamp >= name.stamp) else {
        return if deleted { Step::Withdraw(1) } else { Step::State(0) };
    };
    if state.stamp > name.stamp {
        return Step::Late;
    }
    // Of the same moment; no system turns a flag a thousand times within a millisecond.
    let next = |odd: u32| (state.revision + 1..998).find(|revision| revision % 2 == odd);
    let step = match (deleted, state.is_stated()) {
        (true, true) => next(1).map(Step::Withdraw),
        (false, false) if name.condition == Condition::Valid => next(0).map(Step::State),
        (false, true) if state.content != content => next(0).map(Step::State),
        _ => None,
    };
    step.unwrap_or(Step::Same)
}

/// The version of a withdrawal: the moment in the file's name, with the highest rank that versions of HL7 messages have,
/// and the revision. What a message states is versioned by its own header, the same whichever way it comes.
pub fn withdrawal(stamp: Moment, revision: u32) -> Version {
    let millis = u64::try_from(stamp.micros() / 1000).unwrap_or(0);
    let number = millis.saturating_mul(1_000_000).saturating_add(900_000 + u64::from(revision.min(99_999)));
    Version::new(number).unwrap_or(Version::FIRST)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn name(stamp: &str, flag: char) -> FileName {
        FileName::parse(&format!("9999013_20111220_OML-11_1_{stamp}_01_{flag}")).unwrap()
    }
    fn state(stamp: &str, revision: u32) -> State {
        State { stamp: name(stamp, '1').stamp, revision, content: 7, records: Vec::new() }
    }
    const OLD: &str = "20111220103059000";
    const NEW: &str = "20111220103059001";

    #[test]
    fn every_row_of_the_table_is_as_it_says() {
        for flag in ['1', '2'] {
            assert_eq!(step(None, &name(NEW, flag), 7), Step::State(0));
            assert_eq!(step(Some(&state(OLD, 0)), &name(NEW, flag), 7), Step::State(0));
            assert_eq!(step(Some(&state(NEW, 0)), &name(NEW, flag), 7), Step::Same);
            assert_eq!(step(Some(&state(NEW, 0)), &name(NEW, flag), 8), Step::State(2));
            assert_eq!(step(Some(&state(OLD, 1)), &name(NEW, flag), 7), Step::State(0));
            assert_eq!(step(Some(&state(NEW, 0)), &name(OLD, flag), 8), Step::Late);
            assert_eq!(step(Some(&state(NEW, 1)), &name(OLD, flag), 8), Step::Late);
        }
        assert_eq!(step(Some(&state(NEW, 1)), &name(NEW, '2'), 7), Step::Same);
        assert_eq!(step(Some(&state(NEW, 1)), &name(NEW, '1'), 7), Step::State(2));
        assert_eq!(step(None, &name(NEW, '0'), 7), Step::Withdraw(1));
        assert_eq!(step(Some(&state(OLD, 0)), &name(NEW, '0'), 7), Step::Withdraw(1));
        assert_eq!(step(Some(&state(NEW, 0)), &name(NEW, '0'), 7), Step::Withdraw(1));
        assert_eq!(step(Some(&state(NEW, 2)), &name(NEW, '0'), 7), Step::Withdraw(3));
        assert_eq!(step(Some(&state(NEW, 1)), &name(NEW, '0'), 7), Step::Same);
        assert_eq!(step(Some(&state(NEW, 0)), &name(OLD, '0'), 7), Step::Late);
        // However often it is turned, a revision has an end.
        assert_eq!(step(Some(&state(NEW, 996)), &name(NEW, '1'), 8), Step::Same);
    }

    #[test]
    fn a_snapshot_has_one_place_whatever_its_order_number_and_others_have_many() {
        let slot = |text| Slot::of(&FileName::parse(text).unwrap());
        assert_eq!(
            slot("9999013_-_PPR-01_1_20111220103059000_01_1"),
            slot("9999013_-_PPR-01_2_20121220103059000_02_2")
        );
        assert_ne!(
            slot("9999013_-_PPR-01_1_20111220103059000_01_1"),
            slot("9999014_-_PPR-01_1_20111220103059000_01_1")
        );
        let base = slot("9999013_20111220_OML-11_1_20111220103059000_01_1");
        assert_eq!(base, slot("9999013_20111220_OML-11_1_20121220103059000_02_0"));
        assert_ne!(base, slot("9999013_20111220_OML-11_2_20111220103059000_01_1"));
        assert_ne!(base, slot("9999013_20111221_OML-11_1_20111220103059000_01_1"));
        assert_ne!(base, slot("9999013_20111220_OML-01_1_20111220103059000_01_1"));
    }

    #[test]
    fn a_withdrawal_is_above_what_was_stated_at_its_moment_and_below_the_next() {
        let (old, new) = (name(OLD, '1').stamp, name(NEW, '1').stamp);
        let stated = |at: Moment| u64::try_from(at.micros() / 1000).unwrap() * 1_000_000 + 899_999;
        assert!(withdrawal(old, 1).get() > stated(old));
        assert!(withdrawal(old, 997) < withdrawal(new, 1));
        assert!(withdrawal(old, 997).get() < stated(new));
    }
}
