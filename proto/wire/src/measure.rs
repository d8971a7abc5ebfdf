//! Figures that a facility published.

use crate::error::{At, Rule, WireError};
use crate::v1;
use model::{DefinitionName, FacilityId, MeasureRelease, PatientNumber};
use std::collections::BTreeMap;

impl TryFrom<v1::MeasureRelease> for MeasureRelease {
    type Error = WireError;
    fn try_from(wire: v1::MeasureRelease) -> Result<Self, WireError> {
        let v1::MeasureRelease { facility, measure, year, of, least, counted } = wire;
        if counted.len() > MeasureRelease::MOST {
            return Err(WireError::new("counted", Rule::TooMany { limit: MeasureRelease::MOST }));
        }
        let persons = counted.len();
        let counted = counted
            .into_iter()
            .map(|v1::CountedPerson { number, met }| Ok((PatientNumber::parse(&number).at("counted.number")?, met)));
        let counted = counted.collect::<Result<BTreeMap<PatientNumber, bool>, WireError>>()?;
        if counted.len() != persons {
            return Err(WireError::new("counted", Rule::Repeated));
        }
        Ok(Self {
            facility: FacilityId::parse(&facility).at("facility")?,
            measure: DefinitionName::parse(&measure).at("measure")?,
            year: i16::try_from(year).map_err(|_| WireError::new("year", Rule::TooLarge { limit: 9999 }))?,
            of: of.parse().map_err(|_| WireError::new("of", Rule::Date))?,
            least,
            counted,
        })
    }
}

impl From<&MeasureRelease> for v1::MeasureRelease {
    fn from(release: &MeasureRelease) -> Self {
        let MeasureRelease { facility, measure, year, of, least, counted } = release;
        let person = |(number, met): (&PatientNumber, &bool)| v1::CountedPerson {
            number: number.as_str().to_owned(),
            met: *met,
        };
        Self {
            facility: facility.as_str().to_owned(),
            measure: measure.as_str().to_owned(),
            year: i32::from(*year),
            of: of.to_string(),
            least: *least,
            counted: counted.iter().map(person).collect(),
        }
    }
}
