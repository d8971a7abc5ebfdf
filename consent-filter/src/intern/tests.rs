use super::*;
use proptest::prelude::*;

#[test]
fn an_id_comes_back_as_it_was_given() {
    let mut ids = PackedIds::<0>::default();
    let texts = [
        "c-0001",
        "0192d7a0-5b1e-7c3a-9f00-00aa11bb22cc",
        "0192D7A0-5B1E-7C3A-9F00-00AA11BB22CC",
        "0192d7a0-5b1e-7c3a-9f00_00aa11bb22cc",
        "0192d7a05-b1e-7c3a-9f00-00aa11bb22cc",
        "x",
    ];
    let places: Vec<u32> = texts.iter().map(|text| ids.push(text).unwrap()).collect();
    for (text, at) in texts.iter().zip(places) {
        assert_eq!(ids.text(at).as_deref(), Some(*text));
        for other in texts {
            assert_eq!(ids.is(at, other), *text == other, "{text} and {other}");
        }
    }
    assert_eq!(ids.text(1_000_000), None);
}

#[test]
fn a_uuid_takes_seventeen_bytes() {
    let mut ids = PackedIds::<0>::default();
    ids.push("0192d7a0-5b1e-7c3a-9f00-00aa11bb22cc").unwrap();
    assert_eq!(ids.bytes.len(), 17);
}

#[test]
fn what_stands_beside_an_id_is_its_own() {
    let mut ids = PackedIds::<8>::default();
    let texts = ["c-0001", "0192d7a0-5b1e-7c3a-9f00-00aa11bb22cc", "x"];
    let places = texts.map(|text| ids.push(text).unwrap());
    assert_eq!(places.map(|at| ids.beside(at)), [Some([255; 8]); 3]);
    places.iter().zip(1..).for_each(|(at, what)| ids.put_beside(*at, [what; 8]));
    assert_eq!(places.map(|at| ids.beside(at)), [Some([1; 8]), Some([2; 8]), Some([3; 8])]);
    assert_eq!(places.map(|at| ids.text(at).unwrap()), texts);
    assert_eq!(ids.beside(1_000_000), None);
}

#[test]
fn entries_with_one_hash_are_told_apart() {
    let keys = ["a", "b", "c"];
    let mut index = HashIndex::default();
    for _ in keys {
        index.push(7).unwrap();
    }
    for (number, key) in keys.iter().enumerate() {
        assert_eq!(index.find(7, |at| keys[at as usize] == *key), u32::try_from(number).ok());
    }
    assert_eq!(index.find(7, |_| false), None);
    assert_eq!(index.find(8, |_| true), None);
}

proptest! {
    #[test]
    fn any_id_comes_back_as_it_was_given(texts in proptest::collection::vec("[!-~]{1,64}", 1..20)) {
        let mut ids = PackedIds::<0>::default();
        let places: Vec<u32> = texts.iter().map(|text| ids.push(text).unwrap()).collect();
        for (text, at) in texts.iter().zip(places) {
            prop_assert_eq!(ids.text(at), Some(text.clone()));
        }
    }
}
