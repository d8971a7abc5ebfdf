//! FHIR's types by name: which there are, which is a kind of which, and the few elements whose type JSON does not show.

/// A type that an expression names, such as `Quantity`, `FHIR.string` or `System.Boolean`.
#[derive(Clone, PartialEq, Eq, Debug)]
pub(crate) struct TypeName(String);

/// The primitive types whose JSON is a text.
const TEXTS: &[&str] = &[
    "string",
    "code",
    "id",
    "markdown",
    "uri",
    "url",
    "canonical",
    "oid",
    "uuid",
    "base64Binary",
    "date",
    "dateTime",
    "instant",
    "time",
];
/// The primitive types whose JSON is a number.
const NUMBERS: &[&str] = &["integer", "positiveInt", "unsignedInt", "integer64", "decimal"];

/// The types that `value[x]` and its like may have: their names as they stand in an element's name, and the types.
const CHOICES: &[(&str, &str)] = &[
    ("Address", "Address"),
    ("Age", "Age"),
    ("Annotation", "Annotation"),
    ("Attachment", "Attachment"),
    ("Base64Binary", "base64Binary"),
    ("Boolean", "boolean"),
    ("Canonical", "canonical"),
    ("Code", "code"),
    ("CodeableConcept", "CodeableConcept"),
    ("CodeableReference", "CodeableReference"),
    ("Coding", "Coding"),
    ("ContactDetail", "ContactDetail"),
    ("ContactPoint", "ContactPoint"),
    ("Contributor", "Contributor"),
    ("Count", "Count"),
    ("DataRequirement", "DataRequirement"),
    ("Date", "date"),
    ("DateTime", "dateTime"),
    ("Decimal", "decimal"),
    ("Distance", "Distance"),
    ("Dosage", "Dosage"),
    ("Duration", "Duration"),
    ("Expression", "Expression"),
    ("HumanName", "HumanName"),
    ("Id", "id"),
    ("Identifier", "Identifier"),
    ("Instant", "instant"),
    ("Integer", "integer"),
    ("Integer64", "integer64"),
    ("Markdown", "markdown"),
    ("Meta", "Meta"),
    ("Money", "Money"),
    ("Oid", "oid"),
    ("ParameterDefinition", "ParameterDefinition"),
    ("Period", "Period"),
    ("PositiveInt", "positiveInt"),
    ("Quantity", "Quantity"),
    ("Range", "Range"),
    ("Ratio", "Ratio"),
    ("RatioRange", "RatioRange"),
    ("Reference", "Reference"),
    ("RelatedArtifact", "RelatedArtifact"),
    ("SampledData", "SampledData"),
    ("Signature", "Signature"),
    ("String", "string"),
    ("Time", "time"),
    ("Timing", "Timing"),
    ("TriggerDefinition", "TriggerDefinition"),
    ("UnsignedInt", "unsignedInt"),
    ("Uri", "uri"),
    ("Url", "url"),
    ("UsageContext", "UsageContext"),
    ("Uuid", "uuid"),
];

/// Elements whose text is a date or time wherever FHIR R4 has them.
const DATED: &[(&str, &str)] = &[
    ("approvalDate", "date"),
    ("assertedDate", "dateTime"),
    ("authored", "dateTime"),
    ("authoredOn", "dateTime"),
    ("birthDate", "date"),
    ("created", "dateTime"),
    ("date", "dateTime"),
    ("dateAsserted", "dateTime"),
    ("dateTime", "dateTime"),
    ("dateWritten", "dateTime"),
    ("end", "dateTime"),
    ("expirationDate", "date"),
    ("issued", "instant"),
    ("lastModified", "dateTime"),
    ("lastOccurrence", "dateTime"),
    ("lastReviewDate", "date"),
    ("lastUpdated", "instant"),
    ("received", "dateTime"),
    ("receivedTime", "dateTime"),
    ("recorded", "instant"),
    ("recordedDate", "dateTime"),
    ("sent", "dateTime"),
    ("start", "dateTime"),
    ("started", "dateTime"),
    ("whenHandedOver", "dateTime"),
    ("whenPrepared", "dateTime"),
];

/// The type of a choice element by what follows its name: `Quantity` of `valueQuantity`.
pub(crate) fn of_choice(suffix: &str) -> Option<&'static str> {
    CHOICES.iter().find(|(written, _)| *written == suffix).map(|(_, name)| *name)
}

/// The type of a value of a `constant`, by the end of its element's name.
pub(crate) fn of_element(name: &str) -> Option<&'static str> {
    DATED.iter().find(|(element, _)| *element == name).map(|(_, kind)| *kind)
}

/// Whether a type's values are dates or times.
pub(crate) fn is_temporal(name: &str) -> bool {
    matches!(name, "date" | "dateTime" | "instant" | "time")
}

impl TypeName {
    /// From the parts of a name: one, or two of which the first is `FHIR` or `System`.
    pub(crate) fn of(parts: &[&str]) -> Option<Self> {
        match parts {
            ["System", name] => ["Boolean", "String", "Integer", "Decimal", "Date", "DateTime", "Time", "Quantity"]
                .contains(name)
                .then(|| Self::of_system(name)),
            ["FHIR", name] => Some(Self((*name).to_owned())),
            [name] => Some(match *name {
                "Boolean" | "String" | "Integer" | "Decimal" | "Date" | "DateTime" | "Time" => Self::of_system(name),
                name => Self(name.to_owned()),
            }),
            _ => None,
        }
    }
    fn of_system(name: &str) -> Self {
        Self(match name {
            "DateTime" => "dateTime".to_owned(),
            "Quantity" => name.to_owned(),
            name => name.to_ascii_lowercase(),
        })
    }
    pub(crate) fn as_str(&self) -> &str {
        &self.0
    }
    /// Whether a value of type `name` is one of this type.
    pub(crate) fn takes(&self, name: &str) -> bool {
        let wanted = self.0.as_str();
        wanted == name
            || match wanted {
                "string" => matches!(name, "code" | "id" | "markdown"),
                "uri" => matches!(name, "url" | "canonical" | "oid" | "uuid"),
                "integer" => matches!(name, "positiveInt" | "unsignedInt"),
                "Quantity" => matches!(name, "Age" | "Count" | "Distance" | "Duration" | "Money"),
                _ => false,
            }
    }
    pub(crate) fn is_text(&self) -> bool {
        TEXTS.contains(&self.0.as_str())
    }
    pub(crate) fn is_number(&self) -> bool {
        NUMBERS.contains(&self.0.as_str())
    }
    /// A complex type or a resource: FHIR writes those with a capital.
    pub(crate) fn is_complex(&self) -> bool {
        self.0.starts_with(|first: char| first.is_ascii_uppercase())
    }
}
