//! Out and back in.

use super::*;
use proptest::collection::vec;
use proptest::prelude::*;
use proptest::sample::{Index, select, subsequence};

fn some<T: Clone + std::fmt::Debug + 'static>(all: &'static [T]) -> impl Strategy<Value = Vec<T>> {
    subsequence(all, 0..=all.len().min(4))
}

fn purposes() -> impl Strategy<Value = PurposeSet> {
    some(Purpose::ALL).prop_map(|some| some.into_iter().collect())
}
fn categories() -> impl Strategy<Value = CategorySet> {
    const SOME: &[Category] = &[Category::Laboratory, Category::Document, Category::Medication, Category::Imaging];
    some(SOME).prop_map(|some| some.into_iter().collect())
}
fn roles() -> impl Strategy<Value = RoleSet> {
    const SOME: &[Role] = &[Role::Physician, Role::Nurse, Role::Dentist];
    prop_oneof![2 => Just(RoleSet::NONE), 1 => some(SOME).prop_map(|some| some.into_iter().collect())]
}
fn labels() -> impl Strategy<Value = Labels> {
    const SOME: &[Label] = &[Label::Psy, Label::Hiv, Label::Restricted, Label::VeryRestricted, Label::Bh, Label::Lts];
    prop_oneof![
        1 => Just(Labels::NEED_SAYING),
        1 => Just(Labels::NONE),
        1 => Just(Labels::all()),
        1 => Just(Labels::NEED_SAYING.without(Labels::of(Label::VeryRestricted))),
        4 => some(SOME).prop_map(|some| some.into_iter().collect()),
    ]
}
fn departments() -> impl Strategy<Value = Vec<DepartmentCode>> {
    subsequence(vec!["01", "02"], 0..=2)
        .prop_map(|some| some.into_iter().map(|code| DepartmentCode::parse(code).unwrap()).collect())
}
fn viewers() -> impl Strategy<Value = Viewers> {
    let facilities = subsequence(vec!["clinic", "institute", "pharmacy"], 1..=3)
        .prop_map(|ids| Viewers::Facilities(ids.into_iter().map(fid).collect()));
    let members = subsequence(vec!["dr-x", "dr-y", "nurse-n", "ph-z"], 1..=3)
        .prop_map(|ids| Viewers::Practitioners(ids.into_iter().map(mid).collect()));
    prop_oneof![Just(Viewers::AllMembers), facilities, members]
}
/// Ends of whole days, of seconds and of microseconds.
fn period() -> impl Strategy<Value = Period> {
    const MOMENTS: &[&str] =
        &["2021-12-31T14:59:59.999999Z", "2022-01-01", "2022-03-01T12:00:00Z", "2023-01-01", "2030-01-01"];
    let ends = (proptest::option::of(select(MOMENTS)), proptest::option::of(select(MOMENTS)));
    prop_oneof![2 => Just(Period::ALWAYS), 1 => ends.prop_map(|(a, b)| {
        let (a, b) = (a.map(moment), b.map(moment));
        Period::new(a, b).or_else(|_| Period::new(b, a)).unwrap()
    })]
}

/// Provisions of alternating kinds, at most three levels.
fn provisions(kind: ProvisionKind, depth: u32) -> BoxedStrategy<Vec<Provision>> {
    let nested = if depth == 0 { Just(Vec::new()).boxed() } else { provisions(kind.opposite(), depth - 1) };
    let who = (proptest::option::of(viewers()), roles());
    let what = (purposes(), categories(), departments(), roles(), labels());
    let one = (who, what, period(), period(), nested, vec(any::<bool>(), 7)).prop_map(
        move |(
            (viewers, roles),
            (purposes, categories, departments, authors, labels),
            data_period,
            period,
            nested,
            said,
        )| {
            let mut made = Provision { nested, ..Provision::all(kind) };
            // Few criteria at a time, or nothing would match.
            let said = |at: usize| said.get(at).copied().unwrap_or(false);
            if said(0) && said(1) {
                made.viewers = viewers;
                made.roles = roles;
            }
            if said(1) && said(2) {
                made.purposes = purposes;
            }
            if said(2) && said(3) {
                made.categories = categories;
            }
            if said(3) && said(4) {
                made.departments = departments;
            }
            if said(4) && said(5) {
                made.author_roles = authors;
            }
            if said(5) && said(6) {
                made.labels = labels;
            }
            if said(6) && said(0) {
                made.data_period = data_period;
                made.period = period;
            }
            made
        },
    );
    vec(one, 0..=2).boxed()
}

fn paper(signer: Signer) -> impl Strategy<Value = Paper> {
    let done = || {
        proptest::option::of(
            (proptest::option::of(Just(mid("clerk-1"))), 0..1000_i64)
                .prop_map(|(by, micros)| Done { by, at: Moment::from_micros(1_770_000_000_000_000 + micros).unwrap() }),
        )
    };
    let relation = if signer == Signer::Patient { Just(String::new()).boxed() } else { "[母父]?".boxed() };
    let born = proptest::option::of(Just(jiff::civil::date(2012, 2, 29)));
    (relation, born, proptest::option::of(Just(mid("dr-y"))), done(), done()).prop_map(
        |(relation, born, explainer, received, activated)| Paper { relation, born, explainer, received, activated },
    )
}

