//! The conscience: who may see which record, and why or why not.
//!
//! Pure, synchronous, total. It knows no wire, no Arrow, no I/O and no clock: the moment and the purpose are arguments. It
//! cannot fail; what it does not understand it withholds, with a [`Reason`]. Two gates must open for another
//! facility's record, the patient's consent on the edge and the source's own scope, and a confirmed link must say
//! that the viewing facility has this person as a patient at all.
//!
//! It is *not* a policy language, and it keeps no records: rows carry a [`PatientIx`] and a [`ClassIx`] of its
//! [`Book`], and a scan joins them with a [`Visibility`] late.
//!
//! ```
//! use consent_filter::{Book, Decision, Reason, ScopeClass};
//! use model::{Body, Category, Facility, FacilityId, FacilityKind, FacilityStatus, Labels, Moment, PatientNumber, PatientRef};
//! use model::{DirectoryChange, Position, Principal, Purpose, Role};
//!
//! let mut book = Book::new();
//! let mut offset = 0..;
//! for (id, kind) in [("nagasaki-mc", FacilityKind::Hospital), ("sakura-clinic", FacilityKind::Clinic)] {
//!     let facility = Facility {
//!         id: FacilityId::parse(id)?,
//!         kind,
//!         name: id.to_owned(),
//!         name_en: String::new(),
//!         status: FacilityStatus::Active,
//!     };
//!     let position = Position::new(0, offset.next().unwrap_or_default());
//!     let _ = book.apply(position, &Body::Directory(DirectoryChange::Facility(facility)));
//! }
//!
//! let hospital = FacilityId::parse("nagasaki-mc")?;
//! let moment = Moment::parse("2026-04-01T09:30:00+09:00")?;
//! let facts = consent_filter::Facts {
//!     patient: book.patient(&PatientRef::new(hospital.clone(), PatientNumber::parse("00012345")?)),
//!     class: book.class(&ScopeClass {
//!         source: hospital,
//!         category: Category::Laboratory,
//!         department: None,
//!         author_role: Role::Physician,
//!         labels: Labels::NONE,
//!     }),
//!     occurred: moment,
//!     recorded: moment,
//! };
//! let clinic = Principal {
//!     facility: FacilityId::parse("sakura-clinic")?,
//!     member: None,
//!     role: Role::Physician,
//!     purpose: Purpose::Treatment,
//! };
//! assert_eq!(book.decide(&facts, &clinic, moment), Decision::Withhold(Reason::NoConsent));
//! assert!(!book.visibility(&clinic, moment).permits(&facts));
//! # Ok::<(), Box<dyn std::error::Error>>(())
//! ```

// In reading order; the blank lines keep the formatter from sorting them into the alphabet's.
mod index;

mod decision;

mod book;

mod apply;

mod judge;

mod explain;

mod words;

mod audience;

mod visibility;

mod acquaintance;

mod directory;

mod labelling;

mod classes;

mod consents;

mod exceptions;

mod agreements;

mod emergencies;

mod patients;

mod grants;

mod links;

mod digest;

mod intern;

#[cfg(feature = "planted")]
pub mod planted;
#[cfg(not(feature = "planted"))]
mod planted;

pub use acquaintance::{Acquaintance, Acquaintances, Child};
pub use apply::{Applied, Outcome, Touched, TouchedViewers};
pub use audience::{Audience, Reached, Wishes};
pub use book::Book;
pub use consents::{Standing, StatedConsent};
pub use decision::{Decision, Permit, Reason};
pub use digest::{BookDigest, Memory};
pub use directory::CLINICAL;
pub use emergencies::StatedGlass;
pub use explain::{Explanation, Finding, Gate, Opener, Opening, Verdict, ViewerAnswer};
pub use index::{ClassIx, ConsentIx, FacilityIx, Facts, PatientIx, ScopeClass};
pub use labelling::{LABELLING_VERSION, LabelRule, RULES, Sign, added_labels, labelled, labels_of};
pub use visibility::{Alternative, Bounds, Change, ClassMask, Difference, GrantView, Patients, Visibility};
pub use words::Sentence;
