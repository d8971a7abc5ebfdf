//! A patient's report is a plain filter over the entries, proved, and about nobody else.

use crate::world::*;
use ledger::*;
use model::*;
use proptest::prelude::*;

/// The obvious report: every entry that shows rows of the patient, or is a receipt of theirs.
fn plainly(world: &World, patient: &PatientRef) -> Vec<u64> {
    let about = |entry: &Entry| {
        let receipt = matches!(&entry.event.what, What::Receipt(receipt) if receipt.patient == *patient);
        receipt || entry.event.shown.iter().any(|(shown, _)| shown == patient)
    };
    let entries = (0..).zip(&world.entries);
    entries.filter(|(_, entry)| about(entry)).map(|(index, _)| index).collect()
}

/// Every patient that a JSON names, at any depth.
fn patients(value: &serde_json::Value, into: &mut Vec<(String, String)>) {
    match value {
        serde_json::Value::Object(fields) => {
            if let (Some(facility), Some(number)) = (fields.get("facility"), fields.get("number")) {
                let text = |value: &serde_json::Value| value.as_str().unwrap_or_default().to_owned();
                into.push((text(facility), text(number)));
            }
            fields.values().for_each(|value| patients(value, into));
        }
        serde_json::Value::Array(values) => values.iter().for_each(|value| patients(value, into)),
        _ => {}
    }
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(CASES))]

    #[test]
    fn the_report_is_the_plain_filter_and_every_line_is_proved(world in a_world(1..30), patient in a_patient()) {
        let report = world.report(&patient);
        let indexes: Vec<u64> = report.lines.iter().map(|line| line.index).collect();
        prop_assert_eq!(indexes, plainly(&world, &patient));
        let rows = totals(world.entries.iter().map(|entry| &entry.event), &patient);
        let mut reported = std::collections::BTreeMap::new();
        for line in &report.lines {
            prop_assert!(line.proves(&world.head(), &patient));
            line.counts().iter().for_each(|(category, rows)| *reported.entry(category.code()).or_default() += rows);
        }
        prop_assert_eq!(reported, rows);
        let json = report.json(&key()).unwrap();
        let (read, head) = Report::verify(&json, &key().verifying()).unwrap();
        prop_assert_eq!(read, report);
        prop_assert_eq!(head, world.head());
    }

    #[test]
    fn a_report_names_no_other_patient(world in a_world(1..30), patient in a_patient()) {
        let json = world.report(&patient).json(&key()).unwrap();
        let mut named = Vec::new();
        patients(&serde_json::from_str(&json).unwrap(), &mut named);
        let own = (patient.facility().as_str().to_owned(), patient.number().as_str().to_owned());
        prop_assert!(named.iter().all(|named| *named == own), "{named:?}");
        prop_assert!(!named.is_empty());
    }

    #[test]
    fn a_changed_report_proves_nothing(world in a_world(4..20), patient in a_patient(), at in any::<prop::sample::Index>(), bit in 0..7_u32) {
        let json = world.report(&patient).json(&key()).unwrap();
        let mut bytes = json.clone().into_bytes();
        let at = at.index(bytes.len());
        bytes[at] ^= 1 << bit;
        let changed = String::from_utf8_lossy(&bytes).into_owned();
        prop_assert!(Report::verify(&changed, &key().verifying()).is_err());
        prop_assert!(Report::verify(&json, &key().verifying()).is_ok());
    }

    #[test]
    fn the_index_finds_a_viewers_entries(world in a_world(1..30)) {
        for at in ["sato", "ueda", "nmc", "sat"] {
            let at = facility(at);
            let entries = (0..).zip(&world.entries);
            let plain: Vec<u64> = entries.filter(|(_, e)| e.event.agent.facility == at).map(|(i, _)| i).collect();
            prop_assert_eq!(world.index.of(Subject::Facility(&at)).collect::<Vec<_>>(), plain);
        }
        for who in ["M-1", "M-2", "M"] {
            let who = member(who);
            let entries = (0..).zip(&world.entries);
            let plain: Vec<u64> =
                entries.filter(|(_, e)| e.event.agent.member.as_ref() == Some(&who)).map(|(i, _)| i).collect();
            prop_assert_eq!(world.index.of(Subject::Member(&who)).collect::<Vec<_>>(), plain);
        }
        for source in ["sato", "ueda", "nmc", "nm"] {
            let source = facility(source);
            let entries = (0..).zip(&world.entries);
            let of_source = |e: &&(u64, &Entry)| e.1.event.patients().any(|patient| *patient.facility() == source);
            let plain: std::collections::BTreeSet<u64> =
                entries.filter(|pair| of_source(&pair)).map(|(i, _)| i).collect();
            prop_assert_eq!(world.index.of(Subject::Source(&source)).collect::<std::collections::BTreeSet<_>>(), plain);
        }
    }

    #[test]
    fn a_receipt_opens_as_it_was_signed_and_not_when_changed(event in an_event(), at in any::<prop::sample::Index>(), bit in 0..7_u32) {
        let What::Receipt(receipt) = event.what else { return Ok(()) };
        let note = sign_receipt(&receipt, &key()).unwrap();
        prop_assert_eq!(open_receipt(&note, &key().verifying()), Ok(*receipt));
        let mut bytes = note.into_bytes();
        let at = at.index(bytes.len());
        bytes[at] ^= 1 << bit;
        let changed = String::from_utf8_lossy(&bytes).into_owned();
        prop_assert!(open_receipt(&changed, &key().verifying()).is_err());
    }
}

