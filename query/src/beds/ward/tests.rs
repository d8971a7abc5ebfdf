use super::*;
use crate::beds::bed::tests::{at, place};
use crate::beds::{Lead, SLOT};
use model::{
    Author, BedSession, Category, ChangeKind, CodeSystem, Coding, FrameQuality, Hops, Labels, Payload, Perinatal,
    RecordId, Role, Value, Version, Waveform, WaveformChannel, WaveformFrame,
};

const SECOND: i64 = 1_000_000;

/// Half a second of a patient's first trace, from a sample on.
fn record(patient: &str, first: i64) -> Arc<Record> {
    let frame = |channel: &str, values: [f32; 2]| WaveformFrame {
        channel: WaveformChannel::from_code(channel).unwrap(),
        samples: values.to_vec(),
        quality: vec![FrameQuality::Good; 2],
    };
    let payload = Payload::Waveform(Waveform {
        session: "bed-3".to_owned(),
        device: "CTG-1".to_owned(),
        hertz: 4.0,
        sequence: first as u64 / 2,
        frames: vec![frame("fhr1", [140.0 + (first % 5) as f32, 141.0]), frame("uc", [8.0, 8.0])],
        hops: Hops::default(),
        held_back: false,
    });
    stated(patient, &format!("{first}"), at(first * SLOT), payload)
}

/// The record that opens, or closes, a patient's bed.
fn bed(patient: &str, closed: Option<Moment>) -> Arc<Record> {
    let payload = Payload::Bed(BedSession {
        session: "bed-3".to_owned(),
        bed: "LDR 3".to_owned(),
        opened: at(0),
        closed,
        closing: String::new(),
        fetuses: vec!["A".to_owned(), "B".to_owned()],
        devices: Vec::new(),
    });
    stated(patient, "bed", at(0), payload)
}

fn stated(patient: &str, id: &str, occurred: Moment, payload: Payload) -> Arc<Record> {
    let record = Record::new(
        place(patient).patient,
        RecordId::parse(&format!("{patient}/{id}")).unwrap(),
        Version::FIRST,
        payload.category(),
        occurred,
        occurred,
        Labels::NONE,
        None,
        Author { member: None, role: Role::System },
        ChangeKind::Upsert,
        Some(payload),
    );
    Arc::new(record.unwrap())
}

fn digest(patient: &str, first: i64) -> u128 {
    record(patient, first).reference().digest()
}

/// Two beds with ten seconds each.
fn ward() -> Ward {
    let mut ward = Ward::new(PerinatalTables::shared());
    for patient in ["001", "002"] {
        for first in (0..40).step_by(2) {
            let arrived = at((first + 2) * SLOT);
            ward.take(&record(patient, first), Came::Now(arrived), arrived);
        }
    }
    ward.tick(at(42 * SLOT));
    ward
}

fn heart(ward: &Ward, patient: &str, slot: i64) -> bool {
    let (bed, _) = ward.bed(BedId::of(&place(patient))).unwrap();
    bed.strip().get(Lead::First, slot).is_some()
}

#[test]
fn what_is_withheld_closes_its_bed_at_once_and_nothing_of_it_is_left_but_the_word() {
    let mut ward = ward();
    let id = BedId::of(&place("001"));
    ward.withheld(digest("001", 20), at(43 * SLOT));
    assert!(ward.bed(id).is_none());
    assert_eq!(ward.ended(), [Ended { bed: id, why: BedEnd::Withheld, at: at(43 * SLOT) }]);
    assert_eq!(ward.beds().count(), 1, "the other's bed is not disturbed");
    // the rest of what is withheld finds nothing more
    ward.withheld(digest("001", 22), at(43 * SLOT));
    assert_eq!(ward.ended().len(), 1);
    ward.tick(at(43 * SLOT + SAID));
    assert!(ward.ended().is_empty());
}

