//! Why a resource was not taken. Names elements and rules, never values.

use super::Place;
use std::fmt;

/// The closed list of reasons, for counting.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Debug)]
pub enum Reason {
    /// The file could not be read to its end (input error, damaged gzip).
    UnreadableFile,
    /// Not JSON.
    UnreadableJson,
    /// A document or line longer than the limit.
    TooLarge,
    /// JSON, but not a FHIR resource.
    NotAResource,
    /// A Bundle entry without a resource, such as a deletion by request.
    EntryWithoutResource,
    /// A resource type that no category is made from.
    UnsupportedResource,
    /// An observation that is neither laboratory nor vital sign.
    UnsupportedCategory,
    /// A modifier that changes the meaning and is not understood.
    UnknownModifier,
    /// The resource states no fact of the patient: a plan, a negation, a mere grouping.
    NotAFact,
    /// An element that is needed is absent.
    MissingElement,
    /// An element is there but breaks its rule.
    InvalidElement,
    /// A code from a closed list that is not in the list.
    UnknownCode,
    /// The patient's number cannot be found.
    UnknownPatient,
    /// More than one patient number fits.
    AmbiguousPatient,
    /// It says itself that it is another institution's than the sender's.
    OtherInstitution,
    /// A reference that is needed leads nowhere.
    UnknownReference,
    /// Nothing says when it was.
    Undated,
    /// An organisation or practitioner that is not known to be a facility or member.
    UnknownActor,
    /// Actors that a consent here cannot name: a group, a team, a device.
    ActorNotRepresentable,
    /// An actor who takes part otherwise than by receiving information.
    ActorRoleNotRepresentable,
    /// A rule about other actions than viewing.
    ActionNotRepresentable,
    /// A purpose whose relation to this network's is not known.
    PurposeNotRepresentable,
    /// A class of data that is no whole category.
    ClassNotRepresentable,
    /// Data told apart by a code in it.
    CodeNotRepresentable,
    /// A security label that is finer than this network's, or not known.
    LabelNotRepresentable,
    /// A confidentiality level in a deny, of which the standard says two things.
    UnclearConfidentiality,
    /// Single resources.
    DataInstanceNotRepresentable,
    /// Data told apart by what it is related to, such as an encounter.
    DataRelationNotRepresentable,
    /// Data told apart by the person or organisation that wrote it.
    AuthorNotRepresentable,
    /// An exception that excepts nothing.
    ExceptionWithoutEffect,
    /// Nothing says, or two things say differently, whether the base rule permits.
    UnclearBaseRule,
    /// A policy rule that is not known.
    UnknownPolicy,
    /// A consent to something else than sharing data.
    ScopeNotRepresentable,
    /// More provisions than are worked out.
    TooComplex,
}

impl Reason {
    /// All of them, in order.
    pub const ALL: [Self; 34] = [
        Self::UnreadableFile,
        Self::UnreadableJson,
        Self::TooLarge,
        Self::NotAResource,
        Self::EntryWithoutResource,
        Self::UnsupportedResource,
        Self::UnsupportedCategory,
        Self::UnknownModifier,
        Self::NotAFact,
        Self::MissingElement,
        Self::InvalidElement,
        Self::UnknownCode,
        Self::UnknownPatient,
        Self::AmbiguousPatient,
        Self::OtherInstitution,
        Self::UnknownReference,
        Self::Undated,
        Self::UnknownActor,
        Self::ActorNotRepresentable,
        Self::ActorRoleNotRepresentable,
        Self::ActionNotRepresentable,
        Self::PurposeNotRepresentable,
        Self::ClassNotRepresentable,
        Self::CodeNotRepresentable,
        Self::LabelNotRepresentable,
        Self::UnclearConfidentiality,
        Self::DataInstanceNotRepresentable,
        Self::DataRelationNotRepresentable,
        Self::AuthorNotRepresentable,
        Self::ExceptionWithoutEffect,
        Self::UnclearBaseRule,
        Self::UnknownPolicy,
        Self::ScopeNotRepresentable,
        Self::TooComplex,
    ];
    /// The stable code, for tables and metrics.
    pub const fn code(self) -> &'static str {
        match self {
            Self::UnreadableFile => "unreadable_file",
            Self::UnreadableJson => "unreadable_json",
            Self::TooLarge => "too_large",
            Self::NotAResource => "not_a_resource",
            Self::EntryWithoutResource => "entry_without_resource",
            Self::UnsupportedResource => "unsupported_resource",
            Self::UnsupportedCategory => "unsupported_category",
            Self::UnknownModifier => "unknown_modifier",
            Self::NotAFact => "not_a_fact",
            Self::MissingElement => "missing_element",
            Self::InvalidElement => "invalid_element",
            Self::UnknownCode => "unknown_code",
            Self::UnknownPatient => "unknown_patient",
            Self::AmbiguousPatient => "ambiguous_patient",
            Self::OtherInstitution => "other_institution",
            Self::UnknownReference => "unknown_reference",
            Self::Undated => "undated",
            Self::UnknownActor => "unknown_actor",
            Self::ActorNotRepresentable => "actor_not_representable",
            Self::ActorRoleNotRepresentable => "actor_role_not_representable",
            Self::ActionNotRepresentable => "action_not_representable",
            Self::PurposeNotRepresentable => "purpose_not_representable",
            Self::ClassNotRepresentable => "class_not_representable",
            Self::CodeNotRepresentable => "code_not_representable",
            Self::LabelNotRepresentable => "label_not_representable",
            Self::UnclearConfidentiality => "unclear_confidentiality",
            Self::DataInstanceNotRepresentable => "data_instance_not_representable",
            Self::DataRelationNotRepresentable => "data_relation_not_representable",
            Self::AuthorNotRepresentable => "author_not_representable",
            Self::ExceptionWithoutEffect => "exception_without_effect",
            Self::UnclearBaseRule => "unclear_base_rule",
            Self::UnknownPolicy => "unknown_policy",
            Self::ScopeNotRepresentable => "scope_not_representable",
            Self::TooComplex => "too_complex",
        }
    }
}

