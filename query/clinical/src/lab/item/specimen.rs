//! Kinds of specimen, coarser than JLAC10's 3-character codes.

/// In what something was measured. Serum and plasma are one kind: laboratories exchange them freely, and the intervals
/// here do not tell them apart.
#[derive(Clone, Copy, PartialEq, Eq, Hash, Debug)]
pub enum SpecimenKind {
    /// Venous or capillary blood, plasma, serum (017, 018, 019, 021, 022, 023).
    Blood,
    /// Arterial blood (020).
    Arterial,
    /// Cord blood (029).
    Cord,
    /// Spot urine (001).
    Urine,
    /// Collected urine (004).
    CollectedUrine,
    /// Faeces (015).
    Faeces,
    /// Cerebrospinal fluid (041).
    Cerebrospinal,
    /// Bone marrow (046).
    Marrow,
    /// Amniotic fluid (047).
    Amniotic,
    /// `000`: a value computed from others, or a specimen that was not said.
    Unsaid,
    /// Any other.
    Other,
}

impl SpecimenKind {
    /// The kind of a JLAC10 specimen code.
    pub fn of_jlac10(code: &str) -> Self {
        match code {
            "017" | "018" | "019" | "021" | "022" | "023" => Self::Blood,
            "020" => Self::Arterial,
            "029" => Self::Cord,
            "001" => Self::Urine,
            "004" => Self::CollectedUrine,
            "015" => Self::Faeces,
            "041" => Self::Cerebrospinal,
            "046" => Self::Marrow,
            "047" => Self::Amniotic,
            "000" | "" => Self::Unsaid,
            _ => Self::Other,
        }
    }

    /// Whether an item in this kind of specimen is meant by a code with that kind.
    pub(crate) fn covers(self, of_code: Self) -> bool {
        self == of_code
    }
}
