use super::*;
use crate::hl7::{Feed, read};
use std::sync::Arc;
use std::sync::atomic::{AtomicI64, Ordering};

const MINUTE: i64 = 60_000_000;

/// Half past nine, and so many microseconds more.
fn at(after: i64) -> Moment {
    Moment::parse("2026-04-01T09:30:00+09:00").unwrap().plus_micros(after)
}

/// A clock that is set by hand.
fn clock() -> (Arc<AtomicI64>, Clock) {
    let after = Arc::new(AtomicI64::new(0));
    let read = after.clone();
    (after, Arc::new(move || at(read.load(Ordering::Relaxed))))
}

/// The local time of a moment, as HL7 writes it.
fn hl7(moment: Moment) -> String {
    let text = moment.plus_micros(9 * 60 * MINUTE).to_string();
    let digits: String = text.chars().filter(char::is_ascii_digit).take(14).collect();
    format!("{digits}+0900")
}

/// A second of saturation of a patient at a place, measured at a moment.
fn frame(patient: &str, (place, device): (&str, &str), measured: Moment) -> String {
    let when = hl7(measured);
    format!(
        "MSH|^~\\&|GW|HOSP|||{when}||ORU^R01^ORU_R01|7|P|2.6\rPID|||{patient}^^^HOSP^PI\rPV1||I|{place}\r\
         OBR|1|||182777000^monitoring of patient^SCT|||{when}\r\
         OBX|1|NM|150456^MDC_PULS_OXIM_SAT_O2^MDC|1.2.1.1|97|262688^MDC_DIM_PERCENT^MDC|||||R|||||||{device}"
    )
}

fn visit(trigger: &str, patient: &str, place: &str, happened: Moment) -> String {
    let when = hl7(happened);
    format!(
        "MSH|^~\\&|HIS|HOSP|||{when}||ADT^{trigger}|8|P|2.5\rEVN||{when}\rPID|||{patient}^^^HOSP^PI\rPV1||I|{place}|||||||||||||||||V1"
    )
}

fn hospital() -> FacilityId {
    FacilityId::parse("hospital").unwrap()
}

/// What a message makes of beds: opened or closed, and why. All of it becomes durable where that is said.
fn tell(bedside: &Bedside, message: &str, durable: bool) -> Vec<BedSession> {
    let outcome = read(message.as_bytes(), &Feed::new(hospital()), at(0));
    assert_eq!(outcome.remarks, []);
    let said = bedside.take(&hospital(), &outcome.events, &outcome.left);
    if durable {
        bedside.settled(&said.marks);
    }
    beds(&said)
}

fn beds(said: &Said) -> Vec<BedSession> {
    let bed = |event: &Event| match &event.body {
        Body::Record(record) => match record.payload() {
            Some(Payload::Bed(bed)) => bed.clone(),
            _ => panic!("a bed"),
        },
        _ => panic!("a record"),
    };
    said.events.iter().map(bed).collect()
}

#[test]
fn the_first_frame_opens_a_bed_and_those_after_it_do_not() {
    let (_, clock) = clock();
    let bedside = Bedside::in_memory(clock);
    let opened = tell(&bedside, &frame("0042", ("LDR^2^A", "CTG-17"), at(0)), true);
    let [bed] = &opened[..] else { panic!("one bed") };
    assert_eq!((bed.session.as_str(), bed.bed.as_str(), bed.opened, bed.closed), ("LDR-2-A", "LDR-2-A", at(0), None));
    assert_eq!(bed.devices, ["CTG-17"]);
    assert_eq!(tell(&bedside, &frame("0042", ("LDR^2^A", "CTG-17"), at(1_000_000)), true), []);
    // a device that comes is stated, and another patient's bed is another
    let changed = tell(&bedside, &frame("0042", ("LDR^2^A", "SPO2-3"), at(2_000_000)), true);
    assert_eq!(changed[0].devices, ["CTG-17", "SPO2-3"]);
    assert_eq!(tell(&bedside, &frame("0043", ("LDR^2^A", "CTG-17"), at(2_000_000)), true).len(), 1);
    // without a place the device is the session, and no name of a bed
    let nameless = tell(&bedside, &frame("0044", ("", "CTG-18"), at(0)), true);
    assert_eq!((nameless[0].session.as_str(), nameless[0].bed.as_str()), ("CTG-18", ""));
}

