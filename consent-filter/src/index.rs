//! Dense numbers that stand for interned values, and the facts of one record.

use model::{Category, DepartmentCode, FacilityId, Labels, Moment, Position, Record, Role};

macro_rules! index {
    ($(#[$doc:meta])* $vis:vis $name:ident: $($part:ident)+) => {
        $(#[$doc])*
        #[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Debug)]
        $vis struct $name(u32);
        impl $name { $(index!(@$part);)+ }
    };
    (@nowhere) => {
        /// Stands for nothing: no value is ever given this number.
        pub(crate) const NOWHERE: Self = Self(u32::MAX);
    };
    (@place) => {
        /// The number as a place in a table.
        pub fn get(self) -> usize {
            self.0 as usize
        }
        /// The number of the value at `place`; the number of nothing past four billion values.
        pub(crate) fn at(place: usize) -> Self {
            Self(u32::try_from(place).unwrap_or(u32::MAX))
        }
    };
    (@column) => {
        /// The number as it is stored in a column.
        pub fn as_u32(self) -> u32 {
            self.0
        }
        /// The index stored in a column as `number`. A number this book never gave out permits nothing.
        pub const fn from_u32(number: u32) -> Self {
            Self(number)
        }
    };
}

index!(
    /// Stands for one [`model::PatientRef`] in one book.
    pub PatientIx: nowhere place column
);
index!(
    /// Stands for one facility in one book.
    pub FacilityIx: nowhere place column
);
index!(
    /// Stands for one [`ScopeClass`] in one book.
    pub ClassIx: nowhere place column
);
index!(
    /// Stands for one consent in one book; [`crate::Book::consent_id`] gives its id.
    pub ConsentIx: column
);
index!(pub(crate) MemberIx: place);
index!(pub(crate) PersonIx: nowhere place);
index!(pub(crate) DepartmentIx: nowhere column);
index!(pub(crate) TermsIx: nowhere column);

/// A position in twelve bytes, for tables with a row for each link.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(crate) struct Placed([u32; 3]);

impl Placed {
    /// No letter stands there.
    pub(crate) const NOWHERE: Self = Self([u32::MAX; 3]);

    pub(crate) fn at(position: Position) -> Self {
        let [a, b, c, d, e, f, g, h] = position.offset.0.to_le_bytes();
        Self([position.partition.0, u32::from_le_bytes([a, b, c, d]), u32::from_le_bytes([e, f, g, h])])
    }
    pub(crate) fn get(self) -> Option<Position> {
        let Self([partition, low, high]) = self;
        (self != Self::NOWHERE).then(|| Position::new(partition, u64::from(high) << 32 | u64::from(low)))
    }
}

/// Everything a decision asks of a record besides its patient and its times. Interned: a row carries its [`ClassIx`].
#[derive(Clone, PartialEq, Eq, PartialOrd, Ord, Hash, Debug)]
pub struct ScopeClass {
    /// The facility that made the record.
    pub source: FacilityId,
    /// The record's kind.
    pub category: Category,
    /// The department that made it.
    pub department: Option<DepartmentCode>,
    /// Who wrote it.
    pub author_role: Role,
    /// Its labels.
    pub labels: Labels,
}

impl ScopeClass {
    /// The class of a record, with all its labels, the added ones too (see [`crate::labels_of`]).
    pub fn of(record: &Record) -> Self {
        Self {
            source: record.patient.facility().clone(),
            category: record.category(),
            department: record.department.clone(),
            author_role: record.author.role,
            labels: crate::labels_of(record),
        }
    }
}

/// What a decision asks of one record.
///
/// `patient` and `class` come from the same book, and the patient's facility is the class's source;
/// [`crate::Book::facts`] makes them so. Facts that do not fit together are withheld.
#[derive(Clone, Copy, PartialEq, Eq, Hash, Debug)]
pub struct Facts {
    /// Whose record.
    pub patient: PatientIx,
    /// Of which class.
    pub class: ClassIx,
    /// When the fact was true.
    pub occurred: Moment,
    /// When the source wrote it down.
    pub recorded: Moment,
}
