//! What a FHIR consent answers to a request, read off the resource as literally as can be: no sets, no algebra, one
//! question at a time. This is the reading of the standard; the import must agree with it.

use super::super::tree::{self, Actor, Code, Concept, Data, Kind, Meaning, Provision, Span, Tree};
use model::{Category, Label, Labels, Moment, Role};
use serde_json::Value;

/// One request to see one piece of data, in the words of FHIR.
#[derive(Clone, Debug)]
pub struct Request {
    /// Every name the one who asks, and their organisation, go by: `Practitioner/x`, `Organization/y`, identifiers.
    pub recipients: Vec<String>,
    pub role: Role,
    pub purpose: String,
    pub category: Category,
    pub department: Option<String>,
    pub author: Role,
    pub labels: Labels,
    pub occurred: Moment,
    pub now: Moment,
}

/// A consent to be asked.
pub struct Oracle<'a> {
    json: &'a Value,
    tree: Tree,
}

impl<'a> Oracle<'a> {
    pub fn new(json: &'a Value) -> Self {
        Self { json, tree: tree::read(json).expect("the evaluator is asked about consents that can be read") }
    }
    /// Whether the consent permits it. What it does not speak of, it does not permit.
    pub fn permits(&self, request: &Request) -> bool {
        let none = Provision::default();
        let root = self.tree.provision.as_ref().unwrap_or(&none);
        let base = root.kind.unwrap_or_else(|| base_rule(&self.tree));
        let asked = Asked { json: self.json, tree: &self.tree, request };
        // Inside a denial that does not match there is nothing to except from.
        let speaks = base == Kind::Permit || asked.matches(&[root], base);
        self.tree.status == tree::Status::Active && speaks && asked.decides(root, base, &[]) == Some(Kind::Permit)
    }
}

fn base_rule(tree: &Tree) -> Kind {
    let code = |code| tree.policy_rule.as_ref().is_some_and(|rule| rule.is(super::super::code::ACT_CODE, code));
    assert!(code("OPTIN") || code("OPTOUT"), "a base rule that is known");
    if code("OPTIN") { Kind::Permit } else { Kind::Deny }
}

struct Asked<'a> {
    json: &'a Value,
    tree: &'a Tree,
    request: &'a Request,
}

