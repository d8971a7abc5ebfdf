//! What one provision's own criteria come to in this network's terms.

use super::super::Reason;
use super::super::case::Case;
use super::actors::{self, Named};
use super::code::{self, Asked, Level, Marked};
use super::tree::{Actor, Code, Concept, Data, Fault, Kind, Meaning, Provision, Read, Span};
use super::{Note, Remark};
use model::{CategorySet, DepartmentCode, Label, Labels, Period, PurposeSet, RoleSet, Viewers};

/// A set of viewers: who, and in which roles. `None` and the empty set are everybody and any role.
#[derive(Clone, PartialEq, Eq, Debug, Default)]
pub(super) struct Who {
    pub viewers: Option<Viewers>,
    pub roles: RoleSet,
}

/// A set of records by their labels.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(super) enum Marks {
    /// All labels that need saying are among these; [`Labels::NEED_SAYING`] is every record.
    Within(Labels),
    /// At least one of these.
    Any(Labels),
}

impl Marks {
    pub const ALL: Self = Self::Within(Labels::NEED_SAYING);
}

/// The criteria a provision states; `None` where it states nothing.
#[derive(Clone, PartialEq, Debug, Default)]
pub(super) struct Criteria {
    /// Any of these.
    pub who: Option<Vec<Who>>,
    pub purposes: Option<PurposeSet>,
    pub categories: Option<CategorySet>,
    pub departments: Option<Vec<DepartmentCode>>,
    pub authors: Option<RoleSet>,
    /// Any of these.
    pub labels: Option<Vec<Marks>>,
    pub data: Option<Period>,
    pub period: Option<Period>,
}

/// Reads the criteria of `provision`, whose type is `kind`.
pub(super) fn read(case: &Case<'_>, provision: &Provision, kind: Kind, context: &mut Context) -> Read<Criteria> {
    let at = |key: &str| format!("{}.{key}", provision.path);
    actions(&provision.actions, &at("action"), context)?;
    Ok(Criteria {
        who: who(case, &provision.actors, &at("actor"))?,
        purposes: purposes(&provision.purposes, &at("purpose"), context)?,
        categories: categories(&provision.classes, &at("class"))?,
        departments: departments(&provision.codes, &at("code"))?,
        authors: authors(case, &provision.data, &at("data"))?,
        labels: labels(&provision.labels, kind, context.pcf, &at("securityLabel"))?,
        data: period(provision.data_period, &at("dataPeriod"))?,
        period: period(provision.period, &at("period"))?,
    })
}

/// What is known of the whole consent, and what is remarked on the way.
#[derive(Debug)]
pub(super) struct Context {
    pub pcf: bool,
    pub notes: Vec<Note>,
}

fn period(span: Option<Span>, path: &str) -> Read<Option<Period>> {
    let Some(Span { from, until }) = span else { return Ok(None) };
    let rule = "a period ends after it begins";
    Period::new(from, until).map(Some).map_err(|_| Fault::new(Reason::InvalidElement, path, rule))
}

/// Every request here is one to view; a rule about other actions alone says nothing of it.
fn actions(actions: &[Concept], path: &str, context: &mut Context) -> Read<()> {
    if actions.is_empty() {
        return Ok(());
    }
    if !actions.iter().any(|action| action.is(code::ACTION, "access")) {
        let rule = "the actions hold `access`: viewing is the only thing done here";
        return Err(Fault::new(Reason::ActionNotRepresentable, path, rule));
    }
    if actions.len() > 1 {
        context.notes.push(Note { remark: Remark::ActionNeverAsked, path: path.to_owned() });
    }
    Ok(())
}

fn purposes(codes: &[Code], path: &str, context: &mut Context) -> Read<Option<PurposeSet>> {
    let mut set = PurposeSet::NONE;
    for (place, purpose) in codes.iter().enumerate() {
        match code::purpose(&purpose.system, &purpose.code) {
            Some(Asked::Here(purpose)) => set = set.with(purpose),
            Some(Asked::Never) => {
                context.notes.push(Note { remark: Remark::PurposeNeverAsked, path: format!("{path}[{place}]") });
            }
            None => {
                let rule = "a purpose this network knows, or one known never to be asked for here";
                return Err(Fault::new(Reason::PurposeNotRepresentable, format!("{path}[{place}]"), rule));
            }
        }
    }
    if codes.is_empty() {
        return Ok(None);
    }
    if set.is_empty() {
        let rule = "none of the purposes can be asked for here";
        return Err(Fault::new(Reason::PurposeNotRepresentable, path, rule));
    }
    Ok(Some(set))
}

fn categories(classes: &[Code], path: &str) -> Read<Option<CategorySet>> {
    if classes.is_empty() {
        return Ok(None);
    }
    let pairs: Vec<(&str, &str)> = classes.iter().map(Code::pair).collect();
    code::categories(&pairs).map(Some).map_err(|place| {
        let rule = "resource types, all of those that make up a category, or categories under `urn:ajisai:category`";
        Fault::new(Reason::ClassNotRepresentable, format!("{path}[{place}]"), rule)
    })
}

/// A code "found in an instance": the only ones that records are told apart by are departments.
fn departments(codes: &[Concept], path: &str) -> Read<Option<Vec<DepartmentCode>>> {
    let read = |(place, concept): (usize, &Concept)| {
        let department = concept
            .codings
            .iter()
            .find(|coding| [code::OWN_DEPARTMENT, code::SS_MIX2_DEPARTMENT].contains(&coding.system.as_str()));
        department.and_then(|coding| DepartmentCode::parse(&coding.code).ok()).ok_or_else(|| {
            let rule = "a department; records are not told apart by any other code they hold";
            Fault::new(Reason::CodeNotRepresentable, format!("{path}[{place}]"), rule)
        })
    };
    if codes.is_empty() { Ok(None) } else { codes.iter().enumerate().map(read).collect::<Read<_>>().map(Some) }
}

