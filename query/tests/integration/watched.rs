//! Beds as they are watched, read by what the view shows of the pregnancy: as `ctg_windows` reads them, and as long as it is shown.

use crate::house;
use crate::laboratory::Counted;
use crate::perinatal::{DAY, ago, entry, of_bed, put, rows, word};
use crate::region::{CLINIC, HOSPITAL, Region, facility, patient};
use model::*;
use query::beds::{Boards, NoCharts, Watch, read_by, window};
use query::{Executor, Limits, ReadingRoom, ViewSource};
use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;
use std::time::{Duration, Instant};

const MINUTE: i64 = 60_000_000;
const PATIENCE: Duration = Duration::from_secs(20);

/// By which week a bed is read, by what its fetus has little reserve, and of each ten minutes, by their beginning and end, the level and
/// the accelerations that touch them.
#[derive(Debug, PartialEq)]
struct Read {
    week: String,
    reserve: String,
    windows: BTreeMap<(i64, i64), (i64, i64)>,
}

impl Read {
    fn accelerations(&self) -> i64 {
        self.windows.values().map(|(_, accelerations)| accelerations).sum()
    }
}

/// Each minute a rise of twelve beats for fourteen seconds: an acceleration before 32 weeks, and none after.
fn rate(at: i64) -> f32 {
    140.0 + 2.0 * (at as f32 / 9.0).sin() + if (40..96).contains(&at) { 12.0 } else { 0.0 }
}

/// What the watched bed says.
fn live(watch: &Watch) -> Read {
    watch.look(|ward, _| {
        let (bed, _) = ward.beds().next().expect("the bed is shown");
        let limits = &ward.rules().reading.limits;
        let told = bed.course().windows().map(|judged| window(bed.strip(), judged, limits));
        let windows = told.map(|one| {
            let level = one.jsog.as_ref().map_or(0, |level| i64::from(level.number));
            let accelerations = one.events.iter().filter(|event| event.kind.code == "acceleration").count();
            ((one.from.micros(), one.until.micros()), (level, accelerations as i64))
        });
        let by = read_by(bed.at_bed());
        let reserve: Vec<&str> = by.little_reserve.iter().map(|word| word.code).collect();
        Read { week: by.week_text(), reserve: reserve.join("+"), windows: windows.collect() }
    })
}

/// What `ctg_windows` says of the same bed, of those of ten whole minutes that a board holds.
async fn table(room: &Arc<ReadingRoom>, of: &Read) -> Read {
    let sql = "SELECT week, array_to_string(little_reserve, '+'), CAST(from_at AS BIGINT) AS begins, CAST(until_at AS BIGINT) AS ends, \
               coalesce(jsog_level, 0), accelerations FROM ctg_windows WHERE session = 'bed-9' ORDER BY begins";
    let (mut week, mut reserve, mut windows) = (String::new(), String::new(), BTreeMap::new());
    for row in rows(room, CLINIC, sql).await {
        let cells: Vec<&str> = row.split(" | ").collect();
        let number = |at: usize| cells[at].parse::<i64>().unwrap();
        (week, reserve) = (cells[0].to_owned(), cells[1].to_owned());
        windows.insert((number(2), number(3)), (number(4), number(5)));
    }
    windows.retain(|window, _| of.windows.contains_key(window));
    Read { week, reserve, windows }
}

/// Looks until the bed is read as it is to be, and says the same as the table.
async fn until(watch: &Watch, room: &Arc<ReadingRoom>, fits: impl Fn(&Read) -> bool) -> Read {
    let deadline = Instant::now() + PATIENCE;
    loop {
        let read = live(watch);
        // two windows of ten minutes lie in what is measured
        if fits(&read) && read.windows.len() >= 2 {
            assert_eq!(table(room, &read).await, read);
            return read;
        }
        assert!(Instant::now() < deadline, "{read:?}");
        tokio::time::sleep(Duration::from_millis(20)).await;
    }
}