impl Asked<'_> {
    /// What a provision and what is nested in it decide, or nothing; `around` are the provisions of the same type that it
    /// is directly nested in, the innermost last.
    fn decides(&self, provision: &Provision, kind: Kind, around: &[&Provision]) -> Option<Kind> {
        let mut chain = around.to_vec();
        chain.push(provision);
        let opposite = if kind == Kind::Permit { Kind::Deny } else { Kind::Permit };
        let of_type = |of: Kind| provision.nested.iter().filter(move |inner| inner.kind == Some(of));
        let further: Vec<Kind> = of_type(kind).filter_map(|inner| self.decides(inner, kind, &chain)).collect();
        let exceptions: Vec<Kind> = of_type(opposite).filter_map(|inner| self.decides(inner, opposite, &[])).collect();
        let matches = self.matches(&chain, kind);
        let mut said = further.clone();
        if matches {
            // By itself it is of its type, unless there is an exception; of exceptions that disagree, deny wins.
            said.push(match (exceptions.contains(&Kind::Deny), exceptions.is_empty()) {
                (true, _) => Kind::Deny,
                (false, true) => kind,
                (false, false) => Kind::Permit,
            });
        } else if kind == Kind::Permit && !further.is_empty() {
            // A deny beside a permit that reaches further cuts into that too.
            said.extend(exceptions);
        }
        // Deny wins here too.
        if said.contains(&Kind::Deny) { Some(Kind::Deny) } else { said.first().copied() }
    }

    /// Whether every criterion matches: for each kind of criterion, that of the innermost provision that states it.
    fn matches(&self, chain: &[&Provision], kind: Kind) -> bool {
        let said = |said: fn(&Provision) -> bool| chain.iter().rev().find(|provision| said(provision));
        let during = |span: Option<Span>, moment: Moment| {
            span.is_none_or(|span| {
                span.from.is_none_or(|from| from <= moment) && span.until.is_none_or(|until| moment < until)
            })
        };
        chain.iter().all(|provision| during(provision.period, self.request.now))
            && said(|p| !p.actors.is_empty()).is_none_or(|p| p.actors.iter().any(|actor| self.is_actor(actor)))
            && said(|p| !p.actions.is_empty())
                .is_none_or(|p| p.actions.iter().any(|action| action.codings.iter().any(|code| code.code == "access")))
            && said(|p| !p.purposes.is_empty())
                .is_none_or(|p| p.purposes.iter().any(|code| code.code == self.request.purpose))
            && said(|p| !p.classes.is_empty()).is_none_or(|p| p.classes.iter().any(|class| self.is_class(class)))
            && said(|p| !p.codes.is_empty()).is_none_or(|p| p.codes.iter().any(|code| self.holds(code)))
            && said(|p| !p.data.is_empty()).is_none_or(|p| p.data.iter().any(|data| self.is_data(data)))
            && said(|p| !p.labels.is_empty()).is_none_or(|p| p.labels.iter().any(|label| self.is_marked(label, kind)))
            && said(|p| p.data_period.is_some()).is_none_or(|p| during(p.data_period, self.request.occurred))
    }

    fn contained(&self, reference: &Value) -> Option<&Value> {
        let id = reference.get("reference")?.as_str()?.strip_prefix('#')?;
        self.json.get("contained")?.as_array()?.iter().find(|inner| inner["id"] == id)
    }

    fn is_named(&self, reference: &Value) -> bool {
        let written = reference["reference"].as_str().map(str::to_owned);
        let identified = reference["identifier"]["system"]
            .as_str()
            .zip(reference["identifier"]["value"].as_str())
            .map(|(system, value)| format!("{system}|{value}"));
        written.into_iter().chain(identified).any(|name| self.request.recipients.contains(&name))
    }

    fn is_actor(&self, actor: &Actor) -> bool {
        let receives = actor.role.codings.iter().any(|role| role.code == "IRCP" || role.code == "PRCP");
        let is = match self.contained(&actor.reference) {
            Some(role) => {
                let codes = role["code"].as_array().into_iter().flatten();
                codes.into_iter().all(|code| code["coding"][0]["code"] == self.request.role.code())
                    && (role["organization"].is_null() || self.is_named(&role["organization"]))
                    && (role["practitioner"].is_null() || self.is_named(&role["practitioner"]))
            }
            None => self.is_named(&actor.reference),
        };
        receives && is
    }

    fn is_class(&self, class: &Code) -> bool {
        let resource = match self.request.category {
            Category::Patient => "Patient",
            Category::Laboratory | Category::VitalSign | Category::Waveform | Category::Perinatal => "Observation",
            Category::Condition => "Condition",
            Category::Allergy => "AllergyIntolerance",
            Category::Medication => "MedicationRequest",
            Category::Encounter => "Encounter",
            Category::Document => "DocumentReference",
            Category::Imaging => "ImagingStudy",
            Category::CarePlan => "CarePlan",
            Category::Message => "Communication",
            Category::Immunization => "Immunization",
        };
        class.code == resource || class.code == self.request.category.code()
    }

    fn holds(&self, code: &Concept) -> bool {
        self.request.department.as_ref().is_some_and(|held| code.codings.iter().any(|code| code.code == *held))
    }

    fn is_data(&self, data: &Data) -> bool {
        let author = self.contained(&data.reference).map(|role| role["code"][0]["coding"][0]["code"].clone());
        data.meaning == Meaning::AuthoredBy && author.is_some_and(|role| role == self.request.author.code())
    }

    /// Confidentiality is a level: permitted up to it, denied from it on (in PCF). Data with any sensitivity is at least
    /// restricted. Other labels are on the data or above what is on it.
    fn is_marked(&self, label: &Code, kind: Kind) -> bool {
        let on = self.request.labels;
        let sensitive = on.iter().any(|label| Labels::NEED_SAYING.contains(label));
        let height = if on.contains(Label::VeryRestricted) { 2 } else { i32::from(sensitive) };
        let confidentiality = label.system.ends_with("v3-Confidentiality");
        let stated = ["N", "R", "V"].into_iter().position(|level| confidentiality && label.code == level);
        if let Some(stated) = stated.and_then(|stated| i32::try_from(stated).ok()) {
            assert!(kind == Kind::Permit || self.tree.pcf, "a denied level is read in PCF only");
            return if kind == Kind::Permit { height <= stated } else { stated <= height };
        }
        match label.code.as_str() {
            "BH" if label.system.ends_with("v3-ActCode") => {
                [Label::Bh, Label::Psy, Label::Eth].into_iter().any(|label| on.contains(label))
            }
            "SEX" => on.contains(Label::Repro),
            code => on.iter().any(|label| label.code() == code),
        }
    }
}