fn example() -> (World, PatientRef) {
    let patient = patient("nmc", "00012345");
    let mut feed = a_query().event;
    feed.what = What::Feed {
        statement: Digest::from_bytes([0xef; 32]),
        since: frontier("0:5,1:100"),
        seen: frontier("0:9,1:130"),
        seconds: 605,
    };
    feed.agent = Agent { facility: facility("ueda"), member: None, role: Role::System };
    feed.outcome = AuditOutcome::Closed;
    let receipt = Receipt {
        consent: ConsentId::parse("c-1").unwrap(),
        patient: patient.clone(),
        position: Position::new(1, 131),
        withdrawn_at: moment(20),
        hidden: [(facility("sato"), Counts::from_iter([(Category::Laboratory, 12)]))].into_iter().collect(),
        queries_passed: None,
        feeds_passed: Some(moment(21)),
        exports_passed: None,
    };
    let mut done = a_query().event;
    done.agent = Agent { facility: facility("nmc"), member: None, role: Role::System };
    done.purpose = Purpose::PatientRequest;
    done.what = What::Receipt(Box::new(receipt));
    done.shown = Shown::default();
    (World::of(vec![a_query().event, feed, done], 10), patient)
}

#[test]
fn a_report_is_read_in_japanese() {
    let (world, patient) = example();
    let expected = "\
あなたの診療情報を、誰が、いつ、何のために見たかの記録
長崎医療センター の患者番号 00012345　2026-04-02 01:40（日本時間）現在
台帳の全3件のうち、あなたに関する記録は3件です。時刻は日本時間です。

1. 2026-04-01 09:00  佐藤医院（医師 佐藤一郎）が、診療のため、検査結果 12件、処方・注射 3件を照会した［台帳の記録 0］
2. 2026-04-01 09:00  ueda（情報システム）が、診療のため、検査結果 12件、処方・注射 3件を継続して受信した（11分間）（許可が終わり打ち切られた）［台帳の記録 1］
3. 2026-04-01 09:00  長崎医療センター（情報システム）が、患者本人の求めにより、同意の撤回を処理した［台帳の記録 2］

どの行も、署名された台帳に含まれることを添付のファイルで検証できます。
";
    assert_eq!(world.report(&patient).text(&world.head(), &names(), Language::Japanese), expected);
}

#[test]
fn a_report_is_read_in_english() {
    let (world, patient) = example();
    let expected = "\
Who saw your medical records, when, and what for
Patient number 00012345 at Nagasaki Medical Center, as of 2026-04-02 01:40 (Japan time)
Of 3 entries in the ledger, 3 are about you. Times are in Japan time.

1. 2026-04-01 09:00  sato (佐藤一郎, physician) looked at for treatment: 12 × laboratory results, 3 × medications [ledger entry 0]
2. 2026-04-01 09:00  ueda (computer system) watched live for 11 min for treatment: 12 × laboratory results, 3 × medications (ended because a permission ended) [ledger entry 1]
3. 2026-04-01 09:00  Nagasaki Medical Center (computer system) carried out the withdrawal of consent at the patient's request [ledger entry 2]

The accompanying file proves that each line is in the signed ledger.
";
    assert_eq!(world.report(&patient).text(&world.head(), &names(), Language::English), expected);
}