/// The consent of the hospital's first patient for the clinic, stated again with these categories.
fn consent(categories: CategorySet) -> Body {
    Body::Consent(ConsentChange::Given(Consent {
        id: ConsentId::parse("consent-0").unwrap(),
        patient: patient(HOSPITAL, 0),
        viewers: Viewers::Facilities(vec![facility(CLINIC)]),
        state: ConsentState::Active,
        supersedes: None,
        period: Period::ALWAYS,
        data_period: Period::ALWAYS,
        categories,
        departments: Vec::new(),
        labels: Labels::NONE,
        purposes: PurposeSet::of(Purpose::Treatment),
        exceptions: Exceptions::none(),
        signer: Signer::Patient,
        taken_by: facility(CLINIC),
        signed_at: Moment::parse("2026-04-01").unwrap(),
        form_digest: String::new(),
        paper: Box::default(),
    }))
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_bed_is_read_live_by_the_week_that_the_view_shows_and_as_unknown_when_it_does_not_any_more() {
    let region = Region::open().await;
    // 28 weeks and 3 days today; another woman whom the clinic may see lies on no bed
    for woman in 0..2 {
        put(&region, patient(HOSPITAL, woman), ago(143 * DAY), entry("registration", Some(56), word("単胎")));
    }
    for minute in 0..25 {
        of_bed(&region, (0, "bed-9"), ago((25 - minute) * MINUTE), (minute, rate));
    }
    let counted = Arc::new(Counted { views: Arc::clone(&region.views), tallies: parking_lot::Mutex::default() });
    let source: Arc<dyn ViewSource> = Arc::clone(&counted) as Arc<dyn ViewSource>;
    let room = ReadingRoom::open(source, Limits::default(), Executor::start(2).unwrap()).unwrap();
    let boards = Boards::new(room, Arc::clone(&region.views), Arc::new(NoCharts));
    let watch = boards.watch(&house::principal(CLINIC));
    watch.ready(PATIENCE).await;

    let first = until(&watch, &region.room, |read| read.week.starts_with("28w")).await;
    assert!(first.accelerations() > 0, "of a fetus of 28 weeks they are accelerations: {first:?}");
    let read: Vec<(PatientRef, Category, u64)> = counted.tallies.lock().iter().flat_map(|tally| tally.take()).collect();
    let of_her: BTreeSet<(&str, Category)> =
        read.iter().map(|(patient, category, _)| (patient.number().as_str(), *category)).collect();
    let asked = [("hospital-0000", Category::Waveform), ("hospital-0000", Category::Perinatal)];
    assert_eq!(of_her, BTreeSet::from(asked), "who lies there, what is asked, and nothing else");
    assert_eq!(read.iter().find(|(_, category, _)| *category == Category::Perinatal).map(|(.., rows)| *rows), Some(1));

    // the permission for the pregnancy's record ends: with the first look after that nothing rests on it
    region.say(consent(CategorySet::all().without(CategorySet::of(Category::Perinatal))));
    let withdrawn = live(&watch);
    assert_eq!((withdrawn.week.as_str(), withdrawn.accelerations()), ("unknown", 0), "{withdrawn:?}");
    let unknown = until(&watch, &region.room, |read| read.week == "unknown").await;
    assert_eq!(unknown.accelerations(), 0, "read as from 32 weeks on: {unknown:?}");

    // what becomes known while it is watched
    region.say(consent(CategorySet::all()));
    let again = until(&watch, &region.room, |read| read.week.starts_with("28w")).await;
    assert_eq!(again, first);
    put(&region, patient(HOSPITAL, 0), ago(2 * DAY), entry("uteroplacental", None, word("有")));
    until(&watch, &region.room, |read| read.reserve == "uteroplacental").await;
    put(&region, patient(HOSPITAL, 1), ago(DAY), entry("uteroplacental", None, word("有")));
    let of_no_bed = |read: &Read| read.reserve == "uteroplacental" && read.week.starts_with("28w");
    until(&watch, &region.room, of_no_bed).await;
}