#[test]
fn a_bed_that_is_not_durable_is_said_again_the_same() {
    let (_, clock) = clock();
    let bedside = Bedside::in_memory(clock);
    let one = tell(&bedside, &frame("0042", ("LDR", "D"), at(0)), false);
    let again = tell(&bedside, &frame("0042", ("LDR", "D"), at(1_000_000)), true);
    assert_eq!((one.len(), &one), (1, &again));
    assert_eq!(tell(&bedside, &frame("0042", ("LDR", "D"), at(2_000_000)), true), []);
}

#[test]
fn silence_closes_a_bed_with_its_last_sample_and_what_is_measured_later_opens_another() {
    let (after, clock) = clock();
    let bedside = Bedside::in_memory(clock);
    tell(&bedside, &frame("0042", ("LDR", "D"), at(0)), true);
    after.store(10 * MINUTE, Ordering::Relaxed);
    tell(&bedside, &frame("0042", ("LDR", "D"), at(10 * MINUTE)), true);
    after.store(40 * MINUTE - 1, Ordering::Relaxed);
    assert_eq!(beds(&bedside.tick(&hospital(), SILENCE)), []);
    after.store(40 * MINUTE, Ordering::Relaxed);
    let clinic = FacilityId::parse("clinic").unwrap();
    assert_eq!(beds(&bedside.tick(&clinic, SILENCE)), [], "it is the hospital's");
    let said = bedside.tick(&hospital(), SILENCE);
    let closed = beds(&said);
    assert_eq!((closed[0].closed, closed[0].closing.as_str()), (Some(at(10 * MINUTE + 1_000_000)), "silent"));
    assert_eq!(beds(&bedside.tick(&hospital(), SILENCE)), closed, "until it is durable");
    bedside.settled(&said.marks);
    assert_eq!(beds(&bedside.tick(&hospital(), SILENCE)), []);
    // late, and of the bed that was closed
    assert_eq!(tell(&bedside, &frame("0042", ("LDR", "D"), at(9 * MINUTE)), true), []);
    let other = tell(&bedside, &frame("0042", ("LDR", "D"), at(40 * MINUTE)), true);
    assert_eq!((other.len(), other[0].opened, other[0].closed), (1, at(40 * MINUTE), None));
}

#[test]
fn a_bed_is_closed_after_as_long_a_silence_as_the_listener_says() {
    let (after, clock) = clock();
    let bedside = Bedside::in_memory(clock);
    tell(&bedside, &frame("0042", ("LDR", "D"), at(0)), true);
    let five = Duration::from_secs(5 * 60);
    after.store(5 * MINUTE - 1, Ordering::Relaxed);
    assert_eq!(beds(&bedside.tick(&hospital(), five)), []);
    after.store(5 * MINUTE, Ordering::Relaxed);
    assert_eq!(beds(&bedside.tick(&hospital(), Duration::from_secs(3_600))), [], "another listener waits longer");
    let closed = beds(&bedside.tick(&hospital(), five));
    assert_eq!((closed[0].closed, closed[0].closing.as_str()), (Some(at(1_000_000)), "silent"));
}

#[test]
fn what_is_forgotten_is_what_was_closed_long_ago() {
    let (after, clock) = clock();
    let bedside = Bedside::in_memory(clock);
    tell(&bedside, &frame("0042", ("LDR", "D"), at(0)), true);
    for minutes in (0..300).step_by(10) {
        after.store(minutes * MINUTE, Ordering::Relaxed);
        let said = bedside.tick(&hospital(), SILENCE);
        bedside.settled(&said.marks);
    }
    assert_eq!(bedside.beds.lock().all.len(), 0);
}

