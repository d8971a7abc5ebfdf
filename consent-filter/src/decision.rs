//! What a decision says: permit with its grounds, or withhold with its reason.

use crate::{ConsentIx, PatientIx};

macro_rules! reasons {
    ($($(#[$doc:meta])* $variant:ident = $code:literal,)+) => {
        /// Why a record is withheld: the first gate that nothing passed.
        ///
        /// Where several consents (or several rules) could have opened it, the reason is that of the one that came
        /// furthest. Reasons are ordered as the gates stand. They are for the disclosing side, the ledger and the metrics;
        /// a viewer is never told one.
        #[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Debug)]
        pub enum Reason { $($(#[$doc])* $variant),+ }

        impl Reason {
            /// All, in the order of the gates.
            pub const ALL: &'static [Self] = &[$(Self::$variant),+];
            /// The stable code, as written in metrics and in the ledger.
            pub const fn code(self) -> &'static str {
                match self { $(Self::$variant => $code),+ }
            }
        }
    };
}

reasons! {
    /// The class or the patient is not one of this book's, or they do not belong together.
    UnknownRecord = "unknown_record",
    /// The viewing facility is not in the directory.
    ViewerUnknown = "viewer_unknown",
    /// The viewing facility takes no part.
    ViewerInactive = "viewer_inactive",
    /// The directory does not have this person at this facility.
    MemberUnknown = "member_unknown",
    /// The person's membership does not hold at this moment.
    MemberInactive = "member_inactive",
    /// The directory has the person in another role.
    RoleNotHeld = "role_not_held",
    /// The patient has not been told of it, and it is the patient who asks.
    Uninformed = "uninformed",
    /// The role sees no clinical data.
    RoleNotClinical = "role_not_clinical",
    /// The source facility is not in the directory or takes no part.
    SourceInactive = "source_inactive",
    /// The record never leaves its source.
    Undelivered = "undelivered",
    /// No consent of this patient on this edge.
    NoConsent = "no_consent",
    /// Consents name practitioners at this facility, and this is not one of them.
    MemberNotNamed = "member_not_named",
    /// The consent was taken by proxy (代行同意), and the viewing facility has not agreed to that beforehand.
    NoViewerAgreement = "no_viewer_agreement",
    /// The consent was withdrawn.
    ConsentWithdrawn = "consent_withdrawn",
    /// A later consent took its place.
    ConsentSuperseded = "consent_superseded",
    /// The consent is not (yet) in force, or was rejected.
    ConsentNotActive = "consent_not_active",
    /// The consent's period has not begun.
    ConsentNotBegun = "consent_not_begun",
    /// The consent's period is over.
    ConsentExpired = "consent_expired",
    /// A guardian gave the consent, the patient has come of age, and the source lets such consents stop there.
    GuardianConsentEnded = "guardian_consent_ended",
    /// The consent does not cover the purpose.
    PurposeNotCovered = "purpose_not_covered",
    /// The record occurred outside the consent's data period.
    DataPeriod = "data_period",
    /// The consent does not cover the category.
    CategoryNotConsented = "category_not_consented",
    /// The consent does not cover the department.
    DepartmentNotConsented = "department_not_consented",
    /// The consent does not say a label that needs saying.
    LabelNotConsented = "label_not_consented",
    /// An exception of the consent denies it.
    DeniedByException = "denied_by_exception",
    /// The glass is broken from a later moment on.
    BreakGlassNotBegun = "break_glass_not_begun",
    /// The glass was broken, and that time is over: by the clock, closed, or found unjustified.
    BreakGlassExpired = "break_glass_expired",
    /// The source has not said beforehand that this role, at this kind of facility, may break the glass.
    NotPreauthorisedForBreakGlass = "not_preauthorised_for_break_glass",
    /// The source has stated no scope, or an empty one.
    NoScope = "no_scope",
    /// No rule of the source matches category, department, author, kind of viewer and role.
    OutOfScope = "out_of_scope",
    /// Rules match, and none says a label that needs saying.
    ScopeLabel = "scope_label",
    /// The record occurred before the scope begins.
    ScopeSince = "scope_since",
    /// The source still holds the record back.
    HeldBack = "held_back",
    /// The source holds the record until it releases it, and has not.
    HeldUntilRelease = "held_until_release",
    /// No confirmed link joins the patient to a patient of the viewing facility.
    NotLinked = "not_linked",
}

impl std::fmt::Display for Reason {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(self.code())
    }
}

/// On which grounds a record is shown.
#[derive(Clone, Copy, PartialEq, Eq, Hash, Debug)]
pub enum Permit {
    /// It is the viewing facility's own record.
    Own,
    /// Another facility's record, through both gates and a link.
    Shared {
        /// The consent: the earliest stated of those that permit.
        consent: ConsentIx,
        /// The place of the rule in the source's scope, from 0: the first of those that match.
        rule: u16,
        /// The viewing facility's own ref of the person.
        own_patient: PatientIx,
    },
    /// Another facility's record, without the patient's consent: the member has broken the glass.
    BrokenGlass {
        /// The place of the glass among [`crate::Book::glasses_of`] the patient, from 0.
        glass: u32,
        /// The place of the rule in the source's scope, from 0: the first of those that match.
        rule: u16,
        /// The viewing facility's own ref of the person.
        own_patient: PatientIx,
    },
}

/// May it be seen, and why or why not.
#[must_use]
#[derive(Clone, Copy, PartialEq, Eq, Hash, Debug)]
pub enum Decision {
    /// It may.
    Permit(Permit),
    /// It may not.
    Withhold(Reason),
}

impl Decision {
    /// Whether it may be seen.
    pub fn is_permit(self) -> bool {
        matches!(self, Self::Permit(_))
    }
    /// Why not, if not.
    pub fn reason(self) -> Option<Reason> {
        match self {
            Self::Permit(_) => None,
            Self::Withhold(reason) => Some(reason),
        }
    }
}
