//! What is told of a bed besides what is measured there: until when it may be shown, what asks for attention and who knows of it,
//! who watches, what was written beside its traces.

use super::{Viewer, also};
use query::beds::{Bed, Chart, FacilityId, Looker, MemberId, Moment, Note, Place, Risen, WARNED, Ward};
use serde_json::{Value, json};
use std::sync::Arc;

impl Viewer {
    /// Whether somebody came or went since it was last told.
    pub(super) fn news_of_presence(&mut self) -> bool {
        let changes = self.windows.boards.presence().changes();
        self.present.replace(changes) != Some(changes)
    }

    pub(super) fn around(&self, told: &mut Value, (ward, bed): (&Ward, &Bed), (now, presence): (Moment, bool)) {
        let place = bed.place();
        let chart = self.windows.boards.charts().of(place);
        let until = ward.until(bed.id());
        also(told, "until_us", json!(until.map(Moment::micros)));
        let ends_soon = until.is_some_and(|until| until.since(now) <= WARNED);
        also(told, "ways", if ends_soon { json!(self.ways(place)) } else { json!([]) });
        let alarms: Vec<Value> = ward.alarms(bed.id()).iter().map(|risen| self.alarm(&chart, risen)).collect();
        also(told, "alarms", json!(alarms));
        also(told, "own", json!(self.is_own(place)));
        if presence {
            also(told, "watched", self.watched(place));
        }
    }

    fn is_own(&self, place: &Place) -> bool {
        *place.source() == self.watch.principal().facility
    }

    /// How a facility whose permission ends may go on seeing: by asking for another consent or a transfer always; by breaking
    /// the glass where the source's scope has named its kind and the reader's role beforehand.
    fn ways(&self, place: &Place) -> Vec<&'static str> {
        let reader = self.watch.principal();
        let book = self.windows.views.book().read();
        let kind = book.stated_facility(&reader.facility).map(|stated| stated.kind);
        let rules = book.scope_of(place.source()).map(|scope| scope.break_glass.as_slice()).unwrap_or_default();
        let named =
            |kind| rules.iter().any(|rule| rule.viewer_kinds.contains(kind) && rule.viewer_roles.contains(reader.role));
        let may_break = kind.is_some_and(named);
        [Some("consent"), Some("transfer"), may_break.then_some("glass")].into_iter().flatten().collect()
    }

    fn alarm(&self, chart: &Chart, risen: &Risen) -> Value {
        let known = chart.knows(&self.watch.principal().facility, risen);
        let known = known.map(|known| json!({ "name": self.name(&known.member), "at_us": known.at.micros() }));
        json!({ "alarm": risen.alarm.to_string(), "since_us": risen.since.micros(), "known": known })
    }

    fn watched(&self, place: &Place) -> Value {
        let told = self.windows.boards.presence().told(place, &self.watch.principal().facility);
        let looker = |looker: &Looker| {
            json!({
                "facility": self.facility(&looker.agent.facility),
                "name": looker.agent.member.as_ref().map(|member| self.name(member)),
                "since_us": looker.since.micros(),
                "alone": looker.alone,
            })
        };
        json!({ "lookers": told.lookers.iter().map(looker).collect::<Vec<_>>(), "source": told.source })
    }

    /// What was written beside the traces of a bed.
    pub(super) fn notes(&self, place: &Place) -> Value {
        let chart: Arc<Chart> = self.windows.boards.charts().of(place);
        let reader = self.watch.principal();
        let note = |note: &Note| {
            json!({
                "id": note.id.to_string(),
                "at_us": note.at.micros(),
                "text": note.text.as_str(),
                "facility": self.facility(&note.facility),
                "name": self.name(&note.member),
                "written_us": note.written.micros(),
                "corrected": note.corrected,
                "own": note.facility == reader.facility && Some(&note.member) == reader.member.as_ref(),
            })
        };
        json!(chart.notes.iter().map(note).collect::<Vec<_>>())
    }

    /// What a person is called.
    fn name(&self, member: &MemberId) -> String {
        let book = self.windows.views.book().read();
        let named = book.member(member).map(|one| one.name.clone());
        named.filter(|name| !name.is_empty()).unwrap_or_else(|| member.as_str().to_owned())
    }

    /// What a facility is called, in Japanese and English.
    fn facility(&self, id: &FacilityId) -> [String; 2] {
        let book = self.windows.views.book().read();
        let own = || [id.as_str().to_owned(), id.as_str().to_owned()];
        book.stated_facility(id).map_or_else(own, |one| [one.name.clone(), one.name_en.clone()])
    }
}
