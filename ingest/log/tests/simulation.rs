//! Power failures under the embedded log, on a simulated disk that loses, tears and reorders what was not synced.
//! Nothing that was acknowledged, or shown to a reader, is ever lost; and with the syncs taken out the loss is found.
//!
//! A seed decides everything. `AJISAI_TEST_SEED=17 cargo test -p event-log --test simulation one_seed` plays one again.
#![expect(clippy::unwrap_used, clippy::print_stdout, reason = "a test panics when it fails, and tells what it did")]

use bytes::Bytes;
use event_log::{
    EmbeddedConfig, EmbeddedLog, EventLog, Letter, OpenError, PartitionKey, ReadLimit, embedded::storage::SimulatedDisk,
};
use model::{Offset, Position};
use std::{collections::BTreeMap, num::NonZeroU32, sync::Arc, time::Duration};

const SEEDS: u64 = 300;
const POWER_FAILURES: u32 = 6;

#[derive(Clone, Copy, PartialEq, Eq)]
enum Sabotage {
    None,
    FileSyncs,
    DirectorySyncs,
}

/// Numbers from a seed (SplitMix64).
struct Draw(u64);

impl Draw {
    fn below(&mut self, bound: u64) -> u64 {
        self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mut z = self.0;
        z = (z ^ (z >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        z = (z ^ (z >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        (z ^ (z >> 31)) % bound
    }
}

/// What one seed went through.
#[derive(Default, Debug)]
struct Story {
    acknowledged: usize,
    power_failures: usize,
    torn: usize,
}

type Letters = BTreeMap<Position, Letter>;

/// The next letters: several patients, sizes from nothing to two pages.
fn letters(draw: &mut Draw, event: &mut u128) -> Vec<Letter> {
    let count = 1 + draw.below(6);
    let letter = |_| {
        *event += 1;
        let patient = draw.below(12);
        let key = match patient {
            0 => PartitionKey::Control,
            _ => PartitionKey::Patient(Bytes::from(format!("hospital\0{patient}"))),
        };
        let size = usize::try_from(if draw.below(5) == 0 { draw.below(9000) } else { draw.below(400) }).unwrap();
        let fill = u8::try_from(draw.below(256)).unwrap();
        Letter { key, event: *event, trace: None, payload: vec![fill; size].into() }
    };
    (0..count).map(letter).collect()
}

async fn everything(log: &EmbeddedLog) -> Result<Letters, String> {
    let mut found = Letters::new();
    for (partition, end) in log.end().await.map_err(|error| error.to_string())?.iter() {
        let mut from = Offset(0);
        while from < end {
            let batch = log.read(partition, from, ReadLimit::default(), Duration::ZERO).await;
            for stored in batch.map_err(|error| error.to_string())? {
                if stored.position != (Position { partition, offset: from }) {
                    return Err(format!("{} stands at {partition}:{from}", stored.position));
                }
                from = from.next();
                found.insert(stored.position, stored.letter);
            }
        }
    }
    Ok(found)
}

/// Whether `found` is what was promised and besides at most the letters that were under way.
fn check(found: &Letters, promised: &Letters, under_way: &[Letter]) -> Result<(), String> {
    for (position, letter) in promised {
        match found.get(position) {
            None => return Err(format!("{position} was acknowledged or shown, and is lost")),
            Some(other) if other != letter => return Err(format!("{position} holds another letter than it did")),
            Some(_) => {}
        }
    }
    let more: Vec<_> = found.iter().filter(|(position, _)| !promised.contains_key(position)).collect();
    if !more.is_empty() && (more.len() != under_way.len() || more.iter().any(|(_, letter)| !under_way.contains(letter)))
    {
        return Err(format!("{} letters were never sent, or only part of a group is there", more.len()));
    }
    Ok(())
}

async fn play(seed: u64, sabotage: Sabotage) -> Result<Story, String> {
    let mut draw = Draw(seed);
    let disk = SimulatedDisk::new();
    match sabotage {
        Sabotage::None => {}
        Sabotage::FileSyncs => disk.ignore_syncs(),
        Sabotage::DirectorySyncs => disk.ignore_directory_syncs(),
    }
    let usual = EmbeddedConfig::new("simulated", NonZeroU32::new(3).unwrap());
    let config = EmbeddedConfig { segment_bytes: 20_000, memory_bytes: 2_000, ..usual };
    let (mut promised, mut under_way) = (Letters::new(), Vec::new());
    let (mut event, mut story) = (0, Story::default());
    for _ in 0..POWER_FAILURES {
        disk.crash_after(draw.below(70));
        match EmbeddedLog::open_on(Arc::new(disk.clone()), &config) {
            Ok(log) => {
                let found = everything(&log).await;
                if !disk.is_dead() {
                    let found = found?;
                    check(&found, &promised, &under_way)?;
                    promised = found;
                    under_way.clear();
                }
                while !disk.is_dead() {
                    let next = letters(&mut draw, &mut event);
                    match log.append(next.clone()).await {
                        Ok(positions) => {
                            story.acknowledged += positions.len();
                            promised.extend(positions.into_iter().zip(next));
                        }
                        Err(_) if disk.is_dead() => under_way = next,
                        Err(error) => return Err(format!("refused without a reason: {error}")),
                    }
                }
            }
            Err(OpenError::Io { .. }) if disk.is_dead() => {}
            Err(error) => return Err(format!("does not open: {error}")),
        }
        story.power_failures += 1;
        disk.restart(draw.below(u64::MAX));
    }
    let log =
        EmbeddedLog::open_on(Arc::new(disk.clone()), &config).map_err(|error| format!("does not open: {error}"))?;
    let found = everything(&log).await?;
    story.torn += usize::from(!under_way.is_empty() && found.len() == promised.len());
    check(&found, &promised, &under_way)?;
    Ok(story)
}

#[tokio::test]
async fn nothing_acknowledged_or_shown_is_lost_whatever_a_power_failure_leaves() {
    let mut total = Story::default();
    for seed in 0..SEEDS {
        let story = play(seed, Sabotage::None).await;
        let story = story.unwrap_or_else(|loss| panic_with(seed, &loss));
        total.acknowledged += story.acknowledged;
        total.power_failures += story.power_failures;
        total.torn += story.torn;
    }
    println!("{SEEDS} seeds: {total:?}");
    assert!(total.acknowledged > 30_000 && total.torn > 50, "the simulation exercised too little: {total:?}");
}

#[tokio::test]
async fn with_the_file_syncs_taken_out_the_loss_is_found() {
    let found = losses(Sabotage::FileSyncs).await;
    println!("{found} of {SEEDS} seeds found the missing file sync");
    assert!(found > SEEDS / 2, "only {found} of {SEEDS} seeds found the missing sync");
}

#[tokio::test]
async fn with_the_directory_syncs_taken_out_the_loss_is_found() {
    let found = losses(Sabotage::DirectorySyncs).await;
    println!("{found} of {SEEDS} seeds found the missing directory sync");
    assert!(found > SEEDS / 4, "only {found} of {SEEDS} seeds found the missing directory sync");
}

#[tokio::test]
async fn one_seed_can_be_played_again() {
    let seed = std::env::var("AJISAI_TEST_SEED").map_or(0, |seed| seed.parse().expect("AJISAI_TEST_SEED is a number"));
    let (first, again) = (play(seed, Sabotage::None).await, play(seed, Sabotage::None).await);
    let first = first.unwrap_or_else(|loss| panic_with(seed, &loss));
    assert_eq!(first.acknowledged, again.unwrap_or_else(|loss| panic_with(seed, &loss)).acknowledged);
}

async fn losses(sabotage: Sabotage) -> u64 {
    let mut found = 0;
    for seed in 0..SEEDS {
        found += u64::from(play(seed, sabotage).await.is_err());
    }
    found
}

#[expect(clippy::panic, reason = "a test panics when it fails")]
fn panic_with(seed: u64, loss: &str) -> ! {
    panic!("seed {seed}: {loss}; play it again with AJISAI_TEST_SEED={seed} and the test one_seed_can_be_played_again")
}
