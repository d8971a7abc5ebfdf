//! `FeedService`: what appears, changes and vanishes in the caller's view.

use crate::QueryError;
use crate::freshness::frontier_text;
use crate::principal::caller;
use futures::StreamExt;
use futures::stream::{BoxStream, unfold};
use model::{CategorySet, Frontier, Offset, Position, Role};
use std::sync::Arc;
use std::time::Duration;
use tonic::{Request, Response, Status};
use views::{Closing, FeedItem, FeedStart, Subscription, Views};
use wire::v1;
use wire::v1::feed_item::Item;
use wire::v1::feed_service_server::{FeedService, FeedServiceServer};
use wire::v1::watch_request::From as Start;

/// How often a heartbeat comes where the caller does not say.
const HEARTBEAT: Duration = Duration::from_secs(1);
/// How often it may come at most and must come at least, in milliseconds.
const HEARTBEATS: std::ops::RangeInclusive<u32> = 100..=60_000;
/// How long a watch waits for the frontier it wants to begin at, before it counts as ahead of the log: an
/// acknowledged event is a moment ahead of the view.
const CATCH_UP: Duration = Duration::from_secs(2);

/// Answers `FeedService`.
#[derive(Debug, Clone)]
pub struct FeedDesk {
    views: Arc<Views>,
}

impl FeedDesk {
    /// The service over views.
    pub fn service(views: Arc<Views>) -> FeedServiceServer<Self> {
        FeedServiceServer::new(Self { views })
    }

    async fn start(&self, from: Option<Start>) -> Result<FeedStart, Status> {
        let frontier = match from {
            None => return Err(Status::invalid_argument("`from` is missing: say `frontier`, `after` or `now`")),
            Some(Start::Now(v1::Now {})) => return Ok(FeedStart::Now),
            Some(Start::Frontier(frontier)) => Frontier::from(frontier),
            Some(Start::After(position)) => self.after(position.into()),
        };
        if frontier == Frontier::start() {
            return Ok(FeedStart::Beginning);
        }
        if !self.views.store().reached(&frontier, CATCH_UP).await {
            let (wanted, reached) = (frontier_text(&frontier), frontier_text(&self.views.store().frontier()));
            return Err(Status::out_of_range(format!(
                "`{wanted}` lies ahead of the view, which stands at `{reached}`"
            )));
        }
        Ok(FeedStart::After(frontier))
    }

    /// After one position in its partition, and only what is new in the others.
    fn after(&self, position: Position) -> Frontier {
        let now = self.views.store().frontier();
        let others = now.iter().filter(|(partition, _)| *partition != position.partition);
        others.chain([(position.partition, Offset(position.offset.0.saturating_add(1)))]).collect()
    }
}

#[tonic::async_trait]
impl FeedService for FeedDesk {
    type WatchStream = BoxStream<'static, Result<v1::FeedItem, Status>>;

    async fn watch(&self, request: Request<v1::WatchRequest>) -> Result<Response<Self::WatchStream>, Status> {
        let principal = caller(&request)?;
        // A courtesy: these roles would be shown nothing for ever, and would wonder.
        if matches!(principal.role, Role::Clerk | Role::Auditor | Role::Administrator | Role::Patient) {
            return Err(Status::permission_denied("this role sees no clinical data"));
        }
        let v1::WatchRequest { from, categories, heartbeat_ms } = request.into_inner();
        let categories = wanted(&categories)?;
        let heartbeat = match heartbeat_ms {
            0 => HEARTBEAT,
            asked if HEARTBEATS.contains(&asked) => Duration::from_millis(u64::from(asked)),
            _ => return Err(Status::invalid_argument("`heartbeat_ms` takes 100 to 60000, or 0 for 1000")),
        };
        let start = self.start(from).await?;
        let subscription = self.views.feeds().subscribe(self.views.store(), &principal, start, categories);
        tracing::info!(facility = %principal.facility, purpose = principal.purpose.code(), "watch begins");
        Ok(Response::new(items(subscription, heartbeat).boxed()))
    }
}

/// The categories asked for; all where none is named.
fn wanted(categories: &[i32]) -> Result<CategorySet, Status> {
    if categories.is_empty() {
        return Ok(CategorySet::all());
    }
    let mut wanted = CategorySet::default();
    for number in categories {
        let unknown = || Status::invalid_argument(format!("`categories` holds {number}, which is no category"));
        let category = v1::Category::try_from(*number).map_err(|_| unknown())?;
        wanted = wanted.with(model::Category::try_from(category).map_err(|_| unknown())?);
    }
    Ok(wanted)
}

fn items(
    subscription: Subscription,
    heartbeat: Duration,
) -> impl futures::Stream<Item = Result<v1::FeedItem, Status>> + Send {
    unfold(Some(subscription), move |subscription| async move {
        let mut subscription = subscription?;
        match subscription.next(heartbeat).await {
            Some(Ok(FeedItem::Closed(closing))) => Some((Err(closed(closing)), None)),
            Some(Ok(item)) => Some((Ok(said(item)), Some(subscription))),
            Some(Err(_)) => Some((Err(QueryError::internal("feed").into()), None)),
            None => Some((Err(Status::unavailable("the feed has ended; reconnect and resume")), None)),
        }
    })
}

/// The permission to watch has ended: what vanished with it was said before.
fn closed(closing: Closing) -> Status {
    Status::permission_denied(match closing {
        Closing::Departed => {
            "施設または担当者の資格が終わったため、配信を終了しました。 / the feed was closed: the facility or the member no \
             longer takes part"
        }
        Closing::GlassClosed => {
            "緊急閲覧が終わったため、配信を終了しました。 / the feed was closed: the emergency access has ended"
        }
    })
}

fn said(item: FeedItem) -> v1::FeedItem {
    let item = match item {
        FeedItem::Appeared { position, record, admitted, historic } => Item::Appeared(v1::Appeared {
            record: Some(v1::Record::from(record.as_ref())),
            position: position.map(Into::into),
            admitted_us: admitted.map_or(0, model::Moment::micros),
            historic,
        }),
        FeedItem::Changed { position, record, admitted, superseded, historic, .. } => Item::Changed(v1::Changed {
            record: Some(v1::Record::from(record.as_ref())),
            position: Some(position.into()),
            superseded_version: superseded.get(),
            admitted_us: admitted.map_or(0, model::Moment::micros),
            historic,
        }),
        FeedItem::Vanished { record, reason, position, .. } => Item::Vanished(v1::Vanished {
            source: record.source.as_str().to_owned(),
            id: record.id.as_str().to_owned(),
            reason: reason.code().to_owned(),
            position: position.map(Into::into),
        }),
        FeedItem::Reset(reason) => Item::Reset(v1::Reset { reason: reason.code().to_owned() }),
        // Never reached: it ends the stream with a status.
        FeedItem::Closed(closing) => Item::Reset(v1::Reset { reason: closing.code().to_owned() }),
        FeedItem::Heartbeat { frontier, moment } => {
            Item::Heartbeat(v1::Heartbeat { frontier: Some((&frontier).into()), moment_us: moment.micros() })
        }
    };
    v1::FeedItem { item: Some(item) }
}
