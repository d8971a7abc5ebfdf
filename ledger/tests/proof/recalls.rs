//! Who has seen what has since been withdrawn, corrected, deleted or shown under a wrong link.

use crate::world::*;
use ledger::*;
use model::*;
use proptest::prelude::*;

/// The history of one record, letter by letter: what each act looked at, told to the recall only as the ledger has it.
#[derive(Debug, Clone, Copy)]
enum Step {
    /// Something else happens in the patient's partition.
    Other,
    /// Someone queries the category, and sees the version that stands.
    Query(&'static str),
    /// Someone begins to watch.
    Watch(&'static str),
}

fn a_step() -> impl Strategy<Value = Step> {
    let who = || prop::sample::select(&["sato", "ueda"][..]);
    prop_oneof![Just(Step::Other), who().prop_map(Step::Query), who().prop_map(Step::Watch)]
}

fn event(at: &str, what: What) -> AuditEvent {
    let agent = Principal { facility: facility(at), member: None, role: Role::System, purpose: Purpose::Treatment };
    let mut reading = Reading::begin(ActId(1), &agent, what, moment(0));
    reading.rows(&patient("nmc", "001"), Category::Laboratory, 1);
    reading.rows(&patient("nmc", "001"), Category::Message, 1);
    reading.finish(moment(1), AuditOutcome::Completed, || Salt::from_bytes([0; 32])).remove(0)
}

proptest! {
    /// A record is put at `put` and corrected at `fixed`. Whoever looked while it stood is on the list; whoever looked
    /// before or after is not.
    #[test]
    fn the_list_is_who_looked_while_it_stood(steps in prop::collection::vec(a_step(), 1..30), a in 0..20_u64, b in 1..20_u64) {
        let (put, fixed) = (a, a + b);
        let mut world = World::default();
        let mut watching: Vec<(&str, u64)> = Vec::new();
        let mut expected: Vec<(u64, &str)> = Vec::new();
        let mut index = 0;
        let statement = Digest::from_bytes([1; 32]);
        let at = |offset: u64| frontier(&format!("0:0,1:{offset}"));
        let mut offset = 0;
        for step in steps {
            match step {
                Step::Other => offset += 1,
                Step::Query(who) => {
                    // Read up to `offset`, exclusive: the record is there when it was put before, the fix likewise.
                    if put < offset && offset <= fixed {
                        expected.push((index, who));
                    }
                    let entry = event(who, What::Query { statement, seen: at(offset) });
                    world.append(Entry { position: Position::new(0, index), event: entry });
                    index += 1;
                }
                Step::Watch(who) => watching.push((who, offset)),
            }
        }
        for (who, since) in watching {
            let end = offset + 1;
            if put < end && since <= fixed {
                expected.push((index, who));
            }
            let what = What::Feed { statement, since: at(since), seen: at(end), seconds: 1 };
            world.append(Entry { position: Position::new(0, index), event: event(who, what) });
            index += 1;
        }
        let positions = (Position::new(1, put), Position::new(1, fixed));
        let recall = Recall::record(Cause::Corrected, patient("nmc", "001"), Category::Laboratory, positions);
        let entries = (0..).zip(&world.entries);
        let found: Vec<Recalled> = entries.filter_map(|(index, entry)| recall.of(index, entry)).collect();
        // Nothing was read of the partition before its first letter: then the frontier says nothing, and all are named.
        let named: Vec<(u64, &str)> = found.iter().map(|line| (line.index, line.agent.facility.as_str())).collect();
        for line in &expected {
            prop_assert!(named.contains(line), "{line:?} is missing");
        }
        for (index, who) in &named {
            let what = &world.entries[usize::try_from(*index).unwrap()].event.what;
            let unknown = what.seen().unwrap().next(PartitionId(1)).0 == 0;
            prop_assert!(unknown || expected.contains(&(*index, *who)), "{index} {who} is too much");
        }
        for line in &found {
            prop_assert_eq!((line.counts.of(Category::Laboratory), line.counts.of(Category::Message)), (1, 0));
        }
    }
}

fn consent(viewers: Viewers) -> Consent {
    Consent {
        id: ConsentId::parse("c-1").unwrap(),
        patient: patient("nmc", "001"),
        viewers,
        state: ConsentState::Active,
        supersedes: None,
        period: Period::ALWAYS,
        data_period: Period::ALWAYS,
        categories: CategorySet::of(Category::Message),
        departments: Vec::new(),
        labels: Labels::NONE,
        purposes: PurposeSet::of(Purpose::Treatment),
        exceptions: Exceptions::default(),
        signer: Signer::Patient,
        taken_by: facility("sato"),
        signed_at: moment(0),
        form_digest: String::new(),
        paper: Box::default(),
    }
}

fn queries() -> Vec<Entry> {
    let statement = Digest::from_bytes([1; 32]);
    let mut entries = Vec::new();
    for (at, who) in [("sato", Some("M-1")), ("sato", Some("M-2")), ("ueda", None), ("nmc", None)] {
        let mut event = event(at, What::Query { statement, seen: frontier("0:5,1:12") });
        event.agent.member = who.map(member);
        entries.push(Entry { position: Position::new(0, entries.len() as u64), event });
    }
    entries
}

#[track_caller]
fn check(recall: &Recall, expected: &[u64]) {
    let found: Vec<u64> =
        (0..).zip(&queries()).filter_map(|(at, entry)| recall.of(at, entry)).map(|r| r.index).collect();
    assert_eq!(found, expected);
}

#[test]
fn a_withdrawal_recalls_those_it_had_let_in_and_never_the_source_itself() {
    let (given, withdrawn) = (Position::new(1, 3), Position::new(1, 20));
    check(&Recall::withdrawn(&consent(Viewers::AllMembers), (given, withdrawn)), &[0, 1, 2]);
    check(&Recall::withdrawn(&consent(Viewers::Facilities(vec![facility("ueda")])), (given, withdrawn)), &[2]);
    check(&Recall::withdrawn(&consent(Viewers::Practitioners(vec![member("M-2")])), (given, withdrawn)), &[1]);
    let nothing = Consent { categories: CategorySet::of(Category::Imaging), ..consent(Viewers::AllMembers) };
    check(&Recall::withdrawn(&nothing, (given, withdrawn)), &[]);
    check(&Recall::withdrawn(&consent(Viewers::AllMembers), (given, Position::new(1, 5))), &[]);
    check(&Recall::withdrawn(&consent(Viewers::AllMembers), (Position::new(1, 12), withdrawn)), &[]);
}

#[test]
fn a_wrong_link_recalls_on_both_sides_and_beyond_the_two_it_named() {
    let (linked, unlinked) = (Position::new(0, 2), Position::new(0, 9));
    let (one, other) = ([patient("nmc", "001")], [patient("sato", "9"), patient("ueda", "7")]);
    let recalls = Recall::wrongly_linked(&one, &other, (linked, unlinked));
    assert_eq!(recalls.len(), 3, "one for each ref on either side");
    check(&recalls[0], &[0, 1, 2]);
    check(&recalls[1], &[]);
}

#[test]
fn the_list_is_read_in_both_languages_and_holds_no_patient_number() {
    let recall = Recall::withdrawn(&consent(Viewers::AllMembers), (Position::new(1, 3), Position::new(1, 20)));
    let found: Vec<Recalled> = (0..).zip(&queries()).filter_map(|(index, entry)| recall.of(index, entry)).collect();
    let japanese = "\
同意が撤回された情報を見た可能性のある者：3名・3回
ueda  情報システム
  2026-04-01 09:00  照会した  連絡 1件  #2
佐藤医院  M-2 (情報システム)
  2026-04-01 09:00  照会した  連絡 1件  #1
佐藤医院  佐藤一郎 (情報システム)
  2026-04-01 09:00  照会した  連絡 1件  #0
";
    assert_eq!(recall_text(recall.cause, &found, &names(), Language::Japanese), japanese);
    let english = recall_text(recall.cause, &found, &names(), Language::English);
    assert!(
        english.starts_with("Who may have seen data whose consent was withdrawn: 3 viewers, 3 times\n"),
        "{english}"
    );
    assert!(!english.contains("001"));
}

#[test]
fn what_became_visible_recalls_nobody_who_did_not_look() {
    let disclosed = What::Disclosure { since: frontier("0:0,1:0"), seen: frontier("0:0,1:9") };
    let entry = Entry { position: Position::new(0, 0), event: event("sato", disclosed) };
    let ends = (Position::new(1, 1), Position::new(1, 5));
    let recall = Recall::record(Cause::Corrected, patient("nmc", "001"), Category::Laboratory, ends);
    assert_eq!(recall.of(0, &entry), None);
    let looked = What::Query { statement: Digest::from_bytes([1; 32]), seen: frontier("0:0,1:3") };
    let entry = Entry { position: Position::new(0, 1), event: event("sato", looked) };
    assert!(recall.of(1, &entry).is_some(), "somebody who looked is on the list");
}
