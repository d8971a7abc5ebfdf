//! Decisions per second of one core: the conscience, Cedar and Rego (regorus), the same policy, the same questions.
//!
//! `cargo run --release --manifest-path benches/engines/Cargo.toml`. Each engine holds the same 2,000 consents of one
//! source, each to one of 40 facilities, and answers the same 20,000 questions; the answers must be equal. Policies, consents,
//! scope and the questions in each engine's own terms are read before the clock starts; inside are the decisions alone, and
//! Cedar's putting together of its request. Links are asked by the conscience alone, and all stand. The middle of five runs.

use cedar_policy::{Authorizer, Context, Decision, Entities, EntityUid, PolicySet, Request};
use consent_filter::{Book, Facts, ScopeClass};
use model::*;
use serde_json::{Value, json};
use std::error::Error;
use std::str::FromStr;
use std::time::{Duration, Instant};

type Any<T> = Result<T, Box<dyn Error>>;

const PATIENTS: u64 = 2_000;
const FACILITIES: u64 = 40;
const QUESTIONS: u64 = 20_000;
const DAY: i64 = 86_400_000_000;
const TODAY: i64 = 20_544;

/// A small generator, so that all engines are asked the same.
struct Dice(u64);

impl Dice {
    fn roll(&mut self, sides: u64) -> u64 {
        self.0 = self.0.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
        (self.0 >> 33) % sides
    }
    /// Each with this chance, in percent.
    fn some<T: Copy>(&mut self, all: &[T], percent: u64) -> Vec<T> {
        all.iter().copied().filter(|_| self.roll(100) < percent).collect()
    }
    /// The first four times of five, else any.
    fn mostly<T: Copy>(&mut self, all: &[T]) -> T {
        let at = if self.roll(5) < 4 { 0 } else { self.roll(all.len() as u64) as usize };
        all[at]
    }
}

const CATEGORIES: [Category; 4] = [Category::Laboratory, Category::Condition, Category::Medication, Category::Document];
const PURPOSES: [Purpose; 3] = [Purpose::Treatment, Purpose::EmergencyTreatment, Purpose::Research];
const LABELS: [Label; 3] = [Label::Hiv, Label::Psy, Label::Restricted];
const ROLES: [Role; 3] = [Role::Physician, Role::Nurse, Role::Pharmacist];
/// What the source's scope opens.
const SCOPE_CATEGORIES: [Category; 3] = [Category::Laboratory, Category::Condition, Category::Medication];
const SCOPE_LABELS: [Label; 2] = [Label::Psy, Label::Restricted];
const SCOPE_ROLES: [Role; 2] = [Role::Physician, Role::Nurse];

struct Terms {
    patient: u64,
    viewer: u64,
    categories: Vec<Category>,
    purposes: Vec<Purpose>,
    labels: Vec<Label>,
    /// Days: in force, and of the data.
    period: (i64, i64),
    data: (i64, i64),
}

struct Question {
    patient: u64,
    viewer: u64,
    role: Role,
    purpose: Purpose,
    category: Category,
    labels: Vec<Label>,
    occurred: i64,
}

fn terms() -> Vec<Terms> {
    let mut dice = Dice(38);
    let span = |dice: &mut Dice, reach: u64| {
        let from = TODAY - 1 - dice.roll(reach) as i64;
        // One in ten is over.
        (from, if dice.roll(10) == 0 { from + 1 } else { TODAY + 1 + dice.roll(reach) as i64 })
    };
    (0..PATIENTS)
        .map(|patient| Terms {
            patient,
            viewer: dice.roll(FACILITIES),
            categories: dice.some(&CATEGORIES, 85),
            purposes: dice.some(&PURPOSES, 85),
            labels: dice.some(&LABELS, 50),
            period: span(&mut dice, 400),
            data: span(&mut dice, 4_000),
        })
        .collect()
}