/// Any consent that may be stated: what it says may be more than it needs to.
fn consent() -> impl Strategy<Value = Consent> {
    let opens = (viewers(), period(), period(), categories(), departments(), labels(), purposes());
    let signed = select(Signer::ALL.to_vec()).prop_flat_map(|signer| (Just(signer), paper(signer)));
    let all = any::<[bool; 2]>();
    let rest = (
        any::<Index>(),
        proptest::option::of(Just("c-0")),
        select(vec!["hospital", "clinic"]),
        0..9_000_000_i64,
        any::<bool>(),
    );
    (opens, provisions(ProvisionKind::Deny, 2), signed, rest, all).prop_map(
        |(opens, exceptions, (signer, paper), (state, supersedes, taken_by, micros, digest), [every, any])| {
            let (viewers, period, data_period, categories, departments, labels, purposes) = opens;
            Consent {
                id: ConsentId::parse("c-1").unwrap(),
                patient: PatientRef::new(fid(SOURCE), PatientNumber::parse("患者 42").unwrap()),
                viewers,
                state: *state.get(&ConsentState::ALL),
                supersedes: supersedes.map(|id| ConsentId::parse(id).unwrap()),
                period,
                data_period,
                categories: if every || categories.is_empty() { CategorySet::all() } else { categories },
                departments,
                labels,
                purposes: if any || purposes.is_empty() { PurposeSet::all() } else { purposes },
                exceptions: Exceptions::new(exceptions).unwrap(),
                signer,
                taken_by: fid(taken_by),
                signed_at: Moment::from_micros(1_770_000_000_000_000 + micros).unwrap(),
                form_digest: if digest { "0".repeat(64) } else { String::new() },
                paper: Box::new(paper),
            }
        },
    )
}

/// A provision without what adds nothing to it.
fn lean(provision: &Provision) -> Provision {
    let mut made = Provision { nested: provision.nested.iter().map(lean).collect(), ..provision.clone() };
    if made.viewers == Some(Viewers::AllMembers) {
        made.viewers = None;
    }
    if made.purposes == PurposeSet::all() {
        made.purposes = PurposeSet::NONE;
    }
    if made.categories == CategorySet::all() {
        made.categories = CategorySet::NONE;
    }
    made
}

/// The same consent without what adds nothing to it.
fn plain(consent: &Consent) -> Consent {
    let exceptions = consent.exceptions.provisions().iter().map(lean).collect();
    Consent { exceptions: Exceptions::new(exceptions).unwrap(), ..consent.clone() }
}

fn back(json: &Value) -> Consent {
    // What it says must be found in the resource itself: nothing is told beside it.
    let context = Context::new(fid(SOURCE), moment("2026-04-01"));
    let outcome = events(&Resource::alone(json.clone()), &context, &References::default());
    assert_eq!(outcome.refusal, None, "{json:#}");
    match change(outcome) {
        ConsentChange::Given(consent) => consent,
        other => panic!("a consent, not {other:?}"),
    }
}

/// Whether a period inside has no moment: such a provision is left out on the way.
fn has_empty_period(provisions: &[Provision]) -> bool {
    let empty = |period: Period| period.from().is_some() && period.from() == period.until();
    provisions.iter().any(|p| empty(p.period) || empty(p.data_period) || has_empty_period(&p.nested))
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(300))]

    #[test]
    fn what_goes_out_comes_back_the_same(consent in consent()) {
        let empty = |period: Period| period.from().is_some() && period.from() == period.until();
        prop_assume!(!empty(consent.period) && !empty(consent.data_period));
        prop_assume!(!has_empty_period(consent.exceptions.provisions()));
        prop_assert_eq!(back(&export(&consent)), plain(&consent));
    }

    #[test]
    fn what_goes_out_answers_as_the_standard_says(consent in consent(), seed in any::<Index>()) {
        let consent = Consent { state: ConsentState::Active, ..consent };
        let json = export(&consent);
        let requests = grid::requests(&["2022-02-01", "2026-03-02"]);
        // A tenth of them, another tenth each time.
        let some: Vec<_> = requests.into_iter().skip(seed.index(10)).step_by(10).collect();
        grid::agree(&json, &consent, &some);
        grid::agree(&json, &back(&json), &some);
    }
}

#[test]
fn a_withdrawn_consent_goes_out_inactive_and_comes_back_withdrawn() {
    let patient = PatientRef::new(fid(SOURCE), PatientNumber::parse("0042").unwrap());
    let withdrawal = Withdrawal {
        id: ConsentId::parse("c-1").unwrap(),
        patient,
        withdrawn_at: moment("2026-03-05T01:02:03.000004Z"),
    };
    let json = export_withdrawn(&withdrawal);
    assert_eq!(json["status"], "inactive");
    assert_eq!(change(outcome(&json)), ConsentChange::Withdrawn(withdrawal));
}

#[test]
fn a_consent_that_opens_nothing_goes_out_as_a_denial() {
    let mut consent = taken(&with_provision(json!({"type": "permit"})));
    consent.purposes = PurposeSet::NONE;
    let json = export(&consent);
    assert_eq!(json["provision"], json!({"type": "deny"}));
    let requests = grid::requests(&["2026-03-02"]);
    assert_eq!(grid::agree(&json, &back(&json), &requests), 0);
}

#[test]
fn an_export_has_what_fhir_and_pcf_require() {
    let consent = taken(&with_provision(json!({"type": "permit", "actor": [actor("Organization/clinic")]})));
    let json = export(&consent);
    for required in
        ["status", "scope", "category", "patient", "dateTime", "performer", "organization", "policy", "provision"]
    {
        assert!(!json[required].is_null(), "{required}");
    }
    assert_eq!(json["provision"]["type"], "permit");
    let shown = json!({"type": "Organization", "identifier": {"system": "urn:ajisai:facility", "value": "clinic"}});
    assert_eq!(json["provision"]["actor"][0]["reference"], shown);
}
