//! HbA1c: three scales of one thing. Between them there are lines, not units.

use crate::lab::decimal::dec;
use crate::{Certainty, OutOfDomainError, Source, within};
use rust_decimal::{Decimal, RoundingStrategy};

/// A scale HbA1c is reported on.
#[derive(Clone, Copy, PartialEq, Eq, Hash, Debug)]
pub enum Hba1cScale {
    /// Percent as certified by the NGSP: what Japan reports since 2012 (JLAC10 3D046).
    Ngsp,
    /// Percent of the Japan Diabetes Society, the old values (JLAC10 3D045).
    Jds,
    /// mmol/mol of the IFCC.
    Ifcc,
}

/// Where the line between JDS and NGSP comes from.
pub const JDS_LINE: Source = Source {
    text: "JDS 2012: NGSP (%) = 1.02 × JDS (%) + 0.25 (pharma-di.com/diabetes/hba1c)",
    certainty: Certainty::Secondary,
};
/// Where the line between IFCC and NGSP comes from.
pub const IFCC_LINE: Source = Source {
    text: "NGSP/IFCC master equation: NGSP (%) = 0.09148 × IFCC (mmol/mol) + 2.152",
    certainty: Certainty::Memory,
};

/// An HbA1c value with its scale, and whether it was measured on it.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Hba1c {
    value: Decimal,
    scale: Hba1cScale,
    converted: bool,
}

impl Hba1c {
    /// A value as measured.
    ///
    /// # Errors
    /// Outside 2 to 20 %, or 0 to 200 mmol/mol: what no blood can have was reported on another scale.
    pub fn new(value: Decimal, scale: Hba1cScale) -> Result<Self, OutOfDomainError> {
        let (low, high, domain) = match scale {
            Hba1cScale::Ngsp | Hba1cScale::Jds => (dec("2"), dec("20"), "2 to 20 %"),
            Hba1cScale::Ifcc => (dec("0"), dec("200"), "0 to 200 mmol/mol"),
        };
        if value < low || value > high {
            return Err(OutOfDomainError { argument: "hba1c", domain });
        }
        Ok(Self { value, scale, converted: false })
    }

    /// The same on another scale, by the published lines, to a tenth of a percent or a whole mmol/mol, and marked.
    pub fn to(self, scale: Hba1cScale) -> Self {
        if scale == self.scale {
            return self;
        }
        let ngsp = match self.scale {
            Hba1cScale::Ngsp => self.value,
            Hba1cScale::Jds => dec("1.02") * self.value + dec("0.25"),
            Hba1cScale::Ifcc => dec("0.09148") * self.value + dec("2.152"),
        };
        let value = match scale {
            Hba1cScale::Ngsp => round(ngsp, 1),
            Hba1cScale::Jds => round((ngsp - dec("0.25")) / dec("1.02"), 1),
            Hba1cScale::Ifcc => round((ngsp - dec("2.152")) / dec("0.09148"), 0),
        };
        Self { value, scale, converted: true }
    }

    /// The value.
    pub fn value(self) -> Decimal {
        self.value
    }
    /// Its scale.
    pub fn scale(self) -> Hba1cScale {
        self.scale
    }
    /// Whether it was computed from another scale: show it as converted.
    pub fn is_converted(self) -> bool {
        self.converted
    }
}

fn round(value: Decimal, places: u32) -> Decimal {
    value.round_dp_with_strategy(places, RoundingStrategy::MidpointAwayFromZero)
}

/// NGSP percent from JDS percent: `1.02 × JDS + 0.25` ([`JDS_LINE`]), unrounded.
/// JDS values carry JLAC10 analyte 3D045; show a converted value as converted.
///
/// # Errors
/// Outside 2 to 20 %.
pub fn ngsp_from_jds(jds_percent: f64) -> Result<f64, OutOfDomainError> {
    let jds = within("jds_percent", jds_percent, (2.0, 20.0), "2 to 20 %")?;
    Ok(1.02 * jds + 0.25)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[track_caller]
    fn check(value: &'static str, from: Hba1cScale, to: Hba1cScale, expected: &'static str) {
        let converted = Hba1c::new(dec(value), from).unwrap().to(to);
        assert_eq!(converted.value(), dec(expected));
        assert!(converted.is_converted());
    }

    #[test]
    fn jds_converts_by_the_published_line() {
        assert!((ngsp_from_jds(6.5).unwrap() - 6.88).abs() < 1e-9);
        assert!((ngsp_from_jds(8.0).unwrap() - 8.41).abs() < 1e-9);
        check("6.5", Hba1cScale::Jds, Hba1cScale::Ngsp, "6.9");
        check("6.1", Hba1cScale::Jds, Hba1cScale::Ngsp, "6.5");
    }

    #[test]
    fn jds_and_ngsp_differ_by_three_to_five_tenths_as_the_society_tabulated() {
        for (jds, ngsp) in [("4.9", "5.2"), ("5.0", "5.4"), ("9.9", "10.3"), ("10.0", "10.5")] {
            check(jds, Hba1cScale::Jds, Hba1cScale::Ngsp, ngsp);
            check(ngsp, Hba1cScale::Ngsp, Hba1cScale::Jds, jds);
        }
    }

    #[test]
    fn ifcc_converts_by_the_master_equation() {
        check("48", Hba1cScale::Ifcc, Hba1cScale::Ngsp, "6.5");
        check("7.0", Hba1cScale::Ngsp, Hba1cScale::Ifcc, "53");
        check("6.1", Hba1cScale::Jds, Hba1cScale::Ifcc, "47");
    }

    #[test]
    fn a_value_on_its_own_scale_stays_as_measured() {
        let measured = Hba1c::new(dec("6.53"), Hba1cScale::Ngsp).unwrap();
        assert_eq!(measured.to(Hba1cScale::Ngsp), measured);
        assert!(!measured.is_converted());
    }

    #[test]
    fn values_no_blood_can_have_are_refused() {
        assert_eq!(ngsp_from_jds(65.0).unwrap_err().argument, "jds_percent");
        assert!(ngsp_from_jds(f64::NAN).is_err());
        assert!(Hba1c::new(dec("48"), Hba1cScale::Ngsp).is_err(), "48 % is an IFCC value with the wrong unit");
    }
}