#[test]
fn a_patient_who_leaves_takes_the_bed_with_them() {
    let (after, clock) = clock();
    let bedside = Bedside::in_memory(clock);
    let place = ("LDR^2^A", "D");
    for patient in ["0042", "0043"] {
        tell(&bedside, &frame(patient, place, at(0)), true);
    }
    after.store(5 * MINUTE, Ordering::Relaxed);
    assert_eq!(
        tell(&bedside, &visit("A08", "0042", "LDR^2^A", at(4 * MINUTE)), true),
        [],
        "it says nothing of leaving"
    );
    assert_eq!(tell(&bedside, &visit("A02", "0042", "LDR^2^A", at(4 * MINUTE)), true), [], "it is the same place");
    assert_eq!(tell(&bedside, &visit("A03", "0099", "LDR^2^A", at(4 * MINUTE)), true), [], "nobody's bed");
    let moved = tell(&bedside, &visit("A02", "0042", "OR^1", at(4 * MINUTE)), true);
    assert_eq!((moved.len(), moved[0].closed, moved[0].closing.as_str()), (1, Some(at(4 * MINUTE)), "transfer"));
    let gone = tell(&bedside, &visit("A03", "0043", "LDR^2^A", at(4 * MINUTE)), true);
    assert_eq!((gone.len(), gone[0].closing.as_str()), (1, "discharge"));
    // said before the last sample came: it was monitored until then
    tell(&bedside, &frame("0044", place, at(5 * MINUTE)), true);
    let early = tell(&bedside, &visit("A03", "0044", "LDR^2^A", at(5 * MINUTE)), true);
    assert_eq!(early[0].closed, Some(at(5 * MINUTE + 1_000_000)));
    // a departure before the bed was opened is of another stay
    tell(&bedside, &frame("0045", place, at(5 * MINUTE)), true);
    assert_eq!(tell(&bedside, &visit("A03", "0045", "LDR^2^A", at(MINUTE)), true), []);
}

#[test]
fn history_and_a_clock_that_is_wrong_open_no_bed() {
    let (_, clock) = clock();
    let bedside = Bedside::in_memory(clock);
    for off in [-31 * MINUTE, 31 * MINUTE] {
        assert_eq!(tell(&bedside, &frame("0042", ("LDR", "D"), at(off)), true), [], "{off}");
    }
}

#[test]
fn a_restart_forgets_no_bed_and_says_again_what_was_not_durable() {
    let (after, clock) = clock();
    let directory = tempfile::tempdir().unwrap();
    let opened = {
        let bedside = Bedside::open(directory.path(), clock.clone()).unwrap();
        tell(&bedside, &frame("0042", ("LDR", "D"), at(0)), true);
        after.store(MINUTE, Ordering::Relaxed);
        tell(&bedside, &frame("0042", ("LDR", "D"), at(MINUTE)), true);
        assert_eq!(beds(&bedside.tick(&hospital(), SILENCE)), []);
        tell(&bedside, &frame("0043", ("LDR", "D"), at(MINUTE)), false)
    };
    let bedside = Bedside::open(directory.path(), clock).unwrap();
    let said = bedside.tick(&hospital(), SILENCE);
    assert_eq!(beds(&said), opened, "the one that was not durable, and that alone");
    bedside.settled(&said.marks);
    assert_eq!(tell(&bedside, &frame("0042", ("LDR", "D"), at(2 * MINUTE)), true), [], "it is open already");
    after.store(40 * MINUTE, Ordering::Relaxed);
    let closed = beds(&bedside.tick(&hospital(), SILENCE));
    let ends: Vec<_> = closed.iter().map(|bed| bed.closed).collect();
    assert!(ends.contains(&Some(at(2 * MINUTE + 1_000_000))) && ends.len() == 2, "{ends:?}");
}
