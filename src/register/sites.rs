//! What facilities have stated about their laboratories: held in memory, made again from the letters at the start.

use super::{Register, sees_clinical_data};
use clinical::lab::{SiteTables, Sites};
use ingest::completeness::Page;
use model::{FacilityId, LabTable, Moment, Position, Principal};
use parking_lot::RwLock;
use std::collections::BTreeMap;
use std::sync::Arc;
use wire::v1;

/// The tables as they hold, and as they held.
#[derive(Debug, Default)]
pub(super) struct Stated {
    now: RwLock<Arc<Sites>>,
    /// Of each facility, what held from when.
    course: RwLock<BTreeMap<FacilityId, Vec<Held>>>,
}

/// A facility's tables from one statement to the next.
#[derive(Debug)]
struct Held {
    position: Position,
    from: Moment,
    tables: Arc<SiteTables>,
}

impl Stated {
    /// Takes in a statement. The door lets rows pass that the laboratory cannot read, where a sender goes around
    /// `LaboratoryService`; what held goes on, and it is said.
    pub(super) fn apply(&self, position: Position, at: Moment, table: &LabTable) {
        let mut stated = self.now.write();
        let mut sites = Sites::clone(&stated);
        match sites.apply(position, at, table) {
            Ok(_) => {
                let tables = Arc::clone(sites.of(table.facility()));
                let mut course = self.course.write();
                let held = course.entry(table.facility().clone()).or_default();
                if held.last().is_none_or(|last| last.position < position) {
                    held.push(Held { position, from: at, tables });
                }
                *stated = Arc::new(sites);
            }
            Err(error) => {
                let (facility, kind) = (table.facility(), table.kind());
                tracing::error!(%facility, %kind, %position, %error, "a laboratory table is not taken; what held goes on");
            }
        }
    }
}

impl Stated {
    /// A facility's tables as they held when the door admitted something.
    pub(super) fn at(&self, facility: &FacilityId, admitted: Moment) -> Arc<SiteTables> {
        let course = self.course.read();
        let held = course.get(facility).and_then(|held| held.iter().rev().find(|held| held.from <= admitted));
        Arc::clone(held.map_or(SiteTables::shipped(), |held| &held.tables))
    }
}

impl Register {
    /// The laboratories' tables as they hold.
    pub fn sites(&self) -> Arc<Sites> {
        Arc::clone(&self.sites.now.read())
    }
}

impl query::SiteSource for Register {
    fn sites(&self) -> Arc<Sites> {
        Self::sites(self)
    }
    fn definitions(&self) -> Arc<query::Definitions> {
        Self::definitions(self)
    }
    fn feed_days(&self, principal: &Principal) -> Vec<v1::FeedDay> {
        // As by `IngestService.ListFeeds`.
        let Some(feeds) = self.feeds.get().filter(|_| sees_clinical_data(principal.role)) else { return Vec::new() };
        let all = Page { skip: 0, limit: usize::MAX };
        feeds.days(&principal.facility, "", all).unwrap_or_else(|error| {
            tracing::warn!(%error, "the account of the feeds is not shown");
            Vec::new()
        })
    }
    fn benchmark(&self) -> Arc<query::Benchmark> {
        Self::benchmark(self)
    }
}
