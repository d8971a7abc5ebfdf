//! The conscience itself, in a region where everything but consent is open: everybody is in the directory, the source's
//! scope opens all to all, the patient is linked everywhere, and every facility has agreed to consents by proxy.

use super::judge::Request;
use super::*;
use consent_filter::{Book, Facts, ScopeClass};

pub struct Region {
    book: Book,
    patient: PatientRef,
    told: u64,
}

impl Region {
    /// The region in which this consent is given.
    pub fn with(consent: &Consent) -> Self {
        let mut region = Self { book: Book::new(), patient: consent.patient.clone(), told: 0 };
        let source = consent.patient.facility().clone();
        for (at, (id, kind)) in [
            (source.as_str(), FacilityKind::Hospital),
            ("clinic", FacilityKind::Clinic),
            ("institute", FacilityKind::Laboratory),
            ("pharmacy", FacilityKind::Pharmacy),
        ]
        .into_iter()
        .enumerate()
        {
            let status = FacilityStatus::Active;
            let (name, name_en) = (id.to_owned(), String::new());
            region.direct(DirectoryChange::Facility(Facility { id: fid(id), kind, name, name_en, status }));
            if at == 0 {
                continue;
            }
            region.direct(DirectoryChange::Link(LinkChange::Linked(Link {
                id: LinkId::parse(&format!("l-{at}")).unwrap(),
                a: consent.patient.clone(),
                b: PatientRef::new(fid(id), PatientNumber::parse("k-1").unwrap()),
                evidence: LinkEvidence::Manual,
                confirmed_by: mid("clerk-1"),
                confirmed_at: moment("2015-01-01"),
            })));
            region.direct(DirectoryChange::Agreement(AgreementChange::Stated(ViewerAgreement {
                id: AgreementId::parse("a-1").unwrap(),
                facility: fid(id),
                source: source.clone(),
                members: Vec::new(),
                period: Period::ALWAYS,
            })));
        }
        for (facility, member, role) in grid::WHO {
            let (id, facility, name) = (mid(member), fid(facility), member.to_owned());
            region.direct(DirectoryChange::Member(Member { id, facility, role, name, period: Period::ALWAYS }));
        }
        let everything = ScopeRule {
            categories: CategorySet::all(),
            viewer_kinds: FacilityKindSet::all(),
            viewer_roles: RoleSet::all(),
            departments: Vec::new(),
            author_roles: RoleSet::all(),
            labels: Labels::NEED_SAYING,
            since: None,
            hold_back: HoldBack::None,
        };
        region.direct(DirectoryChange::Scope(DisclosureScope::of(source, vec![everything])));
        let _ = region.book.apply(Position::new(1, 0), &Body::Consent(ConsentChange::Given(consent.clone())));
        region
    }
    fn direct(&mut self, change: DirectoryChange) {
        let _ = self.book.apply(Position::new(0, self.told), &Body::Directory(change));
        self.told += 1;
    }

    /// What the conscience decides.
    pub fn permits(&mut self, request: &Request) -> bool {
        let class = ScopeClass {
            source: self.patient.facility().clone(),
            category: request.category,
            department: request.department.clone(),
            author_role: request.author,
            labels: request.labels,
        };
        let (patient, class) = (self.book.patient(&self.patient), self.book.class(&class));
        let facts = Facts { patient, class, occurred: request.occurred, recorded: request.occurred };
        let viewer = Principal {
            facility: request.facility.clone(),
            member: request.member.clone(),
            role: request.role,
            purpose: request.purpose,
        };
        self.book.decide(&facts, &viewer, request.now).is_permit()
    }
}

/// Whether an exception asks for the department: of a record without one it is not known whether it is of that
/// department, and what is not known counts against opening.
pub fn asks_for_department(provisions: &[Provision]) -> bool {
    provisions.iter().any(|provision| !provision.departments.is_empty() || asks_for_department(&provision.nested))
}