#[test]
fn a_bed_whose_newest_record_is_not_permitted_any_more_is_closed_before_the_feed_says_so() {
    let mut ward = ward();
    ward.keep_permitted(|_| true, at(43 * SLOT));
    assert_eq!(ward.beds().count(), 2);
    ward.keep_permitted(|record| record.patient == place("002").patient, at(43 * SLOT));
    assert_eq!(ward.beds().map(|(bed, _)| bed.id()).collect::<Vec<_>>(), [BedId::of(&place("002"))]);
    assert_eq!(ward.ended().first().map(|ended| ended.why), Some(BedEnd::Withheld));
}

#[test]
fn a_bed_that_is_opened_again_is_read_anew() {
    let mut ward = ward();
    assert_eq!(ward.unread(), [place("001"), place("002")]);
    assert_eq!(ward.unread(), []);
    ward.withheld(digest("001", 20), at(43 * SLOT));
    ward.take(&record("001", 44), Came::Now(at(46 * SLOT)), at(46 * SLOT));
    assert!(ward.ended().is_empty() && ward.unread() == [place("001")]);
    assert!(heart(&ward, "001", 0) && !heart(&ward, "001", -4), "nothing of before is remembered");
    for first in (0..44).step_by(2) {
        ward.read(&Stretch::of(&record("001", first)).unwrap(), at(46 * SLOT));
    }
    ward.ask(1, |_| "H-77".to_owned(), |_| Stands::default(), at(46 * SLOT));
    let (bed, names) = ward.bed(BedId::of(&place("001"))).unwrap();
    assert_eq!((names.own.as_str(), bed.began()), ("H-77", at(0)));
    assert!(!format!("{names:?}").contains("77"), "neither tells of the patient");
}

#[test]
fn what_a_source_takes_back_leaves_its_bed_open() {
    let mut ward = ward();
    ward.taken_back(digest("001", 20));
    assert!(!heart(&ward, "001", 20) && heart(&ward, "001", 22) && heart(&ward, "002", 20));
}

#[test]
fn a_bed_is_opened_before_anything_comes_and_closed_by_its_source() {
    let mut ward = Ward::new(PerinatalTables::shared());
    ward.take(&bed("001", None), Came::Now(at(0)), at(0));
    let id = BedId::of(&place("001"));
    let (opened, names) = ward.bed(id).unwrap();
    assert_eq!((names.bed.as_str(), names.fetuses.len(), opened.lines(at(0)).len()), ("LDR 3", 2, 2));
    assert_eq!(ward.unread(), [place("001")]);
    ward.take(&record("001", 0), Came::Now(at(2 * SLOT)), at(2 * SLOT));
    assert_eq!(ward.beds().count(), 1);
    ward.take(&bed("001", Some(at(8 * SLOT))), Came::Now(at(8 * SLOT)), at(8 * SLOT));
    assert_eq!((ward.beds().count(), ward.ended().first().map(|ended| ended.why)), (0, Some(BedEnd::Closed)));
    // opened and withheld before anything came
    ward.take(&bed("002", None), Came::Now(at(0)), at(0));
    ward.withheld(bed("002", None).reference().digest(), at(SECOND));
    assert_eq!(ward.ended().last().map(|ended| ended.why), Some(BedEnd::Withheld));
    // left open long ago
    ward.take(&bed("003", None), Came::Before(at(RECENT + SECOND)), at(RECENT + SECOND));
    assert_eq!(ward.beds().count(), 0);
}

#[test]
fn a_bed_is_called_by_the_number_that_a_later_link_says() {
    let mut ward = Ward::new(PerinatalTables::shared());
    let (now, id) = (at(2 * SLOT), BedId::of(&place("001")));
    // a transfer opens the bed by its record of before, and then by what comes
    ward.take(&bed("001", None), Came::Before(at(0)), at(0));
    ward.take(&record("001", 0), Came::Now(now), now);
    let own = |ward: &Ward| ward.bed(id).map(|(_, names)| names.own.clone());
    let stands = |generation| move |_: &Record| Stands::new(None, generation, now);
    ward.ask(1, |_| String::new(), stands(1), now);
    assert_eq!(own(&ward).as_deref(), Some(""));
    ward.ask(2, |patient| format!("rf-{}", patient.number().as_str()), stands(2), now);
    assert_eq!(own(&ward).as_deref(), Some("rf-001"));
}

