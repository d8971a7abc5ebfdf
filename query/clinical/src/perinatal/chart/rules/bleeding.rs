//! What was lost, and what a haemorrhage is by the pulse, the pressure and what was lost.

use super::{Case, DAY, DIC, FIBRINOGEN, Fact, Finding, Found, LOST, Said, origin};
use crate::perinatal::maternal::{
    Bleeding, Delivery, Haemorrhage, HaemorrhageLevel, HaemorrhageReason, Loss, MaternalLimit, blood_loss, haemorrhage,
};
use model::{Category, FacilityId, Moment};

impl<'a> Case<'a> {
    /// Blood noted from a day before the birth on; without one, within a day before the last that was noted.
    pub(super) fn losses(&self) -> Vec<(Loss, &'a FacilityId)> {
        let Some(last) = self.values(LOST).next_back() else { return Vec::new() };
        let from = self.born.unwrap_or(last.at).plus_micros(-DAY);
        let noted = self.notes.iter().filter_map(|note| match note.fact {
            Fact::BloodLoss(millilitres, amount) => Some((Loss { at: note.at, millilitres, amount }, &note.source)),
            _ => None,
        });
        noted.filter(|(loss, _)| loss.at >= from).collect()
    }

    fn goes_on(&self, from: Moment) -> Option<(bool, Moment, &'a FacilityId)> {
        let said = self.notes.iter().rev().find_map(|note| match note.fact {
            Fact::GoesOn(goes_on) => Some((goes_on, note.at, &note.source)),
            _ => None,
        });
        said.filter(|(_, at, _)| *at >= from)
    }

    pub(super) fn bleeding(&self) -> Option<Found> {
        let pair = self.pair();
        let losses = self.losses();
        let newest = [pair.map(|(pulse, _)| pulse.at), losses.last().map(|(loss, _)| loss.at)];
        let of_blood = [self.values(DIC).next_back(), self.values(FIBRINOGEN).next_back()];
        let of_blood_at = of_blood.iter().flatten().map(|value| value.at);
        let anchor = newest.into_iter().flatten().chain(of_blood_at).max()?;
        let from = anchor.plus_micros(-DAY);
        let pair = pair.filter(|(pulse, _)| pulse.at >= from);
        let (dic, fibrinogen) = (self.newest(DIC, from), self.newest(FIBRINOGEN, from));
        let goes_on = self.goes_on(from);
        let loss = (!losses.is_empty()).then(|| losses.iter().map(|(loss, _)| loss.millilitres).sum::<f64>());
        let rate = |delivery| {
            let bleeding = Bleeding {
                delivery,
                heart_rate: pair.map(|(pulse, _)| pulse.value),
                systolic: pair.map(|(_, systolic)| systolic.value),
                loss,
                dic_score: dic.map(|value| value.value),
                fibrinogen: fibrinogen.map(|value| value.value),
                goes_on_with_abnormal_signs: goes_on.is_some_and(|(goes_on, ..)| goes_on),
            };
            haemorrhage(&bleeding, &self.tables.maternal).ok()
        };
        let told: Haemorrhage = rate(self.delivery().unwrap_or(Delivery::Caesarean))?;
        // where it was not said how, what holds of both ways holds
        let open = self.delivery().is_none() && rate(Delivery::Vaginal)?.level != told.level;
        let asked = self.born.is_some()
            || loss.is_some()
            || dic.is_some()
            || goes_on.is_some()
            || open
            || told.level > Some(HaemorrhageLevel::BelowThreshold);
        if !asked {
            return None;
        }
        let mut found = Found::new();
        let loss_at = losses.last().map(|(loss, source)| (loss.at, FacilityId::clone(source)));
        for (_, reason) in &told.reasons {
            let at = |limit| match limit {
                MaternalLimit::LossVaginal | MaternalLimit::LossCaesarean => loss_at.as_ref().map(|(at, _)| *at),
                MaternalLimit::DicScore => dic.map(|value| value.at),
                MaternalLimit::Fibrinogen => fibrinogen.map(|value| value.at),
                _ => pair.map(|(pulse, systolic)| pulse.at.max(systolic.at)),
            };
            match reason {
                HaemorrhageReason::Limit(one) => {
                    found.reached.push(self.reached(*one, at(one.limit).unwrap_or(anchor)));
                }
                HaemorrhageReason::GoesOn => {
                    let at = goes_on.map_or(anchor, |(_, at, _)| at);
                    let source = Some(MaternalLimit::ShockCritical.row().source);
                    found.reached.push(Self::finding(Finding::BleedingGoesOn, at, source));
                }
            }
        }
        found.uses([
            pair.map(|(pulse, _)| pulse.origin()),
            pair.map(|(_, systolic)| systolic.origin()),
            loss_at,
            origin(dic),
            origin(fibrinogen),
            goes_on.map(|(_, at, source)| (at, source.clone())),
        ]);
        found.said = match told.level {
            Some(_) if open => Said::CannotBeSaid,
            Some(HaemorrhageLevel::BelowThreshold) => Said::NotReached,
            Some(_) => Said::Reached,
            None => Said::CannotBeSaid,
        };
        found.class = told.level.filter(|_| !open).map(HaemorrhageLevel::code);
        found.lacks(open, "delivery", Category::Perinatal);
        if told.level < Some(HaemorrhageLevel::Critical) {
            found.lacks(pair.is_none(), "shock-index", Category::VitalSign);
            found.lacks(loss.is_none(), "blood-loss", Category::Perinatal);
            found.lacks(dic.is_none(), "dic-score", Category::Perinatal);
            found.lacks(fibrinogen.is_none(), "fibrinogen", Category::Laboratory);
        }
        Some(found)
    }

    pub(super) fn lost(&self) -> Option<Found> {
        let losses = self.losses();
        let (last, source) = losses.last()?;
        let all: Vec<Loss> = losses.iter().map(|(loss, _)| *loss).collect();
        let of = |delivery| blood_loss(&all, self.until, (delivery, self.children()), &self.tables.maternal).ok();
        let told = of(self.delivery().unwrap_or(Delivery::Caesarean))?;
        let open =
            self.delivery().is_none() && of(Delivery::Vaginal)?.above_usual.is_some() && told.above_usual.is_none();
        let mut found = Found::new();
        found.uses([Some((last.at, FacilityId::clone(source)))]);
        found.reached.extend(told.above_usual.map(|one| self.reached(one, last.at)));
        found.lacks(open, "delivery", Category::Perinatal);
        (found.said, found.class) = match (found.reached.is_empty(), open) {
            (_, true) => (Said::CannotBeSaid, None),
            (true, false) => (Said::NotReached, Some("usual")),
            (false, false) => (Said::Reached, Some("above-usual")),
        };
        Some(found)
    }
}
