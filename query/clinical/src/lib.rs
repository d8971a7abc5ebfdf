//! Pure medicine: codes, units, formulas, classifications.