#[test]
fn history_opens_no_bed() {
    let mut ward = Ward::new(PerinatalTables::shared());
    let late = at(RECENT + 11 * SECOND);
    ward.take(&record("001", 0), Came::Before(late), late);
    assert_eq!(ward.beds().count(), 0);
    ward.read(&Stretch::of(&record("001", 0)).unwrap(), late);
    ward.settle(late);
    assert_eq!(ward.beds().count(), 0);
    // but what a consent opens of a bed that is watched now does
    ward.take(&record("001", 60), Came::Before(late), late);
    assert_eq!((ward.beds().count(), ward.unread().len()), (1, 1));
}

#[test]
fn a_bed_that_is_silent_is_called_lost_and_closed_with_a_word_after_half_an_hour() {
    let mut ward = ward();
    ward.tick(at(42 * SLOT + SILENT - SECOND));
    let (bed, _) = ward.bed(BedId::of(&place("001"))).unwrap();
    assert!(bed.lines(at(SILENT)).iter().all(|line| line.state.code() == "lost"));
    ward.tick(at(42 * SLOT + SILENT));
    assert_eq!(ward.beds().count(), 0);
    assert!(ward.ended().iter().all(|ended| ended.why == BedEnd::Silent) && ward.ended().len() == 2);
}

fn alarm(text: &str) -> model::BedAlarm {
    text.parse().unwrap()
}

/// Since when an alarm of the first bed stands.
fn since(ward: &Ward, which: &str) -> Option<Moment> {
    let alarms = ward.alarms(BedId::of(&place("001")));
    alarms.into_iter().find(|risen| risen.alarm == alarm(which)).map(|risen| risen.since)
}

/// Half seconds of the first bed from a sample on, each when it was measured, with ticks.
fn feed(ward: &mut Ward, samples: std::ops::Range<i64>) {
    for first in samples.step_by(2) {
        let arrived = at((first + 2) * SLOT);
        ward.take(&record("001", first), Came::Now(arrived), arrived);
        ward.tick(arrived);
    }
}

#[test]
fn a_permission_that_ends_by_the_clock_is_warned_of_twice_and_closes_with_its_own_word() {
    let mut ward = ward();
    let (begun, second) = (at(42 * SLOT), |seconds: i64| at(42 * SLOT + seconds * SECOND));
    let until = second(29 * 60);
    let id = BedId::of(&place("001"));
    let stands = |until, generation, asked| move |_: &Record| Stands::new(Some(until), generation, asked);
    let own = |_: &PatientRef| String::new();
    ward.ask(1, own, stands(until.plus_micros(120 * SECOND), 1, begun), begun);
    ward.tick(begun);
    assert_eq!((since(&ward, "ending"), ward.until(id)), (None, Some(until.plus_micros(120 * SECOND))));
    // the book is asked again when it has changed, and not before
    ward.ask(1, own, |_| unreachable!("nothing has changed"), second(1));
    ward.ask(2, own, stands(until, 2, second(1)), second(1));
    ward.tick(second(1));
    assert_eq!(since(&ward, "ending"), Some(until.plus_micros(-30 * 60 * SECOND)));
    ward.tick(until.plus_micros(-5 * 60 * SECOND - 1));
    assert_eq!(since(&ward, "ending"), Some(until.plus_micros(-30 * 60 * SECOND)), "the same warning");
    ward.tick(until.plus_micros(-5 * 60 * SECOND));
    assert_eq!(since(&ward, "ending"), Some(until.plus_micros(-5 * 60 * SECOND)), "another");
    ward.keep_permitted(|_| true, until.plus_micros(-1));
    assert_eq!(ward.beds().count(), 2);
    ward.keep_permitted(|_| true, until);
    assert!(ward.ended().len() == 2 && ward.ended().iter().all(|ended| ended.why == BedEnd::Expired));
    // what was measured before and comes after leaves the word standing; what a new permission brings opens the bed again
    let slot = until.since(at(0)) / SLOT;
    ward.take(&record("001", slot - 1), Came::Now(second(29 * 60 + 1)), second(29 * 60 + 1));
    assert_eq!((ward.beds().count(), ward.ended().len()), (0, 2));
    ward.take(&record("001", slot + 1), Came::Now(second(29 * 60 + 1)), second(29 * 60 + 1));
    assert_eq!((ward.beds().count(), ward.ended().len()), (1, 1));
}

