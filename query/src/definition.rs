//! What facilities have defined for their own views: a fold of their statements, each read once.

use crate::standard::{StandardView, ViewFault};
use clinical::diabetes::cohort::{CohortFile, CohortFileError, named};
use clinical::diabetes::{Thresholds, ThresholdsError};
use clinical::perinatal::{OwnPerinatal, OwnPerinatalError, PerinatalTables};
use model::{Definition, DefinitionKind, DefinitionName, FacilityId, Moment, Position};
use std::collections::BTreeMap;
use std::sync::Arc;

/// Why a definition was refused.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum DefinitionFault {
    /// The text names itself otherwise.
    #[error("`name`: the text says `{found}`; state it under that name")]
    Name {
        /// What it says.
        found: String,
    },
    /// No definition of a cohort.
    #[error(transparent)]
    Cohort(#[from] CohortFileError),
    /// No limits.
    #[error(transparent)]
    Thresholds(#[from] ThresholdsError),
    /// Limits of what nothing here reads.
    #[error("`name`: limits are stated for `{known}`, not for `{found}`", known = Definitions::DIABETES)]
    Limits {
        /// What it is stated under.
        found: String,
    },
    /// No perinatal tables.
    #[error(transparent)]
    Perinatal(#[from] OwnPerinatalError),
    /// Perinatal tables under another name.
    #[error("`name`: perinatal tables are stated under `{known}`, not under `{found}`", known = Definitions::PERINATAL)]
    PerinatalName {
        /// What they are stated under.
        found: String,
    },
    /// No ViewDefinition, or none that can be a table here.
    #[error(transparent)]
    View(#[from] ViewFault),
    /// The facility has too many of this kind.
    #[error("the facility has {most} definitions of this kind already; take one back first", most = Definitions::MOST)]
    TooMany,
}

/// What a definition means, ready to be used.
#[derive(Debug, Clone)]
pub enum Meaning {
    /// Who belongs to a cohort.
    Cohort(Arc<CohortFile>),
    /// The facility's own limits and tables of diabetes care.
    Thresholds(Arc<Thresholds>),
    /// A table of the facility's own.
    View(Arc<StandardView>),
    /// The facility's own perinatal limits, and its confirmed matrix.
    Perinatal(Arc<OwnPerinatal>),
}

/// Reads a definition.
///
/// # Errors
/// With the line and the rule, where the text is wrong.
pub fn read(definition: &Definition) -> Result<Meaning, DefinitionFault> {
    match definition.kind() {
        DefinitionKind::Cohort => {
            let file = CohortFile::parse(definition.text())?;
            if file.key() != definition.name().as_str() {
                return Err(DefinitionFault::Name { found: file.key().to_owned() });
            }
            Ok(Meaning::Cohort(Arc::new(file)))
        }
        DefinitionKind::Thresholds if definition.name().as_str() != Definitions::DIABETES => {
            Err(DefinitionFault::Limits { found: definition.name().as_str().to_owned() })
        }
        DefinitionKind::Thresholds => Ok(Meaning::Thresholds(Arc::new(Thresholds::parse(definition.text())?))),
        DefinitionKind::View => {
            let view = StandardView::read(definition.name(), definition.text())?;
            Ok(Meaning::View(Arc::new(view)))
        }
        DefinitionKind::Perinatal if definition.name().as_str() != Definitions::PERINATAL => {
            Err(DefinitionFault::PerinatalName { found: definition.name().as_str().to_owned() })
        }
        DefinitionKind::Perinatal => {
            let own = OwnPerinatal::parse(definition.text(), definition.facility())?;
            Ok(Meaning::Perinatal(Arc::new(own)))
        }
    }
}

/// A cohort that a facility has by name.
#[derive(Clone, PartialEq, Debug)]
pub struct NamedCohort {
    /// What it says.
    pub file: Arc<CohortFile>,
    /// Whether it is shipped; else the facility has stated it.
    pub shipped: bool,
}

/// A definition as it was stated, what it means, and where its versions lie.
#[derive(Debug, Clone)]
pub struct Defined {
    definition: Arc<Definition>,
    meaning: Option<Meaning>,
    versions: Vec<(Position, Moment)>,
}

impl Defined {
    /// The statement that holds.
    pub fn definition(&self) -> &Definition {
        &self.definition
    }
    /// What it means; `None` when it is taken back.
    pub fn meaning(&self) -> Option<&Meaning> {
        self.meaning.as_ref()
    }
    /// Its version: the first statement is 1.
    pub fn version(&self) -> u64 {
        self.versions.len() as u64
    }
    /// Where a version lies in the log, and when it was admitted.
    pub fn place(&self, version: u64) -> Option<(Position, Moment)> {
        let at = usize::try_from(version).ok()?.checked_sub(1)?;
        self.versions.get(at).copied()
    }
}

type OfFacility = BTreeMap<(DefinitionKind, DefinitionName), Defined>;

/// All facilities' definitions: the fold of their statements. Cheap to clone.
#[derive(Debug, Clone, Default)]
pub struct Definitions {
    of: BTreeMap<FacilityId, Arc<OfFacility>>,
}

impl Definitions {
    /// At most so many of one kind stand at a facility.
    pub const MOST: usize = 200;
    /// The name under which a facility states its limits of diabetes care.
    pub const DIABETES: &'static str = "diabetes";

    /// The name under which a facility states its perinatal tables.
    pub const PERINATAL: &'static str = "perinatal";

    /// The perinatal tables that hold at a facility: its own, or the shipped ones.
    pub fn perinatal(&self, facility: &FacilityId) -> Arc<PerinatalTables> {
        let own = self.of(facility, DefinitionKind::Perinatal).find_map(|defined| match defined.meaning() {
            Some(Meaning::Perinatal(own)) => Some(Arc::clone(own.tables())),
            _ => None,
        });
        own.unwrap_or_else(PerinatalTables::shared)
    }

    /// A facility's own limits and tables of diabetes care, where it has stated them.
    pub fn thresholds(&self, facility: &FacilityId) -> Option<&Arc<Thresholds>> {
        self.of(facility, DefinitionKind::Thresholds).find_map(|defined| match defined.meaning() {
            Some(Meaning::Thresholds(thresholds)) => Some(thresholds),
            _ => None,
        })
    }

    /// The cohorts that a facility has: its own, and the shipped ones it has not defined anew, by name.
    pub fn cohorts(&self, facility: &FacilityId) -> Vec<NamedCohort> {
        let shipped =
            named().into_iter().map(|cohort| NamedCohort { file: Arc::new(CohortFile::Typed(cohort)), shipped: true });
        let own = self.of(facility, DefinitionKind::Cohort).filter_map(|defined| match defined.meaning() {
            Some(Meaning::Cohort(file)) => Some(NamedCohort { file: Arc::clone(file), shipped: false }),
            _ => None,
        });
        let all: BTreeMap<String, NamedCohort> =
            shipped.chain(own).map(|one| (one.file.key().to_owned(), one)).collect();
        all.into_values().collect()
    }

    /// A definition as it stands; one that was taken back too.
    pub fn get(&self, facility: &FacilityId, kind: DefinitionKind, name: &DefinitionName) -> Option<&Defined> {
        self.of.get(facility)?.get(&(kind, name.clone()))
    }

    /// The definitions of a kind that stand at a facility, by name.
    pub fn of(&self, facility: &FacilityId, kind: DefinitionKind) -> impl Iterator<Item = &Defined> {
        let all = self.of.get(facility).into_iter().flat_map(|of_facility| of_facility.iter());
        all.filter(move |((of, _), defined)| *of == kind && defined.meaning.is_some()).map(|(_, defined)| defined)
    }

    /// The facilities that have stated anything.
    pub fn facilities(&self) -> impl Iterator<Item = &FacilityId> {
        self.of.keys()
    }

    /// Takes in a statement; the version it is. One taken in before changes nothing. One that cannot be read is no version,
    /// and what held goes on.
    ///
    /// # Errors
    /// Where the text is wrong.
    pub fn apply(&mut self, position: Position, at: Moment, definition: &Definition) -> Result<u64, DefinitionFault> {
        let known = self.get(definition.facility(), definition.kind(), definition.name());
        let mut versions = known.map(|known| known.versions.clone()).unwrap_or_default();
        if versions.last().is_some_and(|(last, _)| *last >= position) {
            return Ok(versions.len() as u64);
        }
        let meaning = self.meaning(definition)?;
        versions.push((position, at));
        let version = versions.len() as u64;
        let defined = Defined { definition: Arc::new(definition.clone()), meaning, versions };
        let of_facility = self.of.entry(definition.facility().clone()).or_default();
        Arc::make_mut(of_facility).insert((definition.kind(), definition.name().clone()), defined);
        Ok(version)
    }

    /// The version that a statement would be.
    ///
    /// # Errors
    /// Where the text is wrong.
    pub fn rehearse(&self, definition: &Definition) -> Result<u64, DefinitionFault> {
        self.meaning(definition)?;
        let known = self.get(definition.facility(), definition.kind(), definition.name());
        Ok(known.map_or(0, Defined::version) + 1)
    }

    fn meaning(&self, definition: &Definition) -> Result<Option<Meaning>, DefinitionFault> {
        if definition.is_taken_back() {
            return Ok(None);
        }
        let (facility, kind) = (definition.facility(), definition.kind());
        let stands = self.get(facility, kind, definition.name()).is_some_and(|known| known.meaning.is_some());
        if !stands && self.of(facility, kind).count() >= Self::MOST {
            return Err(DefinitionFault::TooMany);
        }
        read(definition).map(Some)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn stated(text: &str) -> Definition {
        let name = DefinitionName::parse("a").unwrap();
        Definition::new(FacilityId::parse("central").unwrap(), DefinitionKind::View, name, text.to_owned()).unwrap()
    }

    #[test]
    fn a_cohort_is_read_and_stands_under_its_own_name() {
        let text = "name: mine\nversion: '1'\nen: Mine\nwhere: diabetes\n";
        let stated = |name, text: &str| {
            let (facility, name) = (FacilityId::parse("central").unwrap(), DefinitionName::parse(name).unwrap());
            Definition::new(facility, DefinitionKind::Cohort, name, text.to_owned()).unwrap()
        };
        let Ok(Meaning::Cohort(file)) = read(&stated("mine", text)) else { panic!("not read") };
        assert_eq!(file.version(), "1");
        assert_eq!(read(&stated("other", text)).unwrap_err(), DefinitionFault::Name { found: "mine".to_owned() });
        let wrong = read(&stated("mine", "name: mine\nwhat: 3\n")).unwrap_err().to_string();
        assert!(wrong.starts_with("line 2: "), "{wrong}");
    }

    #[test]
    fn a_facilitys_limits_hold_for_it_and_for_nobody_else() {
        let central = FacilityId::parse("central").unwrap();
        let stated = |name, text: &str| {
            let name = DefinitionName::parse(name).unwrap();
            Definition::new(central.clone(), DefinitionKind::Thresholds, name, text.to_owned()).unwrap()
        };
        let at = Moment::parse("2026-11-23T00:00:00Z").unwrap();
        let mut definitions = Definitions::default();
        let text = "version: '1'\nkidney: { rapid: -3 }\n";
        assert_eq!(definitions.apply(Position::new(0, 1), at, &stated("diabetes", text)), Ok(1));
        let rapid = |definitions: &Definitions, facility: &FacilityId| {
            definitions.thresholds(facility).map(|own| own.tables().kidney.rapid)
        };
        assert_eq!(rapid(&definitions, &central), Some(-3.0));
        assert_eq!(rapid(&definitions, &FacilityId::parse("other").unwrap()), None);
        let wrong = read(&stated("diabetes", "version: '1'\nkidney: { rapid: 3 }\n")).unwrap_err().to_string();
        assert!(wrong.starts_with("`kidney`, `rapid`"), "{wrong}");
        assert!(matches!(read(&stated("kidneys", text)), Err(DefinitionFault::Limits { .. })));
        assert_eq!(definitions.apply(Position::new(0, 2), at, &stated("diabetes", "")), Ok(2));
        assert_eq!(rapid(&definitions, &central), None, "it is taken back");
    }

    #[test]
    fn what_cannot_be_read_is_no_version_and_a_statement_counts_once() {
        let mut definitions = Definitions::default();
        let at = Moment::parse("2026-11-23T00:00:00Z").unwrap();
        assert!(definitions.apply(Position::new(0, 1), at, &stated("no such text")).is_err());
        assert!(definitions.get(stated("").facility(), DefinitionKind::View, stated("").name()).is_none());
        assert_eq!(definitions.apply(Position::new(0, 2), at, &stated("")), Ok(1));
        assert_eq!(definitions.apply(Position::new(0, 2), at, &stated("")), Ok(1), "read again");
        assert_eq!(definitions.rehearse(&stated("")), Ok(2));
        assert_eq!(definitions.of(stated("").facility(), DefinitionKind::View).count(), 0, "it is taken back");
    }
}
