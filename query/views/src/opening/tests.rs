use super::{Opening, Taking};
use crate::testing::world::World;
use crate::{Feeds, Store, StoreConfig, View, Views};
use consent_filter::{Audience, Book, Facts};
use model::{Body, ConsentChange, Frontier, Moment, Period, Principal, Record};
use parking_lot::RwLock;
use rand::Rng;
use std::collections::BTreeMap;
use std::future::poll_fn;
use std::sync::Arc;
use std::time::Duration;

/// A statement under way, and what it shows: each record by its digest.
struct Statement {
    view: View,
    shows: BTreeMap<u128, Facts>,
    lost: bool,
}

async fn holds(opening: &Opening) -> bool {
    let holds = poll_fn(|context| opening.poll_holds(context));
    tokio::time::timeout(Duration::from_secs(10), holds).await.expect("a doubt is settled")
}

/// What stands, by record.
fn standing(world: &World, upto: usize) -> BTreeMap<u128, &Record> {
    let mut standing: BTreeMap<u128, &Record> = BTreeMap::new();
    for (_, event) in &world.log[..upto] {
        if let Body::Record(record) = &event.body {
            let digest = record.reference().digest();
            if standing.get(&digest).is_none_or(|stands| stands.version < record.version) {
                standing.insert(digest, record);
            }
        }
    }
    standing.retain(|_, record| record.change() != model::ChangeKind::Delete);
    standing
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_view_ends_exactly_when_its_principal_lost_a_row_of_it() {
    let (mut ended, mut held) = (0, 0);
    for seed in 0..6 {
        let (lost, kept) = history(seed).await;
        ended += lost;
        held += kept;
    }
    assert!(ended > 10 && held > 10, "both happen: {ended} ended, {held} held");
}

async fn history(seed: u64) -> (usize, usize) {
    let world = World::new(seed, 260);
    let mut rng = crate::testing::rng(seed ^ 0x0b5e);
    let dir = tempfile::tempdir().unwrap();
    let (store, _) = Store::open(StoreConfig { merge_files: 2, ..StoreConfig::in_dir(dir.path()) }).await.unwrap();
    let (store, book) = (Arc::new(store), Arc::new(RwLock::new(Book::new())));
    let feeds = Feeds::new(book.clone());
    let views = Views::new(store.clone(), book.clone(), feeds.clone());
    let mut frontier = Frontier::start();
    let mut open: Vec<Statement> = Vec::new();
    let (mut ended, mut kept) = (0, 0);
    for (at, (position, event)) in world.log.iter().enumerate() {
        feeds.tick(&book.read(), world.moment);
        frontier.include(*position);
        let mut hidden = None;
        match &event.body {
            Body::Record(record) => {
                let facts = book.write().facts(record);
                let outcome = store.put(*position, record, &facts);
                let book = book.read();
                let mut audience = Audience::new();
                book.audience(&facts, world.moment, &mut audience);
                let supersedes = matches!(outcome, crate::PutOutcome::Supersedes { .. });
                hidden = supersedes.then(|| (record.reference().digest(), facts));
                let record = Arc::new(record.as_ref().clone());
                let put = crate::Put { position: *position, record: &record, admitted: world.moment, facts, outcome };
                feeds.publish(&book, &put, &audience, world.moment);
            }
            body => {
                let mut book = book.write();
                let applied = book.apply(*position, body);
                let _ = feeds.splice(&book, *position, &applied.touched);
                store.keep_book_letter(*position, bytes::Bytes::from_static(b"letter"));
            }
        }
        store.publish(&frontier).unwrap();
        if rng.random_bool(0.05) {
            store.commit().await.unwrap();
        }
        for statement in &mut open {
            let permits =
                |facts: &Facts, principal: &Principal| book.read().decide(facts, principal, world.moment).is_permit();
            let principal = statement.view.principal();
            statement.lost |= statement.shows.values().any(|facts| !permits(facts, principal));
            statement.lost |= hidden
                .as_ref()
                .is_some_and(|(digest, facts)| statement.shows.contains_key(digest) && !permits(facts, principal));
            let holds = holds(statement.view.opening().unwrap()).await;
            let departed = book.read().visibility(principal, world.moment).own().is_none();
            assert!(!(holds && statement.lost), "it goes on after a loss: seed {seed}, {position}, {principal:?}");
            assert!(
                holds || statement.lost || departed,
                "it ended for nothing: seed {seed}, {position}, {principal:?}"
            );
        }
        open.retain(|statement| {
            !statement.view.opening().unwrap().is_ended() || {
                ended += 1;
                false
            }
        });
        if rng.random_bool(0.2) {
            let principal = &world.principals[rng.random_range(0..world.principals.len())];
            let view = views.held(principal, world.moment, Taking::Query);
            let stands = standing(&world, at + 1);
            let facts = stands.into_iter().map(|(digest, record)| (digest, book.write().facts(record)));
            let facts: Vec<_> = facts.collect();
            let shows =
                facts.into_iter().filter(|(_, facts)| book.read().decide(facts, principal, world.moment).is_permit());
            open.push(Statement { view, shows: shows.collect(), lost: false });
        }
        if open.len() > 12 {
            open.remove(0);
            kept += 1;
        }
    }
    // The thread that judges holds what it judged for a moment longer.
    let gone = async {
        while feeds.statements() > open.len() {
            tokio::time::sleep(Duration::from_millis(1)).await
        }
    };
    tokio::time::timeout(Duration::from_secs(10), gone).await.expect("what is let go of is no longer open");
    (ended, kept + open.len())
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn the_clock_ends_a_view_whose_period_ends() {
    let mut world = World::new(3, 200);
    let end = Moment::from_micros(world.moment.micros() + 10 * 86_400_000_000).unwrap();
    for (_, event) in &mut world.log {
        if let Body::Consent(ConsentChange::Given(consent)) = &mut event.body {
            consent.period = Period::new(None, Some(end)).unwrap();
        }
    }
    let dir = tempfile::tempdir().unwrap();
    let (store, _) = Store::open(StoreConfig::in_dir(dir.path())).await.unwrap();
    let (store, book) = (Arc::new(store), Arc::new(RwLock::new(Book::new())));
    let feeds = Feeds::new(book.clone());
    let views = Views::new(store.clone(), book.clone(), feeds.clone());
    let mut frontier = Frontier::start();
    for (position, event) in &world.log {
        frontier.include(*position);
        if let Body::Record(record) = &event.body {
            let facts = book.write().facts(record);
            store.put(*position, record, &facts);
        } else {
            let _ = book.write().apply(*position, &event.body);
        }
    }
    store.publish(&frontier).unwrap();
    let (mut ended, mut held) = (0, 0);
    for principal in &world.principals {
        let view = views.held(principal, world.moment, Taking::Export);
        feeds.tick(&book.read(), Moment::from_micros(end.micros() - 1).unwrap());
        assert!(holds(view.opening().unwrap()).await, "not before its time");
        let moment = end;
        feeds.tick(&book.read(), moment);
        let stands = standing(&world, world.log.len());
        let lost = stands.values().any(|record| {
            let facts = book.write().facts(record);
            let book = book.read();
            book.decide(&facts, principal, world.moment).is_permit()
                && !book.decide(&facts, principal, moment).is_permit()
        });
        let admitted = |moment| book.read().visibility(principal, moment).own().is_some();
        let departed = admitted(world.moment) && !admitted(moment);
        let still = holds(view.opening().unwrap()).await;
        assert_eq!(still, !lost && !departed, "{principal:?}");
        if still { held += 1 } else { ended += 1 }
    }
    assert!(ended > 0 && held > 0, "{ended} ended, {held} held");
}