#[test]
fn what_was_not_said_before_is_called_withheld() {
    let now = at(42 * SLOT);
    let mut closed_at_once = ward();
    closed_at_once.ask(1, |_| String::new(), |_| Stands::new(Some(now), 1, now), now);
    closed_at_once.keep_permitted(|_| true, now);
    // an end that is still to come, and a withdrawal before it
    let mut withdrawn = ward();
    withdrawn.ask(1, |_| String::new(), |_| Stands::new(Some(now.plus_micros(SECOND)), 1, now), now);
    withdrawn.keep_permitted(|_| false, now);
    for ward in [closed_at_once, withdrawn] {
        assert!(ward.ended().len() == 2 && ward.ended().iter().all(|ended| ended.why == BedEnd::Withheld));
    }
}

#[test]
fn an_alarm_has_one_beginning_for_who_saw_it_rise_and_for_who_looks_later() {
    let mut ward = ward();
    feed(&mut ward, 40..80);
    assert_eq!(since(&ward, "lost/1"), None);
    // nothing more comes
    for slot in 80..100 {
        ward.tick(at(slot * SLOT));
    }
    let rose = since(&ward, "lost/1").unwrap();
    assert!((at(80 * SLOT)..=at(88 * SLOT)).contains(&rose), "{rose}");
    // who looks a minute later has the samples alone
    let mut later = Ward::new(PerinatalTables::shared());
    let now = at(320 * SLOT);
    for first in (0..80).step_by(2) {
        later.read(&Stretch::of(&record("001", first)).unwrap(), now);
    }
    later.tick(now);
    let found = since(&later, "lost/1").unwrap();
    assert!(
        (at(78 * SLOT)..=rose).contains(&found),
        "{found}: not after it rose, or who knew of it would be asked again"
    );
    later.tick(now.plus_micros(SECOND));
    assert_eq!(since(&later, "lost/1"), Some(found));
}

#[test]
fn an_alarm_that_comes_again_at_once_is_the_same_and_later_is_another() {
    let mut ward = ward();
    feed(&mut ward, 40..80);
    let wait = |ward: &mut Ward, slots: std::ops::Range<i64>| {
        for slot in slots {
            ward.tick(at(slot * SLOT));
        }
    };
    wait(&mut ward, 80..120);
    let first = since(&ward, "lost/1").unwrap();
    // for a moment something comes
    feed(&mut ward, 120..122);
    assert_eq!(since(&ward, "lost/1"), None);
    wait(&mut ward, 122..136);
    assert_eq!(since(&ward, "lost/1"), Some(first));
    feed(&mut ward, 136..180);
    wait(&mut ward, 180..200);
    assert!(since(&ward, "lost/1").is_some_and(|again| again > at(180 * SLOT)));
}

#[test]
fn a_bed_that_was_closed_before_anybody_looked_is_not_shown_and_one_that_goes_on_is() {
    let (closed, later) = (at(8 * SLOT), at(60 * SLOT));
    let told = |records: &[i64]| {
        let mut ward = Ward::new(PerinatalTables::shared());
        for first in records {
            ward.read(&Stretch::of(&record("1", *first)).unwrap(), later);
        }
        ward.was_closed(&place("1"), closed);
        ward.beds().count()
    };
    assert_eq!(told(&[2, 4, 6]), 0, "all of it was measured before");
    assert_eq!(told(&[2, 4, 6, 30]), 1, "it is measured on");
}

