//! Explanations as the wire spells them.

use crate::history::History;
use consent_filter::{Decision, Explanation, Finding, Opener, Opening, Reason, Sentence, Verdict, ViewerAnswer};
use model::Moment;
use wire::v1;

pub(super) const fn code(answer: ViewerAnswer) -> &'static str {
    match answer {
        ViewerAnswer::Own => "own",
        ViewerAnswer::Shared => "shared",
        ViewerAnswer::BrokenGlass => "broken-glass",
        ViewerAnswer::NothingHere => "nothing-here",
    }
}

/// The statements that opened a record, with the times at which the log took them in.
pub(super) async fn openings(history: &History, told: &Explanation) -> Vec<v1::Opening> {
    let mut openings = Vec::with_capacity(told.opened_by.len());
    for Opening { by, at } in &told.opened_by {
        let (kind, id) = match by {
            Opener::Consent(id) => ("consent", id.as_str()),
            Opener::Glass(id) => ("glass", id.as_str()),
            Opener::Scope(id) => ("scope", id.as_str()),
            Opener::Link(id) => ("link", id.as_str()),
        };
        openings.push(v1::Opening {
            kind: kind.to_owned(),
            id: id.to_owned(),
            position: Some((*at).into()),
            // A log that keeps only so much may have dropped the letter; its position still says which it was.
            appended_us: history.appended_at(*at).await.ok().map(Moment::micros),
        });
    }
    openings
}

pub(super) fn full(told: Explanation, opened_by: Vec<v1::Opening>, for_patient: bool) -> v1::Explanation {
    let sentence = |Sentence { ja, en }| v1::Sentence { ja: ja.to_owned(), en: en.to_owned() };
    let sentences = if for_patient { told.for_patient() } else { Vec::new() };
    v1::Explanation {
        shown: told.decision.is_permit(),
        reason: match told.decision {
            Decision::Permit(_) => String::new(),
            Decision::Withhold(reason) => reason.code().to_owned(),
        },
        gates: told.gates.into_iter().map(|gate| finding(gate, |gate| gate.code().to_owned())).collect(),
        consents: told.consents.into_iter().map(|consent| finding(consent, |id| id.to_string())).collect(),
        glasses: told.glasses.into_iter().map(|glass| finding(glass, |id| id.to_string())).collect(),
        rules: told.rules.into_iter().map(|rule| finding(rule, |place| place.to_string())).collect(),
        labels: told.labels.iter().map(|label| v1::Label::from(label).into()).collect(),
        links: told.links.iter().map(ToString::to_string).collect(),
        since_us: told.since.map(Moment::micros),
        next_change_us: told.next_change.map(Moment::micros),
        opened_by,
        for_patient: sentences.into_iter().map(sentence).collect(),
    }
}

fn finding<T>(found: Finding<T>, name: impl Fn(T) -> String) -> v1::GateFinding {
    let (verdict, reason) = match found.verdict {
        Verdict::Opens => ("opens", ""),
        Verdict::Shuts(reason) => ("shuts", Reason::code(reason)),
        Verdict::Silent => ("silent", ""),
    };
    v1::GateFinding { what: name(found.what), verdict: verdict.to_owned(), reason: reason.to_owned() }
}
