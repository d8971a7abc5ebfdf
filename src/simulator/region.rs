//! The region: its facilities, who works there, and what each discloses to whom.

use super::SimulationError;
use super::dice::Dice;
use super::people::person_name;
use super::tables::Tables;
use model::{
    Author, Category, CategorySet, DisclosureScope, Facility, FacilityId, FacilityKind, FacilityKindSet,
    FacilityStatus, HoldBack, Label, Labels, Member, MemberId, Moment, Period, Role, RoleSet, ScopeRule, Sex,
};

/// The seven facilities.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Site {
    /// A disclosing hospital with every department.
    Central,
    /// A disclosing hospital that holds its notes back for a week and keeps psychiatry to itself.
    Harbour,
    /// The laboratory that measures for the clinics.
    Laboratory,
    /// A diabetes clinic.
    Clinic,
    /// A clinic that only views: it states no scope.
    Bayside,
    /// A pharmacy.
    Pharmacy,
    /// A perinatal centre.
    Perinatal,
}

impl Site {
    /// All, in order.
    pub const ALL: [Self; 7] =
        [Self::Central, Self::Harbour, Self::Laboratory, Self::Clinic, Self::Bayside, Self::Pharmacy, Self::Perinatal];
    /// The facility id.
    pub const fn id(self) -> &'static str {
        match self {
            Self::Central => "ajisai-central",
            Self::Harbour => "omura-harbour",
            Self::Laboratory => "kenou-laboratory",
            Self::Clinic => "himawari-clinic",
            Self::Bayside => "nagisa-clinic",
            Self::Pharmacy => "minato-pharmacy",
            Self::Perinatal => "sukoyaka-perinatal",
        }
    }
    /// The facility's kind.
    pub const fn kind(self) -> FacilityKind {
        match self {
            Self::Central | Self::Harbour => FacilityKind::Hospital,
            Self::Laboratory => FacilityKind::Laboratory,
            Self::Clinic | Self::Bayside => FacilityKind::Clinic,
            Self::Pharmacy => FacilityKind::Pharmacy,
            Self::Perinatal => FacilityKind::PerinatalCentre,
        }
    }
    const fn names(self) -> (&'static str, &'static str) {
        match self {
            Self::Central => ("あじさい中央病院", "Ajisai Central Hospital"),
            Self::Harbour => ("大村湾病院", "Omura Harbour Hospital"),
            Self::Laboratory => ("県央臨床検査センター", "Ken'o Clinical Laboratory"),
            Self::Clinic => ("ひまわり内科クリニック", "Himawari Internal Medicine Clinic"),
            Self::Bayside => ("なぎさ診療所", "Nagisa Clinic"),
            Self::Pharmacy => ("みなと薬局", "Minato Pharmacy"),
            Self::Perinatal => ("すこやか周産期センター", "Sukoyaka Perinatal Centre"),
        }
    }
    /// Who works there: roles and how many of each.
    const fn staff(self) -> &'static [(Role, usize)] {
        match self {
            Self::Central | Self::Harbour => &[
                (Role::Physician, 6),
                (Role::Nurse, 6),
                (Role::Pharmacist, 2),
                (Role::LaboratoryStaff, 2),
                (Role::Clerk, 1),
            ],
            Self::Laboratory => &[(Role::LaboratoryStaff, 3), (Role::Clerk, 1)],
            Self::Clinic | Self::Bayside => &[(Role::Physician, 2), (Role::Nurse, 2), (Role::Clerk, 1)],
            Self::Pharmacy => &[(Role::Pharmacist, 3), (Role::Clerk, 1)],
            Self::Perinatal => &[(Role::Physician, 3), (Role::Midwife, 4), (Role::Nurse, 2), (Role::Clerk, 1)],
        }
    }
}

/// One facility of the region with its people.
#[derive(Debug, Clone)]
pub struct Office {
    /// Which.
    pub site: Site,
    /// The facility.
    pub facility: Facility,
    /// Who works there.
    pub members: Vec<Member>,
    /// What it discloses; `None` for one that only views.
    pub scope: Option<DisclosureScope>,
}

impl Office {
    /// The facility's id.
    pub fn id(&self) -> &FacilityId {
        &self.facility.id
    }
    /// Somebody of the office with that role, as the author of a record.
    pub(super) fn author(&self, role: Role, dice: &mut Dice) -> Author {
        let able: Vec<&Member> = self.members.iter().filter(|member| member.role == role).collect();
        let at = usize::try_from(dice.between(0, able.len() as i64 - 1)).unwrap_or_default();
        Author { member: able.get(at).map(|member| member.id.clone()), role }
    }
    /// The first member with that role.
    pub fn member(&self, role: Role) -> Option<&Member> {
        self.members.iter().find(|member| member.role == role)
    }
}

/// Roles that see clinical data.
pub const CLINICAL: RoleSet = RoleSet::NONE
    .with(Role::Physician)
    .with(Role::Dentist)
    .with(Role::Nurse)
    .with(Role::Midwife)
    .with(Role::Pharmacist)
    .with(Role::LaboratoryStaff)
    .with(Role::CareManager);

