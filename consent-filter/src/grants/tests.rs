use super::*;
use crate::ConsentIx;
use crate::consents::{Standing, ViewersIx};
use crate::index::TermsIx;
use proptest::prelude::*;

fn grant(from: i64) -> Grant {
    let (id, terms) = (ConsentIx::from_u32(0), TermsIx::from_u32(0));
    Grant { from, until: 0, id, terms, viewers: ViewersIx::NOBODY, standing: Standing::Withdrawn }
}

proptest! {
    #[test]
    fn each_patient_keeps_their_own_grants_in_order(to in proptest::collection::vec(0..6_usize, 0..60)) {
        let mut grants = Grants::default();
        let mut runs = [Run::default(); 6];
        let mut expected: [Vec<Grant>; 6] = Default::default();
        for (at, patient) in (0..).zip(to) {
            runs[patient] = grants.add(runs[patient], grant(at)).unwrap();
            expected[patient].push(grant(at));
            for (run, expected) in runs.iter().zip(&expected) {
                prop_assert_eq!(grants.get(*run), expected.as_slice());
            }
        }
        prop_assert_eq!(grants.count(), expected.iter().map(Vec::len).sum::<usize>());
    }
}

#[test]
fn a_run_that_was_left_is_used_again() {
    let mut grants = Grants::default();
    let first = grants.add(Run::default(), grant(1)).unwrap();
    let second = grants.add(Run::default(), grant(2)).unwrap();
    let longer = grants.add(first, grant(3)).unwrap();
    let third = grants.add(Run::default(), grant(4)).unwrap();
    assert_eq!(third.at, first.at);
    assert_eq!(grants.get(second), [grant(2)]);
    assert_eq!(grants.get(longer), [grant(1), grant(3)]);
    assert_eq!(grants.table.len(), 4);
}
