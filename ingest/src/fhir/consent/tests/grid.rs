//! Every request of a small grid: who, why, what, when. The import of a consent answers each as the resource does.

use super::*;
use evaluate::Request as Literal;
use judge::Request;

/// Who can ask: facility, person, role.
pub const WHO: [(&str, &str, Role); 6] = [
    ("clinic", "dr-x", Role::Physician),
    ("clinic", "dr-y", Role::Physician),
    ("clinic", "nurse-n", Role::Nurse),
    ("institute", "dr-author", Role::Physician),
    ("pharmacy", "ph-z", Role::Pharmacist),
    ("clinic", "dt-d", Role::Dentist),
];

fn sets() -> Vec<Labels> {
    use Label::*;
    let set = |labels: &[Label]| labels.iter().copied().collect::<Labels>();
    vec![
        Labels::NONE,
        set(&[Psy]),
        set(&[Psy, Restricted]),
        set(&[Sdv, Restricted]),
        set(&[Hiv]),
        set(&[Hiv, Psy]),
        set(&[Restricted]),
        set(&[VeryRestricted]),
        set(&[Psy, VeryRestricted]),
        set(&[Eth, Bh]),
        set(&[Repro]),
        set(&[Lts]),
    ]
}

/// All of them: some ten thousand for each moment.
pub fn requests(nows: &[&str]) -> Vec<Request> {
    let occurred = ["2021-12-31T14:59:59.999999Z", "2022-01-01", "2022-12-31T23:59:59+09:00", "2023-01-01"].map(moment);
    let departments = [None, Some("01"), Some("02")].map(|code| code.map(|code| DepartmentCode::parse(code).unwrap()));
    let mut all = Vec::new();
    for now in nows {
        for (facility, member, role) in WHO {
            for (at, purpose) in Purpose::ALL.iter().enumerate() {
                for (n, labels) in sets().into_iter().enumerate() {
                    for (m, occurred) in occurred.into_iter().enumerate() {
                        // Category, department and author go through all their values, not through all combinations.
                        let turn = at + n + m;
                        for category in [Category::Laboratory, Category::Document, Category::Medication] {
                            all.push(Request {
                                facility: fid(facility),
                                member: Some(mid(member)),
                                role,
                                purpose: *purpose,
                                category,
                                department: departments[turn % 3].clone(),
                                author: [Role::Physician, Role::Nurse][turn % 2],
                                labels,
                                occurred,
                                now: moment(now),
                            });
                        }
                    }
                }
            }
        }
    }
    all
}

/// The request in FHIR's words, with every name that its recipient has.
pub fn literal(request: &Request) -> Literal {
    let named: [(&str, &[&str]); 5] = [
        ("dr-x", &["Practitioner/ex-practitioner"]),
        ("dr-author", &["Practitioner/ex-author"]),
        ("nurse-n", &["Practitioner/f204"]),
        ("dr-y", &["Practitioner/13"]),
        ("institute", &["Organization/ex-org-researcher"]),
    ];
    let names = |id: &str| named.iter().find(|(of, _)| *of == id).map(|(_, names)| *names).unwrap_or_default();
    let mut recipients =
        vec![format!("Organization/{}", request.facility), format!("urn:ajisai:facility|{}", request.facility)];
    recipients.extend(names(request.facility.as_str()).iter().map(|name| (*name).to_owned()));
    if let Some(member) = &request.member {
        recipients.push(format!("urn:ajisai:member|{member}"));
        recipients.extend(names(member.as_str()).iter().map(|name| (*name).to_owned()));
    }
    Literal {
        recipients,
        role: request.role,
        purpose: request.purpose.code().to_owned(),
        category: request.category,
        department: request.department.as_ref().map(|code| code.as_str().to_owned()),
        author: request.author,
        labels: request.labels,
        occurred: request.occurred,
        now: request.now,
    }
}

/// Asserts that the resource, the consent made of it and the conscience answer alike; gives how many requests they
/// permit.
#[track_caller]
pub fn agree(json: &Value, consent: &Consent, requests: &[Request]) -> usize {
    let oracle = evaluate::Oracle::new(json);
    let mut region = conscience::Region::with(consent);
    let asks_for_department = conscience::asks_for_department(consent.exceptions.provisions());
    let mut permitted = 0;
    for request in requests {
        let (literal, ours) = (oracle.permits(&literal(request)), judge::permits(consent, request));
        assert_eq!(ours, literal, "ours {ours}, the resource {literal}: {request:?}\n{consent:#?}");
        let decided = region.permits(request);
        let unknown = request.department.is_none() && asks_for_department;
        assert!(
            decided == literal || unknown && !decided,
            "the conscience {decided}, the resource {literal}: {request:?}\n{consent:#?}"
        );
        permitted += usize::from(ours);
    }
    permitted
}
