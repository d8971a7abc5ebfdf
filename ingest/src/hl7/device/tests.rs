use crate::hl7::{DeviceChannel, Feed, Outcome, Reason, read};
use model::{Body, Category, FacilityId, FrameQuality, Moment, Payload, Record, Value, Waveform, WaveformChannel};
use proptest::prelude::*;
use rstest::rstest;

fn feed(channels: &[&str]) -> Feed {
    let channels = channels.iter().map(|text| text.parse().unwrap()).collect();
    Feed { channels, ..Feed::new(FacilityId::parse("clinic").unwrap()) }
}
/// A message of a bed's devices (IHE DEC, `ORU^R01^ORU_R01`), whose observations are given.
fn message(observations: &[&str]) -> String {
    let head = "MSH|^~\\&|GATEWAY^0011223344556677^EUI-64|HOSP|||20260401093001+0900||ORU^R01^ORU_R01|7|P|2.6\r\
        PID|||0042^^^HOSP^PI||長崎^花子\rPV1||I|LDR^2^A\r\
        OBR|1|||182777000^monitoring of patient^SCT|||20260401093000.000+0900|20260401093001.000+0900\r\
        OBX|1||69965^MDC_DEV_MON_PHYSIO_MULTI_PARAM_MDS^MDC|1.0.0.0|||||||X|||||||CTG-17^^0011223344556677^EUI-64\r\
        OBX|2||69854^MDC_DEV_ANALY_HEART_RATE_VMD^MDC|1.1.0.0|||||||X";
    [&[head][..], observations].concat().join("\r")
}
fn outcome(observations: &[&str], channels: &[&str]) -> Outcome {
    read(message(observations).as_bytes(), &feed(channels), Moment::parse("2030-01-01").unwrap())
}
#[track_caller]
fn records(outcome: &Outcome) -> Vec<&Record> {
    let record = |event: &'_ model::Event| match &event.body {
        Body::Record(_) => (),
        _ => panic!("a record"),
    };
    outcome.events.iter().for_each(record);
    outcome
        .events
        .iter()
        .filter_map(|event| if let Body::Record(record) = &event.body { Some(&**record) } else { None })
        .collect()
}
#[track_caller]
fn waveform(record: &Record) -> &Waveform {
    match record.payload() {
        Some(Payload::Waveform(waveform)) => waveform,
        _ => panic!("a waveform, not {}", record.category()),
    }
}

const RATE: &str = "OBX|5|NM|0^MDC_ATTR_SAMP_RATE^MDC|1.1.1.1001.1|4|264608^MDC_DIM_PER_SEC^MDC|||||R";

#[test]
fn an_array_is_a_stretch_of_samples_at_the_rate_of_its_facet() {
    let array = "OBX|4|NA|61643^X_FETAL_RATE^MDC|1.1.1.1001|140.25^140.5^^141|264864^MDC_DIM_BEAT_PER_MIN^MDC|||||R|||20260401093000.250+0900";
    let outcome = outcome(&[array, RATE], &["61643=fhr1"]);
    assert_eq!(outcome.remarks, []);
    let [record] = records(&outcome)[..] else { panic!("one record") };
    let at = Moment::parse("2026-04-01T09:30:00.25+09:00").unwrap();
    assert_eq!((record.category(), record.occurred), (Category::Waveform, at));
    let waveform = waveform(record);
    assert_eq!((waveform.session.as_str(), waveform.device.as_str(), waveform.hertz), ("LDR-2-A", "CTG-17", 4.0));
    assert_eq!(waveform.hops.device, Some(at));
    assert_eq!(waveform.hops.gateway, Some(Moment::parse("2026-04-01T09:30:01+09:00").unwrap()));
    let [frame] = waveform.frames.as_slice() else { panic!("one channel") };
    assert_eq!(frame.channel, WaveformChannel::FetalHeartRate(1));
    assert!(frame.samples == [140.25, 140.5, 0.0, 141.0]);
    use FrameQuality::{Good, Lost};
    assert!(frame.quality == [Good, Good, Lost, Good]);
}

