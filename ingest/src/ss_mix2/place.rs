//! Where a file lies in the tree, and whether that agrees with its name.

use super::kind::DataType;
use super::name::{FileName, NameError, Part, TYPE_RULE, date_of};
use std::path::{Component, Path};

/// Which part of a path broke a rule.
#[derive(Clone, Copy, PartialEq, Eq, Hash, Debug)]
pub enum Level {
    /// The path as a whole.
    Path,
    /// The folder of the first three characters of the patient number.
    First,
    /// The folder of the next three.
    Second,
    /// The folder of the patient number.
    Patient,
    /// The folder of the date of care.
    Date,
    /// The folder of the data type.
    Type,
    /// The name itself.
    Name(Part),
}

impl Level {
    /// Its name in messages and in the quarantine.
    pub const fn code(self) -> &'static str {
        match self {
            Self::Path => "path",
            Self::First => "path.first",
            Self::Second => "path.second",
            Self::Patient => "path.patient",
            Self::Date => "path.date",
            Self::Type => "path.type",
            Self::Name(part) => part.code(),
        }
    }
}

/// A path that is no place in a storage. It never carries the path: that holds a patient number.
#[derive(Clone, Copy, PartialEq, Eq, Debug, thiserror::Error)]
#[error("`{}`: {rule}", at.code())]
pub struct PathError {
    /// Which part.
    pub at: Level,
    /// The rule it broke.
    pub rule: &'static str,
}

impl From<NameError> for PathError {
    fn from(error: NameError) -> Self {
        Self { at: Level::Name(error.part), rule: error.rule }
    }
}

const fn wrong(at: Level, rule: &'static str) -> PathError {
    PathError { at, rule }
}

/// Reads the place of a file or content folder, relative to the storage's root:
/// `first three/next three/patient/date/type/name`.
///
/// # Errors
/// When the tree has another shape, or a folder disagrees with the name.
pub fn place(relative: &Path) -> Result<FileName, PathError> {
    const SHAPE: PathError = wrong(Level::Path, "is first three/next three/patient/date/type/name below the root");
    let mut parts = [""; 6];
    let mut count = 0;
    for component in relative.components() {
        let Component::Normal(text) = component else { return Err(SHAPE) };
        let slot = parts.get_mut(count).ok_or(SHAPE)?;
        *slot = text.to_str().ok_or(wrong(Level::Path, "is UTF-8"))?;
        count += 1;
    }
    if count != parts.len() {
        return Err(SHAPE);
    }
    let [first, second, patient, date, data, name] = parts;
    let name = FileName::parse(name)?;
    if name.patient.as_str() != patient {
        return Err(wrong(Level::Patient, "is the patient number in the name"));
    }
    // Numbers shorter than the two folders are not said how to spread; whatever they are, they begin the number.
    let rest = patient.strip_prefix(first).filter(|_| !first.is_empty());
    let rest = rest.ok_or(wrong(Level::First, "begins the patient number"))?;
    if second.is_empty() || !rest.starts_with(second) {
        return Err(wrong(Level::Second, "continues the patient number"));
    }
    let of_folder = date_of(date).map_err(|error| wrong(Level::Date, error.rule))?;
    if of_folder != name.date {
        return Err(wrong(Level::Date, "is the date in the name"));
    }
    let of_folder = DataType::parse(data).ok_or(wrong(Level::Type, TYPE_RULE))?;
    if !of_folder.is_same(&name.data) {
        return Err(wrong(Level::Type, "is the data type in the name"));
    }
    // The folder of an extended type has the names, its contents' names only the codes.
    Ok(FileName { data: of_folder, ..name })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn at(path: &str) -> Level {
        place(Path::new(path)).unwrap_err().at
    }

    #[test]
    fn a_file_lies_where_its_name_says() {
        let name = place(Path::new(
            "999/901/9999013/20111220/OML-11/9999013_20111220_OML-11_000000011000354_20111220103059123_01_1",
        ));
        assert_eq!(name.unwrap().data.code(), "OML-11");
        let folder = place(Path::new(
            "012/345/0123456789/20160101/L-1^観察^99Z^^^/0123456789_20160101_L-1^^99Z_1_20160101150032_1",
        ));
        match folder.unwrap().data {
            DataType::Extended(kind) => assert_eq!(kind.local_name, "観察"),
            DataType::Standard(kind) => panic!("{kind}"),
        }
    }

    #[test]
    fn each_folder_must_agree_with_the_name() {
        let name = "9999013_20111220_OML-11_1_20111220103059123_01_1";
        for (path, level) in [
            ("998/901/9999013/20111220/OML-11", Level::First),
            ("999/902/9999013/20111220/OML-11", Level::Second),
            ("999/901/9999014/20111220/OML-11", Level::Patient),
            ("999/901/9999013/20111221/OML-11", Level::Date),
            ("999/901/9999013/20111220/ADT-31", Level::Type),
            ("999/901/9999013/20111220", Level::Path),
            ("a/999/901/9999013/20111220/OML-11", Level::Path),
            ("../901/9999013/20111220/OML-11", Level::Path),
        ] {
            assert_eq!(at(&format!("{path}/{name}")), level, "{path}");
        }
        assert_eq!(at("999/901/9999013/20111220/OML-11/Thumbs.db"), Level::Name(Part::Name));
    }
}
