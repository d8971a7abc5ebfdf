//! Whether a specimen is likely another patient's.

use super::Delta;

/// Items that move together count once. A weight says how much a change speaks for another patient rather than for
/// another day: what hardly moves in one person and differs between persons speaks most. What an illness, a meal or
/// a drip moves within hours (glucose, CRP, CK, white cells, potassium) says nothing. A choice; certainty C.
const GROUPS: &[(&[&str], u32)] = &[
    (&["mcv", "mch"], 3),
    (&["alp"], 2),
    (&["che"], 2),
    (&["total-cholesterol", "ldl-cholesterol"], 2),
    (&["hdl-cholesterol"], 2),
    (&["creatinine"], 2),
    (&["uric-acid"], 1),
    (&["ggt"], 1),
    (&["alt", "ast"], 1),
    (&["albumin", "total-protein"], 1),
    (&["rbc", "haemoglobin", "haematocrit"], 1),
    (&["platelets"], 1),
    (&["hba1c"], 3),
    (&["free-t4"], 1),
];

/// From when on a specimen is called likely another patient's. A facility sets its own.
#[derive(Clone, Copy, PartialEq, Debug)]
pub struct MixUpLimits {
    /// At least so many independent things must have moved.
    pub moved: usize,
    /// At least this weight must have been compared for anything to be said.
    pub weight: u32,
    /// At least this share of the compared weight must have moved, 0 to 1.
    pub score: f64,
}

impl Default for MixUpLimits {
    /// In a simulation of 14 items (tests.rs) a score of 0.4 calls 2 of 1,000 pairs of one person a mix-up, 29 of 1,000 of
    /// a person who fell very ill, and 690 of 1,000 pairs of two persons; 0.5 calls 0, 2 and 420. A choice; certainty C.
    fn default() -> Self {
        Self { moved: 3, weight: 6, score: 0.4 }
    }
}

/// What the changes of one specimen say of whose it is.
#[derive(Clone, Copy, PartialEq, Debug)]
pub struct MixUp {
    /// The share of the compared weight that moved, 0 to 1.
    pub score: f64,
    /// How many independent things were compared.
    pub compared: usize,
    /// How many of them moved beyond the reference change value.
    pub moved: usize,
    /// Whether enough was compared for the score to mean something.
    pub enough: bool,
    /// Whether the specimen is likely another patient's: enough was compared, enough independent things moved, and with
    /// them enough of what could.
    pub is_likely: bool,
}

/// Weighs the changes of one specimen. Only the reference change value counts here: a site rule is about the patient.
pub fn mix_up(deltas: &[Delta], limits: MixUpLimits) -> MixUp {
    let (mut compared, mut moved, mut weight, mut moved_weight) = (0, 0, 0, 0);
    for (items, of_group) in GROUPS {
        let known = deltas.iter().filter(|delta| {
            delta.reference_change.is_some() && delta.percent.is_some() && items.contains(&delta.now.item.key)
        });
        let mut any = false;
        let mut beyond = false;
        for delta in known {
            any = true;
            beyond |= delta.beyond_reference;
        }
        if any {
            compared += 1;
            weight += of_group;
        }
        if beyond {
            moved += 1;
            moved_weight += of_group;
        }
    }
    let score = if weight == 0 { 0.0 } else { f64::from(moved_weight) / f64::from(weight) };
    let enough = weight > 0 && weight >= limits.weight;
    let is_likely = enough && moved >= limits.moved && score >= limits.score;
    MixUp { score, compared, moved, enough, is_likely }
}