fn questions(terms: &[Terms]) -> Vec<Question> {
    let mut dice = Dice(366);
    (0..QUESTIONS)
        .map(|_| {
            let patient = dice.roll(PATIENTS);
            let named = terms.get(patient as usize).map_or(0, |terms| terms.viewer);
            Question {
                patient,
                viewer: if dice.roll(4) == 0 { dice.roll(FACILITIES) } else { named },
                role: dice.mostly(&ROLES),
                purpose: dice.mostly(&PURPOSES),
                category: CATEGORIES[dice.roll(4) as usize],
                labels: if dice.roll(5) < 4 { Vec::new() } else { dice.some(&LABELS, 50) },
                occurred: TODAY - dice.roll(2_000) as i64,
            }
        })
        .collect()
}

fn codes<T: Copy>(all: &[T], code: fn(T) -> &'static str) -> Vec<&'static str> {
    all.iter().map(|one| code(*one)).collect()
}

// === the conscience ===

fn day(day: i64) -> Any<Moment> {
    Ok(Moment::from_micros(day * DAY)?)
}
fn facility(at: u64) -> Any<FacilityId> {
    Ok(FacilityId::parse(&format!("f-{at}"))?)
}
fn patient(facility: FacilityId, at: u64) -> Any<PatientRef> {
    Ok(PatientRef::new(facility, PatientNumber::parse(&format!("p-{at}"))?))
}

struct Region {
    book: Book,
    told: [u64; 2],
}

impl Region {
    fn tell(&mut self, partition: u32, body: &Body) {
        let next = &mut self.told[partition as usize];
        let _ = self.book.apply(Position::new(partition, *next), body);
        *next += 1;
    }
}

fn conscience(terms: &[Terms]) -> Any<Book> {
    let source = FacilityId::parse("source")?;
    let mut region = Region { book: Book::new(), told: [0; 2] };
    let known = |id: FacilityId, kind| Facility {
        id,
        kind,
        name: String::new(),
        name_en: String::new(),
        status: FacilityStatus::Active,
    };
    let hospital = known(source.clone(), FacilityKind::Hospital);
    region.tell(0, &Body::Directory(DirectoryChange::Facility(hospital)));
    for at in 0..FACILITIES {
        let clinic = known(facility(at)?, FacilityKind::Clinic);
        region.tell(0, &Body::Directory(DirectoryChange::Facility(clinic)));
    }
    let rule = ScopeRule {
        categories: SCOPE_CATEGORIES.into_iter().collect(),
        viewer_kinds: FacilityKindSet::all(),
        viewer_roles: SCOPE_ROLES.into_iter().collect(),
        departments: Vec::new(),
        author_roles: RoleSet::all(),
        labels: SCOPE_LABELS.into_iter().collect(),
        since: None,
        hold_back: HoldBack::None,
    };
    let scope = DisclosureScope::of(source.clone(), vec![rule]);
    region.tell(0, &Body::Directory(DirectoryChange::Scope(scope)));
    for terms in terms {
        let of_source = patient(source.clone(), terms.patient)?;
        for viewer in 0..FACILITIES {
            let link = Link {
                id: LinkId::parse(&format!("l-{}-{viewer}", terms.patient))?,
                a: of_source.clone(),
                b: patient(facility(viewer)?, terms.patient)?,
                evidence: LinkEvidence::Manual,
                confirmed_by: MemberId::parse("clerk")?,
                confirmed_at: day(0)?,
            };
            region.tell(0, &Body::Directory(DirectoryChange::Link(LinkChange::Linked(link))));
        }
        let consent = Consent {
            id: ConsentId::parse(&format!("c-{}", terms.patient))?,
            patient: of_source,
            viewers: Viewers::Facilities(vec![facility(terms.viewer)?]),
            state: ConsentState::Active,
            supersedes: None,
            period: Period::new(Some(day(terms.period.0)?), Some(day(terms.period.1)?))?,
            data_period: Period::new(Some(day(terms.data.0)?), Some(day(terms.data.1)?))?,
            categories: terms.categories.iter().copied().collect(),
            departments: Vec::new(),
            labels: terms.labels.iter().copied().collect(),
            purposes: terms.purposes.iter().copied().collect(),
            exceptions: Exceptions::none(),
            signer: Signer::Patient,
            taken_by: facility(terms.viewer)?,
            signed_at: day(0)?,
            form_digest: String::new(),
            paper: Box::default(),
        };
        region.tell(1, &Body::Consent(ConsentChange::Given(consent)));
    }
    Ok(region.book)
}

fn ask_conscience(terms: &[Terms], questions: &[Question]) -> Any<(Vec<bool>, Duration)> {
    let mut book = conscience(terms)?;
    let source = FacilityId::parse("source")?;
    // What a row carries: the numbers of its patient and of its class. What a session has: its principal.
    let mut asked = Vec::new();
    for question in questions {
        let class = ScopeClass {
            source: source.clone(),
            category: question.category,
            department: None,
            author_role: Role::Physician,
            labels: question.labels.iter().copied().collect(),
        };
        let (patient, class) = (book.patient(&patient(source.clone(), question.patient)?), book.class(&class));
        let facts = Facts { patient, class, occurred: day(question.occurred)?, recorded: day(question.occurred)? };
        let facility = facility(question.viewer)?;
        asked.push((facts, Principal { facility, member: None, role: question.role, purpose: question.purpose }));
    }
    let now = day(TODAY)?;
    let begun = Instant::now();
    let answers = asked.iter().map(|(facts, viewer)| book.decide(facts, viewer, now).is_permit()).collect();
    Ok((answers, begun.elapsed()))
}

// === Cedar ===

const CEDAR: &str = r#"
permit (principal, action == Action::"view", resource)
when {
    resource.viewers.contains(principal) &&
    resource.from <= context.now && context.now < resource.until &&
    resource.purposes.contains(context.purpose) &&
    resource.data_from <= context.occurred && context.occurred < resource.data_until &&
    resource.categories.contains(context.category) &&
    resource.labels.containsAll(context.labels) &&
    resource.source.categories.contains(context.category) &&
    resource.source.roles.contains(context.role) &&
    resource.source.labels.containsAll(context.labels)
};
"#;

fn ask_cedar(terms: &[Terms], questions: &[Question]) -> Any<(Vec<bool>, Duration)> {
    let uid = |kind: &str, id: String| json!({"type": kind, "id": id});
    let mut entities = vec![json!({"uid": uid("Source", "source".into()), "parents": [], "attrs": {
        "categories": codes(&SCOPE_CATEGORIES, Category::code), "roles": codes(&SCOPE_ROLES, Role::code),
        "labels": codes(&SCOPE_LABELS, Label::code)}})];
    for terms in terms {
        entities.push(json!({"uid": uid("Consent", format!("c-{}", terms.patient)), "parents": [], "attrs": {
            "viewers": [{"__entity": uid("Facility", format!("f-{}", terms.viewer))}],
            "source": {"__entity": uid("Source", "source".into())},
            "from": terms.period.0, "until": terms.period.1, "data_from": terms.data.0, "data_until": terms.data.1,
            "purposes": codes(&terms.purposes, Purpose::code), "categories": codes(&terms.categories, Category::code),
            "labels": codes(&terms.labels, Label::code)}}));
    }
    let entities = Entities::from_json_value(Value::Array(entities), None)?;
    let policies = PolicySet::from_str(CEDAR)?;
    let authorizer = Authorizer::new();
    let view = EntityUid::from_str(r#"Action::"view""#)?;
    // Names are parsed beforehand, as a caller that keeps them would.
    let mut asked = Vec::new();
    for question in questions {
        let principal = EntityUid::from_str(&format!(r#"Facility::"f-{}""#, question.viewer))?;
        let resource = EntityUid::from_str(&format!(r#"Consent::"c-{}""#, question.patient))?;
        let context = json!({"now": TODAY, "occurred": question.occurred, "purpose": question.purpose.code(),
            "category": question.category.code(), "role": question.role.code(), "labels": codes(&question.labels, Label::code)});
        asked.push((principal, resource, Context::from_json_value(context, None)?));
    }
    let mut answers = Vec::with_capacity(asked.len());
    let begun = Instant::now();
    for (principal, resource, context) in asked {
        let request = Request::new(principal, view.clone(), resource, context, None)?;
        answers.push(authorizer.is_authorized(&request, &policies, &entities).decision() == Decision::Allow);
    }
    Ok((answers, begun.elapsed()))
}

// === Rego ===

const REGO: &str = r#"
package disclosure

default allow := false

allow if {
    consent := data.consents[input.patient]
    consent.viewers[_] == input.viewer
    consent.from <= input.now
    input.now < consent.until
    consent.purposes[_] == input.purpose
    consent.data_from <= input.occurred
    input.occurred < consent.data_until
    consent.categories[_] == input.category
    every label in input.labels { label in consent.labels }
    data.scope.categories[_] == input.category
    data.scope.roles[_] == input.role
    every label in input.labels { label in data.scope.labels }
}
"#;

fn ask_rego(terms: &[Terms], questions: &[Question]) -> Any<(Vec<bool>, Duration)> {
    let mut consents = serde_json::Map::new();
    for terms in terms {
        let said = json!({"viewers": [format!("f-{}", terms.viewer)], "from": terms.period.0, "until": terms.period.1,
            "data_from": terms.data.0, "data_until": terms.data.1, "purposes": codes(&terms.purposes, Purpose::code),
            "categories": codes(&terms.categories, Category::code), "labels": codes(&terms.labels, Label::code)});
        consents.insert(format!("c-{}", terms.patient), said);
    }
    let scope = json!({"categories": codes(&SCOPE_CATEGORIES, Category::code), "roles": codes(&SCOPE_ROLES, Role::code),
        "labels": codes(&SCOPE_LABELS, Label::code)});
    let mut engine = regorus::Engine::new();
    engine.set_rego_v0(false);
    engine.add_policy("disclosure.rego".to_owned(), REGO.replacen("default", "import rego.v1\n\ndefault", 1))?;
    engine.add_data(regorus::Value::from_json_str(&json!({"consents": consents, "scope": scope}).to_string())?)?;
    let mut asked = Vec::new();
    for question in questions {
        let input = json!({"patient": format!("c-{}", question.patient), "viewer": format!("f-{}", question.viewer),
            "now": TODAY, "occurred": question.occurred, "purpose": question.purpose.code(),
            "category": question.category.code(), "role": question.role.code(), "labels": codes(&question.labels, Label::code)});
        asked.push(regorus::Value::from_json_str(&input.to_string())?);
    }
    let mut answers = Vec::with_capacity(asked.len());
    let begun = Instant::now();
    for input in asked {
        engine.set_input(input);
        answers.push(engine.eval_rule("data.disclosure.allow".to_owned())? == regorus::Value::from(true));
    }
    Ok((answers, begun.elapsed()))
}

type Ask = fn(&[Terms], &[Question]) -> Any<(Vec<bool>, Duration)>;

/// The answers, and the middle of five times.
fn measure(ask: Ask, terms: &[Terms], questions: &[Question]) -> Any<(Vec<bool>, Duration)> {
    let (answers, first) = ask(terms, questions)?;
    let mut times = vec![first];
    for _ in 1..5 {
        times.push(ask(terms, questions)?.1);
    }
    times.sort_unstable();
    Ok((answers, times[2]))
}

fn main() -> Any<()> {
    let terms = terms();
    let questions = questions(&terms);
    let (ours, our_time) = measure(ask_conscience, &terms, &questions)?;
    let permitted = ours.iter().filter(|permit| **permit).count();
    println!("{QUESTIONS} questions, {permitted} permitted");
    let per_second = |time: Duration| QUESTIONS as f64 / time.as_secs_f64();
    println!("conscience   {:>10.0} decisions/s", per_second(our_time));
    let engines: [(&str, Ask); 2] = [("cedar-policy", ask_cedar), ("regorus", ask_rego)];
    for (name, ask) in engines {
        let (answers, time) = measure(ask, &terms, &questions)?;
        if let Some(at) = answers.iter().zip(&ours).position(|(theirs, ours)| theirs != ours) {
            return Err(format!("{name} answers question {at} otherwise than the conscience").into());
        }
        let ratio = time.as_secs_f64() / our_time.as_secs_f64();
        println!("{name:<12} {:>10.0} decisions/s; the conscience is {ratio:.0} times as fast", per_second(time));
    }
    Ok(())
}