#[test]
fn what_was_measured_before_its_source_closed_a_bed_and_comes_after_opens_it_no_more() {
    let mut ward = Ward::new(PerinatalTables::shared());
    let came = |slot: i64| Came::Now(at(slot * SLOT));
    ward.take(&record("1", 0), came(2), at(2 * SLOT));
    ward.take(&bed("1", Some(at(4 * SLOT))), came(5), at(5 * SLOT));
    ward.take(&record("1", 2), came(6), at(6 * SLOT));
    assert_eq!(ward.beds().count(), 0);
    ward.take(&record("1", 8), came(10), at(10 * SLOT));
    assert_eq!(ward.beds().count(), 1, "it was measured after");
}

const DAY: i64 = 86_400 * SECOND;

/// An entry of somebody's pregnancy, so many days before what is measured, when she was so many days pregnant.
fn entry(patient: &str, days_before: i64, days: u32) -> Arc<Record> {
    let code = Coding { system: CodeSystem::Local, code: "registration".to_owned(), display: String::new() };
    let value = Value::Text("単胎".to_owned());
    let payload = Payload::Perinatal(Perinatal { code, gestational_days: Some(days), value });
    stated(patient, &format!("entry/{days_before}"), at(-days_before * DAY), payload)
}

/// The two beds, their patients called by the viewer's own numbers.
fn called() -> Ward {
    let mut ward = ward();
    let now = at(42 * SLOT);
    ward.ask(1, |patient| format!("H-{}", patient.number().as_str()), |_| Stands::new(None, 1, now), now);
    ward
}

/// By which week a bed is read.
fn week(ward: &Ward, patient: &str) -> String {
    let (bed, _) = ward.bed(BedId::of(&place(patient))).unwrap();
    crate::beds::read_by(bed.at_bed()).week_text()
}

#[test]
fn who_lies_there_is_asked_for_once_and_again_where_she_was_not_read() {
    let mut ward = called();
    let later = |seconds: i64| at(42 * SLOT + seconds * SECOND);
    assert_eq!(ward.mothers_unread(later(0)), ["H-001", "H-002"]);
    assert_eq!(ward.mothers_unread(later(4)), [""; 0]);
    ward.mother_read("H-001", &[entry("001", 143, 56)], later(4));
    assert_eq!(ward.mothers_unread(later(5)), ["H-002"], "the other could not be read");
    assert_eq!((week(&ward, "001").as_str(), week(&ward, "002").as_str()), ("28w3d", "unknown"));
    // of who has no entry of a pregnancy nothing else is asked; of who lies on no bed nothing at all
    assert!(ward.asks("H-001", Category::Condition) && ward.asks("H-002", Category::Perinatal));
    assert!(
        !ward.asks("H-002", Category::Condition)
            && !ward.asks("H-003", Category::Perinatal)
            && !ward.asks("", Category::Perinatal)
    );
    // with her first entry the rest is asked
    ward.mother_read("H-002", &[], later(6));
    assert_eq!(ward.mothers_unread(later(20)), [""; 0]);
    ward.learn("H-002", &entry("002", 10, 230), later(20));
    assert_eq!(week(&ward, "002"), "34w2d");
    assert_eq!(ward.mothers_unread(later(20)), ["H-002"]);
}

#[test]
fn an_entry_that_is_put_right_to_be_anothers_is_no_more_hers() {
    let mut ward = called();
    let now = at(43 * SLOT);
    let first = entry("001", 143, 56);
    ward.mother_read("H-001", std::slice::from_ref(&first), now);
    ward.mother_read("H-002", &[], now);
    let mut corrected = Record::clone(&first);
    (corrected.patient, corrected.version) = (place("002").patient, Version::new(2).unwrap());
    ward.learn("H-002", &Arc::new(corrected), now);
    assert_eq!((week(&ward, "001").as_str(), week(&ward, "002").as_str()), ("unknown", "28w3d"));
}

