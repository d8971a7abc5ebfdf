//! Consent: a patient's grant on an edge.

use crate::label::closed_set;
use crate::{
    BreakGlass, BreakGlassEnd, BreakGlassReview, CategorySet, ConsentId, DepartmentCode, Exceptions, FacilityId,
    Labels, MemberId, Moment, PatientRef, Period, Release,
};

closed_set! {
    /// Why data is used (HL7 ActReason).
    Purpose, PurposeSet, u8, UnknownPurpose, "purpose" {
        /// Treatment.
        Treatment = "TREAT",
        /// Emergency treatment.
        EmergencyTreatment = "ETREAT",
        /// Break the glass.
        BreakGlass = "BTG",
        /// Healthcare operations.
        Operations = "HOPERAT",
        /// Research.
        Research = "HRESCH",
        /// Public health.
        PublicHealth = "PUBHLTH",
        /// At the patient's request.
        PatientRequest = "PATRQT",
    }
}

/// To whom a consent opens the source's data.
#[derive(Clone, PartialEq, Eq, Hash, Debug)]
pub enum Viewers {
    /// All members of the network (一括同意), as the directory stands at each moment.
    AllMembers,
    /// The facilities named; one is the usual form.
    Facilities(Vec<FacilityId>),
    /// The practitioners named, each at the facility where the directory has them.
    Practitioners(Vec<MemberId>),
}

/// Who signed.
#[derive(Clone, Copy, PartialEq, Eq, Hash, Debug)]
pub enum Signer {
    /// The patient.
    Patient,
    /// A legal representative (parent, guardian).
    Representative,
    /// Someone else on the patient's behalf.
    Agent,
}

impl Signer {
    /// All, in order of the wire.
    pub const ALL: [Self; 3] = [Self::Patient, Self::Representative, Self::Agent];
    /// `patient`, `representative` or `agent`.
    pub const fn code(self) -> &'static str {
        match self {
            Self::Patient => "patient",
            Self::Representative => "representative",
            Self::Agent => "agent",
        }
    }
}

/// Where a consent stands. Only `Active` opens anything.
///
/// Withdrawn and expired are no states that anybody states: a [`Withdrawal`] withdraws, the clock expires.
#[derive(Clone, Copy, PartialEq, Eq, Hash, Debug)]
pub enum ConsentState {
    /// Being written.
    Draft,
    /// Signed on paper.
    Signed,
    /// Received by the source facility.
    Received,
    /// In force, within its period.
    Active,
    /// Refused by the source facility. Final.
    Rejected,
    /// Checked and accepted by the source facility, and not yet in force.
    Activated,
    /// A later consent took its place. Final.
    Superseded,
}

impl ConsentState {
    /// All, in order of the wire.
    pub const ALL: [Self; 7] =
        [Self::Draft, Self::Signed, Self::Received, Self::Active, Self::Rejected, Self::Activated, Self::Superseded];
    /// The state's code.
    pub const fn code(self) -> &'static str {
        match self {
            Self::Draft => "draft",
            Self::Signed => "signed",
            Self::Received => "received",
            Self::Active => "active",
            Self::Rejected => "rejected",
            Self::Activated => "activated",
            Self::Superseded => "superseded",
        }
    }

    /// Whether a consent may be stated in `next`: after this state, or first of all where `now` is `None`.
    ///
    /// A consent moves forward (steps may be left out, since forms are often entered when they are complete) and never
    /// back; rejected and superseded are final.
    ///
    /// | now | draft | signed | received | activated | active | rejected | superseded |
    /// | --- | --- | --- | --- | --- | --- | --- | --- |
    /// | none | yes | yes | yes | yes | yes | yes | |
    /// | draft | yes | yes | yes | yes | yes | yes | yes |
    /// | signed | | yes | yes | yes | yes | yes | yes |
    /// | received | | | yes | yes | yes | yes | yes |
    /// | activated | | | | yes | yes | yes | yes |
    /// | active | | | | | yes | yes | yes |
    /// | rejected | | | | | | yes | |
    /// | superseded | | | | | | | yes |
    pub const fn may_become(now: Option<Self>, next: Self) -> bool {
        match now {
            None => !matches!(next, Self::Superseded),
            Some(Self::Rejected) => matches!(next, Self::Rejected),
            Some(Self::Superseded) => matches!(next, Self::Superseded),
            Some(now) => now.step() <= next.step(),
        }
    }
    /// How far along the way a state lies.
    const fn step(self) -> u8 {
        match self {
            Self::Draft => 0,
            Self::Signed => 1,
            Self::Received => 2,
            Self::Activated => 3,
            Self::Active => 4,
            Self::Rejected | Self::Superseded => 5,
        }
    }
}

/// How a consent was taken: what the four Japanese forms come to, and 代行同意.
#[derive(Clone, Copy, PartialEq, Eq, Hash, Debug)]
pub enum ConsentForm {
    /// 一括同意: to all members, as the directory stands at each moment.
    Blanket,
    /// A list of facilities.
    List,
    /// One facility.
    Single,
    /// Named practitioners.
    Practitioners,
    /// 代行同意: taken by the disclosing side, which names every viewer. It opens only to viewers whose facility has
    /// agreed beforehand (see [`crate::ViewerAgreement`]).
    Proxy,
}

