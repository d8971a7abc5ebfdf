//! The criteria for obstetric DIC over a case.

use super::{Case, DAY, Fact, Figure, Found, LabMeasure, MaternalLimit, Noted, Said, Value, lab, origin};
use crate::perinatal::maternal::{DicDisease, DicSigns, obstetric_dic};
use model::{Category, FacilityId, Moment};

const FIBRINOGEN: Figure = |fact| lab(fact, LabMeasure::Fibrinogen);
const FDP: Figure = |fact| lab(fact, LabMeasure::Fdp);
const D_DIMER: Figure = |fact| lab(fact, LabMeasure::DDimer);

impl<'a> Case<'a> {
    /// What somebody found that a DIC may come of, from a moment on: what was found once was found.
    fn disease(&self, from: Moment) -> Option<(Option<DicDisease>, Moment, &'a FacilityId)> {
        let said = self.notes.iter().filter(|note| note.at >= from).filter_map(|note| {
            let note: &'a Noted = note;
            match note.fact {
                Fact::DicDisease(disease) => Some((disease, note.at, &note.source)),
                _ => None,
            }
        });
        said.max_by_key(|(disease, at, _)| (disease.is_some(), *at))
    }

    /// Asked of a woman who bleeds after a birth, or of whom somebody says what a DIC may come of.
    pub(super) fn obstetric_dic(&self) -> Option<Found> {
        let since = self.born.unwrap_or(self.until).plus_micros(-DAY);
        let noted = self.notes.iter().rev().find(|note| matches!(note.fact, Fact::DicDisease(Some(_))));
        let bleeds = self.born.is_some() && !self.losses().is_empty();
        if !bleeds && noted.is_none_or(|note| note.at < since) {
            return None;
        }
        let blood = [FIBRINOGEN, FDP, D_DIMER].map(|of| self.values(of).next_back());
        let newest = blood.iter().flatten().map(|value| value.at).chain(noted.map(|note| note.at)).max();
        let from = newest.unwrap_or(since).min(self.until).plus_micros(-DAY);
        let [fibrinogen, fdp, d_dimer] = blood.map(|value| value.filter(|value| value.at >= from));
        let disease = self.disease(from);
        let number = |value: Option<Value<'_>>| value.map(|value| value.value);
        let signs = DicSigns {
            disease: disease.map(|(disease, ..)| disease),
            fibrinogen: number(fibrinogen),
            fdp: number(fdp),
            d_dimer: number(d_dimer),
        };
        let told = obstetric_dic(&signs, &self.tables.maternal).ok()?;
        let mut found = Found::new();
        found.uses([origin(fibrinogen), origin(fdp), origin(d_dimer)]);
        found.uses([disease.map(|(_, at, source)| (at, source.clone()))]);
        let newest = found.used.iter().map(|(at, _)| *at).max().unwrap_or(self.until);
        if told.dic == Some(true) {
            for one in &told.reached {
                let of = match one.limit {
                    MaternalLimit::DicFibrinogenOne
                    | MaternalLimit::DicFibrinogenTwo
                    | MaternalLimit::DicFibrinogenThree => fibrinogen,
                    MaternalLimit::DicFdpOne | MaternalLimit::DicFdpTwo => fdp,
                    MaternalLimit::DicDDimerOne | MaternalLimit::DicDDimerTwo => d_dimer,
                    _ => None,
                };
                found.reached.push(self.reached(*one, of.map_or(newest, |value| value.at)));
            }
        } else {
            found.lacks(disease.is_none() && told.dic.is_none(), "dic-disease", Category::Perinatal);
            found.lacks(fibrinogen.is_none() && told.dic.is_none(), "fibrinogen", Category::Laboratory);
            found.lacks(
                fdp.is_none() && d_dimer.is_none() && told.dic.is_none(),
                "fdp-or-d-dimer",
                Category::Laboratory,
            );
        }
        (found.said, found.class) = match told.dic {
            Some(true) => (Said::Reached, Some("dic")),
            Some(false) => (Said::NotReached, Some("below")),
            None => (Said::CannotBeSaid, None),
        };
        Some(found)
    }
}
