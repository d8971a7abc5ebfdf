//! What was before anybody looked, read from the view's own tables when a watch begins and when a bed is opened: the last hour of
//! samples, which beds are open, and what is known of the pregnancies of those who lie there.

use super::mother::OF_HER;
use super::reading::{Wanted, read, records, sessions};
use super::stretch::{Place, Session, Stretch};
use super::strip::{KEPT, SLOT};
use super::watch::Shared;
use crate::QueryError;
use crate::session::now;
use model::{Category, Record};
use std::collections::HashMap;
use std::sync::Arc;

/// A bed that was opened longer ago than this is known by what comes of it alone; in microseconds.
const LONGEST: i64 = 7 * 24 * 3_600 * 1_000_000;
/// What was before is read so often where permissions change while it is read: what was read twice is there once.
const ATTEMPTS: usize = 3;
/// So many are asked for by one statement.
const AT_ONCE: usize = 256;

/// Reads the last hour. What is withdrawn while it is read is told by the feed afterwards.
pub(super) async fn read_before(shared: &Shared, wanted: Wanted<'_>) -> Result<(), QueryError> {
    let done = insist(|| read_once(shared, wanted)).await;
    shared.ward.lock().settle(now());
    match done {
        Err(QueryError::PermissionsChanged | QueryError::TooMany { .. }) => Ok(()),
        done => done,
    }
}

/// Reads again where permissions changed meanwhile. What was taken is gone from the ward by what the feed says; the rest is to be read
/// all the same.
async fn insist<F: Future<Output = Result<(), QueryError>>>(read: impl Fn() -> F) -> Result<(), QueryError> {
    let mut done = read().await;
    for _ in 1..ATTEMPTS {
        if !matches!(done, Err(QueryError::PermissionsChanged)) {
            break;
        }
        done = read().await;
    }
    done
}

async fn read_once(shared: &Shared, wanted: Wanted<'_>) -> Result<(), QueryError> {
    let (from, until) = (now().plus_micros(-KEPT * SLOT), now().plus_micros(KEPT * SLOT));
    let put = |stretch: Stretch, _| shared.ward.lock().read(&stretch, now());
    read(&shared.room, &shared.principal, wanted, (from, until), put).await?;
    // of one place the newest says how it stands
    let mut newest: HashMap<Place, Session> = HashMap::new();
    let keep = |session: &Session| drop(newest.insert(session.place.clone(), session.clone()));
    sessions(&shared.room, &shared.principal, (now().plus_micros(-LONGEST), from), keep).await?;
    let mut ward = shared.ward.lock();
    for session in newest.values() {
        match session.closed {
            None => ward.session(session, now()),
            Some(closed) => ward.was_closed(&session.place, closed),
        }
    }
    Ok(())
}

/// Reads what is known of the pregnancies of those of whom it was not read yet. Where that does not succeed their beds are watched all
/// the same, as of a pregnancy of which nothing is known, and it is asked again a few seconds later.
pub(super) async fn read_mothers(shared: &Shared) {
    let wanted = {
        let (mut ward, now) = (shared.ward.lock(), now());
        // by what number somebody is called is told by the book
        shared.keep_permitted(&mut ward, now);
        ward.mothers_unread(now)
    };
    for whose in wanted.chunks(AT_ONCE) {
        if let Err(error) = insist(|| read_some(shared, whose)).await {
            tracing::warn!(code = error.code(), facility = %shared.principal.facility, "pregnancies of those on beds cannot be read");
        }
    }
}

async fn read_some(shared: &Shared, whose: &[String]) -> Result<(), QueryError> {
    let mut found: HashMap<String, Vec<Arc<Record>>> = HashMap::new();
    let mut asked: Vec<&str> = whose.iter().map(String::as_str).collect();
    for category in OF_HER {
        let mut keep = |own: &str, record: Record| found.entry(own.to_owned()).or_default().push(Arc::new(record));
        records(&shared.room, &shared.principal, (category, &asked), &mut keep).await?;
        if category == Category::Perinatal {
            asked.retain(|own| found.contains_key(*own));
        }
    }
    let (mut ward, now) = (shared.ward.lock(), now());
    for own in whose {
        ward.mother_read(own, found.get(own).map(Vec::as_slice).unwrap_or_default(), now);
    }
    // what was taken since the statements began is not used
    shared.keep_permitted(&mut ward, now);
    Ok(())
}
