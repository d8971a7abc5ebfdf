//! The recall list: who has seen data that has since been withdrawn, corrected, deleted or shown under a wrong link.
//!
//! The ledger knows rows per patient and category, not single records. So the list of a corrected record names those
//! who saw rows of its category of that patient while the old version was the one shown: nobody who saw it is missing,
//! and some on it may have looked at other rows of the category.

use crate::entry::Entry;
use crate::words::{self, Language, Names};
use model::{
    Act, Agent, Category, CategorySet, Consent, Counts, FacilityId, Frontier, MemberId, PatientRef, Position, Purpose,
    Viewers, What,
};
use std::collections::BTreeMap;

/// Why the list is asked for.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Cause {
    /// A consent was withdrawn.
    Withdrawn,
    /// A record was corrected.
    Corrected,
    /// A record was deleted.
    Deleted,
    /// Two refs were linked that are not one person.
    WronglyLinked,
}

/// Whose view is asked about.
#[derive(Clone, PartialEq, Eq, Debug)]
enum Whom {
    Everyone,
    Facilities(Vec<FacilityId>),
    Members(Vec<MemberId>),
}

/// What is asked: who saw these categories of this patient from one position on and before another?
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Recall {
    /// Why.
    pub cause: Cause,
    /// Whose rows.
    pub patient: PatientRef,
    /// Which of them.
    pub categories: CategorySet,
    whom: Whom,
    /// Where the data began to be shown.
    from: Position,
    /// Where it ended.
    until: Position,
}

/// Someone who saw it.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Recalled {
    /// The entry.
    pub index: u64,
    /// Who.
    pub agent: Agent,
    /// Why.
    pub purpose: Purpose,
    /// What.
    pub what: What,
    /// When the act began.
    pub began: model::Moment,
    /// What they saw of it.
    pub counts: Counts,
}

impl Recall {
    /// Who saw what this statement of a consent opened, from where it was stated active to where it was withdrawn or
    /// stated anew.
    pub fn withdrawn(consent: &Consent, (stated, ended): (Position, Position)) -> Self {
        let whom = match &consent.viewers {
            Viewers::AllMembers => Whom::Everyone,
            Viewers::Facilities(ids) => Whom::Facilities(ids.clone()),
            Viewers::Practitioners(ids) => Whom::Members(ids.clone()),
        };
        let (patient, categories) = (consent.patient.clone(), consent.categories);
        Self { cause: Cause::Withdrawn, patient, categories, whom, from: stated, until: ended }
    }
    /// Who may have seen the version of a record put at `shown`, before it was corrected or deleted at `ended`.
    pub fn record(cause: Cause, patient: PatientRef, category: Category, (shown, ended): (Position, Position)) -> Self {
        let categories = CategorySet::of(category);
        Self { cause, patient, categories, whom: Whom::Everyone, from: shown, until: ended }
    }
    /// Who saw the one person's rows as the other's. `one` and `other` are the refs on either side of the wrong link,
    /// the linked ones and all that other links join to them.
    pub fn wrongly_linked(
        one: &[PatientRef],
        other: &[PatientRef],
        (linked, unlinked): (Position, Position),
    ) -> Vec<Self> {
        let side = |patients: &[PatientRef], viewers: &[PatientRef]| {
            let facilities: Vec<FacilityId> = viewers.iter().map(|viewer| viewer.facility().clone()).collect();
            let of_one = |patient: &PatientRef| Self {
                cause: Cause::WronglyLinked,
                patient: patient.clone(),
                categories: CategorySet::all(),
                whom: Whom::Facilities(facilities.clone()),
                from: linked,
                until: unlinked,
            };
            patients.iter().map(of_one).collect::<Vec<_>>()
        };
        let mut recalls = side(one, other);
        recalls.extend(side(other, one));
        recalls
    }

    /// What an entry's agent saw of it; `None` when nothing.
    pub fn of(&self, index: u64, entry: &Entry) -> Option<Recalled> {
        let event = &entry.event;
        let agent = &event.agent;
        let asked = match &self.whom {
            Whom::Everyone => true,
            Whom::Facilities(ids) => ids.contains(&agent.facility),
            Whom::Members(ids) => agent.member.as_ref().is_some_and(|member| ids.contains(member)),
        };
        // What became visible was not seen by it alone, and the disclosing facility saw its own records.
        if event.what.act() == Act::Disclosure || !asked || agent.facility == *self.patient.facility() {
            return None;
        }
        let shown = event.shown.of(&self.patient)?;
        let counts: Counts = shown.iter().filter(|(category, _)| self.categories.contains(*category)).collect();
        let seen = event.what.seen()?;
        let since = event.what.since().unwrap_or(seen);
        if counts.is_empty() || !may_include(seen, self.from) || is_past(since, self.until) {
            return None;
        }
        Some(Recalled {
            index,
            agent: agent.clone(),
            purpose: event.purpose,
            what: event.what.clone(),
            began: event.began,
            counts,
        })
    }
}

/// Whether what was read up to `frontier` may hold the letter at `position`. Rows of a patient whose partition a
/// frontier does not speak of were shown all the same: then the frontier is not known, and it may.
fn may_include(frontier: &Frontier, position: Position) -> bool {
    frontier.includes(position) || frontier.next(position.partition).0 == 0
}

/// Whether what was read from `frontier` on is known to be without what ended at `position`.
fn is_past(frontier: &Frontier, position: Position) -> bool {
    frontier.includes(position)
}

impl Cause {
    const fn words(self) -> (&'static str, &'static str) {
        match self {
            Self::Withdrawn => ("同意が撤回された情報", "data whose consent was withdrawn"),
            Self::Corrected => ("訂正された記録", "a record that was corrected"),
            Self::Deleted => ("削除された記録", "a record that was deleted"),
            Self::WronglyLinked => ("誤って紐付けられた情報", "data shown under a wrong link"),
        }
    }
}

/// The list in plain words, by facility and person. It holds no patient number: it goes to those who must be told.
pub fn recall_text(cause: Cause, recalled: &[Recalled], names: &Names, language: Language) -> String {
    let mut people: BTreeMap<(String, String), Vec<&Recalled>> = BTreeMap::new();
    for line in recalled {
        let facility = names.facility(&line.agent.facility, language).to_owned();
        let role = language.pick(words::role(line.agent.role));
        let member = line.agent.member.as_ref().map(|member| names.member(member));
        let who = member.map_or(role.to_owned(), |member| format!("{member} ({role})"));
        people.entry((facility, who)).or_default().push(line);
    }
    let title = language.pick(cause.words());
    let mut text = match language {
        Language::Japanese => format!("{title}を見た可能性のある者：{}名・{}回\n", people.len(), recalled.len()),
        Language::English => {
            format!("Who may have seen {title}: {} viewers, {} times\n", people.len(), recalled.len())
        }
    };
    for ((facility, who), lines) in &people {
        text.push_str(&format!("{facility}  {who}\n"));
        for line in lines {
            let began = words::japan_time(line.began);
            let act = language.pick(words::act(line.what.act()));
            let rows = words::counts(&line.counts, language);
            text.push_str(&format!("  {began}  {act}  {rows}  #{}\n", line.index));
        }
    }
    text
}
