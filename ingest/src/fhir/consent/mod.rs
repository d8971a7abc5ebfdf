//! FHIR R4 `Consent` in and out.
//!
//! In: every consent is either evaluated as the standard says or refused with the reason it cannot be; none is
//! approximated. [`tree`] reads it as it is written, [`criteria`] says what each provision's criteria are here,
//! [`region`] works out what the tree permits, [`emit`] writes that as a [`model::Consent`]. Out: [`export`].
//! The reading of the standard, the tables of codes and the fate of each example stand in `docs/fhir-mapping.md`.
//!
//! A version of a consent that is refused closes what an earlier version under its id has opened: the patient has
//! stated something else since, and what is not understood withholds.

mod actors;
mod code;
mod criteria;
mod emit;
mod export;
mod import;
mod office;
mod region;
mod time;
mod tree;

pub use actors::Actors;
pub(super) use code::OWN_FACILITY;
pub use export::{export, export_withdrawn};
pub(super) use import::{Imported, import};

use std::fmt;

/// Something in a consent that was taken, and that whoever sends it should know. It changes no answer of this network.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Debug)]
pub enum Remark {
    /// A purpose that nobody can ask for here: permitting or denying it changes nothing.
    PurposeNeverAsked,
    /// An action other than viewing, beside viewing.
    ActionNeverAsked,
    /// Nobody is said to have signed; the patient is taken to have.
    SignerNotStated,
    /// It permits nothing. Consents under other ids are not touched by it: withdraw those.
    OpensNothing,
    /// It opens records with labels that need saying here though it names none: in FHIR, no label is every label.
    EveryLabel,
}

impl Remark {
    /// All of them, in order.
    pub const ALL: [Self; 5] =
        [Self::PurposeNeverAsked, Self::ActionNeverAsked, Self::SignerNotStated, Self::OpensNothing, Self::EveryLabel];
    /// The stable code, for tables and metrics.
    pub const fn code(self) -> &'static str {
        match self {
            Self::PurposeNeverAsked => "purpose_never_asked",
            Self::ActionNeverAsked => "action_never_asked",
            Self::SignerNotStated => "signer_not_stated",
            Self::OpensNothing => "opens_nothing",
            Self::EveryLabel => "every_label",
        }
    }
}

impl fmt::Display for Remark {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.code())
    }
}

/// A remark and the element it is about.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Note {
    /// What.
    pub remark: Remark,
    /// Where, as a path from `$`, the resource.
    pub path: String,
}

#[cfg(test)]
mod tests;
