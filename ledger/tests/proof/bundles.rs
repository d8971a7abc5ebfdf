//! What was tampered with is found and named.

use crate::world::*;
use ledger::*;
use model::*;
use proptest::prelude::*;
use proptest::sample::Index;

/// The findings that name entries, and nothing else may be wrong.
#[track_caller]
fn check(bundle: &Bundle, expected: &[Finding]) {
    let verdict = bundle.verdict();
    assert_eq!(verdict.findings, expected);
    assert_eq!(verdict.is_whole(), expected.is_empty());
}

fn small() -> World {
    World::of((0..13).map(|part| AuditEvent { part, ..a_query().event }).collect(), 5)
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(CASES))]

    #[test]
    fn an_untouched_bundle_is_whole(world in a_world(0..40)) {
        let verdict = world.bundle().verdict();
        prop_assert!(verdict.is_whole(), "{:?}", verdict.findings);
        prop_assert_eq!(verdict.proved, world.entries.len() as u64);
        prop_assert_eq!(verdict.head, Some(world.head()));
    }

    #[test]
    fn any_edit_is_found_and_its_entry_named(world in a_world(1..30), at in any::<Index>(), other in an_event()) {
        let mut bundle = world.bundle();
        let at = at.index(world.entries.len());
        prop_assume!(world.entries[at].event != other);
        let edited = Entry { event: other, ..world.entries[at].clone() };
        bundle.entries[at] = entry_line(at as u64, &edited, &world.proof(at as u64)).unwrap();
        let verdict = bundle.verdict();
        prop_assert_eq!(verdict.findings, vec![Finding::Edited { index: at as u64, line: at as u64 + 1 }]);
        prop_assert_eq!(verdict.proved, world.entries.len() as u64 - 1, "the others are proved all the same");
    }

    #[test]
    fn any_omission_is_found_and_named(world in a_world(1..30), from in any::<Index>(), count in 1..9_usize) {
        let mut bundle = world.bundle();
        let from = from.index(world.entries.len());
        let to = (from + count).min(world.entries.len());
        bundle.entries.drain(from..to);
        let entries = from as u64..to as u64;
        prop_assert_eq!(bundle.verdict().findings, vec![Finding::Omitted { entries }]);
    }

    #[test]
    fn an_omission_behind_new_numbers_is_found_and_named(world in a_world(2..30), at in any::<Index>()) {
        let mut bundle = world.bundle();
        let at = at.index(world.entries.len() - 1);
        bundle.entries.remove(at);
        for number in at..bundle.entries.len() {
            let (index, entry, proof) = read_entry_line(&bundle.entries[number]).unwrap();
            bundle.entries[number] = entry_line(index - 1, &entry, &proof).unwrap();
        }
        let verdict = bundle.verdict();
        let at = at as u64;
        let last = verdict.findings.last().cloned();
        prop_assert_eq!(last, Some(Finding::Omitted { entries: at..at + 1 }));
        for finding in &verdict.findings[..verdict.findings.len() - 1] {
            let Finding::Renumbered { index, claims, line } = *finding else { panic!("{finding:?}") };
            prop_assert_eq!((index, line), (claims + 1, claims + 1));
        }
    }

    #[test]
    fn any_reordering_is_found_and_named(world in a_world(2..30), a in any::<Index>(), b in any::<Index>()) {
        let mut bundle = world.bundle();
        let (a, b) = (a.index(world.entries.len()), b.index(world.entries.len()));
        prop_assume!(a != b);
        let (first, last) = (a.min(b), a.max(b));
        bundle.entries.swap(a, b);
        let verdict = bundle.verdict();
        let moved = Finding::Reordered { index: first as u64, line: last as u64 + 1 };
        prop_assert!(verdict.findings.contains(&moved), "{:?}", verdict.findings);
        let all_moved = verdict.findings.iter().all(|finding| matches!(finding, Finding::Reordered { .. }));
        prop_assert!(all_moved, "nothing was edited or omitted: {:?}", verdict.findings);
    }

    #[test]
    fn any_insertion_is_found_and_named(
        world in a_world(1..30), at in any::<Index>(), claims in 0..40_u64, event in an_event(), again in any::<bool>(),
    ) {
        let mut bundle = world.bundle();
        let at = at.index(world.entries.len() + 1);
        let claims = if again { claims % world.entries.len() as u64 } else { claims };
        let line = if again {
            bundle.entries[claims as usize].clone()
        } else {
            let entry = Entry { position: Position::new(0, 1), event };
            entry_line(claims, &entry, &world.proof(claims % world.entries.len() as u64)).unwrap()
        };
        bundle.entries.insert(at, line);
        let verdict = bundle.verdict();
        let inserted: Vec<&Finding> =
            verdict.findings.iter().filter(|finding| matches!(finding, Finding::Inserted { .. })).collect();
        prop_assert_eq!(inserted.len(), 1, "{:?}", verdict.findings);
        if !again {
            prop_assert_eq!(inserted[0], &Finding::Inserted { line: at as u64 + 1, claims });
            prop_assert_eq!(verdict.findings.len(), 1);
        }
        prop_assert_eq!(verdict.proved, world.entries.len() as u64);
    }

    #[test]
    fn one_changed_byte_anywhere_is_found(world in a_world(1..9), file in 0..2_usize, line in any::<Index>(), at in any::<Index>(), bit in 0..7_u32) {
        let mut bundle = world.bundle();
        let lines = if file == 0 { &mut bundle.heads } else { &mut bundle.entries };
        let line = line.index(lines.len());
        let mut bytes = lines[line].clone().into_bytes();
        let at = at.index(bytes.len());
        bytes[at] ^= 1 << bit;
        lines[line] = String::from_utf8_lossy(&bytes).into_owned();
        prop_assert!(!bundle.verdict().is_whole());
    }

    #[test]
    fn any_text_never_panics_and_is_never_whole(
        lines in prop::collection::vec("\\PC{0,80}", 1..5), heads in prop::collection::vec("\\PC{0,80}", 0..3),
        witness in prop::option::of("\\PC{0,80}"),
    ) {
        let bundle = Bundle { heads, entries: lines };
        prop_assert!(!bundle.verdict_beside(witness.as_deref()).is_whole());
    }

    #[test]
    fn a_bundle_cut_to_pieces_and_mended_never_panics(
        world in a_world(1..9), cuts in prop::collection::vec((any::<Index>(), any::<Index>(), "[\"{}:,a-z0-9]{0,9}"), 1..9),
    ) {
        let mut bundle = world.bundle();
        for (line, at, text) in cuts {
            let line = line.index(bundle.entries.len());
            let text_line = &mut bundle.entries[line];
            // A remark in somebody's own words need not be ASCII.
            let at = text_line.floor_char_boundary(at.index(text_line.len()));
            let end = text_line.ceil_char_boundary((at + text.len()).min(text_line.len()));
            text_line.replace_range(at..end, &text);
        }
        let _ = bundle.verdict();
    }
}