#[test]
fn what_was_known_of_another_number_is_forgotten() {
    let mut ward = called();
    let now = at(43 * SLOT);
    ward.mother_read("H-001", &[entry("001", 143, 56)], now);
    assert_eq!(week(&ward, "001"), "28w3d");
    ward.ask(2, |patient| format!("J-{}", patient.number().as_str()), |_| Stands::new(None, 2, now), now);
    ward.tick(now);
    assert_eq!(week(&ward, "001"), "unknown");
    // what was asked by the number of before comes too late
    ward.mother_read("H-001", &[entry("001", 143, 56)], now);
    assert_eq!(week(&ward, "001"), "unknown");
}

#[test]
fn what_is_not_shown_any_more_or_not_permitted_is_not_used_and_the_book_is_asked_when_it_has_changed() {
    let now = at(43 * SLOT);
    let known = || {
        let mut ward = called();
        ward.mother_read("H-001", &[entry("001", 143, 56)], now);
        ward.keep_permitted_of_mothers((1, || Some(now.plus_micros(SECOND))), |_| true, now);
        ward
    };
    let mut told = known();
    told.forget(entry("002", 143, 56).reference().digest(), now);
    assert_eq!(week(&told, "001"), "28w3d", "it was another's");
    told.forget(entry("001", 143, 56).reference().digest(), now);
    assert_eq!(week(&told, "001"), "unknown");
    // before the feed says so
    let mut asked = known();
    let never = |_: &Record| unreachable!("nothing has changed");
    asked.keep_permitted_of_mothers((1, || None), never, now);
    asked.keep_permitted_of_mothers((2, || None), |_| false, now);
    assert_eq!(week(&asked, "001"), "unknown");
    let mut ended_by_the_clock = known();
    let turned = now.plus_micros(SECOND);
    ended_by_the_clock.keep_permitted_of_mothers((1, || None), never, turned.plus_micros(-1));
    ended_by_the_clock.keep_permitted_of_mothers((1, || None), |_| false, turned);
    assert_eq!(week(&ended_by_the_clock, "001"), "unknown");
}

#[test]
fn a_bed_that_is_read_by_another_week_says_nothing_of_before_and_then_the_same_as_if_it_had_always_been() {
    /// Twenty-two minutes with a rise of twelve beats for fourteen seconds in each.
    fn minutes(ward: &mut Ward, learns_at: Option<i64>) {
        for first in (0..22 * 240).step_by(2) {
            let arrived = at((first + 2) * SLOT);
            let rate = |at: i64| {
                140.0 + 2.0 * (at as f32 / 9.0).sin() + if (40..96).contains(&(at % 240)) { 12.0 } else { 0.0 }
            };
            let mut one =
                crate::beds::bed::tests::stretch("001", first, |at| clinical::perinatal::ctg::Sample::good(rate(at)));
            one.measured = at(first * SLOT);
            ward.open(&place("001"), one.measured, arrived).bed.take(&one, Came::Now(arrived));
            if learns_at == Some(first) {
                let before = told(ward).len();
                ward.ask(1, |_| "H-001".to_owned(), |_| Stands::new(None, 1, arrived), arrived);
                ward.mother_read("H-001", &[entry("001", 143, 56)], arrived);
                assert_eq!((before > 0, told(ward).len()), (first > 240 * 10, 0), "at {first}");
            }
            ward.tick(arrived);
        }
    }
    /// Each window's beginning, and how many accelerations it has.
    fn told(ward: &Ward) -> Vec<(i64, usize)> {
        let (bed, _) = ward.bed(BedId::of(&place("001"))).unwrap();
        let all = bed.course().windows();
        all.map(|one| (one.slot(one.window.from), one.window.accelerations.len())).collect()
    }
    let read = |learns_at| {
        let mut ward = Ward::new(PerinatalTables::shared());
        minutes(&mut ward, learns_at);
        told(&ward)
    };
    let (never, at_once, later) = (read(None), read(Some(0)), read(Some(15 * 240)));
    assert_eq!(never.len(), 2);
    assert!(never.iter().all(|(_, accelerations)| *accelerations == 0), "{never:?}");
    assert!(at_once.iter().all(|(_, accelerations)| *accelerations > 5), "{at_once:?}");
    assert_eq!(later, at_once);
}