/// Builds the seven offices. The people come from the seed, the facilities and their scopes do not.
///
/// # Errors
/// When an id does not parse, which the tests rule out.
pub(super) fn offices(tables: &Tables, seed: u64, start: Moment) -> Result<Vec<Office>, SimulationError> {
    // Stream numbers from the top, so that they never meet a patient's.
    Site::ALL
        .into_iter()
        .zip((0..u64::MAX).rev())
        .map(|(site, stream)| {
            let id = FacilityId::parse(site.id())?;
            let (name, name_en) = site.names();
            let facility = Facility {
                id: id.clone(),
                kind: site.kind(),
                name: name.to_owned(),
                name_en: name_en.to_owned(),
                status: FacilityStatus::Active,
            };
            let mut dice = Dice::new(seed, stream);
            let mut members = Vec::new();
            for (role, count) in site.staff() {
                for number in 1..=*count {
                    let sex = if dice.happens(0.5) { Sex::Female } else { Sex::Male };
                    let birth_year = 1990 - dice.between(0, 25);
                    members.push(Member {
                        id: MemberId::parse(&format!("{}/{}-{number}", site.id(), role.code()))?,
                        facility: id.clone(),
                        role: *role,
                        name: person_name(tables, sex, birth_year, &mut dice).0,
                        period: Period::ALWAYS,
                    });
                }
            }
            Ok(Office { site, facility, members, scope: scope(site, id, start) })
        })
        .collect()
}

const YEAR: i64 = 365 * 86_400_000_000;

fn scope(site: Site, facility: FacilityId, start: Moment) -> Option<DisclosureScope> {
    use Category as C;
    use FacilityKind as K;
    let categories = |list: &[C]| list.iter().copied().collect::<CategorySet>();
    let kinds = |list: &[K]| list.iter().copied().collect::<FacilityKindSet>();
    let chart = categories(&[
        C::Patient,
        C::Laboratory,
        C::VitalSign,
        C::Condition,
        C::Allergy,
        C::Medication,
        C::Encounter,
        C::Document,
        C::Imaging,
    ]);
    let care = kinds(&[K::Hospital, K::Clinic, K::PerinatalCentre]);
    // The plainest rule; each rule below says in what it differs.
    let open = ScopeRule {
        categories: chart,
        viewer_kinds: care,
        viewer_roles: CLINICAL,
        departments: Vec::new(),
        author_roles: RoleSet::all(),
        labels: Labels::NONE,
        since: None,
        hold_back: HoldBack::None,
    };
    let for_pharmacies = ScopeRule {
        // No notes to pharmacies.
        categories: categories(&[C::Patient, C::Laboratory, C::Condition, C::Allergy, C::Medication]),
        viewer_kinds: kinds(&[K::Pharmacy]),
        viewer_roles: RoleSet::of(Role::Pharmacist),
        ..open.clone()
    };
    let rules = match site {
        Site::Central => vec![
            open.clone(),
            for_pharmacies,
            ScopeRule {
                categories: categories(&[C::Laboratory, C::Condition, C::Medication]),
                viewer_roles: RoleSet::of(Role::Physician),
                labels: Labels::of(Label::Hiv).with(Label::Restricted),
                ..open
            },
        ],
        Site::Harbour => vec![
            ScopeRule {
                categories: chart.without(CategorySet::of(C::Document)),
                since: Some(start.plus_micros(-2 * YEAR)),
                ..open.clone()
            },
            ScopeRule {
                categories: CategorySet::of(C::Document),
                author_roles: RoleSet::of(Role::Physician),
                viewer_roles: RoleSet::NONE.with(Role::Physician).with(Role::Nurse).with(Role::Midwife),
                since: Some(start.plus_micros(-2 * YEAR)),
                hold_back: HoldBack::Days(7),
                ..open
            },
            for_pharmacies,
        ],
        Site::Laboratory => vec![ScopeRule { categories: categories(&[C::Patient, C::Laboratory]), ..open }],
        Site::Clinic => vec![ScopeRule {
            categories: categories(&[C::Patient, C::Condition, C::Allergy, C::Medication, C::VitalSign]),
            viewer_kinds: care.with(K::Pharmacy),
            ..open
        }],
        Site::Bayside => return None,
        Site::Pharmacy => vec![ScopeRule { categories: categories(&[C::Medication, C::Allergy]), ..open }],
        Site::Perinatal => vec![ScopeRule {
            categories: chart.with(C::Perinatal).with(C::Waveform),
            viewer_roles: RoleSet::NONE.with(Role::Physician).with(Role::Midwife).with(Role::Nurse),
            author_roles: RoleSet::NONE.with(Role::Physician).with(Role::Midwife).with(Role::Nurse).with(Role::System),
            labels: Labels::of(Label::Repro),
            ..open
        }],
    };
    Some(DisclosureScope::of(facility, rules))
}