#[test]
fn an_edit_that_refolds_the_whole_tree_is_found_because_it_cannot_be_signed() {
    let world = small();
    let mut forged = world.clone();
    forged.entries[4].event.purpose = Purpose::Research;
    let forged = World::of(forged.entries.into_iter().map(|entry| entry.event).collect(), 5);
    let bundle = Bundle { heads: world.bundle().heads, entries: forged.bundle().entries };
    let verdict = bundle.verdict();
    assert_eq!(verdict.proved, 0, "no proof of the forged tree leads to the signed root");
    assert_eq!(verdict.findings.len(), 13);
    let signed_by_another = SigningKey::from_seed(key().verifying().name().clone(), &[2; 32]);
    let heads = forged.heads.iter().map(|head| head_line(&head.sign(&signed_by_another), &Proof::default()).unwrap());
    let verdict = Bundle { heads: heads.collect(), entries: forged.bundle().entries }.verdict();
    assert_eq!(verdict.head, None);
    assert!(verdict.findings.contains(&Finding::NoHead));
}

#[test]
fn swapped_contents_under_kept_numbers_are_named() {
    let world = small();
    let mut bundle = world.bundle();
    bundle.entries[2] = entry_line(2, &world.entries[3], &world.proof(3)).unwrap();
    bundle.entries[3] = entry_line(3, &world.entries[2], &world.proof(2)).unwrap();
    check(
        &bundle,
        &[
            Finding::Renumbered { index: 3, claims: 2, line: 3 },
            Finding::Renumbered { index: 2, claims: 3, line: 4 },
            Finding::Reordered { index: 2, line: 4 },
        ],
    );
}