impl ConsentForm {
    /// The form's code.
    pub const fn code(self) -> &'static str {
        match self {
            Self::Blanket => "blanket",
            Self::List => "list",
            Self::Single => "single",
            Self::Practitioners => "practitioners",
            Self::Proxy => "proxy",
        }
    }
}

/// Who did a step and when, where the source says so.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Done {
    /// The member who did it.
    pub by: Option<MemberId>,
    /// When.
    pub at: Moment,
}

/// What a consent's paper and its way through the office say. It decides nothing but where said.
#[derive(Clone, PartialEq, Eq, Default)]
pub struct Paper {
    /// What the representative or agent is to the patient (`mother`, `成年後見人` …); empty where the patient signed.
    pub relation: String,
    /// The patient's birth date where a representative signed for a minor: such a consent is flagged at majority, and
    /// stops there if the source says so ([`crate::GuardianConsents`]).
    pub born: Option<jiff::civil::Date>,
    /// The member who explained it to the patient.
    pub explainer: Option<MemberId>,
    /// When the source facility received the form, and who did.
    pub received: Option<Done>,
    /// When the source facility's staff activated it, and who did.
    pub activated: Option<Done>,
}

impl std::fmt::Debug for Paper {
    /// Hidden: a birth date is patient data.
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("Paper(******)")
    }
}

/// A patient's grant. Stated again under the same id, it replaces the earlier statement, as far as
/// [`ConsentState::may_become`] allows.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Consent {
    /// Its id.
    pub id: ConsentId,
    /// The patient, as the *disclosing* facility knows them; the edge begins at `patient.facility()`.
    pub patient: PatientRef,
    /// The edge's other end.
    pub viewers: Viewers,
    /// Where it stands.
    pub state: ConsentState,
    /// The consent of the same patient ref whose place this one takes. It is superseded, for good, when this one is
    /// stated active.
    pub supersedes: Option<ConsentId>,
    /// When it is in force.
    pub period: Period,
    /// Which data it opens, by the records' `occurred`.
    pub data_period: Period,
    /// Which categories it opens.
    pub categories: CategorySet,
    /// Which departments' records it opens; empty means all.
    pub departments: Vec<DepartmentCode>,
    /// Which sensitivity labels it opens beyond normal records.
    pub labels: Labels,
    /// For which purposes.
    pub purposes: PurposeSet,
    /// What it does not open though the fields above do, with exceptions to that.
    pub exceptions: Exceptions,
    /// Who signed.
    pub signer: Signer,
    /// The facility that took the consent (the viewing side as a rule; the disclosing side in 代行同意).
    pub taken_by: FacilityId,
    /// When it was signed.
    pub signed_at: Moment,
    /// SHA-256 of the scanned form, in hex; empty where there is none.
    pub form_digest: String,
    /// What else its paper says. Boxed: no decision reads it.
    pub paper: Box<Paper>,
}

impl Consent {
    /// How it was taken. A consent to all members names nobody, so that it is never one by proxy.
    pub fn form(&self) -> ConsentForm {
        match &self.viewers {
            Viewers::AllMembers => ConsentForm::Blanket,
            _ if self.taken_by == *self.patient.facility() => ConsentForm::Proxy,
            Viewers::Facilities(ids) if ids.len() == 1 => ConsentForm::Single,
            Viewers::Facilities(_) => ConsentForm::List,
            Viewers::Practitioners(_) => ConsentForm::Practitioners,
        }
    }
}

/// A patient's withdrawal. It is final for that consent id.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Withdrawal {
    /// Which consent.
    pub id: ConsentId,
    /// The patient it belongs to.
    pub patient: PatientRef,
    /// When the patient withdrew; it takes effect at its position in the log, whatever this says.
    pub withdrawn_at: Moment,
}

/// A change of what opens a patient's records: their consents, and what stands in for one or holds one up. All of it lies
/// in the patient's own partition, in one order with their records.
#[derive(Clone, PartialEq, Eq, Debug)]
pub enum ConsentChange {
    /// A consent is stated or stated again.
    Given(Consent),
    /// A consent is withdrawn.
    Withdrawn(Withdrawal),
    /// The source releases what it held.
    Released(Release),
    /// A member broke the glass.
    GlassBroken(BreakGlass),
    /// The glass is closed before its time.
    GlassClosed(BreakGlassEnd),
    /// The source has reviewed a broken glass.
    GlassReviewed(BreakGlassReview),
}

impl ConsentChange {
    /// The patient it is about, as the disclosing facility knows them.
    pub fn patient(&self) -> &PatientRef {
        match self {
            Self::Given(consent) => &consent.patient,
            Self::Withdrawn(withdrawal) => &withdrawal.patient,
            Self::Released(release) => &release.patient,
            Self::GlassBroken(glass) => &glass.patient,
            Self::GlassClosed(end) => &end.patient,
            Self::GlassReviewed(review) => &review.patient,
        }
    }
}