#[test]
fn a_receipt_is_read_in_both_languages() {
    let (world, _) = example();
    let What::Receipt(receipt) = &world.entries[2].event.what else { panic!("the third is the receipt") };
    let expected = "\
同意撤回の受領書
長崎医療センター の患者番号 00012345　同意 c-1
撤回の日時 2026-04-01 09:20（日本時間）　台帳の位置 1:131

これにより見えなくなった情報：
  佐藤医院  検査結果 12件

開いていた照会はなかった
開いていた継続受信はすべて 2026-04-01 09:21:00（日本時間）までに止まった
開いていた書き出しはなかった

すでに印刷・保存された写しは、この仕組みの外にあります。
";
    assert_eq!(receipt_text(receipt, &names(), Language::Japanese), expected);
    let english = receipt_text(receipt, &names(), Language::English);
    assert!(english.contains("All open live feeds had ended or been thinned by 2026-04-01 09:21:00 (Japan time)\n"));
    assert!(english.contains("No queries were open\n"));
}

#[test]
fn a_report_from_which_a_line_was_taken_is_refused() {
    let (world, patient) = example();
    let json = world.report(&patient).json(&key()).unwrap();
    let mut fewer: serde_json::Value = serde_json::from_str(&json).unwrap();
    fewer["lines"].as_array_mut().unwrap().remove(1);
    let refused = Report::verify(&serde_json::to_string_pretty(&fewer).unwrap(), &key().verifying());
    assert_eq!(refused.unwrap_err(), ReportError::Cover(NoteError::Signature));
}

#[test]
fn a_line_of_another_report_is_refused_in_this_one() {
    let (world, patient) = example();
    let mut report = world.report(&patient);
    let other = crate::world::patient("nmc", "00067890");
    report.lines.push(ReportLine::of(&other, 1, &world.entries[1], world.proof(1)).unwrap());
    let refused = Report::verify(&report.json(&key()).unwrap(), &key().verifying());
    assert_eq!(refused.unwrap_err(), ReportError::Order);
    report.lines.swap_remove(1);
    report.lines.sort_by_key(|line| line.index);
    let refused = Report::verify(&report.json(&key()).unwrap(), &key().verifying());
    assert_eq!(refused.unwrap_err(), ReportError::Line { line: 2, index: 1 });
}

#[test]
fn what_became_visible_is_one_line_for_each_facility_however_often_it_was_told() {
    let patient = patient("nmc", "00012345");
    let told = |at: &str, minute: i64, rows: u64| {
        let mut told = a_query().event;
        told.agent = Agent { facility: facility(at), member: None, role: Role::System };
        told.what = What::Disclosure { since: frontier("0:5,1:100"), seen: frontier("0:5,1:130") };
        (told.began, told.ended) = (moment(minute), moment(minute));
        told.shown = Shown::default();
        told.shown.add(&patient, Category::Laboratory, rows);
        told
    };
    let mut events = vec![a_query().event];
    events.extend((0..50).flat_map(|minute| [told("sato", minute, 2), told("ueda", minute, 1)]));
    let world = World::of(events, 10);
    let report = world.report(&patient);
    assert_eq!(report.lines.len(), 101, "each is proved all the same");
    let japanese = report.text(&world.head(), &names(), Language::Japanese);
    let expected = "
1. 2026-04-01 09:00  佐藤医院（医師 佐藤一郎）が、診療のため、検査結果 12件、処方・注射 3件を照会した［台帳の記録 0］

次の施設から見られるようになった情報（見たとは限りません。見たときは上に載ります）：
  佐藤医院  検査結果 100件（2026-04-01 09:00から2026-04-01 09:49まで）［台帳の記録 1〜99 のうち50件］
  ueda  検査結果 50件（2026-04-01 09:00から2026-04-01 09:49まで）［台帳の記録 2〜100 のうち50件］
";
    assert!(japanese.contains(expected), "{japanese}");
    let english = report.text(&world.head(), &names(), Language::English);
    assert!(english.contains("  sato  100 × laboratory results (from "), "{english}");
    assert!(english.contains("[50 of the ledger entries 1 to 99]\n"), "{english}");
}