#[test]
fn numbers_of_one_time_are_one_record_of_channels_of_one_sample() {
    let numbers = [
        "OBX|3|NM|150456^MDC_PULS_OXIM_SAT_O2^MDC|1.2.1.1|97|262688^MDC_DIM_PERCENT^MDC|||||R",
        "OBX|4|NM|149530^MDC_PULS_OXIM_PULS_RATE^MDC|1.2.1.2|84|264864^MDC_DIM_BEAT_PER_MIN^MDC|||||R",
        "OBX|5|NM|150021^MDC_PRESS_BLD_NONINV_SYS^MDC|1.3.1.1|122|266016^MDC_DIM_MMHG^MDC||H|||R|||20260401092500+0900",
        "OBX|6|NM|150022^MDC_PRESS_BLD_NONINV_DIA^MDC|1.3.1.2|78|266016^MDC_DIM_MMHG^MDC|||||R|||20260401092500+0900",
        "OBX|7|NM|150364^MDC_TEMP_BODY^MDC|1.4.1.1||268192^MDC_DIM_DEGC^MDC|||||X",
    ];
    let outcome = outcome(&numbers, &[]);
    assert_eq!(outcome.remarks, []);
    type Seen<'r> = (String, Vec<(&'r str, f32, FrameQuality)>);
    let found: Vec<Seen<'_>> = records(&outcome)
        .iter()
        .map(|record| {
            let frames = &waveform(record).frames;
            let samples = frames.iter().map(|frame| (frame.channel.code(), frame.samples[0], frame.quality[0]));
            (record.occurred.to_string(), samples.collect())
        })
        .collect();
    use FrameQuality::{Good, Lost};
    let (now, before) = ("2026-04-01T00:30:00Z".to_owned(), "2026-04-01T00:25:00Z".to_owned());
    let first = vec![("spo2", 97.0, Good), ("mhr", 84.0, Good), ("temp", 0.0, Lost)];
    assert_eq!(found, [(now, first), (before, vec![("nibp_sys", 122.0, Good), ("nibp_dia", 78.0, Good)])]);
}

#[test]
fn twins_are_told_apart_by_their_places() {
    let one = |place: &str, value: &str| {
        format!("OBX|9|NM|61643^X^MDC|{place}|{value}|264864^MDC_DIM_BEAT_PER_MIN^MDC|||||R")
    };
    let (a, b) = (one("1.1.1.1", "140"), one("1.1.2.1", "151"));
    let outcome = outcome(&[&a, &b], &["61643=fhr1", "61643@1.1.2=fhr2"]);
    assert_eq!(outcome.remarks, []);
    let frames = &waveform(records(&outcome)[0]).frames;
    let found: Vec<_> = frames.iter().map(|frame| (frame.channel.code(), frame.samples[0])).collect();
    assert_eq!(found, [("fhr1", 140.0), ("fhr2", 151.0)]);
}

#[rstest]
#[case("NAV", FrameQuality::Lost)]
#[case("H~QUES", FrameQuality::Fair)]
#[case("DEMO", FrameQuality::Lost)]
#[case("HH", FrameQuality::Good)]
#[case("anything", FrameQuality::Fair)]
fn flags_say_what_a_value_is_worth(#[case] flags: &str, #[case] expected: FrameQuality) {
    let observation = format!("OBX|3|NM|150456^^MDC|1.2.1.1|97|%|| {flags}|||R").replace("|| ", "||");
    let outcome = outcome(&[&observation], &[]);
    assert_eq!(waveform(records(&outcome)[0]).frames[0].quality, [expected]);
}

#[test]
fn what_is_no_channel_is_counted_and_what_is_a_vital_sign_by_another_code_is_one() {
    let unknown = "OBX|3|NM|151562^MDC_RESP_RATE^MDC|1.5.1.1|16|264928^MDC_DIM_RESP_PER_MIN^MDC|||||R";
    let outcome = outcome(&[unknown], &[]);
    assert!(outcome.events.is_empty());
    assert_eq!(outcome.remarks.iter().map(|remark| remark.reason).collect::<Vec<_>>(), [Reason::NoCategory]);
    let known = "OBX|3|NM|151562^MDC_RESP_RATE^MDC^9279-1^Respiratory rate^LN|1.5.1.1|16|/min|||||R";
    let outcome = self::outcome(&[known], &[]);
    let [record] = records(&outcome)[..] else { panic!("one record") };
    match record.payload() {
        Some(Payload::VitalSign(sign)) => {
            assert!(matches!(&sign.value, Value::Quantity { value, .. } if value.to_bits() == 16.0_f64.to_bits()));
        }
        _ => panic!("a vital sign"),
    }
}