impl fmt::Display for Reason {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.code())
    }
}

/// A resource that was not taken: why, where in the file, which element, which rule.
#[derive(Clone, PartialEq, Eq, Debug, thiserror::Error)]
#[error("{place}: {resource} `{path}` was refused ({reason}): {rule}")]
pub struct Refusal {
    /// Why, from the closed list.
    pub reason: Reason,
    /// The FHIR R4 resource type, or `?` where it is none.
    pub resource: &'static str,
    /// Where in the file.
    pub place: Place,
    /// The element, as a path from `$`, the resource: `$.code`, `$.component[1].valueQuantity.value`.
    pub path: String,
    /// The rule that it broke, in words.
    pub rule: &'static str,
}

impl Refusal {
    pub(super) fn new(
        reason: Reason,
        resource: &str,
        place: Place,
        path: impl Into<String>,
        rule: &'static str,
    ) -> Self {
        // The name comes from the file; only that of a type may leave, for anything else may be a value.
        let resource = RESOURCE_TYPES.iter().find(|known| **known == resource).copied().unwrap_or("?");
        Self { reason, resource, place, path: path.into(), rule }
    }
}

/// The resource types of FHIR R4.
#[rustfmt::skip]
const RESOURCE_TYPES: [&str; 146] = [
    "Account", "ActivityDefinition", "AdverseEvent", "AllergyIntolerance", "Appointment", "AppointmentResponse",
    "AuditEvent", "Basic", "Binary", "BiologicallyDerivedProduct", "BodyStructure", "Bundle", "CapabilityStatement",
    "CarePlan", "CareTeam", "CatalogEntry", "ChargeItem", "ChargeItemDefinition", "Claim", "ClaimResponse",
    "ClinicalImpression", "CodeSystem", "Communication", "CommunicationRequest", "CompartmentDefinition",
    "Composition", "ConceptMap", "Condition", "Consent", "Contract", "Coverage", "CoverageEligibilityRequest",
    "CoverageEligibilityResponse", "DetectedIssue", "Device", "DeviceDefinition", "DeviceMetric", "DeviceRequest",
    "DeviceUseStatement", "DiagnosticReport", "DocumentManifest", "DocumentReference", "EffectEvidenceSynthesis",
    "Encounter", "Endpoint", "EnrollmentRequest", "EnrollmentResponse", "EpisodeOfCare", "EventDefinition",
    "Evidence", "EvidenceVariable", "ExampleScenario", "ExplanationOfBenefit", "FamilyMemberHistory", "Flag", "Goal",
    "GraphDefinition", "Group", "GuidanceResponse", "HealthcareService", "ImagingStudy", "Immunization",
    "ImmunizationEvaluation", "ImmunizationRecommendation", "ImplementationGuide", "InsurancePlan", "Invoice",
    "Library", "Linkage", "List", "Location", "Measure", "MeasureReport", "Media", "Medication",
    "MedicationAdministration", "MedicationDispense", "MedicationKnowledge", "MedicationRequest",
    "MedicationStatement", "MedicinalProduct", "MedicinalProductAuthorization", "MedicinalProductContraindication",
    "MedicinalProductIndication", "MedicinalProductIngredient", "MedicinalProductInteraction",
    "MedicinalProductManufactured", "MedicinalProductPackaged", "MedicinalProductPharmaceutical",
    "MedicinalProductUndesirableEffect", "MessageDefinition", "MessageHeader", "MolecularSequence", "NamingSystem",
    "NutritionOrder", "Observation", "ObservationDefinition", "OperationDefinition", "OperationOutcome",
    "Organization", "OrganizationAffiliation", "Parameters", "Patient", "PaymentNotice", "PaymentReconciliation",
    "Person", "PlanDefinition", "Practitioner", "PractitionerRole", "Procedure", "Provenance", "Questionnaire",
    "QuestionnaireResponse", "RelatedPerson", "RequestGroup", "ResearchDefinition", "ResearchElementDefinition",
    "ResearchStudy", "ResearchSubject", "RiskAssessment", "RiskEvidenceSynthesis", "Schedule", "SearchParameter",
    "ServiceRequest", "Slot", "Specimen", "SpecimenDefinition", "StructureDefinition", "StructureMap", "Subscription",
    "Substance", "SubstanceNucleicAcid", "SubstancePolymer", "SubstanceProtein", "SubstanceReferenceInformation",
    "SubstanceSourceMaterial", "SubstanceSpecification", "SupplyDelivery", "SupplyRequest", "Task",
    "TerminologyCapabilities", "TestReport", "TestScript", "ValueSet", "VerificationResult", "VisionPrescription",
];
