//! A reading from a laboratory result that was read whole.

use super::facts::{Measure, Reading, ReadingError};
use crate::lab::{By, Doubt, Grade, Hba1c, Hba1cScale, LabRow, ResultValue, Span};

/// Glucose taken fasting: identification 1300 of JLAC10 (certainty: secondary), LOINC 1558-6 (certainty: memory).
const FASTING: (&str, &str) = ("1300", "1558-6");

impl Reading {
    /// What a laboratory result says that is asked of here; `None` of other items, of what has no value in the item's unit, and of
    /// what is implausible. Glucose counts as casual unless its code says that it was taken fasting.
    ///
    /// # Errors
    /// When no patient has such a value.
    pub fn of_lab(row: &LabRow) -> Result<Option<Self>, ReadingError> {
        let Some(item) = row.item().filter(|_| !row.doubts.contains(&Doubt::Implausible)) else { return Ok(None) };
        let measure = match item.key {
            "hba1c-jds" => return jds(row),
            "urine-protein" => return grade(row).map(Self::protein).transpose(),
            "hba1c" => Measure::Hba1c,
            "glucose" if is_fasting(row) => Measure::FastingGlucose,
            "glucose" => Measure::CasualGlucose,
            "creatinine" => Measure::Creatinine,
            "cystatin-c" => Measure::CystatinC,
            "egfr" => Measure::Egfr,
            "urine-albumin-creatinine" => Measure::AlbuminRatio,
            "urine-creatinine" => Measure::UrineCreatinine,
            "urine-protein-creatinine" => Measure::ProteinRatio,
            "total-cholesterol" => Measure::TotalCholesterol,
            "hdl-cholesterol" => Measure::Hdl,
            "ldl-cholesterol" => Measure::Ldl,
            "triglyceride" => Measure::Triglyceride,
            "alt" => Measure::Alt,
            _ => return Ok(None),
        };
        let Some(normalised) = &row.normalised else { return Ok(None) };
        let Some(span) = normalised.value.span() else { return Ok(None) };
        let reading = Self::span(measure, span)?;
        Ok(Some(if normalised.by == By::Hba1cFormula { reading.marked_converted() } else { reading }))
    }
}

/// Whether glucose was taken fasting, by its code.
pub(crate) fn is_fasting(row: &LabRow) -> bool {
    let resolved = row.resolved.as_ref();
    let (identification, loinc) = FASTING;
    let jlac10 =
        resolved.and_then(|one| one.jlac10.as_ref()).is_some_and(|code| code.identification() == identification);
    jlac10 || resolved.and_then(|one| one.loinc.as_ref()).is_some_and(|code| code.as_str() == loinc)
}

/// An HbA1c of the old scale. A bound of it is not converted.
fn jds(row: &LabRow) -> Result<Option<Reading>, ReadingError> {
    let span = row.normalised.as_ref().and_then(|one| one.value.span());
    let exact = span.and_then(|Span { low, high }| low.filter(|low| Some(*low) == high));
    let value = exact.and_then(|(value, _)| Hba1c::new(value, Hba1cScale::Jds).ok());
    value.map(Reading::hba1c).transpose()
}

/// A grade, exact; of `3+(300)` the grade.
fn grade(row: &LabRow) -> Option<Grade> {
    let grade = |value: &ResultValue| match value {
        ResultValue::Grade { comparator: crate::lab::Comparator::Equal, grade } => Some(*grade),
        _ => None,
    };
    grade(&row.value.value).or_else(|| row.value.second.as_ref().and_then(grade))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::lab::{
        CodeText, CriticalTable, LabInput, Patient, Site, UnitSpellings, Written, WrittenInterval, read_result,
    };

    fn of(code: CodeText<'_>, value: &str, unit: &str) -> Option<(Measure, Option<f64>, bool)> {
        let input = LabInput {
            code,
            specimen: "",
            value: Written::Text(value),
            unit,
            interval: WrittenInterval::Text(""),
            flag: "",
            patient: Patient::default(),
        };
        let critical = CriticalTable::shipped();
        let spellings = UnitSpellings::shipped();
        let site = Site { map: None, spellings, intervals: None, critical: &critical, blank_flag_is_normal: false };
        let reading = Reading::of_lab(&read_result(&input, &site)).unwrap()?;
        Some((reading.measure(), reading.number(), reading.is_converted()))
    }

    #[test]
    fn results_become_readings_in_their_unit() {
        let jlac = |code, value, unit| of(CodeText::Jlac10(code), value, unit);
        assert_eq!(jlac("3D046000001920402", "7.2", "%"), Some((Measure::Hba1c, Some(7.2), false)));
        assert_eq!(jlac("3D045000001920402", "6.1", "%"), Some((Measure::Hba1c, Some(6.5), true)), "JDS");
        assert_eq!(jlac("3D010130002227201", "130", "mg/dL"), Some((Measure::FastingGlucose, Some(130.0), false)));
        assert_eq!(jlac("3D010129902227201", "130", "mg/dL"), Some((Measure::CasualGlucose, Some(130.0), false)));
        assert_eq!(jlac("3D010000002227201", "130", "mg/dL"), Some((Measure::CasualGlucose, Some(130.0), false)));
        assert_eq!(of(CodeText::Loinc("1558-6"), "126", "mg/dL"), Some((Measure::FastingGlucose, Some(126.0), false)));
        assert_eq!(jlac("3C015000002327101", "88.4", "umol/L").map(|one| one.0), Some(Measure::Creatinine));
        assert_eq!(jlac("1A990000000190153", "2+", ""), Some((Measure::ProteinGrade, Some(4.0), false)));
    }

    #[test]
    fn bounds_stay_bounds_and_other_things_are_none() {
        let jlac = |code, value, unit| of(CodeText::Jlac10(code), value, unit);
        assert_eq!(jlac("3A015000000106128", "<5.0", "mg/g・Cr"), Some((Measure::AlbuminRatio, None, false)));
        assert_eq!(jlac("3H015000002326101", "4.1", "mmol/L"), None, "potassium is not asked here");
        assert_eq!(jlac("3D046000001920402", "検体不足", "%"), None);
        assert_eq!(jlac("3D046000001920402", "7.2", "mg/dL"), None, "the unit contradicts");
    }
}