#[rstest]
#[case("OBX|3|NM|150456^^MDC|1.2.1.1|97|mmHg|||||R", Reason::InvalidElement, "OBX^3^6")]
#[case("OBX|3|NM|150456^^MDC|1.2.1.1|x|%|||||R", Reason::InvalidElement, "OBX^3^5")]
#[case("OBX|3|ST|150456^^MDC|1.2.1.1|97|%|||||R", Reason::UnknownCode, "OBX^3^2")]
#[case("OBX|3|NM|150456^^MDC|1.2.1.1|97|%|||||D", Reason::UnknownCode, "OBX^3^11")]
#[case("OBX|3|NM|150456^^MDC|1.2.1.1|1e60|%|||||R", Reason::InvalidElement, "OBX^3^5")]
#[case("OBX|3|NA|150456^^MDC|1.2.1.1|97^98|%|||||R", Reason::MissingElement, "OBX^3^5")]
fn what_breaks_a_rule_is_refused_with_its_place(
    #[case] observation: &str,
    #[case] reason: Reason,
    #[case] place: &str,
) {
    let outcome = outcome(&[observation], &[]);
    assert!(outcome.events.is_empty());
    let found: Vec<_> =
        outcome.remarks.iter().map(|remark| (remark.reason, remark.fault.location.to_string())).collect();
    assert!(matches!(&found[..], [(why, at)] if *why == reason && at.starts_with(place)), "{found:?}");
}

#[test]
fn an_array_that_is_still_to_be_scaled_is_refused() {
    let array = "OBX|4|NA|61643^X^MDC|1.1.1.1001|14025^14050|264864^MDC_DIM_BEAT_PER_MIN^MDC|||||R";
    let scale = "OBX|6|NR|0^MDC_ATTR_SCALE_SPEC_I16^MDC|1.1.1.1001.2|0^1||||||R";
    let outcome = outcome(&[array, RATE, scale], &["61643=fhr1"]);
    assert!(outcome.events.is_empty() && outcome.remarks[0].reason == Reason::InvalidElement);
}

#[test]
fn the_same_message_twice_is_the_same_events_and_a_corrected_one_a_later_version() {
    let one = |status: &str, value: &str| {
        outcome(&[&format!("OBX|3|NM|150456^^MDC|1.2.1.1|{value}|%|||||{status}")], &[]).events
    };
    assert_eq!(one("R", "97"), one("R", "97"));
    let (first, second) = (one("R", "97"), one("C", "95"));
    let version = |events: &[model::Event]| match &events[0].body {
        Body::Record(record) => (record.id.clone(), record.version),
        _ => panic!("a record"),
    };
    let ((id, before), (same, after)) = (version(&first), version(&second));
    assert!(id == same && after > before);
}

#[rstest]
#[case("61643")]
#[case("=fhr1")]
#[case("61643@=fhr1")]
#[case("61643@1.x=fhr1")]
#[case("61643=fhr4")]
fn a_feed_says_which_channel_or_is_refused(#[case] text: &str) {
    assert!(text.parse::<DeviceChannel>().is_err());
}

proptest! {
    /// Whatever stands in an observation of a device, the program goes on, and what becomes of it is a frame or said.
    #[test]
    fn no_observation_stops_the_program_or_disappears(
        kind in "(NM|NA|ST|)", code in "(150456|61643|7)", place in "([0-9]{1,2}\\.){0,6}[0-9]{0,3}",
        value in "[0-9.^~e-]{0,20}", unit in "(%|264864|)", flags in "[A-Z~]{0,6}", status in "(R|X|D|C|)",
    ) {
        let observation = format!("OBX|3|{kind}|{code}^N^MDC|{place}|{value}|{unit}||{flags}|||{status}");
        let _outcome = outcome(&[&observation, RATE], &["61643=fhr1"]);
    }
}
