//! The views as the reading room asks for them.

use futures::FutureExt;
use futures::future::BoxFuture;
use model::{Category, Frontier, Moment, Principal};
use query::{OpenView, ViewSource};
use std::sync::Arc;
use std::time::Duration;
use views::{View, Views};

/// The one way from the record store to a statement.
#[derive(Debug)]
pub struct Reading(pub Arc<Views>);

struct Opened {
    view: View,
    published_at: Moment,
}

impl ViewSource for Reading {
    fn open(&self, principal: &Principal, moment: Moment) -> Box<dyn OpenView> {
        let view = self.0.view(principal, moment);
        let age = i64::try_from(view.published_at().elapsed().as_micros()).unwrap_or(i64::MAX);
        Box::new(Opened { published_at: moment.plus_micros(age.saturating_neg()), view })
    }
    fn frontier(&self) -> Frontier {
        self.0.store().frontier()
    }
    fn reached<'a>(&'a self, frontier: &'a Frontier, wait: Duration) -> BoxFuture<'a, bool> {
        self.0.store().reached(frontier, wait).boxed()
    }
}

impl OpenView for Opened {
    fn table(&self, category: Category) -> Arc<dyn datafusion::catalog::TableProvider> {
        self.view.table(category)
    }
    fn frontier(&self) -> Frontier {
        self.view.frontier().clone()
    }
    fn published_at(&self) -> Moment {
        self.published_at
    }
}