#[test]
fn a_cut_tail_is_an_omission_and_a_cut_tail_with_its_heads_is_found_by_a_witness() {
    let world = small();
    let mut bundle = world.bundle();
    bundle.entries.truncate(10);
    check(&bundle, &[Finding::Omitted { entries: 10..13 }]);
    let earlier = World::of(world.entries[..10].iter().map(|entry| entry.event.clone()).collect(), 5).bundle();
    check(&earlier, &[]);
    let witness = world.head().sign(&key());
    assert_eq!(earlier.verdict_beside(Some(&witness)).findings, [Finding::WitnessDiffers { size: 13 }]);
    assert!(world.bundle().verdict_beside(Some(&witness)).is_whole());
    let before = world.heads[0].sign(&key());
    assert!(world.bundle().verdict_beside(Some(&before)).is_whole(), "an older witness agrees with what grew from it");
}

#[test]
fn a_node_that_rewrote_its_history_is_found_by_a_witness_of_the_old_one() {
    let world = small();
    let mut rewritten = world.entries.clone();
    rewritten[1].event.part = 99;
    let rewritten = World::of(rewritten.into_iter().map(|entry| entry.event).collect(), 5);
    assert!(rewritten.bundle().verdict().is_whole(), "alone it is whole");
    let witness = world.heads[0].sign(&key());
    assert_eq!(rewritten.bundle().verdict_beside(Some(&witness)).findings, [Finding::WitnessDiffers { size: 5 }]);
    let mut both = rewritten.bundle();
    both.heads.insert(0, head_line(&witness, &Proof::default()).unwrap());
    let findings = both.verdict().findings;
    assert!(findings.contains(&Finding::HeadsPart { head: 1 }), "two heads of one size and two roots: {findings:?}");
    assert!(findings.contains(&Finding::RootDiffers { size: 5 }), "{findings:?}");
}

#[test]
fn heads_out_of_order_are_named() {
    let world = small();
    let mut bundle = world.bundle();
    bundle.heads.swap(0, 1);
    assert!(bundle.verdict().findings.contains(&Finding::HeadsPart { head: 1 }));
    let earlier = TreeHead { moment: moment(0), ..world.head() };
    let mut bundle = world.bundle();
    bundle.heads.push(head_line(&earlier.sign(&key()), &Proof::default()).unwrap());
    check(&bundle, &[Finding::HeadsPart { head: 3 }]);
}

#[test]
fn a_proof_where_there_is_nothing_to_prove_is_named() {
    let mut bundle = small().bundle();
    let (note, _) = read_head_line(&bundle.heads[0]).unwrap();
    bundle.heads[0] = head_line(&note, &small().proof(0)).unwrap();
    check(&bundle, &[Finding::HeadsPart { head: 0 }]);
}

#[test]
fn a_field_given_twice_is_refused_because_readers_differ_on_it() {
    let world = small();
    let mut bundle = world.bundle();
    bundle.entries[6] = bundle.entries[6].replace("\"laboratory\":12", "\"laboratory\":1,\"laboratory\":12");
    let verdict = bundle.verdict();
    let unreadable = Finding::Unreadable { line: 7, why: FormError::Spelling };
    assert_eq!(verdict.findings, [unreadable, Finding::Omitted { entries: 6..7 }]);
}

#[test]
fn findings_beyond_a_thousand_are_counted() {
    let mut bundle = small().bundle();
    bundle.entries = vec![bundle.entries[0].clone(); FINDINGS + 50];
    let verdict = bundle.verdict();
    assert_eq!((verdict.findings.len(), verdict.more), (FINDINGS, 50));
    assert!(!verdict.is_whole());
}

#[test]
fn a_finding_is_said_in_japanese_and_english() {
    let said = Finding::Omitted { entries: 3..4 }.to_string();
    assert_eq!(said, "記録3が抜けている entry 3 was omitted");
    let said = Finding::Omitted { entries: 3..9 }.to_string();
    assert_eq!(said, "記録3から8が抜けている entries 3 to 8 were omitted");
    let unreadable = Finding::Unreadable { line: 2, why: FormError::Spelling }.to_string();
    assert_eq!(unreadable, "2行目は読めない line 2 is not spelled as the ledger spells it");
}