fn authors(case: &Case<'_>, data: &[Data], path: &str) -> Read<Option<RoleSet>> {
    let mut roles = RoleSet::NONE;
    for (place, data) in data.iter().enumerate() {
        let (reason, rule) = match data.meaning {
            Meaning::Instance => {
                (Reason::DataInstanceNotRepresentable, "a consent here covers kinds of records, not single ones")
            }
            Meaning::Related | Meaning::Dependents => (
                Reason::DataRelationNotRepresentable,
                "records are not told apart by what they are related to, such as an encounter",
            ),
            Meaning::AuthoredBy => match actors::named(case, &data.reference) {
                Ok(Named::InRole(None, of)) => {
                    roles = roles.union(of);
                    continue;
                }
                _ => (
                    Reason::AuthorNotRepresentable,
                    "records are told apart by their author's role (codes under `urn:ajisai:role`), not by the person",
                ),
            },
        };
        return Err(Fault::new(reason, format!("{path}[{place}]"), rule));
    }
    Ok((!data.is_empty()).then_some(roles))
}

/// The level at and below which a permit reaches (FHIR's high-water mark), with the labels that may then stand.
fn reached(level: Level) -> Labels {
    match level {
        Level::Normal => Labels::NONE,
        Level::Restricted => Labels::NEED_SAYING.without(Labels::of(Label::VeryRestricted)),
        Level::VeryRestricted => Labels::NEED_SAYING,
    }
}

fn labels(codes: &[Code], kind: Kind, pcf: bool, path: &str) -> Read<Option<Vec<Marks>>> {
    let (mut any, mut level) = (Labels::NONE, None);
    for (place, label) in codes.iter().enumerate() {
        let path = || format!("{path}[{place}]");
        match code::label(&label.system, &label.code) {
            Some(Marked::Any(labels)) => any = any.union(labels),
            Some(Marked::Level(found)) if kind == Kind::Permit => level = level.max(Some(found)),
            Some(Marked::Level(found)) if pcf => match found {
                // In the examples of PCF a denied level is that level and what is above it.
                Level::Normal => return Ok(Some(vec![Marks::ALL])),
                Level::Restricted => any = any.union(Labels::NEED_SAYING),
                Level::VeryRestricted => any = any.with(Label::VeryRestricted),
            },
            Some(Marked::Level(_)) => {
                let rule = "FHIR R4 lets a level reach all levels below it, which in a deny would close what is less \
                            sensitive too; without a profile that says otherwise it is not clear what is denied";
                return Err(Fault::new(Reason::UnclearConfidentiality, path(), rule));
            }
            None => {
                let rule = "a label this network tells apart: HIV, PSY, STD, SDV, GDIS, ETH, SEX, BH, or N, R, V";
                return Err(Fault::new(Reason::LabelNotRepresentable, path(), rule));
            }
        }
    }
    let within = level.map(|level| Marks::Within(reached(level)));
    let some = (!any.is_empty()).then_some(Marks::Any(any));
    let marks: Vec<Marks> = within.into_iter().chain(some).collect();
    Ok((!marks.is_empty()).then_some(marks))
}

/// Adds to a list what it does not hold.
pub(super) fn add<T: Clone + PartialEq>(list: &mut Vec<T>, more: &[T]) {
    for one in more {
        if !list.contains(one) {
            list.push(one.clone());
        }
    }
}

fn who(case: &Case<'_>, actors: &[Actor], path: &str) -> Read<Option<Vec<Who>>> {
    // First everybody named, each once with all their roles; then those of one kind and the same roles together.
    let mut each: Vec<Who> = Vec::new();
    for (place, actor) in actors.iter().enumerate() {
        if !["PRCP", "IRCP"].iter().any(|role| actor.role.is(code::PARTICIPATION, role)) {
            let rule = "the actor receives information: `PRCP` or `IRCP`";
            return Err(Fault::new(Reason::ActorRoleNotRepresentable, format!("{path}[{place}].role"), rule));
        }
        let named = actors::named(case, &actor.reference)
            .map_err(|(reason, rule)| Fault::new(reason, format!("{path}[{place}].reference"), rule))?;
        let (viewers, roles) = match named {
            Named::Facility(facility) => (Some(Viewers::Facilities(vec![facility])), RoleSet::NONE),
            Named::Member(member) => (Some(Viewers::Practitioners(vec![member])), RoleSet::NONE),
            Named::InRole(viewers, roles) => (viewers, roles),
        };
        match each.iter_mut().find(|who| who.viewers == viewers) {
            // Any role, named beside some, is any role.
            Some(who) if who.roles.is_empty() || roles.is_empty() => who.roles = RoleSet::NONE,
            Some(who) => who.roles = who.roles.union(roles),
            None => each.push(Who { viewers, roles }),
        }
    }
    let mut sets: Vec<Who> = Vec::new();
    for who in each {
        let Who { viewers, roles } = who;
        let same = sets.iter_mut().filter(|set| set.roles == roles).find_map(|set| {
            set.viewers.as_mut().zip(viewers.as_ref()).filter(|(set, who)| {
                matches!(
                    (set, who),
                    (Viewers::Facilities(_), Viewers::Facilities(_))
                        | (Viewers::Practitioners(_), Viewers::Practitioners(_))
                )
            })
        });
        match same {
            Some((Viewers::Facilities(list), Viewers::Facilities(more))) => add(list, more),
            Some((Viewers::Practitioners(list), Viewers::Practitioners(more))) => add(list, more),
            _ => sets.push(Who { viewers, roles }),
        }
    }
    Ok((!sets.is_empty()).then_some(sets))
}
