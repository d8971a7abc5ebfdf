use super::recording;
use crate::recording::{Bed, Choice, Track, tracks};
use model::{
    Body, FacilityId, FrameQuality, Moment, PatientNumber, PatientRef, Payload, Record, Waveform, WaveformChannel,
};
use proptest::prelude::*;
use rstest::rstest;

fn bed() -> Bed {
    let patient = PatientRef::new(FacilityId::parse("clinic").unwrap(), PatientNumber::parse("0042").unwrap());
    Bed {
        patient,
        session: "1001-a".to_owned(),
        bed: "LDR 2".to_owned(),
        device: "CTG-1".to_owned(),
        department: None,
        fetuses: vec!["児".to_owned()],
    }
}

fn record(body: Body) -> Record {
    match body {
        Body::Record(record) => *record,
        _ => panic!("a record"),
    }
}

fn waveform(record: &Record) -> &Waveform {
    match record.payload() {
        Some(Payload::Waveform(waveform)) => waveform,
        _ => panic!("a waveform"),
    }
}

#[test]
fn signals_are_known_by_name_zero_rates_are_lost_and_a_flat_uterus_is_off() {
    let flat: Vec<Option<f32>> = (0..400).map(|at| Some(if at < 300 { 0.0 } else { 12.0 })).collect();
    let recording = recording(&[("FHR", "bpm", 4.0, vec![Some(140.0), Some(0.0), None]), ("UC", "nd", 4.0, flat)]);
    let tracks = tracks(&recording, &[]).unwrap();
    assert_eq!(tracks[0].channel, WaveformChannel::FetalHeartRate(1));
    assert!(tracks[0].samples == [140.0, 0.0, 0.0]);
    assert!(tracks[0].quality == [FrameQuality::Good, FrameQuality::Lost, FrameQuality::Lost]);
    assert_eq!(tracks[1].channel, WaveformChannel::UterineActivity);
    assert!(tracks[1].quality[..300].iter().all(|quality| *quality == FrameQuality::Lost));
    assert!(tracks[1].quality[300..].iter().all(|quality| *quality == FrameQuality::Good));
}

#[rstest]
#[case(&[("ECG", "mV")], &[], "signal 1 (`ECG`): its name is that of no channel")]
#[case(&[("FHR", "mV")], &[], "signal 1 (`FHR`): it is in `mV`: fhr1 is in bpm")]
#[case(&[("FHR", "bpm"), ("FHR1", "bpm")], &[], "signal 2 (`FHR1`): another signal is fhr1 already")]
#[case(&[("FHR", "bpm")], &["FHR=-"], "the recording: no signal of it is a channel")]
#[case(&[("FHR", "bpm")], &["MHR=mhr"], "the recording: there is no signal `MHR`")]
fn what_is_no_channel_is_refused(#[case] signals: &[(&str, &str)], #[case] choices: &[&str], #[case] expected: &str) {
    let signals: Vec<_> = signals.iter().map(|(name, unit)| (*name, *unit, 4.0, vec![Some(1.0)])).collect();
    let choices: Vec<Choice> = choices.iter().map(|choice| choice.parse().unwrap()).collect();
    let error = tracks(&recording(&signals), &choices).unwrap_err().to_string();
    assert!(error.starts_with(expected), "{error}");
}

#[test]
fn the_caller_says_what_a_signal_is_by_name_or_number() {
    let one = |name| (name, "bpm", 4.0, vec![Some(130.0)]);
    let recording = recording(&[one("US A"), one("US B"), one("ECG")]);
    let choices: Vec<Choice> = ["US A=fhr2", "2=fhr1", "ECG=-"].map(|choice| choice.parse().unwrap()).to_vec();
    let found: Vec<WaveformChannel> = tracks(&recording, &choices).unwrap().iter().map(|track| track.channel).collect();
    assert_eq!(found, [WaveformChannel::FetalHeartRate(2), WaveformChannel::FetalHeartRate(1)]);
    for wrong in ["FHR", "=fhr1", "FHR=fhr4"] {
        assert!(wrong.parse::<Choice>().is_err(), "{wrong}");
    }
}

#[test]
fn a_bed_opens_and_closes_as_versions_of_one_record() {
    let at = Moment::parse("2026-04-01").unwrap();
    let later = at.plus_micros(60_000_000);
    let (opened, closed) = (bed().opened(at).unwrap(), bed().closed(at, later, "birth").unwrap());
    assert_ne!(opened.key, closed.key);
    let (opened, closed) = (record(opened.body), record(closed.body));
    assert!(opened.id == closed.id && closed.version > opened.version);
    match (opened.payload(), closed.payload()) {
        (Some(Payload::Bed(first)), Some(Payload::Bed(last))) => {
            assert_eq!((first.opened, first.closed, first.closing.as_str()), (at, None, ""));
            assert_eq!((last.opened, last.closed, last.closing.as_str()), (at, Some(later), "birth"));
            assert_eq!(last.devices, ["CTG-1"]);
        }
        _ => panic!("two beds"),
    }
    assert!(Bed { session: "ベッド".to_owned(), ..bed() }.opened(at).is_err());
}

fn track(channel: WaveformChannel, hertz: f64, samples: Vec<f32>) -> Track {
    let quality = vec![FrameQuality::Good; samples.len()];
    Track { channel, hertz, samples, quality }
}

proptest! {
    /// Whatever the rates, the lengths and the length of a frame: joined, the frames are the tracks; they are numbered without
    /// gaps, and each begins where the one of its rate before it ended.
    #[test]
    fn the_frames_of_tracks_joined_are_the_tracks(
        lengths in (0_usize..200, 0_usize..200, 0_usize..50),
        seconds in prop_oneof![Just(1.0), Just(0.25), Just(0.3), Just(2.5)],
        slow in prop_oneof![Just(1.0), Just(4.0), Just(0.7)],
    ) {
        let begins = Moment::parse("2026-04-01").unwrap();
        let samples = |length: usize| (0..length).map(|at| at as f32).collect::<Vec<_>>();
        let tracks = [
            track(WaveformChannel::FetalHeartRate(1), 4.0, samples(lengths.0)),
            track(WaveformChannel::UterineActivity, 4.0, samples(lengths.1)),
            track(WaveformChannel::Spo2, slow, samples(lengths.2)),
        ];
        let bed = bed();
        let frames = bed.frames(&tracks, begins, seconds, true);
        let length = frames.length();
        let mut joined = vec![Vec::new(); 3];
        let mut last = begins;
        for (sequence, frame) in frames.enumerate() {
            let (there, event) = frame.unwrap();
            last = last.max(there);
            let record = record(event.body);
            let waveform = waveform(&record);
            prop_assert_eq!(waveform.sequence, sequence as u64);
            prop_assert!(waveform.held_back && record.recorded == there);
            for frame in &waveform.frames {
                let at = tracks.iter().position(|track| track.channel == frame.channel).unwrap();
                let expected = (joined[at].len() as f64 / tracks[at].hertz * 1e6).round() as i64;
                prop_assert!((record.occurred.since(begins) - expected).abs() <= 1);
                joined[at].extend_from_slice(&frame.samples);
            }
        }
        for (joined, track) in joined.iter().zip(&tracks) {
            prop_assert!(*joined == track.samples);
        }
        prop_assert_eq!(last.since(begins), length);
    }
}
