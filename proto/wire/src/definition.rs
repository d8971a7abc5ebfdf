//! A facility's definitions.

use crate::error::{At, WireError};
use crate::v1;
use crate::vocabulary::Vocabulary;
use model::{Definition, DefinitionKind, DefinitionName, FacilityId};

impl TryFrom<v1::Definition> for Definition {
    type Error = WireError;
    fn try_from(wire: v1::Definition) -> Result<Self, WireError> {
        let v1::Definition { facility, kind, name, text } = wire;
        let facility = FacilityId::parse(&facility).at("facility")?;
        let kind = DefinitionKind::from_number(kind).at("kind")?;
        let name = DefinitionName::parse(&name).at("name")?;
        Self::new(facility, kind, name, text).at("text")
    }
}

impl From<&Definition> for v1::Definition {
    fn from(definition: &Definition) -> Self {
        Self {
            facility: definition.facility().as_str().to_owned(),
            kind: definition.kind().number(),
            name: definition.name().as_str().to_owned(),
            text: definition.text().to_owned(),
        }
    }
}
